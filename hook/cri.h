/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_CRI_H
#define HOOK_CRI_H

#include "spec/oci_state.h"

/*
 * What a Kubernetes engine tells of a container by annotations, judged by where its bundles are. An engine puts its own
 * values over some of those that a pod or a caller of the CRI brings, and hands on the others as they came.
 */

/*
 * The Kubernetes namespace, where the engine itself tells it; NULL otherwise: then no namespace exempts. Borrowed from
 * annotations.
 */
const char *cri_namespace(const char *bundle, const struct oci_annotations *annotations);

/*
 * The image id as CRI-O tells it, or NULL. A caller of the CRI can put another one in its place: it is told in the
 * token, and narrows an exemption, but exempts nothing by itself. Borrowed from annotations.
 */
const char *cri_image(const char *bundle, const struct oci_annotations *annotations);

#endif
