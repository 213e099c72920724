/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/cri.h"

#include <stdbool.h>
#include <string.h>

#include "lib/json.h"

#define CONTAINERD_TASKS "/io.containerd.runtime.v2.task/"
#define CONTAINERD_CRI "k8s.io/" /* the CRI service's namespace of containerd; docker and ctr have others */
#define NAMESPACE_LABEL "io.kubernetes.pod.namespace"

/*
 * CRI-O writes its own keys, then the annotations of the container, then the kubelet's labels under their plain names.
 * Without the label, the plain name is an annotation of whoever asked for the container: both have to say the same.
 */
static const char *
crio_namespace(const struct oci_annotations *annotations)
{
	const char *plain = oci_annotation(annotations, NAMESPACE_LABEL);
	const char *labels = oci_annotation(annotations, "io.kubernetes.cri-o.Labels"), *label;
	struct err unread = ERR_INIT;
	struct json *root;
	bool same;

	if (plain == NULL || labels == NULL)
		return NULL;
	root = json_read(bytes_of_text(labels), &json_limits_default, &unread);
	label = json_text(json_get(root, NAMESPACE_LABEL));
	same = label != NULL && strcmp(label, plain) == 0;
	json_free(root);
	return same ? plain : NULL;
}

/* containerd writes it after the annotations that its configuration lets through (pod_annotations and others). */
const char *
cri_namespace(const char *bundle, const struct oci_annotations *annotations)
{
	const char *tasks = strstr(bundle, CONTAINERD_TASKS);

	if (tasks == NULL)
		return crio_namespace(annotations);
	if (strncmp(tasks + strlen(CONTAINERD_TASKS), CONTAINERD_CRI, strlen(CONTAINERD_CRI)) == 0)
		return oci_annotation(annotations, "io.kubernetes.cri.sandbox-namespace");
	return NULL;
}

/* containerd tells a name of the image, which is no id. */
const char *
cri_image(const char *bundle, const struct oci_annotations *annotations)
{
	return strstr(bundle, CONTAINERD_TASKS) == NULL ? oci_annotation(annotations, "io.kubernetes.cri-o.ImageRef")
							: NULL;
}
