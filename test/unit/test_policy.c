/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "attest/policy/observe.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static const char claims_text[] = "{\"hwmodel\":\"GH100 A01 GSP BROM\",\"x-nvidia-gpu-driver-version\":\"570.90.07\","
				  "\"x-nvidia-gpu-vbios-version\":\"96.00.9F.00.0A\"}";

static void
configure(struct conf *conf, const char *text)
{
	struct err err = ERR_INIT;

	conf_defaults(conf);
	CHECK(conf_parse(conf, "cgpu.conf", bytes_of_text(text), &err) == 0);
}

static void
test_versions(void)
{
	CHECK(policy_version_compare("550.90.07", "550.90.7", 10) == 0);
	CHECK(policy_version_compare("550.90.07", "550.144.03", 10) < 0);
	CHECK(policy_version_compare("580", "550.144.03", 10) > 0);
	CHECK(policy_version_compare("550.90", "550.90.07", 10) < 0);
	CHECK(policy_version_compare("96.00.A5.00.01", "96.00.9F.00.01", 16) > 0);
	CHECK(policy_version_compare("97.00.00.00.00", "96.00.9F.00.01", 16) > 0);
}

/* Every rule names itself, what it wants and what was found. */
static void
test_rules(void)
{
	static const struct {
		const char *policy, *claims, *step, *detail;
		int code;
	} row[] = {
		{"min-driver-version = 570", claims_text, "policy-driver-version", "570.90.07, at least 570", 0},
		{"min-driver-version = 580", claims_text, "policy-driver-version",
		 "min-driver-version: x-nvidia-gpu-driver-version is 570.90.07, want at least 580",
		 CODE_DRIVER_VERSION},
		{"denied-driver-versions = 570.1, 550.90.07", claims_text, "policy-driver-version",
		 "570.90.07, not denied", 0},
		{"denied-driver-versions = 570.1, 570.90.07", claims_text, "policy-driver-version",
		 "denied-driver-versions: x-nvidia-gpu-driver-version is 570.90.07, want any but 570.90.07",
		 CODE_DRIVER_VERSION},
		{"denied-driver-versions = 570.90.7", claims_text, "policy-driver-version",
		 "denied-driver-versions: x-nvidia-gpu-driver-version is 570.90.07, want any but 570.90.7",
		 CODE_DRIVER_VERSION},
		{"min-driver-version = 570\ndenied-driver-versions = 570.90.07", claims_text, "policy-driver-version",
		 "denied-driver-versions: x-nvidia-gpu-driver-version is 570.90.07, want any but 570.90.07",
		 CODE_DRIVER_VERSION},
		{"denied-driver-versions = 1", "{}", "policy-driver-version",
		 "denied-driver-versions: x-nvidia-gpu-driver-version is not known", CODE_DRIVER_VERSION},
		{"min-driver-version = 1", "{}", "policy-driver-version",
		 "min-driver-version: x-nvidia-gpu-driver-version is not known", CODE_DRIVER_VERSION},
		{"denied-vbios-versions = 96.00.9F.00.0B", claims_text, "policy-vbios-version",
		 "96.00.9F.00.0A, not denied", 0},
		{"denied-vbios-versions = 96.00.9f.00.0a", claims_text, "policy-vbios-version",
		 "denied-vbios-versions: x-nvidia-gpu-vbios-version is 96.00.9F.00.0A, want any but 96.00.9f.00.0a",
		 CODE_VBIOS_VERSION},
		{"denied-vbios-versions = 96.x", "{\"x-nvidia-gpu-vbios-version\":\"96.X\"}", "policy-vbios-version",
		 "denied-vbios-versions: x-nvidia-gpu-vbios-version is 96.X, want any but 96.x", CODE_VBIOS_VERSION},
		{"min-vbios-version = 97", claims_text, "policy-vbios-version",
		 "min-vbios-version: x-nvidia-gpu-vbios-version is 96.00.9F.00.0A, want at least 97",
		 CODE_VBIOS_VERSION},
		{"hardware-models = GB100, GH100", claims_text, "policy-model",
		 "hardware-models: hwmodel is 'GH100 A01 GSP BROM', want one of 'GB100', 'GH100'", CODE_MODEL},
		{"hardware-models = GB100", "{}", "policy-model",
		 "hardware-models: hwmodel is 'not known', want 'GB100'", CODE_MODEL},
		{"gpu-count = 2", claims_text, "policy-gpu-count", "gpu-count: there are 1 GPUs, want 2",
		 CODE_GPU_COUNT},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *text = xprintf("[policy]\n%s\n", row[i].policy);
		struct err err = ERR_INIT;
		struct json *claims = json_read(bytes_of_text(row[i].claims), &json_limits_default, &err);
		struct steps steps = {0};
		struct conf conf;

		configure(&conf, text);
		CHECK(policy_judge(&conf, NULL, &claims, 1, &steps) == (row[i].code ? -1 : 0));
		CHECK(steps.count == 1);
		if (steps.count == 1) {
			CHECK_TEXT(steps.list[0].name, row[i].step);
			CHECK_TEXT(steps.list[0].detail, row[i].detail);
			CHECK(steps.list[0].code == row[i].code);
		}
		steps_free(&steps);
		json_free(claims);
		conf_free(&conf);
		free(text);
	}
}

static struct policy_file *
demand(const char *claim)
{
	char *text =
		xprintf("{\"version\":\"4.0\",\"authorization-rules\":{\"type\":\"JWT\",\"detached-claims\":{%s}}}",
			claim);
	struct err err = ERR_INIT;
	struct policy_file *file = policy_file_parse(bytes_of_text(text), "p", &err);

	CHECK(file != NULL);
	free(text);
	return file;
}

static void
test_file_besides(void)
{
	struct policy_file *good = demand("\"hwmodel\":\"GH100 A01 GSP BROM\""), *bad = demand("\"hwmodel\":\"GB100\"");
	struct err err = ERR_INIT;
	struct json *claims = json_read(bytes_of_text(claims_text), &json_limits_default, &err);
	struct steps steps = {0};
	struct conf conf;

	configure(&conf, "[policy]\nmin-driver-version = 580\n");
	CHECK(policy_judge(&conf, good, &claims, 1, &steps) == -1 && steps_code(&steps) == CODE_DRIVER_VERSION);
	steps_free(&steps);
	conf_free(&conf);
	configure(&conf, "");
	CHECK(policy_judge(&conf, good, &claims, 1, &steps) == 0);
	steps_free(&steps);
	CHECK(policy_judge(&conf, bad, &claims, 1, &steps) == -1 && steps_code(&steps) == CODE_POLICY);
	steps_free(&steps);
	conf_free(&conf);
	json_free(claims);
	policy_file_free(good);
	policy_file_free(bad);
}

static void
digest_text(const char *text, const struct policy_file *file, char out[65])
{
	struct conf conf;

	configure(&conf, text);
	policy_digest(&conf, file, out);
	conf_free(&conf);
}

static void
check_digest_of(const char *configuration, const char *lines)
{
	char have[65], want[65];
	uint8_t digest[SHA256_SIZE];

	digest_text(configuration, NULL, have);
	crypto_sha256(bytes_of_text(lines), digest);
	hex_encode(want, digest, sizeof(digest));
	CHECK_TEXT(have, want);
}

/* The lines are sorted, whatever the order of the file; a default that is written out is none. */
static void
test_digest_text(void)
{
	check_digest_of("", "");
	check_digest_of("[policy]\nmode = enforce\nocsp-max-age = 43200\n[trust]\ndevice-root =\n", "");
	check_digest_of("[trust]\nrim-root = /r\n[policy]\nhardware-models = B,A\n[network]\nproxy = http://p:1\n"
			"[exempt b]\nbundle-root = /b\nnamespace = n\n[exempt a]\nimage-id = i\n",
			"exempt a.image-id = i\nexempt b.bundle-root = /b\nexempt b.namespace = n\n"
			"policy.hardware-models = B, A\ntrust.rim-root = /r\n");
	check_digest_of("[driver]\ndriver-root =\n", "driver.driver-root = \n");
}

/* The digest changes with every byte of the policy file. */
static void
test_digest_file(void)
{
	struct policy_file *a = demand("\"a\":1"), *b = demand("\"a\":2");
	char none[65], with_a[65], with_b[65];

	digest_text("", NULL, none);
	digest_text("", a, with_a);
	digest_text("", b, with_b);
	CHECK(strcmp(none, with_a) != 0 && strcmp(with_a, with_b) != 0 && strcmp(none, with_b) != 0);
	policy_file_free(a);
	policy_file_free(b);
}

/* Every key there is, with a value other than the default, and whether it decides. */
static const struct {
	const char *section, *name, *value;
	bool decides;
} key_row[] = {
	{"driver", "nvml-library", "/other", true},
	{"driver", "driver-root", "/other", true},
	{"trust", "device-root", "/other", true},
	{"trust", "rim-root", "/other", true},
	{"collateral", "rim-dir", "/other", false},
	{"collateral", "ocsp-dir", "/other", false},
	{"collateral", "chain-dir", "/other", false},
	{"collateral", "rim-store", "dir", false},
	{"collateral", "rim-url", "https://other.example", false},
	{"collateral", "ocsp-url", "https://other.example", false},
	{"collateral", "ocsp-certid", "sha384", false},
	{"collateral", "cache-dir", "/other", false},
	{"collateral", "cache-size", "7", false},
	{"network", "ca-file", "/other", true},
	{"network", "proxy", "http://other.example:1", false},
	{"network", "connect-timeout", "7", false},
	{"network", "request-timeout", "7", false},
	{"network", "retries", "7", false},
	{"network", "service-key-file", "/other", false},
	{"network", "service-key-origins", "https://other.example", false},
	{"remote", "nras-url", "https://other.example", true},
	{"remote", "nras-issuer", "other", true},
	{"remote", "key-set-file", "/other", true},
	{"remote", "key-root", "/other", true},
	{"policy", "verifier", "remote", true},
	{"policy", "mode", "observe", true},
	{"policy", "observe-until", "2030-01-01", true},
	{"policy", "policy-file", "/other", false},
	{"policy", "privileged", "deny", true},
	{"policy", "shared-pid", "deny", true},
	{"policy", "before-driver", "allow", true},
	{"policy", "ready-state", "report", true},
	{"policy", "audit", "required", true},
	{"policy", "min-driver-version", "1.2", true},
	{"policy", "min-vbios-version", "1.2", true},
	{"policy", "denied-driver-versions", "1.2", true},
	{"policy", "denied-vbios-versions", "1.2", true},
	{"policy", "hardware-models", "1.2", true},
	{"policy", "gpu-count", "1", true},
	{"policy", "ocsp-max-age", "7", true},
	{"policy", "allow-ocsp-without-nonce", "2030-01-01", true},
	{"policy", "allow-certificate-hold", "2030-01-01", true},
	{"run", "deadline", "7", false},
	{"run", "token-lifetime", "61", false},
	{"run", "on-refresh-failure", "stop", true},
	{"run", "worker-user", "other", false},
};

#define KEY_ROWS (sizeof(key_row) / sizeof(key_row[0]))

/* A key that is not in the rows above fails here: whoever adds one says whether it decides. */
static void
test_digest_rows(void)
{
	struct buf want = {0}, have = {0};
	struct conf conf;
	char *text, *rest = NULL;

	conf_defaults(&conf);
	text = conf_text(&conf, false);
	conf_free(&conf);
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (line[0] != '[')
			buf_printf(&have, "%.*s\n", (int)strcspn(line, " "), line);
	for (size_t i = 0; i < KEY_ROWS; i++)
		buf_printf(&want, "%s\n", key_row[i].name);
	free(text);
	text = buf_steal_text(&have);
	rest = buf_steal_text(&want);
	CHECK_TEXT(text, rest);
	free(text);
	free(rest);
}

static void
test_digest_keys(void)
{
	static const char *const exemption[] = {"namespace = n", "image-id = i", "bundle-root = /b"};
	char plain[65], changed[65], *text;

	digest_text("", NULL, plain);
	for (size_t i = 0; i < KEY_ROWS; i++) {
		text = xprintf("[%s]\n%s = %s\n", key_row[i].section, key_row[i].name, key_row[i].value);
		digest_text(text, NULL, changed);
		CHECK((strcmp(plain, changed) != 0) == key_row[i].decides);
		free(text);
	}
	for (size_t i = 0; i < sizeof(exemption) / sizeof(exemption[0]); i++) {
		text = xprintf("[exempt a]\n%s\n", exemption[i]);
		digest_text(text, NULL, changed);
		CHECK(strcmp(plain, changed) != 0);
		free(text);
	}
}

static void
test_choice(void)
{
	struct policy_file *file = NULL;
	struct err err = ERR_INIT;
	struct conf conf;

	configure(&conf, "");
	CHECK(policy_choose(&conf, NULL, &file, &err) == 0 && file == NULL);
	CHECK(policy_choose(&conf, "/nowhere/policy.json", &file, &err) == -1 && err_code(&err) == CODE_USAGE &&
	      file == NULL);
	conf_free(&conf);
	configure(&conf, "[policy]\npolicy-file = /nowhere/policy.json\n");
	CHECK(policy_choose(&conf, NULL, &file, &err) == -1 && err_code(&err) == CODE_USAGE && file == NULL);
	conf_free(&conf);
}

/* -- mode = observe -- */

#define UNTIL 1893542400 /* 2030-01-02T00:00:00Z: the day of the date counts */

static void
test_observed_codes(void)
{
	struct conf conf;

	configure(&conf, "[policy]\nmode = observe\nobserve-until = 2030-01-01\n");
	for (int code = 0; code < 256; code++) {
		bool about_gpus = code >= 10 && code <= 94 && code != CODE_CLOCK;
		bool want = code_find(code) != NULL &&
			    (about_gpus || code == CODE_DEADLINE || code == CODE_WORKER);

		CHECK(observe_applies(&conf, UNTIL - 1, code) == want);
		CHECK(!observe_applies(&conf, UNTIL, code));
	}
	conf_free(&conf);
	configure(&conf, "[policy]\nobserve-until = 2030-01-01\n");
	CHECK(!observe_applies(&conf, UNTIL - 1, CODE_MEASUREMENT));
	conf_free(&conf);
}

static void
test_observed_texts(void)
{
	static const struct {
		int code;
		const char *want;
	} row[] = {
		{CODE_OK,
		 "until the end of 2030-01-01: the hook would not enforce a refusal, and token and log say so"},
		{CODE_MEASUREMENT,
		 "until the end of 2030-01-01: the hook starts the container all the same, without a token"},
		{CODE_USAGE, "until the end of 2030-01-01: this refusal is not covered, the hook enforces it"},
	};
	char *text = observe_env(CODE_MEASUREMENT);
	struct conf conf;

	CHECK_TEXT(text, "CGPU_ATTESTATION_RESULT=refused-observed\nCGPU_ATTESTATION_CODE=75\n"
			 "CGPU_ATTESTATION_NAME=measurement-mismatch\n");
	free(text);
	configure(&conf, "[policy]\nmode = observe\nobserve-until = 2030-01-01\n");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		text = observe_note(&conf, UNTIL - 1, row[i].code);
		CHECK_TEXT(text, row[i].want);
		free(text);
	}
	CHECK(observe_note(&conf, UNTIL, CODE_OK) == NULL);
	conf_free(&conf);
}

int
main(void)
{
	crypto_init();
	RUN(test_versions);
	RUN(test_rules);
	RUN(test_file_besides);
	RUN(test_digest_text);
	RUN(test_digest_file);
	RUN(test_digest_rows);
	RUN(test_digest_keys);
	RUN(test_choice);
	RUN(test_observed_codes);
	RUN(test_observed_texts);
	return unit_end();
}
