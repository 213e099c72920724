/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_COLLATERAL_KIND_H
#define ATTEST_COLLATERAL_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The kinds of collateral. Each is one row of the table in kind.c, and what differs between kinds stands in that row:
 * no other file lists the kinds. Workers and run are of one version, so a frame carries the number.
 */

enum collateral_kind {
	COLLATERAL_DRIVER_RIM = 1, /* reference manifest, XML */
	COLLATERAL_VBIOS_RIM,
	COLLATERAL_CHAIN,   /* certificates of a device, PEM: no run asks for one, stored answers are about them */
	COLLATERAL_OCSP,    /* revocation answer, DER */
	COLLATERAL_TOKENS,  /* the remote verifier's answer to the run's evidence: a detached EAT */
	COLLATERAL_KEY_SET, /* its JWKS */
	COLLATERAL_KINDS
};

enum collateral_origin { ORIGIN_NONE, ORIGIN_FILE, ORIGIN_DIRECTORY, ORIGIN_CACHE, ORIGIN_NETWORK };

/* Who gives it. Kinds of one service lie in one directory and in one section of an archive. */
enum collateral_service { SERVICE_NONE, SERVICE_RIM, SERVICE_OCSP, SERVICE_NRAS };

/* Folders of the cache (attest/collateral/cache.h). CACHE_FLOOR is the cache's own and no kind's. */
enum cache_place { CACHE_NONE, CACHE_RIMS, CACHE_KEY_SETS, CACHE_ANSWERS, CACHE_FLOOR, CACHE_PLACES };

#define KIND_AGE_SIGNED 0  /* what is kept is good as long as its signatures say */
#define KIND_AGE_POLICY -1 /* as long as the policy's ocsp-max-age */

struct kind_row {
	const char *name; /* "driver-rim": in output, and of a step that an appraisal has for it */
	const char *step; /* "rim": of a step about one stored file */
	/* Whether a stored file may have the name. NULL: it has none, and its address stands for it. */
	bool (*fits)(const char *name);
	const char *ending; /* of its file in a directory; in an archive its member; NULL = stored in neither */
	size_t max;         /* bytes */
	bool asks;          /* its need carries a question with a nonce, which an answer made for it echoes */
	bool xml;           /* its signature is inside the XML: judged after all signatures over plain bytes */
	enum collateral_service service;
	const char *path;         /* behind the service's address; NULL = the name says */
	const char *content_type; /* of the body of a POST; NULL = GET */
	const char *accept;
	size_t answer_max; /* bytes of the service's answer, envelope included */
	enum cache_place cache;
	int missing;    /* exit code when nobody has it */
	unsigned again; /* bit 1 << enum collateral_origin: one from there that does not hold is asked for once more */
	int age_max;    /* seconds until a kept one is fetched anew, or KIND_AGE_* */
	int pause;      /* seconds between two readings; 0 = none, one that does not hold is dropped from the cache */
};

/* NULL for a number that is no kind. */
const struct kind_row *kind_row(unsigned number);
/* Whether the number is a kind that a run may ask for. */
bool kind_is_asked(unsigned number);
/* The kind of a service whose stored files are called so; COLLATERAL_KINDS: there is none. */
enum collateral_kind kind_of_name(enum collateral_service service, const char *name);
/* The first kind of those whose stored files lie together with this one's. */
enum collateral_kind kind_first(enum collateral_kind kind);

/* -- names: they become file names --------------------------------------------------------------------------------- */

/* What the id of a manifest says. */
struct rim_id {
	enum collateral_kind kind;
	char product[65], version[65]; /* product "": the id does not tell it */
};

/* False: it is none. */
bool kind_read_rim_id(const char *id, struct rim_id *out);
/* What follows the name of an answer that was asked for by SHA-384 (attest/appraise/revocation.h). */
#define KIND_SHA384 "-sha384"

#define CHAIN_PEM_MAX 0x1400 /* NVML's buffer */

#endif
