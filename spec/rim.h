/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_RIM_H
#define SPEC_RIM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * TCG Reference Integrity Manifest in a SWID tag (ISO/IEC 19770-2:2015) as NVIDIA writes it: SoftwareIdentity with
 * Entity, Meta, Payload in this order; Payload holds one Resource per measurement. Names are matched by namespace, not
 * by prefix.
 */

#define RIM_ROWS_MAX 64
#define RIM_ALTERNATIVES_MAX 16
#define RIM_HASH_SIZE 48

struct rim_row {
	bool active;
	unsigned alternatives;
	uint8_t hash[RIM_ALTERNATIVES_MAX][RIM_HASH_SIZE];
};

struct rim {
	char version[65];         /* Meta@colloquialVersion */
	char product[65];         /* Meta@product */
	char manufacturer_id[65]; /* Meta@FirmwareManufacturerId */
	struct rim_row row[RIM_ROWS_MAX]; /* by 0-based measurement index; no alternatives: no such row */
	unsigned active;                  /* rows, at least one */
};

/*
 * document: a manifest without its signature; the canonical form, so that the bytes that are read are those that were
 * signed. Fixed child paths, no document-wide search. Elements in Payload and attributes that belong to namespaces of
 * others say nothing here; whatever else is not in the grammar is an error: -1 with code 0.
 */
int rim_parse(struct bytes document, struct rim *out, struct err *err);

#endif
