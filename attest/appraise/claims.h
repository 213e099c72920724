/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_APPRAISE_CLAIMS_H
#define ATTEST_APPRAISE_CLAIMS_H

#include "attest/appraise/compare.h"
#include "attest/appraise/evidence.h"
#include "attest/appraise/manifests.h"
#include "attest/appraise/queries.h"

/* NVIDIA's claims 3.0 about one GPU, from what its appraisal found. */

struct claims_basis {
	const uint8_t *nonce; /* 32 bytes */
	const struct evidence *evidence;
	const struct query_path *path; /* of the device's chain */
	const struct manifest *driver, *vbios; /* NULL: not named */
	const struct comparison *comparison;
};

/* One JSON object without iss, iat, exp, nbf, jti, in new memory. */
char *claims_of(const struct claims_basis *basis);

#endif
