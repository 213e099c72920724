/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_RIM_SERVICE_H
#define SPEC_RIM_SERVICE_H

#include "lib/buf.h"
#include "lib/err.h"

/*
 * The answer of NVIDIA's RIM service to GET /v1/rim/<id>: {"id", "rim": base64 of the XML, "sha256", "request_id",
 * "last_updated", "rim_format"}. id must be the one asked for; rim_format may be absent or "TCG" (SWID XML). sha256 is not
 * judged: the signature inside the manifest is what counts. Other members are ignored.
 */
#define RIM_ANSWER_MAX (2 << 20)

/* Into xml, which is emptied first. -1 with CODE_SERVICE_ANSWER. */
int rim_answer_parse(struct bytes text, const char *id, struct buf *xml, struct err *err);

#endif
