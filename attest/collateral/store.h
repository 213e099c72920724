/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_STORE_H
#define ATTEST_COLLATERAL_STORE_H

#include "attest/collateral/archive.h"

/*
 * The directories of the configuration in which verified collateral waits for runs without network: RIM_DIR/<id>.xml,
 * OCSP_DIR/<question name>.der, and CHAIN_DIR/<SHA-256>.pem for the device chains that answers are about (no run needs
 * those; an archive made here again does).
 */
struct store {
	const char *rim_dir, *ocsp_dir, *chain_dir;
};

/* Directory of a kind; NULL or "" = none. */
const char *store_directory(const struct store *store, enum collateral_kind kind);

/*
 * Stores every item of an archive that archive_judge_remote called good. All files are written under other names first,
 * then all are renamed: whatever happens, each is the old one or the new one, and only a failure between renames leaves
 * a mixture, which the steps "store" tell, then one for each item. -1 with CODE_COLLATERAL_STORE. Directories are made.
 */
int store_put(const struct store *store, const struct archive *archive, struct steps *steps, struct err *err);

#endif
