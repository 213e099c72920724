/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ORACLE_MARKUP_H
#define TEST_ORACLE_MARKUP_H

#include <openssl/evp.h>

#include "lib/buf.h"

/*
 * Writes manifests in changed markup, and signs them as they then are: what is wrong with them is the markup alone. The
 * choices come from seed, one or two bytes each, and then from numbers that follow from it.
 */
void markup_write(struct bytes seed, EVP_PKEY *key, struct buf *out);

#endif
