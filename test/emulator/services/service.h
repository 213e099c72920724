/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_EMULATOR_SERVICES_SERVICE_H
#define TEST_EMULATOR_SERVICES_SERVICE_H

#include <openssl/x509.h>

#include "lib/json.h"

/*
 * NVIDIA's services as tests need them: one question in, one reply out. The folder is DIR/services (provision.h).
 * Questions are read strictly, for what a client sends is what is tested; nothing is verified. Replies are made one by
 * one.
 */

/* -- faults.c ------------------------------------------------------------------------------------------------------ */

/* Whom a line of faults.conf is about: key sets are apart from the tokens of the same service. */
enum target { TARGET_RIM, TARGET_OCSP, TARGET_NRAS, TARGET_JWKS, TARGETS };

extern const char *const target_names[TARGETS];

struct fault {
	enum target target;
	char *name, *argument; /* argument: the rest of the line, "" = none */
	bool used;
};

struct faults {
	struct fault *list;
	unsigned count;
	char *wrong; /* the line that is not understood; NULL = none */
};

/* Reads the file; none is no fault. Counters start anew when it has changed. */
void faults_read(struct faults *faults, const char *folder);
void faults_free(struct faults *faults);
/* The argument of that fault, which is noted as used; NULL if it is not chosen. */
const char *fault_argument(struct faults *faults, enum target target, const char *name);
bool fault_chosen(struct faults *faults, enum target target, const char *name);
/* Chosen for everything (no argument), or for a subject that contains the argument. */
bool fault_about(struct faults *faults, enum target target, const char *name, const char *subject);
/* How often it was asked for since faults.conf was changed, this time included. */
unsigned fault_count(enum target target);

/* -- a request and its answer -------------------------------------------------------------------------------------- */

struct question {
	enum target target;
	const char *service, *connection, *protocol, *method, *path, *type; /* type: Content-Type, "" = none */
	const char *authorization; /* NULL = none */
	struct bytes body;
	unsigned number; /* of this target since faults.conf was changed, from 1 */
	/* What the answering service noted for the log: OCSP. */
	struct buf serials, hashes, subjects;
	bool with_nonce;
};

/* How the bytes go out. */
enum manner { MANNER_WHOLE, MANNER_DRIP, MANNER_ENDLESS, MANNER_TRUNCATED, MANNER_CLOSE };

struct reply {
	unsigned status;
	const char *type;
	struct buf headers, body; /* headers: further lines, each with its line end */
	enum manner manner;
	unsigned delay_ms, drip_ms;
};

struct responder {
	char *subject; /* of the certificates that it answers for: folder name */
	X509 *issuer, *good, *no_purpose, *expired;
	EVP_PKEY *key;
	STACK_OF(X509) *issued;
};

#define RESPONDERS_MAX 32

struct signing_key {
	EVP_PKEY *key;
	STACK_OF(X509) *chain;
	char *kid; /* fresh with the key */
};

struct services {
	const char *folder;
	char *service_key;
	struct responder responder[RESPONDERS_MAX];
	unsigned responders;
	struct signing_key signing[2];
	int64_t rim_signer_end; /* notAfter */
};

/* load.c: everything that mint left, or the end of the program. */
void services_load(struct services *services, const char *folder);

/* What is chosen for every target, in place of the right reply (true), or around it; manners.c. */
bool manners_instead(const struct services *services, const struct question *question, struct faults *faults,
		     struct reply *reply);
void manners_around(const struct question *question, struct faults *faults, struct reply *reply);

/* Each makes the whole reply, faults of its own included. */
void rim_answer(const struct services *services, const struct question *question, struct faults *faults,
		struct reply *reply);
void ocsp_answer(const struct services *services, struct question *question, struct faults *faults,
		 struct reply *reply);
void nras_answer(const struct services *services, const struct question *question, struct faults *faults,
		 struct reply *reply);
void jwks_answer(const struct services *services, const struct question *question, struct faults *faults,
		 struct reply *reply);

/* {"message": text} with that status. */
void reply_error(struct reply *reply, unsigned status, const char *text);
/* text, which is freed, as JSON. */
void reply_json(struct reply *reply, char *text);

#endif
