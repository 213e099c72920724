/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_RIM_SERVICE_H
#define SPEC_RIM_SERVICE_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * What NVIDIA's RIM service answers to GET /v1/rim/ID: a JSON object with id, rim (the document in base64), sha256 (of
 * the document: so in a published answer), request_id, and since 2025 last_updated and rim_format.
 */

#define RIM_SERVICE_MAX 0x200000          /* of the answer; genuine ones have 30 KiB */
#define RIM_SERVICE_DOCUMENT_MAX 0x100000 /* what spec/xml.h reads */

/*
 * The document, if the answer is about id and has format "TCG" or names none. The digest must look like one and is not
 * compared: it comes from where the document comes from, and the document's own signature decides. -1 with code 0.
 */
int rim_service_parse(struct bytes answer, const char *id, struct buf *document, struct err *err);

#endif
