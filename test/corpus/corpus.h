/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CORPUS_H
#define TEST_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/*
 * Runs the rows of MANIFEST-own.tsv and MANIFEST-public.tsv through the product. A driver turns one row into an
 * outcome; it runs in a process of its own (a crash, a leak under the sanitizer or 60 seconds fail the row), so it need
 * not care about memory beyond what the product's own free functions do. It reads its inputs first, by the functions
 * below, which fail the row if a file is missing. Nothing about the given files may be built in: see PROFILE.md beside
 * the manifests.
 */

struct corpus_row {
	const char *root;   /* folder of the manifests */
	const char *path;   /* of the file, from root */
	const char *expect; /* accept reject policy no-crash per-case yes no refuse error */
	const char *why;
	const char *kind;   /* words separated by |, or "-" */
};

struct corpus_outcome {
	char answer[16];      /* accept reject yes no refuse error skip; empty until the driver said something */
	char kind[32];        /* of a refusal, in the manifest's words */
	char text[ERR_TEXT_MAX];
	unsigned passed, failed, skipped; /* per-case rows */
};

/* The usual answers. A refusal's kind comes from the code by the one table in kinds.c. */
void corpus_accept(struct corpus_outcome *out);
void corpus_reject(struct corpus_outcome *out, const struct err *err);
/* The same with another word, "refuse" or "error", or with a kind that no code stands for. */
void corpus_answer(struct corpus_outcome *out, const char *answer, const char *kind, const char *text);
void corpus_skip(struct corpus_outcome *out, const char *why);
/* One case of a per-case row; name and text are printed if it is not ok. */
void corpus_case(struct corpus_outcome *out, bool ok, const char *name, const char *text);
void corpus_case_skip(struct corpus_outcome *out);

/* "-" if the code stands for no kind. */
const char *corpus_kind(int code);

/* Whole files in new memory (data[size] is NUL): the row's own, one of its folder, one from root, any. */
struct bytes corpus_input(const struct corpus_row *row);
struct bytes corpus_beside(const struct corpus_row *row, const char *name);
struct bytes corpus_from_root(const struct corpus_row *row, const char *path);
struct bytes corpus_file(const char *path);
/* A text file of the folder without white space at its end; and hex text of exactly size bytes. */
char *corpus_text(const struct corpus_row *row, const char *name);
void corpus_hex(const struct corpus_row *row, const char *name, uint8_t *out, size_t size);
/* File name of the row without folder. */
const char *corpus_name(const struct corpus_row *row);
/* Ends the row as failed: the corpus itself is not as PROFILE.md says. */
_Noreturn void corpus_broken(const char *what, const char *name);

/* The drivers, each defined in one file; a missing one makes its rows skipped. */
typedef void corpus_driver(const struct corpus_row *row, struct corpus_outcome *out);

corpus_driver drive_json __attribute__((weak));        /* json/nst/ */
corpus_driver drive_oci_state __attribute__((weak));   /* json/own/ */
corpus_driver drive_detect __attribute__((weak));      /* oci/detect/ */
corpus_driver drive_device __attribute__((weak));      /* x509/device/ */
corpus_driver drive_limbo __attribute__((weak));       /* x509/limbo/ */
corpus_driver drive_spdm __attribute__((weak));        /* spdm/ */
corpus_driver drive_ecdsa __attribute__((weak));       /* ecdsa/wycheproof/ */
corpus_driver drive_rim __attribute__((weak));         /* xml/rim/ */
corpus_driver drive_xml_foreign __attribute__((weak)); /* xml/ otherwise: no manifests */
corpus_driver drive_appraisal __attribute__((weak));   /* appraisal/ */
corpus_driver drive_ocsp __attribute__((weak));        /* ocsp/ */
corpus_driver drive_jwt __attribute__((weak));         /* jose/jwt/ */
corpus_driver drive_jwks __attribute__((weak));        /* jose/jwks/ */
corpus_driver drive_jose __attribute__((weak));        /* jose/wycheproof/ */

#endif
