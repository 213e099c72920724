/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_H
#define ATTEST_COLLATERAL_H

#include "attest/appraise.h"

/*
 * Where a run finds reference manifests and revocation answers: directories with NVIDIA's names, `RIM_DIR/<id>.xml` and
 * `OCSP_DIR/<question name>.der`, or single files given by hand. Nothing found here is believed: appraise verifies all of it.
 */
struct collateral_store {
	const char *rim_dir, *ocsp_dir;       /* NULL or "" = none */
	const char *driver_rim, *vbios_rim;   /* files that answer whatever manifest is asked for; NULL = none */
};

/* A collateral_source.serve; context is a struct collateral_store. */
void collateral_serve(void *context, struct collateral *need, unsigned count);

#endif
