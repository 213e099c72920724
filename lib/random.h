/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stddef.h>

/* Fills out from getrandom(2). There is no weaker source to fall back to: if the call fails, the process ends. */
void random_bytes(void *out, size_t size);

#endif
