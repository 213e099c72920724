/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/cri.h"

#include <stddef.h>
#include <string.h>

#define CONTAINERD_TASKS "/io.containerd.runtime.v2.task/"
#define CONTAINERD_CRI "k8s.io/" /* the namespace of containerd's that is the CRI service's; docker and ctr have others */

/*
 * CRI-O: the kubelet's labels, written last. containerd: written after the annotations of pod and container that its
 * configuration lets through (pod_annotations, container_annotations); of the image it tells a name, which is no id.
 */
struct cri_keys
cri_keys_of(const char *bundle)
{
	const char *tasks = strstr(bundle, CONTAINERD_TASKS);

	if (tasks == NULL)
		return (struct cri_keys){"io.kubernetes.pod.namespace", "io.kubernetes.cri-o.ImageRef"};
	if (strncmp(tasks + strlen(CONTAINERD_TASKS), CONTAINERD_CRI, strlen(CONTAINERD_CRI)) == 0)
		return (struct cri_keys){"io.kubernetes.cri.sandbox-namespace", NULL};
	return (struct cri_keys){NULL, NULL};
}
