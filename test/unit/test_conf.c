/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/conf.h"
#include "attest/policy/exemption.h"

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static struct err last;

static int
parse(struct conf *conf, const char *text)
{
	last = (struct err)ERR_INIT;
	conf_defaults(conf);
	return conf_parse(conf, "cgpu.conf", bytes_of_text(text), &last);
}

static void
test_defaults_are_strict(void)
{
	struct conf conf;

	conf_defaults(&conf);
	CHECK(conf.privileged == PRIVILEGED_GATE && conf.ready == READY_REQUIRE && conf.shared_pid == SHARED_PID_ALLOW);
	CHECK(conf.allow_ocsp_without_nonce == 0 && conf.allow_certificate_hold == 0);
	CHECK_TEXT(conf.device_root, "");
	CHECK(conf.ocsp_max_age == 43200);
	CHECK(conf.mode == MODE_ENFORCE && conf.observe_until == 0 && conf.verifier == VERIFIER_LOCAL);
	CHECK_TEXT(conf.policy_file, "");
	CHECK(conf.denied_driver_versions.count == 0 && conf.denied_vbios_versions.count == 0);
	conf_free(&conf);
}

static void
test_values(void)
{
	struct conf conf;

	CHECK(parse(&conf,
		    "# comment\n[driver]\nnvml-library = /opt/x.so\n[policy]\nprivileged = deny\n"
		    "hardware-models = GH100 A01 GSP BROM, GB100 A01 GSP BROM\nallow-certificate-hold = 2026-12-31\n"
		    "[run]\ndeadline = 7\n") == 0);
	CHECK_TEXT(conf.nvml_library, "/opt/x.so");
	CHECK(conf.privileged == PRIVILEGED_DENY && conf.deadline == 7);
	CHECK(conf.hardware_models.count == 2);
	CHECK_TEXT(conf.hardware_models.item[1], "GB100 A01 GSP BROM");
	CHECK(conf.allow_certificate_hold == 1798761600); /* the whole day counts */
	conf_free(&conf);
}

/* An origin that is none would get no key, and the service would be blamed for its refusal. */
static void
test_addresses(void)
{
	struct conf conf;

	CHECK(parse(&conf, "[network]\nservice-key-origins = https://a.example, nras.example\n") != 0);
	CHECK(strstr(last.text, "'nras.example' is not of the form https://HOST[:PORT][/PATH]") != NULL);
	conf_free(&conf);
	CHECK(parse(&conf, "[network]\nservice-key-origins = http://a.example\n") != 0 && last.code == CODE_USAGE);
	conf_free(&conf);
	CHECK(parse(&conf, "[network]\nproxy = https://a.example:3128\n") != 0);
	CHECK(strstr(last.text, "is not of the form http://HOST:PORT") != NULL);
	conf_free(&conf);
	CHECK(parse(&conf, "[network]\nservice-key-origins = https://a.example\nproxy = http://a.example:3128\n") == 0);
	conf_free(&conf);
}

static bool
is_custom(const char *text)
{
	struct conf conf;
	bool custom;

	CHECK(parse(&conf, text) == 0);
	custom = conf_custom_anchor(&conf);
	conf_free(&conf);
	return custom;
}

/* Another remote verifier, or another reason to believe it, is another anchor; but only where it has a say. */
static void
test_custom_anchor(void)
{
	static const char *const remote[] = {"[network]\nca-file = /x\n", "[remote]\nnras-url = https://a.example\n",
					     "[remote]\nkey-set-file = /x\n"};
	static const char *const local[] = {"[trust]\ndevice-root = /x\n", "[trust]\nrim-root = /x\n",
					    "[driver]\nnvml-library = /x\n"};
	static const char *const say[] = {"[policy]\nverifier = remote\n", "[policy]\nverifier = both\n"};

	CHECK(!is_custom("") && !is_custom(say[0]) && !is_custom(say[1]));
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		CHECK(is_custom(local[i]) && !is_custom(remote[i]));
		for (size_t k = 0; k < sizeof(say) / sizeof(say[0]); k++) {
			char *text = xprintf("%s%s", remote[i], say[k]);

			CHECK(is_custom(text));
			free(text);
		}
	}
}

/* In force to the end of the day, and only with the mode. */
static void
test_observe(void)
{
	const int64_t end = 1798761600; /* 2027-01-01T00:00:00Z */
	struct conf conf;
	char *names;

	CHECK(parse(&conf, "[policy]\nmode = observe\nobserve-until = 2026-12-31\n") == 0);
	CHECK(conf.mode == MODE_OBSERVE && conf.observe_until == end);
	CHECK(conf_observes(&conf, end - 1) && !conf_observes(&conf, end));
	names = conf_loosenings(&conf, end - 1);
	CHECK_TEXT(names, "observe");
	free(names);
	names = conf_loosenings(&conf, end);
	CHECK_TEXT(names, "");
	free(names);
	conf_free(&conf);
	CHECK(parse(&conf, "[policy]\nobserve-until = 2026-12-31\nallow-certificate-hold = 2026-12-31\n") == 0);
	CHECK(!conf_observes(&conf, end - 1));
	names = conf_loosenings(&conf, end - 1);
	CHECK_TEXT(names, "allow-certificate-hold");
	free(names);
	conf_free(&conf);
}

/* Before the driver: exemptions come first, then the key; in observation nothing is refused. */
static void
test_before_driver(void)
{
	struct exemption_request request = {.bundle = "/run/containers/a", .before_driver = true};
	struct err err = ERR_INIT;
	struct conf conf;
	char *why = NULL, *loose;

	CHECK(parse(&conf, "[exempt driver]\nnamespace = gpu-operator\nbundle-root = /run/containers\n") == 0);
	CHECK(exemption_find(&conf, &request, &why, &err) == EXEMPTION_DENY && err_code(&err) == CODE_BEFORE_DRIVER);
	request.namespace = "gpu-operator";
	CHECK(exemption_find(&conf, &request, &why, &err) == EXEMPTION_ALLOW);
	free(why);
	request.namespace = NULL;
	request.observing = true;
	CHECK(exemption_find(&conf, &request, &why, &err) == EXEMPTION_ALLOW);
	free(why);
	request.observing = request.before_driver = false;
	CHECK(exemption_find(&conf, &request, &why, &err) == EXEMPTION_GATE);
	conf_free(&conf);
	CHECK(parse(&conf, "[policy]\nbefore-driver = allow\n") == 0);
	request.before_driver = true;
	CHECK(exemption_find(&conf, &request, &why, &err) == EXEMPTION_ALLOW);
	CHECK_TEXT(why, "exempt: before-driver = allow");
	free(why);
	loose = conf_loosenings(&conf, 0);
	CHECK_TEXT(loose, "before-driver");
	free(loose);
	conf_free(&conf);
}

static void
test_exempt(void)
{
	struct conf conf;

	CHECK(parse(&conf, "[exempt dcgm]\nnamespace = gpu-operator\nbundle-root = /run/containers\n") == 0);
	CHECK(conf.exempts == 1);
	CHECK_TEXT(conf.exempt[0].name, "dcgm");
	CHECK_TEXT(conf.exempt[0].namespace, "gpu-operator");
	conf_free(&conf);
	CHECK(parse(&conf, "[exempt dcgm]\nnamespace =\n") == -1);
	conf_free(&conf);
	CHECK(parse(&conf, "[exempt dcgm]\nuser = root\n") == -1);
	conf_free(&conf);
}

static void
test_refusals(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"[policy]\nprivilegd = deny\n",
		 "cgpu.conf:2: unknown key 'privilegd' in [policy]; the nearest known one is 'privileged' in [policy]"},
		{"[polcy]\nprivileged = deny\n",
		 "cgpu.conf:2: unknown key 'privileged' in [polcy]; the nearest known one is 'privileged' in [policy]"},
		{"\n\n[policy]\nprivileged = maybe\n", "cgpu.conf:4: privileged: 'maybe' is none of gate, deny, allow"},
		{"[run]\ndeadline = 0\n", "cgpu.conf:2: deadline: '0' is not a whole number from 1 to 600"},
		{"[run]\ndeadline = 5s\n", "cgpu.conf:2: deadline: '5s' is not a whole number from 1 to 600"},
		{"[run]\ndeadline = 5\ndeadline = 6\n", "cgpu.conf:3: key 'deadline' twice"},
		{"[driver]\ndriver-root = host\n", "cgpu.conf:2: driver-root: 'host' is not an absolute path"},
		{"[policy]\nallow-certificate-hold = forever\n",
		 "cgpu.conf:2: allow-certificate-hold: 'forever' is not a date, want YYYY-MM-DD"},
		{"[policy]\nallow-certificate-hold = 2026-02-30\n",
		 "cgpu.conf:2: allow-certificate-hold: '2026-02-30' is not a date, want YYYY-MM-DD"},
		{"[policy]\nmin-driver-version = 550-1\n",
		 "cgpu.conf:2: min-driver-version: '550-1' is not a version of numbers and dots"},
		{"[policy]\nmode = watch\n", "cgpu.conf:2: mode: 'watch' is none of enforce, observe"},
		{"[policy]\nobserve-until = tomorrow\n",
		 "cgpu.conf:2: observe-until: 'tomorrow' is not a date, want YYYY-MM-DD"},
		{"[policy]\npolicy-file = policy.json\n",
		 "cgpu.conf:2: policy-file: 'policy.json' is not an absolute path"},
		{"no equals sign\n", "cgpu.conf:1: no section, or no 'key = value'"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct conf conf;

		CHECK(parse(&conf, row[i].text) == -1);
		CHECK(err_code(&last) == CODE_USAGE);
		CHECK_TEXT(last.text, row[i].want);
		conf_free(&conf);
	}
}

static void
test_long_lines_and_nul(void)
{
	struct conf conf;
	char text[400];

	memset(text, 'a', sizeof(text));
	text[399] = '\0';
	CHECK(parse(&conf, text) == -1 && err_code(&last) == CODE_USAGE);
	conf_free(&conf);
	conf_defaults(&conf);
	CHECK(conf_parse(&conf, "x", bytes_of("[run]\n\0[run]\n", 13), &last) == -1);
	conf_free(&conf);
}

static void
test_show_reads_back(void)
{
	struct conf conf, again;
	char *text, *second;

	CHECK(parse(&conf, "[policy]\nmin-vbios-version = 96.00.9F\nallow-ocsp-without-nonce = 2027-01-01\n"
			   "mode = observe\nobserve-until = 2027-02-03\npolicy-file = /etc/p.json\n"
			   "denied-driver-versions = 550.1, 560.2\ndenied-vbios-versions = 96.00.9f.00.01\n"
			   "[exempt a]\nnamespace = n\nimage-id = sha256:1\nbundle-root = /run\n") == 0);
	text = conf_text(&conf, false);
	CHECK(parse(&again, text) == 0);
	second = conf_text(&again, false);
	CHECK_TEXT(second, text);
	free(text);
	free(second);
	conf_free(&conf);
	conf_free(&again);
}

/* The line of each value, whatever lines stand between, and that of the later file. */
static void
test_origins(void)
{
	struct conf conf;
	char *text;

	CHECK(parse(&conf,
		    "\xef\xbb\xbf[policy]\r\n\n; a comment\n   \nready-state = report\ngpu-count=2\n"
		    "[exempt a]\nnamespace = n\nimage-id = sha256:1\nbundle-root = /run\n[run]\ndeadline = 7") == 0);
	CHECK(conf_parse(&conf, "second.conf", bytes_of_text("\n[policy]\ngpu-count = 4\n"), &last) == 0);
	text = conf_text(&conf, true);
	CHECK(strstr(text, "\nready-state = report  # cgpu.conf:5\n") != NULL);
	CHECK(strstr(text, "\ngpu-count = 4  # second.conf:3\n") != NULL);
	CHECK(strstr(text, "\ndeadline = 7  # cgpu.conf:12\n") != NULL);
	CHECK(strstr(text, "\naudit = best-effort  # default\n") != NULL);
	CHECK(strstr(text, "\npolicy-file =  # default\n") != NULL);
	CHECK(strstr(text, "\n[exempt a]  # cgpu.conf:10\n") != NULL);
	free(text);
	conf_free(&conf);
	CHECK(parse(&conf, "[policy]\n\ngpu-count = many\n") != 0 &&
	      strncmp(last.text, "cgpu.conf:3: gpu-count: ", 24) == 0);
	conf_free(&conf);
}

int
main(void)
{
	RUN(test_defaults_are_strict);
	RUN(test_values);
	RUN(test_addresses);
	RUN(test_custom_anchor);
	RUN(test_observe);
	RUN(test_exempt);
	RUN(test_before_driver);
	RUN(test_refusals);
	RUN(test_long_lines_and_nul);
	RUN(test_show_reads_back);
	RUN(test_origins);
	return unit_end();
}
