/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_CRI_H
#define HOOK_CRI_H

/*
 * Under which annotations a Kubernetes engine tells namespace and image of a container, by where its bundles are. Only the engine's
 * own are read: each puts its own over what a pod brings, and may hand on the other's as the pod has them.
 */
struct cri_keys {
	const char *name_space, *image; /* NULL = there is none that can be relied on */
};

struct cri_keys cri_keys_of(const char *bundle);

#endif
