/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of what mint makes: read, judged here and by the worker, and with every part changed. */
#include "attest/collateral/archive.h"

#include <dirent.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "test/unit/emulated.h"
#include "test/unit/unit.h"

#define LIBRARY "emulator/libnvidia-ml.so.1"
#define AT 1780272000 /* 2026-06-01T00:00:00Z */
#define AT_OPTION "--at 2026-06-01T00:00:00Z"
#define DAY 86400

static struct buf device_root, rim_root;
static struct archive_trust trust;

/* Every file of a folder of the minted machine, its ending cut off, in the order of the names. */
static void
add_folder(struct archive *archive, const char *folder)
{
	char *path = emulated_path(folder);
	struct dirent **list;
	int count = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char *name = xprintf("%s/%s", folder, list[i]->d_name), *dot = strrchr(list[i]->d_name, '.');
		struct rim_id id;
		struct buf content = {0};

		if (dot != list[i]->d_name && strcmp(list[i]->d_name, "..") != 0) {
			emulated_read(name, &content);
			*dot = '\0';
			archive_add(archive, kind_read_rim_id(list[i]->d_name, &id) ? id.kind : COLLATERAL_OCSP,
				    list[i]->d_name, buf_bytes(&content), AT);
		}
		buf_free(&content);
		free(name);
		free(list[i]);
	}
	free(list);
	free(path);
}

static void
gather(struct archive *archive)
{
	struct buf chain = {0};

	archive->created = AT;
	add_folder(archive, "rim");
	emulated_read("node/gpu0.pem", &chain);
	archive_add(archive, COLLATERAL_CHAIN, NULL, buf_bytes(&chain), 0);
	add_folder(archive, "ocsp");
	buf_free(&chain);
}

static bool
set_scene(const char *options, struct archive *archive)
{
	char *words = xprintf(AT_OPTION " %s", options), *library = emulated_built("emulator/mint");
	bool there = access(library, X_OK) == 0;

	*archive = (struct archive){0};
	if (!there)
		unit_skip("the emulator is not built");
	else
		CHECK(emulated_mint(LIBRARY, words));
	free(library);
	free(words);
	if (!there)
		return false;
	emulated_read("device-root.pem", &device_root);
	emulated_read("rim-root.pem", &rim_root);
	trust = (struct archive_trust){buf_bytes(&device_root), buf_bytes(&rim_root), AT, {.max_age = 43200}};
	gather(archive);
	return true;
}

static int
code_of(struct bytes text, struct archive *out, struct steps *steps)
{
	struct err err = ERR_INIT;
	int rc = archive_parse(text, out, &err);

	*steps = (struct steps){0};
	if (rc != 0)
		return err_code(&err);
	rc = archive_judge(out, &trust, steps);
	CHECK((rc == 0) == (steps_code(steps) == CODE_OK));
	CHECK(steps->count == out->items + 1);
	return steps_code(steps);
}

/* The code of judging what an archive prints. */
static int
judge(const struct archive *archive)
{
	char *text = archive_print(archive);
	struct archive out;
	struct steps steps;
	int code = code_of(bytes_of_text(text), &out, &steps);

	archive_free(&out);
	steps_free(&steps);
	free(text);
	return code;
}

static int
judge_text(const char *text)
{
	struct archive out;
	struct steps steps;
	int code = code_of(bytes_of_text(text), &out, &steps);

	archive_free(&out);
	steps_free(&steps);
	return code;
}

static void
test_round_trip(void)
{
	struct archive archive, back;
	struct steps steps;
	char *text, *again;

	if (!set_scene("", &archive))
		return;
	CHECK(archive.items == 2 + 1 + 6);
	text = archive_print(&archive);
	CHECK(code_of(bytes_of_text(text), &back, &steps) == CODE_OK);
	CHECK(back.items == archive.items && back.created == AT);
	for (unsigned i = 0; i < back.items; i++) {
		CHECK(back.item[i].kind == archive.item[i].kind && back.item[i].good && back.item[i].until > AT);
		CHECK_TEXT(back.item[i].name, archive.item[i].name);
		CHECK(bytes_equal(buf_bytes(&back.item[i].content), buf_bytes(&archive.item[i].content)));
		CHECK(back.item[i].about != NULL && strstr(back.item[i].about, back.item[i].name) != NULL);
		CHECK(strncmp(steps.list[i + 1].detail, back.item[i].name, strlen(back.item[i].name)) == 0);
	}
	CHECK_TEXT(steps.list[1].name, "rim");
	CHECK_TEXT(steps.list[3].name, "chain");
	CHECK_TEXT(steps.list[4].name, "ocsp");
	CHECK(back.item[3].until == AT - 600 + 7 * DAY);
	CHECK(strstr(back.item[0].about, "\"rows\":[{\"index\":") != NULL);
	CHECK(strstr(back.item[3].about, "\"status\":\"good\"") != NULL);
	steps_free(&steps);
	archive_free(&back);
	CHECK(archive_parse(bytes_of_text(text), &back, &(struct err)ERR_INIT) == 0);
	again = archive_print(&back);
	CHECK_TEXT(again, text);
	archive_free(&back);
	archive_free(&archive);
	free(again);
	free(text);
}

static void
test_blackwell(void)
{
	struct archive archive;

	if (!set_scene("--arch blackwell", &archive))
		return;
	CHECK(judge(&archive) == CODE_OK);
	archive_free(&archive);
}

/* Each of the codes that a changed content can have; another one would be a pass or another item's. */
static bool
is_refusal(unsigned kind, int code)
{
	if (kind == COLLATERAL_CHAIN)
		return code == CODE_DEVICE_CHAIN || code == CODE_DEVICE_CHAIN_EXPIRED || code == CODE_ARCHIVE;
	if (kind == COLLATERAL_OCSP)
		return code >= CODE_OCSP_FORMAT && code <= CODE_OCSP_OTHER;
	return code >= CODE_RIM_FORMAT && code <= CODE_RIM_CONFLICT;
}

static void
flip(const struct archive *archive, unsigned index, size_t at, uint8_t change)
{
	struct archive_item *item = &archive->item[index];
	int code;

	item->content.data[at] ^= change;
	code = judge(archive);
	item->content.data[at] ^= change;
	if (!is_refusal(item->kind, code))
		printf("# %s, byte %zu of %zu ^ %02x: code %d\n", item->name, at, item->content.size, change, code);
	CHECK(is_refusal(item->kind, code));
}

/* A bit here and there of every item, its first byte and one of its last. */
static void
test_tampered(void)
{
	struct archive archive;

	if (!set_scene("", &archive))
		return;
	for (unsigned i = 0; i < archive.items; i++) {
		size_t size = archive.item[i].content.size, stride = size / 11 + 1;

		for (size_t at = (size_t)i * 7 % stride; at < size; at += stride)
			flip(&archive, i, at, (uint8_t)(1 << at % 7));
		flip(&archive, i, 0, 1);
		flip(&archive, i, size - 2, 1);
	}
	CHECK(judge(&archive) == CODE_OK);
	archive_free(&archive);
}

/* The board in a VBIOS manifest's id is part of nothing signed: under another one nobody finds the manifest. */
static bool
is_other_board(const struct archive *archive, const struct archive *out)
{
	unsigned others = 0;

	for (unsigned i = 0; i < archive->items; i++) {
		const struct archive_item *was = &archive->item[i], *is = archive_find(out, was->name);
		struct rim_id want, id;

		if (is == NULL && was->kind == COLLATERAL_VBIOS_RIM && i < out->items) {
			is = &out->item[i];
			others++;
			if (!kind_read_rim_id(was->name, &want) || !kind_read_rim_id(is->name, &id) ||
			    strcmp(want.version, id.version) != 0)
				return false;
		}
		if (is == NULL || !bytes_equal(buf_bytes(&was->content), buf_bytes(&is->content)))
			return false;
	}
	return others == 1 && out->items == archive->items;
}

/* One character replaced: never a pass with another content. */
static void
change(const struct archive *archive, char *text, size_t at)
{
	struct archive out;
	struct steps steps;
	char old = text[at];
	int code;

	text[at] = old == 'x' ? 'y' : 'x';
	code = code_of(bytes_of_text(text), &out, &steps);
	if (code == CODE_OK)
		printf("# %zu of %zu: '%c' made '%c' and judged good\n", at, strlen(text), old, text[at]);
	CHECK(code != CODE_NO_VERDICT && (code != CODE_OK || is_other_board(archive, &out)));
	text[at] = old;
	archive_free(&out);
	steps_free(&steps);
}

/* Truncations of the text, sampled characters of it replaced, and one of the board. */
static void
test_changed_text(void)
{
	struct archive archive;
	char *text;
	size_t size;

	if (!set_scene("", &archive))
		return;
	text = archive_print(&archive);
	size = strlen(text);
	for (size_t at = 0; at < size; at += size / 61 + 1) {
		char old = text[at];

		text[at] = '\0';
		CHECK(judge_text(text) == CODE_ARCHIVE);
		text[at] = old;
		change(&archive, text, at);
	}
	change(&archive, text, (size_t)(strstr(text, "NV_GPU_VBIOS_") - text) + strlen("NV_GPU_VBIOS_"));
	archive_free(&archive);
	free(text);
}

static void
remove_item(struct archive *archive, unsigned index)
{
	struct archive_item item = archive->item[index];

	memmove(&archive->item[index], &archive->item[index + 1], (--archive->items - index) * sizeof(item));
	free(item.name);
	buf_free(&item.content);
}

/* What answers are about has to be there; an answer more or less is no matter of the archive. */
static void
test_missing(void)
{
	struct archive archive;

	if (!set_scene("", &archive))
		return;
	remove_item(&archive, 8);
	CHECK(judge(&archive) == CODE_OK);
	remove_item(&archive, 0);
	CHECK(judge(&archive) == CODE_OK); /* the other manifest has the same signers */
	remove_item(&archive, 0);
	CHECK(judge(&archive) == CODE_OCSP_OTHER);
	archive_free(&archive);
	if (!set_scene("", &archive))
		return;
	remove_item(&archive, 2);
	CHECK(judge(&archive) == CODE_OCSP_OTHER);
	archive_free(&archive);
}

static void
test_doubled(void)
{
	struct archive archive;

	for (unsigned i = 0; i < 9; i += 2) {
		if (!set_scene("", &archive))
			return;
		archive_add(&archive, archive.item[i].kind, archive.item[i].name, buf_bytes(&archive.item[i].content),
			    AT);
		CHECK(judge(&archive) == CODE_ARCHIVE);
		archive_free(&archive);
	}
}

static void
rename_item(struct archive *archive, unsigned index, const char *name)
{
	free(archive->item[index].name);
	archive->item[index].name = xstrdup(name);
}

static void
test_wrong_names(void)
{
	static const char *const none[] = {"../../etc/passwd",
					   "NV_GPU_DRIVER_GH100_../x",
					   "/etc/passwd",
					   "",
					   ".",
					   "NV_GPU_DRIVER_GH100_",
					   "NV_GPU_DRIVER_GH100_1 2",
					   "NV_GPU_VBIOS_1_2_3_96",
					   "NV_GPU_VBIOS_9600AF0001",
					   "NV_GPU_DRIVER_GH100_-1",
					   "NV_SWITCH_BIOS_5612_0002_890_9610560001",
					   "nv_gpu_driver_gh100_1"};
	struct archive archive;
	char *vbios, *answer;

	if (!set_scene("", &archive))
		return;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		rename_item(&archive, 0, none[i]);
		CHECK(judge(&archive) == CODE_ARCHIVE);
	}
	rename_item(&archive, 0, "NV_GPU_DRIVER_GH100_1.2.3");
	CHECK(judge(&archive) == CODE_RIM_VERSION);
	rename_item(&archive, 0, "NV_GPU_CC_DRIVER_GB100_550.144.03");
	CHECK(judge(&archive) == CODE_RIM_PRODUCT);
	rename_item(&archive, 0, "NV_GPU_DRIVER_GH100_550.144.03");
	CHECK(judge(&archive) == CODE_OK);
	vbios = xstrdup(archive.item[1].name);
	vbios[strlen(vbios) - 1] ^= 1;
	rename_item(&archive, 1, vbios);
	CHECK(judge(&archive) == CODE_RIM_VERSION);
	vbios[strlen(vbios) - 1] ^= 1;
	rename_item(&archive, 1, vbios);
	answer = xstrdup(archive.item[3].name);
	answer[strlen(answer) - 1] = answer[strlen(answer) - 1] == '1' ? '2' : '1';
	rename_item(&archive, 3, answer);
	CHECK(judge(&archive) == CODE_OCSP_OTHER);
	rename_item(&archive, 3, archive.item[4].name);
	CHECK(judge(&archive) == CODE_ARCHIVE);
	rename_item(&archive, 3, "00");
	CHECK(judge(&archive) == CODE_ARCHIVE);
	free(vbios);
	free(answer);
	archive_free(&archive);
}

/* Two answers under each other's names. */
static void
test_swapped(void)
{
	struct archive archive;
	struct buf held;

	if (!set_scene("", &archive))
		return;
	held = archive.item[4].content;
	archive.item[4].content = archive.item[5].content;
	archive.item[5].content = held;
	CHECK(judge(&archive) >= CODE_OCSP_RESPONDER && judge(&archive) <= CODE_OCSP_OTHER);
	archive_free(&archive);
}

static void
test_refused_contents(void)
{
	static const struct {
		const char *options;
		int code;
	} rows[] = {
		{"--revoked rim-signer", CODE_OCSP_REVOKED}, {"--hold ica", CODE_OCSP_HOLD},
		{"--unknown rim-ca", CODE_OCSP_UNKNOWN},     {"--stale", CODE_OCSP_STALE},
		{"--damaged driver", CODE_RIM_SIGNATURE},    {"--wrong-version vbios", CODE_RIM_VERSION},
		{"--wrong-product driver", CODE_RIM_PRODUCT}, {"--expired-signer", CODE_RIM_EXPIRED},
	};
	struct archive archive;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!set_scene(rows[i].options, &archive))
			return;
		CHECK(judge(&archive) == rows[i].code);
		archive_free(&archive);
	}
	if (!set_scene("--hold ica", &archive))
		return;
	trust.revocation.allow_hold = true;
	CHECK(judge(&archive) == CODE_OK);
	trust.at = AT + 8 * DAY;
	CHECK(judge(&archive) == CODE_OCSP_STALE);
	archive_free(&archive);
}

static void
test_other_roots(void)
{
	struct archive archive;

	if (!set_scene("", &archive))
		return;
	trust.rim_root = buf_bytes(&device_root);
	CHECK(judge(&archive) == CODE_RIM_CHAIN);
	trust.rim_root = buf_bytes(&rim_root);
	trust.device_root = buf_bytes(&rim_root);
	CHECK(judge(&archive) == CODE_DEVICE_CHAIN);
	trust.device_root = bytes_of_text("nothing");
	{
		char *text = archive_print(&archive);
		struct archive out;
		struct steps steps = {0};

		CHECK(archive_parse(bytes_of_text(text), &out, &(struct err)ERR_INIT) == 0);
		CHECK(archive_judge(&out, &trust, &steps) != 0 && steps_code(&steps) == CODE_USAGE);
		steps_free(&steps);
		archive_free(&out);
		free(text);
	}
	archive_free(&archive);
}

static void
test_no_archives(void)
{
#define HEAD "{\"schema\":1,\"created\":\"2026-06-01T00:00:00Z\","
#define NAME "0123456789012345678901234567890123456789-01"
	static const char *const texts[] = {
		"",
		"{}",
		"[]",
		"null",
		"x",
		"{",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[]}",
		HEAD "\"rims\":[],\"chains\":[\"x\"],\"ocsp\":[],\"more\":1}",
		HEAD "\"rims\":[],\"chains\":[\"x\"]}",
		HEAD "\"rims\":[],\"chains\":[\"x\",\"x\"],\"ocsp\":[]}",
		HEAD "\"rims\":[],\"chains\":[1],\"ocsp\":[]}",
		HEAD "\"rims\":[],\"chains\":{},\"ocsp\":[]}",
		HEAD "\"rims\":[null],\"chains\":[],\"ocsp\":[]}",
		HEAD "\"rims\":[],\"rims\":[],\"chains\":[\"x\"],\"ocsp\":[]}",
		"{\"schema\":2,\"created\":\"2026-06-01T00:00:00Z\",\"rims\":[],\"chains\":[\"x\"],\"ocsp\":[]}",
		"{\"schema\":1,\"created\":\"yesterday\",\"rims\":[],\"chains\":[\"x\"],\"ocsp\":[]}",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME
		     "\",\"until\":\"2026-06-01T00:00:00Z\",\"der\":\"AA=\"}]}",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME
		     "\",\"until\":\"2026-06-01T00:00:00Z\",\"der\":\"\"}]}",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME "\",\"until\":1,\"der\":\"AAAA\"}]}",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME
		     "\",\"until\":\"2026-06-01T00:00:00Z\",\"xml\":\"AAAA\"}]}",
		HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME
		     "\\u0000\",\"until\":\"2026-06-01T00:00:00Z\",\"der\":\"AA==\"}]}",
	};
	struct archive archive;

	if (!set_scene("", &archive))
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(judge_text(texts[i]) == CODE_ARCHIVE);
	CHECK(judge_text(HEAD "\"rims\":[],\"chains\":[\"x\"],\"ocsp\":[]}") == CODE_DEVICE_CHAIN);
	CHECK(judge_text(HEAD "\"rims\":[],\"chains\":[],\"ocsp\":[{\"name\":\"" NAME
			      "\",\"until\":\"2026-06-01T00:00:00Z\",\"der\":\"AAAA\"}]}") == CODE_OCSP_OTHER);
	archive_free(&archive);
}

static void
test_too_large(void)
{
	static uint8_t much[(1 << 20) + 1];
	struct archive archive = {.created = AT};
	struct archive_trust nothing = {.at = AT};
	struct steps steps;
	struct archive out;
	struct err err = ERR_INIT;
	char *text;

	archive_add(&archive, COLLATERAL_DRIVER_RIM, "NV_GPU_DRIVER_GH100_1", bytes_of(much, sizeof(much)), AT);
	CHECK(judge(&archive) == CODE_ARCHIVE);
	archive_free(&archive);
	archive_add(&archive, COLLATERAL_OCSP, NAME, bytes_of(much, (1 << 16) + 1), AT);
	CHECK(judge(&archive) == CODE_ARCHIVE);
	archive_free(&archive);
	for (unsigned i = 0; i < 4; i++) {
		char *name = xprintf("NV_GPU_DRIVER_GH100_%u", i);

		archive_add(&archive, COLLATERAL_DRIVER_RIM, name, bytes_of(much, 1 << 20), AT);
		free(name);
	}
	text = archive_print(&archive);
	CHECK(judge(&archive) == CODE_ARCHIVE);
	CHECK(archive_judge_remote(&(struct appraise_worker){"/nonexistent", NULL, 0}, bytes_of_text(text), &nothing,
				   &out, &steps, &err) < 0);
	CHECK(err_code(&err) == CODE_ARCHIVE);
	archive_free(&archive);
	for (unsigned i = 0; i <= ARCHIVE_ITEMS_MAX; i++) {
		char *name = xprintf("NV_GPU_DRIVER_GH100_%u", i);

		archive_add(&archive, COLLATERAL_DRIVER_RIM, name, bytes_of(much, 1), AT);
		free(name);
	}
	CHECK(judge(&archive) == CODE_ARCHIVE);
	archive_free(&archive);
	free(text);
}

/* -- the worker ---------------------------------------------------------------------------------------------------- */
static int
ask_worker(const struct archive *archive, struct archive *out, struct steps *steps)
{
	char *path = emulated_built("appraise"), *text = archive_print(archive);
	const struct appraise_worker worker = {path, NULL, clock_boot_ms() + 20000};
	struct err err = ERR_INIT;
	int rc = archive_judge_remote(&worker, bytes_of_text(text), &trust, out, steps, &err);

	if (rc != 0)
		printf("# %s\n", err.text);
	free(path);
	free(text);
	return rc == 0 ? CODE_OK : err_code(&err);
}

static void
test_worker(void)
{
	struct archive archive, out;
	struct steps steps;

	if (!set_scene("", &archive))
		return;
	CHECK(ask_worker(&archive, &out, &steps) == CODE_OK);
	CHECK(out.items == archive.items && steps.count == out.items + 1);
	for (unsigned i = 0; i < out.items && i < archive.items; i++) {
		CHECK(out.item[i].kind == archive.item[i].kind && out.item[i].good && out.item[i].until > AT);
		CHECK_TEXT(out.item[i].name, archive.item[i].name);
		CHECK(bytes_equal(buf_bytes(&out.item[i].content), buf_bytes(&archive.item[i].content)));
		CHECK(out.item[i].about != NULL);
	}
	archive_free(&out);
	steps_free(&steps);
	archive_free(&archive);
}

/* One bad item: no content comes back, and every other item is told about all the same. */
static void
test_worker_refuses(void)
{
	struct archive archive, out;
	struct steps steps;

	if (!set_scene("--damaged driver", &archive))
		return;
	CHECK(ask_worker(&archive, &out, &steps) == CODE_RIM_SIGNATURE);
	CHECK(out.items == archive.items && steps_code(&steps) == CODE_RIM_SIGNATURE);
	for (unsigned i = 0; i < out.items; i++) {
		CHECK(out.item[i].content.size == 0);
		CHECK(out.item[i].good == (i != 0));
		CHECK_TEXT(out.item[i].name, i == 0 ? "" : archive.item[i].name);
	}
	archive_free(&out);
	steps_free(&steps);
	rename_item(&archive, 0, "..");
	CHECK(ask_worker(&archive, &out, &steps) == CODE_ARCHIVE);
	CHECK(out.items == 0 && steps.count == 1);
	archive_free(&out);
	steps_free(&steps);
	archive_free(&archive);
}

/* As many bytes as an archive may have. */
static void
test_worker_with_much(void)
{
	struct archive archive, out;
	struct steps steps;
	struct buf manifest = {0};

	if (!set_scene("", &archive))
		return;
	buf_add(&manifest, archive.item[0].content.data, archive.item[0].content.size);
	while (archive.items < 110) {
		char *name = xprintf("NV_GPU_DRIVER_GH100_1.%u", archive.items);

		archive_add(&archive, COLLATERAL_DRIVER_RIM, name, buf_bytes(&manifest), AT);
		free(name);
	}
	CHECK(ask_worker(&archive, &out, &steps) == CODE_RIM_VERSION);
	CHECK(out.items == 110);
	archive_free(&out);
	steps_free(&steps);
	archive_free(&archive);
	buf_free(&manifest);
}

static void
test_no_worker(void)
{
	const struct appraise_worker workers[] = {{"/nonexistent/appraise", NULL, clock_boot_ms() + 10000},
						  {"/bin/true", NULL, clock_boot_ms() + 10000},
						  {"/bin/cat", NULL, clock_boot_ms() + 10000}};
	struct archive out;
	struct steps steps;

	for (size_t i = 0; i < 3; i++) {
		struct err err = ERR_INIT;

		CHECK(archive_judge_remote(&workers[i], bytes_of_text("{}"), &trust, &out, &steps, &err) < 0);
		CHECK(err_code(&err) == CODE_WORKER && out.items == 0 && steps.count == 0);
	}
}

int
main(void)
{
	crypto_init();
	RUN(test_round_trip);
	RUN(test_blackwell);
	RUN(test_tampered);
	RUN(test_changed_text);
	RUN(test_missing);
	RUN(test_doubled);
	RUN(test_wrong_names);
	RUN(test_swapped);
	RUN(test_refused_contents);
	RUN(test_other_roots);
	RUN(test_no_archives);
	RUN(test_too_large);
	RUN(test_worker);
	RUN(test_worker_refuses);
	RUN(test_worker_with_much);
	RUN(test_no_worker);
	emulated_remove();
	buf_free(&device_root);
	buf_free(&rim_root);
	return unit_end();
}
