/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_RIM_H
#define SPEC_RIM_H

#include <libxml/tree.h>

#include "lib/buf.h"
#include "lib/err.h"

/* TCG Reference Integrity Manifest in a SWID tag (ISO/IEC 19770-2:2015) as NVIDIA writes it. */

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
	struct rim_row row[RIM_ROWS_MAX]; /* by 0-based measurement index */
	unsigned active;
};

/* Fixed child paths below root, no document-wide search. root is the verified tree. -1 with CODE_RIM_CONTENT. */
int rim_parse(xmlNode *root, struct rim *out, struct err *err);

#endif
