/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/cri.h"

#include "test/unit/unit.h"

static void
test_keys(void)
{
	static const struct {
		const char *bundle, *name_space, *image;
	} rows[] = {
		{"/run/containers/storage/overlay-containers/a/userdata", "io.kubernetes.pod.namespace",
		 "io.kubernetes.cri-o.ImageRef"},
		{"/run/containerd/io.containerd.runtime.v2.task/k8s.io/a", "io.kubernetes.cri.sandbox-namespace", NULL},
		{"/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/a", "io.kubernetes.cri.sandbox-namespace",
		 NULL},
		{"/run/containerd/io.containerd.runtime.v2.task/moby/a", NULL, NULL},
		{"/run/containerd/io.containerd.runtime.v2.task/moby/k8s.io/a", NULL, NULL},
		{"/run/containerd/io.containerd.runtime.v2.task/k8s.io-2/a", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cri_keys keys = cri_keys_of(rows[i].bundle);

		CHECK((keys.name_space == NULL) == (rows[i].name_space == NULL) &&
		      (keys.image == NULL) == (rows[i].image == NULL));
		if (rows[i].name_space != NULL)
			CHECK_TEXT(keys.name_space, rows[i].name_space);
		if (rows[i].image != NULL)
			CHECK_TEXT(keys.image, rows[i].image);
	}
}

int
main(void)
{
	RUN(test_keys);
	return unit_end();
}
