/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/appraise/appraise.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/appraise/client.h"
#include "attest/appraise/wire.h"
#include "attest/collateral/source.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "test/unit/emulated_report.h"
#include "test/unit/unit.h"

/*
 * Whole appraisals of what the emulated library and its mint make: in this process, and in the worker beside this test.
 */
#define NO_EMULATOR "the emulator is not built"
#define AT 1780272000 /* 2026-06-01T00:00:00Z */

static char out_dir[512]; /* of the build */
static char scene[64];    /* folder of the minted machine, "" = none */
static unsigned scenes;

static void
find_build(void)
{
	ssize_t size = readlink("/proc/self/exe", out_dir, sizeof(out_dir) - 1);

	out_dir[size > 0 ? size : 0] = '\0';
	for (int i = 0; i < 3 && strrchr(out_dir, '/') != NULL; i++)
		*strrchr(out_dir, '/') = '\0';
}

static int
shell(char *command)
{
	int rc = system(command);

	free(command);
	return rc;
}

static void
clean_up(void)
{
	if (scene[0] != '\0')
		shell(xprintf("rm -rf '%s'", scene));
	scene[0] = '\0';
}

static uint8_t nonce[32] = {1, 2, 3};
#define GPUS_MAX 4
static struct buf reports[GPUS_MAX], chains[GPUS_MAX];
static struct evidence_raw evidence[GPUS_MAX];

static void
fetch_evidence(unsigned gpus)
{
	CHECK(emulated_reports(scene, nonce, gpus, reports, chains));
	for (unsigned i = 0; i < gpus; i++)
		evidence[i] = (struct evidence_raw){buf_bytes(&reports[i]), buf_bytes(&chains[i])};
}

/* False: no emulator here. */
static bool
set_scene(const char *options, unsigned gpus)
{
	char *mint = xprintf("%s/emulator/mint", out_dir);
	bool there = access(mint, X_OK) == 0;

	free(mint);
	if (!there) {
		unit_skip(NO_EMULATOR);
		return false;
	}
	clean_up();
	/* A name of its own: the loader would take the library of the last one for this. */
	snprintf(scene, sizeof(scene), "/tmp/test-appraise.%d.%u", (int)getpid(), scenes++);
	CHECK(shell(xprintf("%s/emulator/mint --at 2026-06-01T00:00:00Z --gpus %u --library "
			    "%s/emulator/libnvidia-ml.so.1 %s %s",
			    out_dir, gpus, out_dir, options, scene)) == 0);
	fetch_evidence(gpus);
	return true;
}

static struct buf device_root, rim_root;
static unsigned served, rounds;

static void
counting_serve(void *context, struct collateral *need, unsigned count)
{
	served += count;
	rounds++;
	collateral_serve(context, need, count);
}

struct result {
	int code;
	struct appraisal appraisal;
	struct err err;
};

static const struct revocation_policy lenient = {.allow_without_nonce = true, .max_age = 3600};

static struct appraise_input
make_input(unsigned gpus, const struct revocation_policy *policy)
{
	struct appraise_input input = {.at = AT, .verifier = APPRAISE_LOCAL, .revocation = *policy, .gpus = gpus};
	char *device = xprintf("%s/device-root.pem", scene), *rim = xprintf("%s/rim-root.pem", scene);
	struct err err = ERR_INIT;

	memcpy(input.nonce, nonce, sizeof(nonce));
	memcpy(input.gpu, evidence, gpus * sizeof(*evidence));
	buf_free(&device_root);
	buf_free(&rim_root);
	CHECK(fs_read_file(device, 16384, &device_root, &err) == 0 && fs_read_file(rim, 16384, &rim_root, &err) == 0);
	input.device_root = buf_bytes(&device_root);
	input.rim_root = buf_bytes(&rim_root);
	free(device);
	free(rim);
	return input;
}

static struct result
appraise_as(const struct appraise_input *input, const char *worker, const char *user)
{
	char *rim = xprintf("%s/rim", scene), *ocsp = xprintf("%s/ocsp", scene);
	struct collateral_store store = {.rim_dir = rim, .ocsp_dir = ocsp};
	const struct collateral_source source = {counting_serve, &store};
	const struct appraise_worker how = {worker, user, clock_boot_ms() + 20000};
	struct result result = {0};
	int rc;

	served = rounds = 0;
	if (worker != NULL)
		rc = appraise_remote(&how, input, &source, &result.appraisal, &result.err);
	else
		rc = appraise_run(input, &source, &result.appraisal, &result.err);
	result.code = rc == 0 ? CODE_OK : err_code(&result.err);
	free(rim);
	free(ocsp);
	return result;
}

static struct result
appraise(const struct appraise_input *input, const char *worker)
{
	return appraise_as(input, worker, NULL);
}

static void
check_same(const struct appraisal *a, const struct appraisal *b)
{
	CHECK(a->steps.count == b->steps.count && a->gpus == b->gpus);
	for (size_t i = 0; i < a->steps.count && i < b->steps.count; i++) {
		const struct step *x = &a->steps.list[i], *y = &b->steps.list[i];

		CHECK(attester_equal(x->attester, y->attester) && x->status == y->status && x->code == y->code);
		CHECK_TEXT(x->name, y->name);
		CHECK_TEXT(x->detail, y->detail);
	}
	for (unsigned i = 0; i < a->gpus; i++)
		CHECK_TEXT(a->claims[i], b->claims[i]);
}

/* In both ways, which must agree; the result is the worker's. */
static struct result
judge(unsigned gpus, const struct revocation_policy *policy)
{
	struct appraise_input input = make_input(gpus, policy);
	struct result here = appraise(&input, NULL), there;
	char *worker = xprintf("%s/appraise", out_dir);

	CHECK(rounds >= 2 && rounds <= 4); /* a directory may be asked again, and say the same */
	there = appraise(&input, worker);
	CHECK(here.code == there.code);
	CHECK_TEXT(here.err.text, there.err.text);
	check_same(&here.appraisal, &there.appraisal);
	appraisal_free(&here.appraisal);
	free(worker);
	return there;
}

static const struct step *
find_step(const struct result *result, unsigned gpu, const char *name)
{
	for (size_t i = 0; i < result->appraisal.steps.count; i++) {
		const struct step *step = &result->appraisal.steps.list[i];

		if (attester_equal(step->attester, attester_gpu(gpu)) && strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

static int
step_code(const struct result *result, unsigned gpu, const char *name)
{
	const struct step *step = find_step(result, gpu, name);

	return step == NULL ? -1 : step->status == STEP_SKIPPED ? -2 : step->code;
}

static struct json *
claims_of(const struct result *result, unsigned gpu)
{
	struct err err = ERR_INIT;
	struct json *json = json_read(bytes_of_text(result->appraisal.claims[gpu]), &json_limits_default, &err);

	CHECK(json != NULL);
	return json;
}

static const struct json *
chain_claim(const struct json *claims, const char *chain, const char *name)
{
	return json_get(json_get(claims, chain), name);
}

static void
test_three_gpus_share_what_they_can(void)
{
	struct result result;
	struct json *claims;
	bool flag;

	if (!set_scene("", 3))
		return;
	result = judge(3, &lenient);
	CHECK(result.code == CODE_OK);
	/* two manifests; of the devices three, one and one; of the signer's chain, which both manifests share, three */
	CHECK(served == 2 + 5 + 3);
	for (unsigned gpu = 0; gpu < 3; gpu++)
		CHECK(step_code(&result, gpu, "measurements") == CODE_OK &&
		      step_code(&result, gpu, "driver-rim-signature") == CODE_OK &&
		      step_code(&result, gpu, "device-unique") == CODE_OK &&
		      step_code(&result, gpu, "vbios-rim-revocation") == CODE_OK);
	claims = claims_of(&result, 2);
	CHECK_TEXT(json_text(json_get(claims, "measres")), "success");
	CHECK_TEXT(json_text(json_get(claims, "dbgstat")), "disabled");
	CHECK_TEXT(json_text(json_get(claims, "oemid")), "5703");
	CHECK_TEXT(json_text(chain_claim(claims, "x-nvidia-gpu-vbios-rim-cert-chain", "x-nvidia-cert-ocsp-status")),
		   "good");
	CHECK(json_bool(chain_claim(claims, "x-nvidia-gpu-vbios-rim-cert-chain", "x-nvidia-cert-ocsp-nonce-matches"),
			&flag) &&
	      !flag);
	CHECK_TEXT(json_text(json_at(json_get(claims, "x-cgpu-loosening"), 0)), "allow-ocsp-without-nonce");
	json_free(claims);
	appraisal_free(&result.appraisal);
}

static void
test_blackwell(void)
{
	struct result result;

	if (!set_scene("--arch blackwell", 2))
		return;
	result = judge(2, &lenient);
	CHECK(result.code == CODE_OK);
	appraisal_free(&result.appraisal);
}

static void
test_strict_by_default(void)
{
	static const struct revocation_policy strict = {.max_age = 3600};
	struct result result;

	if (!set_scene("", 1))
		return;
	result = judge(1, &strict);
	CHECK(result.code == CODE_OCSP_NONCE);
	CHECK(step_code(&result, 0, "measurements") == CODE_OK);
	appraisal_free(&result.appraisal);
}

static void
test_revoked_and_held(void)
{
	static const struct revocation_policy hold = {.allow_without_nonce = true, .allow_hold = true, .max_age = 3600};
	struct result result;
	struct json *claims;

	if (!set_scene("--revoked rim-l3", 2))
		return;
	result = judge(2, &hold);
	CHECK(result.code == CODE_OCSP_REVOKED);
	CHECK(step_code(&result, 1, "driver-rim-revocation") == CODE_OCSP_REVOKED);
	CHECK(step_code(&result, 1, "device-chain-revocation") == CODE_OK);
	CHECK(step_code(&result, 1, "measurements") == CODE_OK);
	appraisal_free(&result.appraisal);
	set_scene("--hold rim-signer", 1);
	result = judge(1, &lenient);
	CHECK(result.code == CODE_OCSP_HOLD);
	appraisal_free(&result.appraisal);
	result = judge(1, &hold);
	CHECK(result.code == CODE_OK);
	claims = claims_of(&result, 0);
	CHECK_TEXT(json_text(json_at(json_get(claims, "x-cgpu-loosening"), 0)), "allow-certificate-hold");
	CHECK_TEXT(json_text(chain_claim(claims, "x-nvidia-gpu-driver-rim-cert-chain",
					 "x-nvidia-cert-revocation-reason")),
		   "certificateHold");
	CHECK(json_text(json_get(claims, "x-nvidia-attestation-warning")) != NULL);
	json_free(claims);
	appraisal_free(&result.appraisal);
}

static void
test_missing_collateral(void)
{
	struct result result;
	struct json *claims;

	if (!set_scene("--without-rim driver", 1))
		return;
	result = judge(1, &lenient);
	CHECK(result.code == CODE_DRIVER_RIM_MISSING && strstr(result.err.text, "NV_GPU_DRIVER_GH100_") != NULL);
	CHECK(step_code(&result, 0, "vbios-rim-version") == CODE_OK);
	CHECK(step_code(&result, 0, "driver-rim-revocation") == -2);
	CHECK(step_code(&result, 0, "measurements") == CODE_MEASUREMENT);
	claims = claims_of(&result, 0);
	CHECK_TEXT(json_text(json_get(claims, "measres")), "fail");
	CHECK(json_type(json_get(claims, "secboot")) == JSON_NULL);
	json_free(claims);
	appraisal_free(&result.appraisal);
	set_scene("--unanswered ica", 1);
	result = judge(1, &lenient);
	CHECK(result.code == CODE_OCSP_MISSING && strstr(result.err.text, "certificate 2 (") != NULL);
	appraisal_free(&result.appraisal);
}

static void
test_version_of_manifest(void)
{
	struct result result;

	if (!set_scene("--wrong-version vbios", 1))
		return;
	result = judge(1, &lenient);
	CHECK(result.code == CODE_RIM_VERSION);
	CHECK(step_code(&result, 0, "measurements") == CODE_MEASUREMENT);
	CHECK(find_step(&result, 0, "measurements") &&
	      !strstr(find_step(&result, 0, "measurements")->detail, "differing"));
	appraisal_free(&result.appraisal);
}

static void
test_one_gpu_for_two(void)
{
	struct result result;

	if (!set_scene("", 2))
		return;
	evidence[1] = evidence[0];
	result = judge(2, &lenient);
	CHECK(result.code == CODE_DEVICE_DUPLICATE);
	CHECK(step_code(&result, 0, "device-unique") == CODE_DEVICE_DUPLICATE &&
	      step_code(&result, 1, "device-unique") == CODE_DEVICE_DUPLICATE);
	appraisal_free(&result.appraisal);
}

static void
test_unsigned_report_names_nothing(void)
{
	struct appraise_input input;
	struct result result;

	if (!set_scene("", 1))
		return;
	reports[0].data[100] ^= 1;
	input = make_input(1, &lenient);
	result = appraise(&input, NULL);
	CHECK(result.code == CODE_REPORT_SIGNATURE && rounds == 1); /* of the chain, which holds, it is still asked */
	CHECK(step_code(&result, 0, "driver-rim") == -2 && step_code(&result, 0, "measurements") == -2);
	appraisal_free(&result.appraisal);
}

static void
test_worker_that_is_none(void)
{
	static const char *const programs[] = {"/nowhere/appraise", "/bin/false", "/bin/true", "/bin/cat"};
	struct appraise_input input;

	if (!set_scene("", 1))
		return;
	input = make_input(1, &lenient);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct result result = appraise(&input, programs[i]);

		CHECK(result.code == CODE_WORKER && result.appraisal.steps.count == 0 && result.appraisal.gpus == 0);
		appraisal_free(&result.appraisal);
	}
}

/* Input that cannot be sent: nothing is to be heard from a worker that waits for it. */
static void
test_worker_that_waits(void)
{
	static const uint8_t large[2 << 20];
	struct appraise_input input;
	struct result result;
	int64_t start = clock_boot_ms();

	if (!set_scene("", 1))
		return;
	input = make_input(1, &lenient);
	input.device_root = bytes_of(large, sizeof(large));
	result = appraise(&input, "/bin/sleep"); /* its argument is the number of this process */
	CHECK(result.code == CODE_WORKER && clock_boot_ms() - start < 10000);
	appraisal_free(&result.appraisal);
}

static void
test_worker_says_why_it_cannot_begin(void)
{
	struct appraise_input input;
	struct result result;
	char *worker = xprintf("%s/appraise", out_dir);

	if (geteuid() != 0)
		unit_skip("only root changes ids");
	else if (set_scene("", 1)) {
		input = make_input(1, &lenient);
		result = appraise_as(&input, worker, "nobody-of-this-name");
		CHECK(result.code == CODE_WORKER && strstr(result.err.text, "nobody-of-this-name") != NULL);
		appraisal_free(&result.appraisal);
		result = appraise_as(&input, worker, "nobody");
		CHECK(result.code == CODE_OK);
		appraisal_free(&result.appraisal);
	}
	free(worker);
}

static void
test_parameters_on_the_wire(void)
{
	struct appraise_input input = {.at = -5, .nonce = {9}, .gpus = 3, .verifier = APPRAISE_LOCAL | APPRAISE_REMOTE},
			      back;
	struct buf payload = {0};

	input.revocation = (struct revocation_policy){true, false, 1LL << 40, REVOCATION_SHA384};
	input.device_root = bytes_of_text("device");
	input.rim_root = bytes_of_text("rim");
	input.remote = (struct remote_trust){.issuer = "https://x", .key_set = bytes_of_text("{}")};
	appraise_put_parameters(&payload, &input);
	CHECK(appraise_get_parameters(buf_bytes(&payload), &back));
	CHECK(back.at == -5 && back.gpus == 3 && back.nonce[0] == 9 && back.revocation.max_age == 1LL << 40);
	CHECK(back.revocation.allow_without_nonce && !back.revocation.allow_hold &&
	      back.revocation.hash == REVOCATION_SHA384);
	CHECK(bytes_equal(back.device_root, input.device_root) && bytes_equal(back.rim_root, input.rim_root));
	CHECK(back.verifier == input.verifier && bytes_equal(back.remote.key_set, input.remote.key_set));
	CHECK(back.remote.key_root.data == NULL);
	CHECK_TEXT(back.remote.issuer, "https://x");
	appraise_free_parameters(&back);
	for (size_t size = 0; size < payload.size; size++)
		CHECK(!appraise_get_parameters(bytes_of(payload.data, size), &back));
	buf_add(&payload, "", 1);
	CHECK(!appraise_get_parameters(buf_bytes(&payload), &back));
	payload.size = 0;
	input.verifier = 0;
	appraise_put_parameters(&payload, &input);
	CHECK(!appraise_get_parameters(buf_bytes(&payload), &back));
	buf_free(&payload);
}

static bool
need_passes(struct collateral need)
{
	struct buf payload = {0};
	struct collateral back;
	bool ok;

	appraise_put_need(&payload, &need);
	ok = appraise_get_need(buf_bytes(&payload), &back);
	if (ok)
		CHECK(back.kind == need.kind && back.again == need.again && strcmp(back.name, need.name) == 0 &&
		      bytes_equal(back.question, need.question) && memcmp(back.nonce, need.nonce, 32) == 0);
	if (ok)
		appraise_free_need(&back);
	buf_free(&payload);
	return ok;
}

static void
test_needs_on_the_wire(void)
{
	struct bytes question = bytes_of_text("?");

	CHECK(need_passes((struct collateral){.kind = COLLATERAL_DRIVER_RIM, .name = "x", .again = true}));
	CHECK(need_passes(
		(struct collateral){.kind = COLLATERAL_OCSP, .name = "x", .question = question, .nonce = {1, 2}}));
	CHECK(need_passes((struct collateral){.kind = COLLATERAL_TOKENS, .name = ""}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_TOKENS, .name = "x"}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_KEY_SET, .name = "", .question = question}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_VBIOS_RIM, .name = ""}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_VBIOS_RIM, .name = "x", .question = question}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_OCSP, .name = "x"}));
	CHECK(!need_passes((struct collateral){.kind = COLLATERAL_KEY_SET + 1, .name = "x"}));
}

static bool
step_passes(struct attester attester, const char *name)
{
	struct buf payload = {0};
	struct steps steps = {0};
	bool ok;

	appraise_put_step(&payload, &(struct step){attester, (char *)name, STEP_OK, CODE_OK, (char *)"detail"});
	ok = appraise_get_step(buf_bytes(&payload), 2, &steps) && steps.count == 1 &&
	     attester_equal(steps.list[0].attester, attester) && strcmp(steps.list[0].name, name) == 0;
	CHECK(ok || steps.count == 0);
	steps_free(&steps);
	buf_free(&payload);
	return ok;
}

static void
test_steps_on_the_wire(void)
{
	CHECK(step_passes(attester_run, "driver-rim"));
	CHECK(step_passes(attester_gpu(0), "driver-rim"));
	/* A name goes to terminals as it is. */
	CHECK(!step_passes(attester_run, ""));
	CHECK(!step_passes(attester_run, "ok\033[2J"));
	CHECK(!step_passes(attester_run, "a\nresult: pass"));
}

static void
test_attesters_on_the_wire(void)
{
	const enum attester_kind unknown = ATTESTER_GPU + 1;

	CHECK(step_passes(attester_gpu(1), "nonce"));
	CHECK(!step_passes(attester_gpu(2), "nonce"));
	CHECK(!step_passes(attester_gpu(UINT_MAX), "nonce"));
	CHECK(!step_passes((struct attester){ATTESTER_RUN, 1}, "nonce"));
	CHECK(!step_passes((struct attester){unknown, 0}, "nonce"));
}

static void
test_keeps_on_the_wire(void)
{
	struct keep keep = {.kind = COLLATERAL_OCSP, .name = "name", .until = 5000000000, .time = 7, .made = 8}, back;
	struct buf payload = {0};

	appraise_put_keep(&payload, &keep);
	CHECK(appraise_get_keep(buf_bytes(&payload), &back));
	CHECK(back.kind == keep.kind && back.until == keep.until && back.time == keep.time && back.made == keep.made);
	CHECK_TEXT(back.name, keep.name);
	free(back.name);
	for (size_t size = 0; size < payload.size; size++)
		CHECK(!appraise_get_keep(bytes_of(payload.data, size), &back));
	payload.size = 0;
	keep.time = -1;
	appraise_put_keep(&payload, &keep);
	CHECK(!appraise_get_keep(buf_bytes(&payload), &back));
	buf_free(&payload);
}

int
main(void)
{
	crypto_init();
	find_build();
	RUN(test_parameters_on_the_wire);
	RUN(test_needs_on_the_wire);
	RUN(test_steps_on_the_wire);
	RUN(test_attesters_on_the_wire);
	RUN(test_keeps_on_the_wire);
	RUN(test_three_gpus_share_what_they_can);
	RUN(test_blackwell);
	RUN(test_strict_by_default);
	RUN(test_revoked_and_held);
	RUN(test_missing_collateral);
	RUN(test_version_of_manifest);
	RUN(test_one_gpu_for_two);
	RUN(test_unsigned_report_names_nothing);
	RUN(test_worker_that_is_none);
	RUN(test_worker_that_waits);
	RUN(test_worker_says_why_it_cannot_begin);
	clean_up();
	for (unsigned i = 0; i < GPUS_MAX; i++) {
		buf_free(&reports[i]);
		buf_free(&chains[i]);
	}
	buf_free(&device_root);
	buf_free(&rim_root);
	return unit_end();
}
