/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_PEM_H
#define LIB_PEM_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * PEM (RFC 7468) of certificates by length: only CERTIFICATE blocks, LF or CRLF, nothing but line ends outside them, no
 * header lines. 1 = der has the next block's bytes (caller frees), 0 = the text is over, -1 = something else, code 0.
 */
int pem_next(struct cursor *text, struct buf *der, struct err *err);

#endif
