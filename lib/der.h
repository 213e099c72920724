/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_DER_H
#define LIB_DER_H

#include <stdbool.h>

#include "lib/buf.h"

/*
 * Strict reader for DER (X.690 section 10): definite, minimal lengths below 16 MiB, tag numbers below 31. Every call
 * returns false and takes nothing if the next element is not exactly what was asked for; a reader of a whole value has
 * to see that nothing is left.
 */

#define DER_INTEGER 0x02
#define DER_BITS 0x03
#define DER_OCTETS 0x04
#define DER_OID 0x06
#define DER_SEQUENCE 0x30
#define DER_CONTEXT(number) (0x80 | (number)) /* context specific, primitive */
#define DER_CONTEXT_CONSTRUCTED(number) (0xa0 | (number))

struct der {
	uint8_t tag; /* class, constructed bit and number, as encoded */
	struct bytes value;
};

bool der_next(struct cursor *cursor, struct der *out);
/* The next element, which must have this tag. */
bool der_take(struct cursor *cursor, uint8_t tag, struct bytes *value);
/* The same, opened for reading what is inside. */
bool der_open(struct cursor *cursor, uint8_t tag, struct cursor *inside);
/* An INTEGER that is not negative: minimal, big-endian, padded with zeros in front to size bytes. */
bool der_unsigned(struct cursor *cursor, uint8_t *out, size_t size);

#endif
