/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/source.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

#define NAME "NV_GPU_DRIVER_GH100_1.2.3"
#define ANSWER "00ff-01"

static char root[] = "/tmp/test_collateral.XXXXXX";
static char *rim_dir, *ocsp_dir, *disk, *boot;
static struct cache cache;
static struct conf conf;

static void
write_file(const char *dir, const char *name, const char *text)
{
	struct err err = ERR_INIT;
	char *path = xprintf("%s/%s", dir, name);

	CHECK(fs_write_atomic(path, bytes_of_text(text), 0644, &err) == 0);
	free(path);
}

static void
remove_file(const char *dir, const char *name)
{
	char *path = xprintf("%s/%s", dir, name);

	unlink(path);
	free(path);
}

/* Directories and cache, and services that nobody can reach: an attempt to ask one is seen by its code. */
static struct collateral_store
store_with(const struct conf *services)
{
	return (struct collateral_store){.rim_dir = rim_dir,
					 .ocsp_dir = ocsp_dir,
					 .services = services,
					 .cache = &cache,
					 .max_age = 100,
					 .deadline = INT64_MAX};
}

struct want {
	enum collateral_kind kind;
	const char *name;
	bool again;
	int code;
	enum collateral_origin origin;
	const char *text; /* content, or NULL */
};

static void
check_need(struct collateral_store *store, const struct want *want)
{
	struct collateral need = {.kind = want->kind, .name = (char *)want->name, .again = want->again};

	collateral_serve(store, &need, 1);
	CHECK(need.err.code == want->code);
	if (need.err.code != want->code)
		printf("# %s: code %d: %s\n", want->name, need.err.code, need.err.text);
	if (want->code == CODE_OK) {
		CHECK(need.origin == want->origin);
		CHECK_TEXT((const char *)need.answer.data, want->text);
	}
	buf_free(&need.answer);
}

static void
test_directory_then_cache(void)
{
	struct collateral_store store = store_with(NULL);

	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_DRIVER_RIM_MISSING, 0, NULL});
	check_need(&store, &(struct want){COLLATERAL_VBIOS_RIM, NAME, false, CODE_VBIOS_RIM_MISSING, 0, NULL});
	cache_put(&cache, COLLATERAL_DRIVER_RIM, NAME, bytes_of_text("cached"), NULL);
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_OK, ORIGIN_CACHE, "cached"});
	write_file(rim_dir, NAME ".xml", "stored");
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_OK, ORIGIN_DIRECTORY, "stored"});
	/* What does not hold is not offered twice, and leaves the cache. */
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, true, CODE_DRIVER_RIM_MISSING, 0, NULL});
	remove_file(rim_dir, NAME ".xml");
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_DRIVER_RIM_MISSING, 0, NULL});
	collateral_close(&store);
}

static void
test_answers_with_our_nonce_come_first(void)
{
	const uint8_t nonce[32] = {7};
	struct collateral_store store = store_with(NULL);
	struct collateral need = {.kind = COLLATERAL_OCSP, .name = (char *)ANSWER};

	write_file(ocsp_dir, ANSWER ".der", "stored");
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_OK, ORIGIN_DIRECTORY, "stored"});
	cache_put(&cache, COLLATERAL_OCSP, ANSWER, bytes_of_text("fresh"), nonce);
	collateral_serve(&store, &need, 1);
	CHECK(need.origin == ORIGIN_CACHE && memcmp(need.nonce, nonce, sizeof(nonce)) == 0);
	CHECK_TEXT((const char *)need.answer.data, "fresh");
	buf_free(&need.answer);
	/* 0 asks at each start. */
	store.max_age = 0;
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_OK, ORIGIN_DIRECTORY, "stored"});
	cache_drop(&cache, COLLATERAL_OCSP, ANSWER);
	collateral_close(&store);
}

/* With a responder to ask, answers without our nonce are taken only where the policy accepts them. */
static void
test_stored_answers_need_the_loosening(void)
{
	struct collateral_store store = store_with(&conf);

	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_USAGE, 0, NULL});
	store.stored_answers = true;
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_OK, ORIGIN_DIRECTORY, "stored"});
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, true, CODE_USAGE, 0, NULL});
	remove_file(ocsp_dir, ANSWER ".der");
	collateral_close(&store);
}

static void
test_files_answer_whatever_is_asked(void)
{
	struct collateral_store store = {.file[COLLATERAL_DRIVER_RIM] = "/nonexistent.xml", .deadline = INT64_MAX};

	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_DRIVER_RIM_MISSING, 0, NULL});
	write_file(root, "file.xml", "given");
	store.file[COLLATERAL_DRIVER_RIM] = xprintf("%s/file.xml", root);
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_OK, ORIGIN_FILE, "given"});
	collateral_close(&store);
	free((char *)store.file[COLLATERAL_DRIVER_RIM]);
	remove_file(root, "file.xml");
}

static void
test_names(void)
{
	static const char *const bad[] = {"", ".hidden", "../x", "a/b", "a b", "a\nb", "a%2fb", "a?b", "\xc3\xa9"};
	struct collateral_store store = store_with(&conf);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_need(&store, &(struct want){COLLATERAL_VBIOS_RIM, bad[i], false, CODE_COLLATERAL, 0, NULL});
	collateral_close(&store);
}

static void
test_key_sets(void)
{
	static const char url[] = "https://nras.attestation.nvidia.com/.well-known/jwks.json";
	struct collateral_store store = store_with(&conf);

	check_need(&store, &(struct want){COLLATERAL_KEY_SET, "", false, CODE_USAGE, 0, NULL});
	cache_put(&cache, COLLATERAL_KEY_SET, url, bytes_of_text("{}"), NULL);
	check_need(&store, &(struct want){COLLATERAL_KEY_SET, "", false, CODE_OK, ORIGIN_CACHE, "{}"});
	CHECK(bytes_equal(collateral_last(&store, COLLATERAL_KEY_SET), bytes_of_text("{}")));
	/* Read a moment ago: not again, whoever sends unknown keys. */
	check_need(&store, &(struct want){COLLATERAL_KEY_SET, "", true, CODE_KEY_SET, 0, NULL});
	CHECK(collateral_requests(&store) == 0);
	collateral_close(&store);
}

static void
test_refresh(void)
{
	const uint8_t nonce[32] = {7};
	struct collateral_store store = store_with(&conf);

	cache_put(&cache, COLLATERAL_OCSP, ANSWER, bytes_of_text("fresh"), nonce);
	cache_put(&cache, COLLATERAL_DRIVER_RIM, NAME, bytes_of_text("cached"), NULL);
	store.refresh = true;
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_OK, ORIGIN_CACHE, "fresh"});
	check_need(&store, &(struct want){COLLATERAL_DRIVER_RIM, NAME, false, CODE_USAGE, 0, NULL});
	store.max_age = 1;
	check_need(&store, &(struct want){COLLATERAL_OCSP, ANSWER, false, CODE_USAGE, 0, NULL});
	collateral_close(&store);
}

int
main(void)
{
	struct err err = ERR_INIT;

	conf_defaults(&conf);
	/* Whoever would ask a service fails for want of this file. */
	if (mkdtemp(root) == NULL || conf_set(&conf, "network", "ca-file", "/nonexistent/ca.pem", &err) != 0)
		return 1;
	rim_dir = xprintf("%s/rim", root);
	ocsp_dir = xprintf("%s/ocsp", root);
	disk = xprintf("%s/disk", root);
	boot = xprintf("%s/boot", root);
	mkdir(rim_dir, 0755);
	mkdir(ocsp_dir, 0755);
	cache_open(disk, boot, 1 << 20, &cache);
	RUN(test_directory_then_cache);
	RUN(test_answers_with_our_nonce_come_first);
	RUN(test_stored_answers_need_the_loosening);
	RUN(test_files_answer_whatever_is_asked);
	RUN(test_names);
	RUN(test_key_sets);
	RUN(test_refresh);
	cache_close(&cache);
	conf_free(&conf);
	free(rim_dir);
	free(ocsp_dir);
	free(disk);
	free(boot);
	return unit_end();
}
