/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/cri.h"

#include <stdlib.h>

#include "test/unit/unit.h"

#define CRIO "/run/containers/storage/overlay-containers/a/userdata"
#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task/"
#define LABELS "io.kubernetes.cri-o.Labels"
#define LABEL "io.kubernetes.pod.namespace"
#define OTHER "io.kubernetes.cri.sandbox-namespace"

/* What is told in a bundle there, of annotations as members of a JSON object. */
static const char *
namespace_of(const char *bundle, const char *members)
{
	static char out[64];
	char *text = xprintf("{%s}", members);
	struct oci_annotations annotations = {0};
	struct err err = ERR_INIT;
	struct json *root = json_read(bytes_of_text(text), &json_limits_default, &err);
	const char *told;

	CHECK(root != NULL && oci_annotations_parse(root, &annotations, &err) == 0);
	told = cri_namespace(bundle, &annotations);
	snprintf(out, sizeof(out), "%s", told != NULL ? told : "none");
	free(annotations.pairs);
	json_free(root);
	free(text);
	return out;
}

static void
test_namespace(void)
{
	static const struct {
		const char *bundle, *members, *want;
	} rows[] = {
		{CRIO, "\"" LABEL "\":\"a\",\"" LABELS "\":\"{\\\"" LABEL "\\\":\\\"a\\\"}\"", "a"},
		/*
		 * The engine's labels say another, none, or are no JSON: the plain name is an annotation of somebody's.
		 */
		{CRIO, "\"" LABEL "\":\"a\",\"" LABELS "\":\"{\\\"" LABEL "\\\":\\\"b\\\"}\"", "none"},
		{CRIO, "\"" LABEL "\":\"a\",\"" LABELS "\":\"{}\"", "none"},
		{CRIO, "\"" LABEL "\":\"a\",\"" LABELS "\":\"a\"", "none"},
		{CRIO, "\"" LABEL "\":\"a\",\"" LABELS "\":\"{\\\"" LABEL "\\\":[\\\"a\\\"]}\"", "none"},
		{CRIO, "\"" LABEL "\":\"a\"", "none"},
		{CRIO, "\"" LABELS "\":\"{\\\"" LABEL "\\\":\\\"a\\\"}\"", "none"},
		{CRIO, "\"" OTHER "\":\"a\"", "none"},
		{CONTAINERD "k8s.io/a", "\"" OTHER "\":\"a\"", "a"},
		{CONTAINERD "k8s.io/a", "\"" LABEL "\":\"a\",\"" LABELS "\":\"{\\\"" LABEL "\\\":\\\"a\\\"}\"", "none"},
		{"/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/a", "\"" OTHER "\":\"a\"", "a"},
		{CONTAINERD "moby/a", "\"" OTHER "\":\"a\"", "none"},
		{CONTAINERD "moby/k8s.io/a", "\"" OTHER "\":\"a\"", "none"},
		{CONTAINERD "k8s.io-2/a", "\"" OTHER "\":\"a\"", "none"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK_TEXT(namespace_of(rows[i].bundle, rows[i].members), rows[i].want);
}

static void
test_image(void)
{
	struct oci_pair pair = {"io.kubernetes.cri-o.ImageRef", "sha256:1"};
	const struct oci_annotations annotations = {&pair, 1};

	CHECK_TEXT(cri_image(CRIO, &annotations), "sha256:1");
	CHECK(cri_image(CONTAINERD "k8s.io/a", &annotations) == NULL);
	CHECK(cri_image(CRIO, &(struct oci_annotations){0}) == NULL);
}

int
main(void)
{
	RUN(test_namespace);
	RUN(test_image);
	return unit_end();
}
