/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/policy_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/code.h"
#include "lib/jws.h"
#include "spec/eat.h"
#include "test/unit/sample.h"
#include "test/unit/unit.h"

static const struct json_limits limits = {.bytes = 1 << 16, .string = 1 << 14, .depth = 16, .values = 4096};

static struct err last;

static struct policy_file *
parse(const char *text)
{
	last = (struct err)ERR_INIT;
	return policy_file_parse(bytes_of_text(text), "test.json", &last);
}

static struct policy_file *
parse_rules(const char *version, const char *overall, const char *detached)
{
	char *text = xprintf("{\"version\":\"%s\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":{%s},"
			     "\"detached-claims\":{%s}}}",
			     version, overall, detached);
	struct policy_file *policy = parse(text);

	free(text);
	return policy;
}

/* The code of a judgement of one GPU, and in last what its first failure said. */
static int
judge(const struct policy_file *policy, const char *overall, const char *claims, bool nvidia)
{
	struct err err = ERR_INIT;
	struct json *above = overall ? json_parse(bytes_of_text(overall), &limits, &err) : NULL;
	struct json *of_gpu = json_parse(bytes_of_text(claims), &limits, &err);
	const struct json *list[1] = {of_gpu};
	const struct step *failed;
	struct steps steps = {0};
	int rc, code;

	CHECK(of_gpu != NULL && (overall == NULL || above != NULL));
	rc = policy_file_judge(policy, above, list, 1, nvidia, &steps);
	steps_conclude(&steps);
	code = steps_code(&steps);
	CHECK((rc == 0) == (code == CODE_OK));
	failed = steps_first_failure(&steps);
	last = (struct err)ERR_INIT;
	if (failed != NULL)
		err_set(&last, failed->code, "%s", failed->detail);
	steps_free(&steps);
	json_free(above);
	json_free(of_gpu);
	return code;
}

/* Claims as our own appraisal of a good GPU makes them. */
static char *
local_claims(void)
{
	const struct eat_chain chain = {
		.expiration = "2030-01-01T00:00:00Z", .status = "valid", .ocsp_status = "good", .nonce_matches = true,
		.response_valid = true,
	};
	const struct eat_rim rim = {
		.fetched = true,
		.signature_verified = true,
		.version_match = true,
		.measurements_available = true,
		.chain = chain,
	};
	const struct eat_gpu gpu = {
		.measres = "success",
		.secure = true,
		.nonce = "00",
		.hardware_model = "GH100 A01 GSP BROM",
		.ueid = "1",
		.driver_version = "570.1",
		.vbios_version = "96.00.9F.00.01",
		.arch_check = true,
		.fwid_match = true,
		.report_parsed = true,
		.nonce_match = true,
		.signature_verified = true,
		.chain = chain,
		.driver = rim,
		.vbios = rim,
		.vbios_no_conflict = true,
	};

	return eat_gpu_encode(&gpu);
}

/* -- the form -- */

static void
test_refused_files(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"[]", "authorization-rules is missing or no object"},
		{"{\"version\":\"4.0\"}", "authorization-rules is missing or no object"},
		{"{\"authorization-rules\":{}}", "version is missing or no text"},
		{"{\"version\":4.0,\"authorization-rules\":{}}", "version is missing or no text"},
		{"{\"version\":\"5.0\",\"authorization-rules\":{}}", "version is '5.0', want 3.0 or 4.0"},
		{"{\"version\":\"4.0\",\"rules\":1,\"authorization-rules\":{}}", "unknown member 'rules'"},
		{"{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"detached-claim\":{}}}",
		 "authorization-rules: unknown member 'detached-claim'"},
		{"{\"version\":\"4.0\",\"authorization-rules\":{\"overall-claims\":{}}}",
		 "authorization-rules: type is '', want JWT"},
		{"{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"CWT\",\"overall-claims\":{}}}",
		 "authorization-rules: type is 'CWT', want JWT"},
		{"{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":[1]}}",
		 "authorization-rules: overall-claims is no object"},
		{"{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":{}}}",
		 "authorization-rules: no claim is demanded"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *want = xprintf("policy test.json: %s", row[i].want);

		CHECK(parse(row[i].text) == NULL && err_code(&last) == CODE_USAGE);
		CHECK_TEXT(last.text, want);
		free(want);
	}
}

static void
test_refused_json(void)
{
	static const char *const row[] = {
		"",
		"{",
		"{\"version\":\"4.0\"} x",
		"{\"version\":\"4.0\",\"version\":\"3.0\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":"
		"{\"a\":1}}}",
		"{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":{\"a\":[[[[[[[1]]]]]"
		"]]}}}",
	};
	struct buf large = {0};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		CHECK(parse(row[i]) == NULL && err_code(&last) == CODE_USAGE);
	buf_add_text(&large,
		     "{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"overall-claims\":{\"a\":1}}}");
	while (large.size < POLICY_FILE_MAX)
		buf_add_text(&large, "                ");
	CHECK(parse((char *)large.data) == NULL && err_code(&last) == CODE_USAGE);
	buf_free(&large);
}

static void
test_files(void)
{
	static const char text[] = "{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"detached-claims\":"
				   "{\"measres\":\"success\"}}}";
	char folder[] = "/tmp/test-policy-XXXXXX", *path;
	uint8_t digest[SHA256_SIZE], want[SHA256_SIZE];
	struct policy_file *policy;
	struct err err = ERR_INIT;
	FILE *file;

	CHECK(mkdtemp(folder) != NULL);
	path = xprintf("%s/policy.json", folder);
	CHECK(policy_file_read(path, false, &err) == NULL && err_code(&err) == CODE_USAGE);
	file = fopen(path, "w");
	CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
	CHECK(chmod(path, 0644) == 0);
	policy = policy_file_read(path, true, &err);
	CHECK(policy != NULL);
	if (policy != NULL) {
		policy_file_digest(policy, digest);
		crypto_sha256(bytes_of_text(text), want);
		CHECK(memcmp(digest, want, sizeof(want)) == 0);
	}
	policy_file_free(policy);
	/* What others can write to does not decide about trust; by hand it is the caller's word. */
	CHECK(chmod(path, 0666) == 0);
	CHECK(policy_file_read(path, true, &err) == NULL && err_code(&err) == CODE_USAGE);
	policy = policy_file_read(path, false, &err);
	CHECK(policy != NULL);
	policy_file_free(policy);
	unlink(path);
	rmdir(folder);
	free(path);
}

/* -- the comparison -- */

static void
test_values(void)
{
	static const struct {
		const char *want, *have, *said; /* said: NULL = it passes */
	} row[] = {
		{"\"a\":true", "{\"a\":true,\"b\":1}", NULL},
		{"\"a\":true", "{\"a\":false}", "a: want true, found false"},
		{"\"a\":true", "{\"a\":\"true\"}", "a: want true, found \"true\""},
		{"\"a\":true", "{\"a\":1}", "a: want true, found 1"},
		{"\"a\":true", "{\"A\":true}", "a: want true, found no such claim"},
		{"\"a\":null", "{\"a\":null}", NULL},
		{"\"a\":null", "{}", "a: want null, found no such claim"},
		{"\"a\":false", "{\"a\":null}", "a: want false, found null"},
		{"\"a\":1", "{\"a\":1}", NULL},
		{"\"a\":1", "{\"a\":1.0}", "a: want 1, found 1.0"},
		{"\"a\":9007199254740993", "{\"a\":9007199254740992}",
		 "a: want 9007199254740993, found 9007199254740992"},
		{"\"a\":\"x\"", "{\"a\":\"\\u0078\"}", NULL},
		{"\"a\":\"x\"", "{\"a\":\"x\\u0000y\"}", "a: want \"x\", found \"x\\u0000y\""},
		{"\"a\\u0000b\":1", "{\"a\":1}", "a: want 1, found no such claim"},
		{"\"a\":{\"b\":\"x\"}", "{\"a\":{\"b\":\"x\",\"c\":1}}", NULL},
		{"\"a\":{\"b\":\"x\"}", "{\"a\":{\"b\":\"y\"}}", "a.b: want \"x\", found \"y\""},
		{"\"a\":{\"b\":\"x\"}", "{\"a\":{}}", "a.b: want \"x\", found no such claim"},
		{"\"a\":{}", "{\"a\":[]}", "a: want {}, found []"},
		{"\"a\":[1,{\"b\":2}]", "{\"a\":[1,{\"b\":2,\"c\":3}]}", NULL},
		{"\"a\":[1,2]", "{\"a\":[2,1]}", "a[0]: want 1, found 2"},
		{"\"a\":[1,2]", "{\"a\":[1]}", "a: want [1,2], found [1]"},
		{"\"a\":[1]", "{\"a\":[1,2]}", "a: want [1], found [1,2]"},
		{"\"a\":1,\"b\":{\"c\":[true]}", "{\"b\":{\"c\":[false]},\"a\":1}", "b.c[0]: want true, found false"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct policy_file *policy = parse_rules("4.0", "", row[i].want);
		char *want;

		CHECK(policy != NULL);
		if (policy == NULL)
			continue;
		CHECK(judge(policy, NULL, row[i].have, false) == (row[i].said ? CODE_POLICY : CODE_OK));
		want = row[i].said ? xprintf("policy test.json: detached-claims.%s", row[i].said) : xstrdup("");
		CHECK_TEXT(last.text, want);
		free(want);
		policy_file_free(policy);
	}
}

static void
test_bounded_message(void)
{
	struct policy_file *policy = parse_rules("4.0", "", "\"a\":\"x\"");
	struct buf claims = {0};

	buf_add_text(&claims, "{\"a\":\"");
	while (claims.size < 5000)
		buf_add_text(&claims, "y");
	buf_add_text(&claims, "\"}");
	CHECK(judge(policy, NULL, (char *)claims.data, false) == CODE_POLICY);
	CHECK(strlen(last.text) < 300 && strcmp(last.text + strlen(last.text) - 3, "...") == 0);
	buf_free(&claims);
	policy_file_free(policy);
}

/* Rules for GPUs and no claims of any: nothing may pass that was not judged. */
static void
test_without_gpus(void)
{
	struct policy_file *policy = parse_rules("4.0", "", "\"a\":1");
	const struct json *none[1] = {NULL};
	struct steps steps = {0};

	CHECK(policy_file_judge(policy, NULL, none, 0, false, &steps) == -1 && steps_code(&steps) == CODE_POLICY);
	steps_free(&steps);
	CHECK(policy_file_judge(policy, NULL, none, 1, false, &steps) == -1 && steps_code(&steps) == CODE_POLICY);
	steps_free(&steps);
	policy_file_free(policy);
	policy = parse_rules("4.0", "\"x-nvidia-overall-att-result\":true", "");
	CHECK(policy_file_judge(policy, NULL, none, 0, false, &steps) == 0);
	steps_free(&steps);
	policy_file_free(policy);
}

/* -- what is said of our own claims -- */

static void
test_overall_of_the_run(void)
{
	struct policy_file *policy =
		parse_rules("4.0", "\"x-nvidia-overall-att-result\":true,\"x-nvidia-ver\":\"3.0\"", "");
	struct err err = ERR_INIT;
	const struct json *none[1] = {NULL};
	struct steps steps = {0};

	CHECK(policy_file_judge(policy, NULL, none, 0, false, &steps) == 0);
	steps_free(&steps);
	err_set(&err, CODE_MODEL, "model");
	steps_fail(&steps, attester_gpu(0), "policy-model", &err);
	CHECK(policy_file_judge(policy, NULL, none, 0, false, &steps) == -1);
	steps_free(&steps);
	CHECK(judge(policy, "{\"x-nvidia-overall-att-result\":true,\"x-nvidia-ver\":\"3.0\"}", "{}", true) == CODE_OK);
	CHECK(judge(policy, "{\"x-nvidia-overall-att-result\":false,\"x-nvidia-ver\":\"3.0\"}", "{}", true) ==
	      CODE_POLICY);
	CHECK(judge(policy, "{\"x-nvidia-ver\":\"3.0\"}", "{}", true) == CODE_POLICY);
	CHECK(judge(policy, "{\"x-nvidia-overall-att-result\":true,\"x-nvidia-ver\":\"2.0\"}", "{}", true) ==
	      CODE_POLICY);
	policy_file_free(policy);
}

static void
test_not_applicable(void)
{
	struct policy_file *policy = parse_rules("4.0", "\"iss\":\"somebody\"",
						 "\"x-nvidia-gpu-driver-rim-schema-validated\":true,\"iss\":1");
	struct err err = ERR_INIT;
	struct json *claims = json_parse(bytes_of_text("{\"iss\":\"us\"}"), &limits, &err);
	const struct json *list[1] = {claims};
	struct steps steps = {0};

	CHECK(policy_file_judge(policy, NULL, list, 1, false, &steps) == 0);
	CHECK(steps.count == 4 && steps.list[1].status == STEP_SKIPPED && steps.list[3].status == STEP_SKIPPED);
	CHECK_TEXT(steps.list[1].name, "policy-not-applicable");
	CHECK_TEXT(steps.list[1].detail, "only NVIDIA's tokens have: iss");
	CHECK_TEXT(steps.list[3].detail, "only NVIDIA's tokens have: x-nvidia-gpu-driver-rim-schema-validated, iss");
	steps_free(&steps);
	json_free(claims);
	CHECK(judge(policy, "{\"iss\":\"us\"}", "{}", true) == CODE_POLICY);
	CHECK_TEXT(last.text, "policy test.json: overall-claims.iss: want \"somebody\", found \"us\"");
	CHECK(judge(policy, "{\"iss\":\"somebody\"}", "{\"iss\":1}", true) == CODE_POLICY);
	CHECK(judge(policy, "{\"iss\":\"somebody\"}", "{\"iss\":1,\"x-nvidia-gpu-driver-rim-schema-validated\":true}",
		    true) == CODE_OK);
	policy_file_free(policy);
}

/*
 * Claims 2.0 say validated where 3.0 tell status and revocation: both must be good, and a claim that is there is not
 * replaced.
 */
static void
test_derived(void)
{
	static const char name[] = "\"x-nvidia-gpu-driver-rim-cert-validated\"",
			  path[] = "\"x-nvidia-gpu-driver-rim-cert-chain\"";
	static const struct {
		const char *chain, *own;
		int code;
	} row[] = {
		{"{\"x-nvidia-cert-status\":\"valid\",\"x-nvidia-cert-ocsp-status\":\"good\"}", "", CODE_OK},
		{"{\"x-nvidia-cert-status\":\"expired\",\"x-nvidia-cert-ocsp-status\":\"good\"}", "", CODE_POLICY},
		{"{\"x-nvidia-cert-status\":\"valid\",\"x-nvidia-cert-ocsp-status\":\"revoked\"}", "", CODE_POLICY},
		{"{\"x-nvidia-cert-status\":true,\"x-nvidia-cert-ocsp-status\":\"good\"}", "", CODE_POLICY},
		{"{}", "", CODE_POLICY},
		{"null", "", CODE_POLICY},
		{"{\"x-nvidia-cert-status\":\"valid\",\"x-nvidia-cert-ocsp-status\":\"good\"}", "false", CODE_POLICY},
		{"{}", "true", CODE_OK},
	};
	char *rule = xprintf("%s:true", name);
	struct policy_file *older = parse_rules("3.0", "", rule), *newer = parse_rules("4.0", "", rule);

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *claims = xprintf("{%s:%s%s%s%s%s}", path, row[i].chain, row[i].own[0] ? "," : "",
				       row[i].own[0] ? name : "", row[i].own[0] ? ":" : "", row[i].own);

		CHECK(judge(older, NULL, claims, false) == row[i].code);
		CHECK(judge(newer, NULL, claims, false) == (strcmp(row[i].own, "true") == 0 ? CODE_OK : CODE_POLICY));
		free(claims);
	}
	policy_file_free(older);
	policy_file_free(newer);
	free(rule);
}

/* -- NVIDIA's own policies and tokens -- */

static const char *const policies[] = {"NVGPULocalPolicyExample", "NVGPULocalv4PolicyExample",
				       "NVGPURemotePolicyExample_v3", "NVGPURemotePolicyExample_v4"};

static char *
sample(const char *folder, const char *name)
{
	char *path = xprintf("gpu/%s/%s.json", folder, name);
	struct buf text = {0};
	bool there = sample_read(path, &text);

	free(path);
	return there ? buf_steal_text(&text) : NULL;
}

static struct policy_file *
sample_policy(unsigned index)
{
	char *text = sample("policies", policies[index]);
	struct policy_file *policy = text ? parse(text) : NULL;

	free(text);
	return policy;
}

/*
 * In compact claims: after "outer": (NULL = anywhere) the value of "name": becomes another of its type, or, if gone is
 * wanted, its name another. NULL if it is not there.
 */
static char *
altered(const char *claims, const char *outer, const char *name, bool gone)
{
	char *mark = outer ? xprintf("\"%s\":", outer) : xstrdup(""), *quoted = xprintf("\"%s\":", name), *out = NULL;
	const char *at = strstr(claims, mark), *value;

	at = at ? strstr(at, quoted) : NULL;
	if (at != NULL && gone)
		out = xprintf("%.*s\"no-%s\":%s", (int)(at - claims), claims, name, at + strlen(quoted));
	if (at != NULL && !gone) {
		value = at + strlen(quoted);
		out = value[0] == '"' ? xprintf("%.*s\"un-%s", (int)(value - claims), claims, value + 1)
				      : xprintf("%.*sfalse%s", (int)(value - claims), claims, value + strlen("true"));
	}
	free(mark);
	free(quoted);
	return out;
}

/* One claim altered in each way: refused, and its name stands in the message. False: the claims have no such one. */
static bool
refuses_altered(const struct policy_file *policy, const char *overall, const char *claims, bool above,
		const char *outer, const char *name, bool nvidia)
{
	for (unsigned gone = 0; gone < 2; gone++) {
		char *other = altered(above ? overall : claims, outer, name, gone);

		if (other == NULL)
			return false;
		CHECK(judge(policy, above ? other : overall, above ? claims : other, nvidia) == CODE_POLICY);
		CHECK(strstr(last.text, name) != NULL && strstr(last.text, "want ") != NULL &&
		      strstr(last.text, "found ") != NULL);
		free(other);
	}
	return true;
}

/* Every rule of the policy, one after the other. The number of rules that were tried. */
static unsigned
refuses_each(unsigned index, const struct policy_file *policy, const char *overall, const char *claims, bool nvidia)
{
	char *text = sample("policies", policies[index]);
	struct err err = ERR_INIT;
	struct json *root = json_parse(bytes_of_text(text), &limits, &err);
	unsigned tried = 0;

	for (unsigned above = overall ? 0 : 1; above < 2; above++) {
		const struct json *rules =
			json_get(json_get(root, "authorization-rules"), above ? "detached-claims" : "overall-claims");

		for (size_t i = 0; i < json_count(rules); i++) {
			const struct json *rule = json_at(rules, i);
			char *name =
				xprintf("%.*s", (int)json_name(rules, i).size, (const char *)json_name(rules, i).data);

			for (size_t k = 0; json_type(rule) == JSON_OBJECT && k < json_count(rule); k++) {
				char *inner = xprintf("%.*s", (int)json_name(rule, k).size,
						      (const char *)json_name(rule, k).data);

				tried += refuses_altered(policy, overall, claims, !above, name, inner, nvidia);
				free(inner);
			}
			if (json_type(rule) != JSON_OBJECT)
				tried += refuses_altered(policy, overall, claims, !above, NULL, name, nvidia);
			free(name);
		}
	}
	json_free(root);
	free(text);
	return tried;
}

static void
test_samples_on_local_claims(void)
{
	static const unsigned tried[] = {12, 21, 12, 21};
	char *claims = local_claims();

	for (unsigned i = 0; i < 4; i++) {
		struct policy_file *policy = sample_policy(i);

		if (policy == NULL) {
			unit_skip(NO_SAMPLES);
			break;
		}
		CHECK(judge(policy, NULL, claims, false) == CODE_OK);
		CHECK_TEXT(last.text, "");
		CHECK(refuses_each(i, policy, NULL, claims, false) == tried[i]);
		policy_file_free(policy);
	}
	free(claims);
}

/* The same text, compact. */
static char *
compact(char *text)
{
	struct err err = ERR_INIT;
	struct json *root = text ? json_parse(bytes_of_text(text), &limits, &err) : NULL;
	struct json_out *out = json_out_new(false);

	free(text);
	json_out_value(out, root);
	json_free(root);
	return json_out_finish(out);
}

/* NVIDIA's claims 2.0 and 3.0, of the local and of the remote verifier: who issued them is judged too. */
static void
test_samples_on_nvidias_claims(void)
{
	static const struct {
		const char *overall, *detached;
		bool pass[4];
		unsigned tried[4];
	} row[] = {
		{"gpu_overall_claims_local", "gpu_detached_claims_local", {true, false, true, false}, {20, 0, 19, 0}},
		{"gpu_overall_claims_remote", "gpu_detached_claims_remote", {false, false, true, false}, {0, 0, 19, 0}},
		{"gpu_overall_granular_claims_local",
		 "gpu_detached_granular_claims_local",
		 {true, true, true, true},
		 {17, 26, 16, 25}},
		{"gpu_overall_granular_claims_remote",
		 "gpu_detached_granular_claims_remote",
		 {false, false, true, true},
		 {0, 0, 16, 25}},
	};

	for (size_t k = 0; k < sizeof(row) / sizeof(row[0]); k++) {
		char *overall = sample("claims", row[k].overall), *claims = sample("claims", row[k].detached);

		if (overall == NULL || claims == NULL) {
			unit_skip(NO_SAMPLES);
			free(overall);
			free(claims);
			return;
		}
		overall = compact(overall);
		claims = compact(claims);
		for (unsigned i = 0; i < 4; i++) {
			struct policy_file *policy = sample_policy(i);
			int code = judge(policy, overall, claims, true);

			printf("# %s on %s: %d %s\n", policies[i], row[k].detached, code, last.text);
			CHECK(code == (row[k].pass[i] ? CODE_OK : CODE_POLICY));
			if (row[k].pass[i])
				CHECK(refuses_each(i, policy, overall, claims, true) == row[k].tried[i]);
			policy_file_free(policy);
		}
		free(overall);
		free(claims);
	}
}

static char *
payload_of(const struct json *token)
{
	struct bytes text = json_bytes(token);
	struct err err = ERR_INIT;
	struct json_out *out = json_out_new(false);
	struct jws jws;

	CHECK(jws_parse((const char *)text.data, text.size, &jws, &err) == 0);
	json_out_value(out, jws.payload);
	jws_free(&jws);
	return json_out_finish(out);
}

static void
test_samples_on_a_genuine_remote_token(void)
{
	char *text = sample("claims", "hopperClaimsv3_detached_eat"), *overall, *claims;
	struct err err = ERR_INIT;
	struct json *eat;

	if (text == NULL) {
		unit_skip(NO_SAMPLES);
		return;
	}
	eat = json_parse(bytes_of_text(text), &limits, &err);
	overall = payload_of(json_at(json_at(eat, 0), 1));
	claims = payload_of(json_get(json_at(eat, 1), "GPU-0"));
	for (unsigned i = 0; i < 4; i++) {
		struct policy_file *policy = sample_policy(i);
		int code = judge(policy, overall, claims, true);

		CHECK(code == (i < 2 ? CODE_POLICY : CODE_OK));
		CHECK(i >= 2 || strstr(last.text, "overall-claims.iss: want \"LOCAL_GPU_VERIFIER\"") != NULL);
		CHECK(i < 2 || refuses_each(i, policy, overall, claims, true) == (i == 2 ? 16 : 25));
		policy_file_free(policy);
	}
	json_free(eat);
	free(overall);
	free(claims);
	free(text);
}

int
main(void)
{
	crypto_init();
	RUN(test_refused_files);
	RUN(test_refused_json);
	RUN(test_files);
	RUN(test_values);
	RUN(test_bounded_message);
	RUN(test_without_gpus);
	RUN(test_overall_of_the_run);
	RUN(test_not_applicable);
	RUN(test_derived);
	RUN(test_samples_on_local_claims);
	RUN(test_samples_on_nvidias_claims);
	RUN(test_samples_on_a_genuine_remote_token);
	return unit_end();
}
