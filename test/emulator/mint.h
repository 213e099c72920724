/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_MINT_H
#define TEST_EMULATOR_MINT_H

#include "test/emulator/answer.h"
#include "test/emulator/model.h"
#include "test/emulator/node.h"

/* One run of mint: what was asked for, and what was made. */

enum subject { BROM, ICA, IDENTITY, RIM_SIGNER, RIM_L3, RIM_CA, SUBJECTS };

enum kind { DRIVER, VBIOS, KINDS };

enum manifest_fault { NONE, DAMAGED, WRONG_VERSION, WRONG_PRODUCT, WRONG_ROWS, MISSING };

struct options {
	const char *directory, *library;
	const struct model *model;
	const char *driver, *vbios;
	unsigned gpus, port;
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
/* Every file below options.directory but these; stock.c. */
void mint_store(const struct mint *mint);
/* DIR/services and the two drop-ins of the configuration; provision.c. */
void mint_provision(const struct mint *mint);

/* An issuer of the two trees and what it issued: one certificate, or one for each GPU. */
struct issuance {
	char name[16]; /* of the subject; "leaf0" and so on for what a GPU issued */
	const struct pki_entity *issuer, *issued[NODE_GPUS_MAX];
	unsigned count;
};

#define ISSUANCES_MAX (SUBJECTS + NODE_GPUS_MAX)

/* First those of the subjects, in the order of the enum, then those of the GPUs. Their number; authority.c. */
unsigned mint_issuances(const struct mint *mint, struct issuance out[ISSUANCES_MAX]);

/* What signs answers for an issuer, with this key or a fresh one; its parts and the days left need not be right. */
struct pki_entity
mint_responder(const struct mint *mint, const struct pki_entity *issuer, EVP_PKEY *key, unsigned parts, int64_t days);

/* One file or folder below options.directory; a failure ends the tool. */
void mint_write(const struct mint *mint, const char *name, const struct buf *content, mode_t mode);
void mint_folder(const struct mint *mint, const char *name);

extern const char *const mint_subjects[SUBJECTS];

#endif
