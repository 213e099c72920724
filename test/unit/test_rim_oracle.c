/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of manifests against libxml2 and xmlsec: the same bytes, certificates, rows and refusals. */
#include <fts.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "lib/x509.h"
#include "spec/rim_signature.h"
#include "spec/xml.h"
#include "test/oracle/compare.h"
#include "test/oracle/markup.h"
#include "test/oracle/stricter.h"
#include "test/unit/unit.h"

#define SAMPLES "../shared/samples/"
#define CHANGED 400

static unsigned compared, read_by_both, signed_by_both;

static struct bytes
load_file(const char *path)
{
	struct buf out = {0};
	FILE *file = fopen(path, "re");
	uint8_t block[4096];

	for (size_t size; file != NULL && (size = fread(block, 1, sizeof(block), file)) > 0;)
		buf_add(&out, block, size);
	if (file != NULL)
		fclose(file);
	return buf_bytes(&out);
}

/* Of the first certificate that the document brings; NULL if there is none, or none on P-384. */
static EVP_PKEY *
signer_of(struct bytes text)
{
	struct rim_signature dsig;
	struct err err = ERR_INIT;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;

	if (rim_signature_read(text, &dsig, &err) == RIM_SIGNED && dsig.certificate[0].size > 0) {
		const uint8_t *at = dsig.certificate[0].data;

		cert = d2i_X509(NULL, &at, (long)dsig.certificate[0].size);
	}
	if (cert != NULL)
		key = X509_get_pubkey(cert);
	X509_free(cert);
	rim_signature_free(&dsig);
	return key;
}

static void
compare_text(const char *name, struct bytes text)
{
	EVP_PKEY *key = signer_of(text);
	struct comparison result;

	compare_readers(text, key, &result);
	compared++;
	read_by_both += result.ours == STAGE_READ;
	signed_by_both += result.ours == STAGE_NOT_SIGNED;
	if (result.fault != NULL || (result.ours != result.theirs && !stricter_by_design(&result))) {
		unit_bad = true;
		printf("# %s: %s: ours %d (%s), theirs %d (%s)\n", name, result.fault ? result.fault : "refused",
		       result.ours, result.our_err.text, result.theirs, result.their_err.text);
	}
	EVP_PKEY_free(key);
}

/* Every file below, whatever it is. */
static void
compare_folder(const char *path)
{
	char *const paths[] = {(char *)path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *entry;

	compared = read_by_both = signed_by_both = 0;
	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		struct bytes text;

		if (entry->fts_info != FTS_F)
			continue;
		text = load_file(entry->fts_path);
		compare_text(entry->fts_path, text);
		free((void *)text.data);
	}
	if (walk != NULL)
		fts_close(walk);
	printf("# %s: %u files, %u read by both, %u of the profile but not signed by their first certificate\n", path,
	       compared, read_by_both, signed_by_both);
	if (compared == 0)
		unit_skip(SAMPLES " is missing");
}

static void
test_corpus(void)
{
	compare_folder(SAMPLES "adversarial/xml");
	CHECK(compared == 0 || read_by_both >= 2);
}

static void
test_appraisal_manifests(void)
{
	compare_folder(SAMPLES "adversarial/appraisal/parts");
	CHECK(compared == 0 || read_by_both >= 2);
}

static void
test_genuine(void)
{
	static const char *const genuine[] = {"google/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml",
					      "google/NV_GPU_DRIVER_GH100_550.90.07.xml",
					      "ls10/NV_SWITCH_BIOS_5612_0002_890_9610550001.xml",
					      "nvtrust/1010_0200_882_96005E0001_PROD.swidtag",
					      "nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag",
					      "nvtrust/Driver_RIM_test_no_gpu.swidtag",
					      "sdk/NV_GPU_DRIVER_GH100_550.144.03.xml"};
	unsigned good = 0;

	for (size_t i = 0; i < sizeof(genuine) / sizeof(genuine[0]); i++) {
		char *path = xprintf(SAMPLES "gpu/%s", genuine[i]);
		struct bytes text = load_file(path);

		read_by_both = 0;
		if (text.size > 0)
			compare_text(path, text);
		good += read_by_both;
		if (text.size == 0)
			unit_skip(SAMPLES " is missing");
		else
			CHECK(read_by_both == 1);
		free((void *)text.data);
		free(path);
	}
	printf("# %u genuine manifests are the same to both\n", good);
}

/* The fuzzer's inputs, some of them: see test/fuzz/fuzz_rim_differential.c. */
static void
test_changed_markup(void)
{
	struct err err = ERR_INIT;
	EVP_PKEY *key = crypto_p384_generate(&err);
	unsigned accepted = 0, count[5] = {0};

	for (uint32_t i = 0; i < CHANGED; i++) {
		uint32_t seed[2] = {i * 2654435761u, ~i};
		struct buf text = {0};
		struct comparison result;

		markup_write(bytes_of(seed, sizeof(seed)), key, &text);
		compare_readers(buf_bytes(&text), key, &result);
		accepted += result.ours == STAGE_READ;
		count[result.ours]++;
		if (result.fault != NULL || (result.ours != result.theirs && !stricter_by_design(&result))) {
			unit_bad = true;
			printf("# %u: %s: ours %d (%s), theirs %d (%s)\n", i, result.fault ? result.fault : "refused",
			       result.ours, result.our_err.text, result.theirs, result.their_err.text);
		}
		buf_free(&text);
	}
	printf("# both accept %u of %u; refused: XML %u, profile %u, signature %u, content %u\n", accepted, CHANGED,
	       count[STAGE_NO_XML], count[STAGE_OTHER_PROFILE], count[STAGE_NOT_SIGNED], count[STAGE_OTHER_CONTENT]);
	CHECK(accepted * 10 >= CHANGED * 3 && accepted < CHANGED);
	EVP_PKEY_free(key);
}

int
main(void)
{
	crypto_init();
	RUN(test_genuine);
	RUN(test_corpus);
	RUN(test_appraisal_manifests);
	RUN(test_changed_markup);
	return unit_end();
}
