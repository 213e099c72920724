/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_MINT_H
#define TEST_EMULATOR_MINT_H

#include "test/emulator/answer.h"
#include "test/emulator/model.h"
#include "test/emulator/node.h"

/* One run of mint: what was asked for, and what was made. */

enum subject { BROM, ICA, IDENTITY, RIM_SIGNER, RIM_L3, RIM_CA, SUBJECTS };

enum kind { DRIVER, VBIOS, KINDS };

enum manifest_fault { NONE, DAMAGED, WRONG_VERSION, WRONG_PRODUCT, MISSING };

struct options {
	const char *directory, *library;
	const struct model *model;
	const char *driver, *vbios;
	unsigned gpus;
	int64_t at;
	enum answer_status status[SUBJECTS];
	bool unanswered[SUBJECTS], damaged_answer[SUBJECTS];
	enum manifest_fault manifest[KINDS];
	bool stale, without_ocsp, expired_signer;
};

struct gpu {
	struct pki_entity brom, leaf;
};

struct mint {
	struct options options;
	struct measurements measurements;
	struct pki_entity root, identity, ica;
	struct gpu gpu[NODE_GPUS_MAX];
	struct pki_entity rim_root, rim_ca, rim_l3, rim_signer;
};

/* Both certificate trees and the GPUs; authority.c. */
void mint_certify(struct mint *mint);
void mint_free(struct mint *mint);
/* Every file below options.directory; stock.c. */
void mint_store(const struct mint *mint);

#endif
