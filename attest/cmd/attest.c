/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/facts.h"
#include "attest/cmd/live.h"
#include "attest/cmd/progress.h"
#include "attest/cmd/refresh.h"
#include "attest/cmd/report.h"
#include "attest/cmd/sources.h"
#include "attest/policy/exemption.h"
#include "attest/policy/mode.h"
#include "attest/policy/observe.h"
#include "attest/policy/policy.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/provider.h"
#include "lib/sandbox.h"

#define CONFIG_MAX (16 << 20)
#define CHALLENGE_MAX 4096
#define REPLY_MS 600000 /* the hook has the deadline; this only bounds a write nobody reads */

static const struct option_entry table[] = {
	{"gpus", "all|N,N...", "minors of /dev/nvidiaN to attest (default all)"},
	{"container-id", "ID", "container that the nonce is bound to"},
	{"image-id", "ID", "image that the nonce is bound to"},
	{"config-file", "FILE", "config.json that the nonce is bound to"},
	{"config-digest", "HEX", "its SHA-256 instead of the file"},
	{"challenge", "TEXT", "challenge of the relying party, part of the nonce"},
	{"output-dir", "DIR", "new directory for the five files that a container would get"},
	{"policy", "FILE", "NVIDIA's JSON policy to fulfil, instead of the one of cgpu.conf"},
	SOURCE_OPTIONS,
	{"refresh", "ID|PID|all|due",
	 "new token for a container that runs, for all, or for those past half of their token's life"},
	{"format", "text|json", "output form (default text)"},
	{"hook", NULL, "called by cgpu-hook: the answer goes to --reply-fd as frames"},
	{"reply-fd", "N", "with --hook: descriptor for the answer"},
	{"echo", "HEX", "with --hook: 64 hex digits that the answer repeats"},
	{"namespace", "NAME", "with --hook: Kubernetes namespace of the container"},
	{"bundle", "DIR", "with --hook: bundle of the container"},
	{"privileged", NULL, "with --hook: the GPUs are reached by privileged access"},
	{"shared-pid", NULL, "with --hook: the container joins a PID namespace of others"},
	{"before-driver", NULL, "with --hook: the driver of the GPUs has not registered yet"},
	{"running", NULL, "with --hook: the container has a token and runs"},
	{NULL, NULL, NULL},
};

struct reply {
	int fd;
	uint8_t echo[32];
	int64_t deadline;
};

/* Of the file, or as it is given: digest has room for it. */
static int
read_digest(const struct options *options, uint8_t digest[SHA256_SIZE], struct bytes *out, struct err *err)
{
	const char *text = options_get(options, "config-digest");
	struct buf config = {0};
	int rc;

	if (text != NULL && options_given(options, "config-file"))
		return err_set(err, CODE_USAGE, "--config-digest and --config-file are one too many");
	if (text != NULL && !hex_decode(digest, SHA256_SIZE, text, strlen(text)))
		return err_set(err, CODE_USAGE, "--config-digest: '%s' is not 64 hex digits", text);
	rc = options_file(options, "config-file", CONFIG_MAX, &config, err);
	if (config.data != NULL)
		crypto_sha256(buf_bytes(&config), digest);
	if (text != NULL || config.data != NULL)
		*out = bytes_of(digest, SHA256_SIZE);
	buf_free(&config);
	return rc;
}

static int
read_request(const struct options *options, struct run_request *request, uint8_t digest[SHA256_SIZE], struct err *err)
{
	const char *challenge = options_get(options, "challenge");

	if (challenge != NULL && strlen(challenge) > CHALLENGE_MAX)
		return err_set(err, CODE_USAGE, "--challenge: more than %d bytes", CHALLENGE_MAX);
	if (live_gpus(options, request, err) != 0 || read_digest(options, digest, &request->config_digest, err) != 0)
		return -1;
	request->container_id = options_get(options, "container-id");
	request->image_id = options_get(options, "image-id");
	if (challenge != NULL)
		request->challenge = bytes_of_text(challenge);
	return 0;
}

/* Half a result could be taken for a whole one. */
static void
remove_files(const char *directory, const struct result *result)
{
	for (unsigned i = 0; i < result->files; i++) {
		char *path = xprintf("%s/%s", directory, result->file[i].name);

		unlink(path);
		free(path);
	}
	rmdir(directory);
}

static int
write_files(const char *directory, const struct result *result, struct err *err)
{
	if (mkdir(directory, 0755) != 0)
		return err_set(err, CODE_USAGE, "--output-dir: %s: %s", directory, err_errno(errno));
	for (unsigned i = 0; i < result->files; i++) {
		char *path = xprintf("%s/%s", directory, result->file[i].name);
		int rc = fs_write_atomic(path, bytes_of_text(result->file[i].content), 0444, err);

		free(path);
		if (rc != 0) {
			remove_files(directory, result);
			return err_wrap(err, CODE_USAGE, "--output-dir");
		}
	}
	return 0;
}

/* A step, so that text and JSON both have it. */
static void
tell_mode(const struct conf *conf, struct run *run)
{
	char *note = observe_note(conf, run->at, steps_code(&run->steps));

	if (note != NULL)
		steps_skip(&run->steps, attester_run, "mode-observe", "%s", note);
	free(note);
}

static int
by_hand(const struct options *options, const struct run_request *request, struct err *err)
{
	const char *directory = options_get(options, "output-dir"), *eat;
	struct json *detached = NULL;
	struct run run = {0};
	struct report report;
	bool json;
	int code;

	if (options_format(options, &json, err) != 0)
		return err_code(err);
	code = run_attest(request, &run);
	live_count(&run);
	progress_end();
	tell_mode(request->conf, &run);
	if (code == CODE_OK && directory != NULL && write_files(directory, &run.result, err) != 0) {
		run_free(&run);
		return err_code(err);
	}
	eat = result_content(&run.result, "detached-eat.json");
	if (eat != NULL)
		detached = json_parse(bytes_of_text(eat), &(struct json_limits){1 << 22, 1 << 20, 8, 4096},
				      &(struct err)ERR_INIT);
	report = (struct report){&run.steps, run.claims, run.gpus, detached};
	code = report_print(&report, json);
	json_free(detached);
	run_free(&run);
	return code;
}

static int
reply_begin(const struct reply *reply, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_field(&payload, bytes_of(NULL, 0));
	rc = frame_write(reply->fd, reply->deadline, FRAME_HELLO, buf_bytes(&payload), err);
	buf_free(&payload);
	return rc;
}

static int
reply_file(const struct reply *reply, const char *name, const char *content, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_text(&payload, name);
	frame_put_text(&payload, content);
	rc = frame_write(reply->fd, reply->deadline, FRAME_FILE, buf_bytes(&payload), err);
	buf_free(&payload);
	return rc;
}

/* What the audit line shall say; run is NULL where nothing was run. */
static int
reply_facts(const struct reply *reply, const struct run_request *request, const struct run *run, uint32_t flags,
	    struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, (request->conf->audit == AUDIT_REQUIRED ? FRAME_FACT_AUDIT : 0) | flags);
	facts_put(&payload, request, run);
	if ((flags & FRAME_FACT_OBSERVE) != 0)
		facts_put_observed(&payload, steps_code(&run->steps));
	rc = frame_write(reply->fd, reply->deadline, FRAME_FACTS, buf_bytes(&payload), err);
	buf_free(&payload);
	return rc;
}

static int
reply_verdict(const struct reply *reply, int code, const char *text, struct err *err)
{
	struct buf payload = {0};
	int rc;

	frame_put_u32(&payload, (uint32_t)code);
	frame_put_field(&payload, bytes_of(reply->echo, sizeof(reply->echo)));
	frame_put_text(&payload, text);
	rc = frame_write(reply->fd, reply->deadline, FRAME_VERDICT, buf_bytes(&payload), err);
	buf_free(&payload);
	return rc;
}

/* The files of a pass, the one of a refusal that is only observed, or none. */
static int
reply_files(const struct reply *reply, const struct run *run, bool observed, struct err *err)
{
	int code = steps_code(&run->steps), rc = 0;
	char *env;

	for (unsigned i = 0; rc == 0 && code == CODE_OK && i < run->result.files; i++)
		rc = reply_file(reply, run->result.file[i].name, run->result.file[i].content, err);
	if (!observed)
		return rc;
	env = observe_env(code);
	rc = reply_file(reply, "attestation.env", env, err);
	free(env);
	return rc;
}

static char *
verdict_text(const struct run *run, bool observed)
{
	const struct step *failed = steps_first_failure(&run->steps);
	const char *prefix = observed ? "mode = observe, started although refused: " : "";
	char name[ATTESTER_NAME_SIZE];

	if (failed == NULL)
		return xprintf("%s%s", prefix, steps_code(&run->steps) == CODE_OK ? "attested" : "no verdict");
	if (failed->attester.kind == ATTESTER_RUN)
		return xprintf("%s%s: %s", prefix, failed->name, failed->detail);
	return xprintf("%s%s: %s: %s", prefix, attester_name(failed->attester, name), failed->name, failed->detail);
}

static int
reply_run(const struct reply *reply, const struct run_request *request, const struct run *run, bool running,
	  struct err *err)
{
	int code = steps_code(&run->steps);
	bool observed = !running && observe_applies(request->conf, run->at, code);
	char *text;
	int rc;

	if (reply_files(reply, run, observed, err) != 0)
		return -1;
	text = verdict_text(run, observed);
	rc = reply_facts(reply, request, run, observed ? FRAME_FACT_OBSERVE : 0, err);
	if (rc == 0)
		rc = reply_verdict(reply, observed ? CODE_OK : code, text, err);
	free(text);
	return rc;
}

static int
read_reply_options(const struct options *options, struct reply *reply, struct err *err)
{
	const char *fd = options_get(options, "reply-fd"), *echo = options_get(options, "echo");
	char *end;

	if (fd == NULL || echo == NULL || !hex_decode(reply->echo, sizeof(reply->echo), echo, strlen(echo)))
		return err_set(err, CODE_USAGE, "--hook needs --reply-fd and --echo with 64 hex digits");
	reply->fd = (int)strtol(fd, &end, 10);
	if (*end != '\0' || reply->fd <= STDERR_FILENO)
		return err_set(err, CODE_USAGE, "--reply-fd: '%s' is no descriptor above 2", fd);
	return 0;
}

/* What the policy says before anything is attested: err says why for EXEMPTION_DENY. */
static enum exemption
judge_container(const struct run_request *request, const struct exemption_request *container, char **why,
		struct err *err)
{
	enum exemption exemption = exemption_find(request->conf, container, why, err);

	if (exemption != EXEMPTION_GATE || !request->shared_pid || request->conf->shared_pid == SHARED_PID_ALLOW)
		return exemption;
	err_set(err, CODE_SHARED_PID,
		"the container joins a PID namespace of other processes, and the configuration says "
		"shared-pid = deny");
	return EXEMPTION_DENY;
}

static int
for_hook(const struct options *options, const struct run_request *request, const struct reply *reply, struct err *err)
{
	const struct exemption_request container = {
		.namespace = options_get(options, "namespace"),
		.image_id = request->image_id,
		.bundle = options_get(options, "bundle"),
		.privileged = options_given(options, "privileged"),
		.before_driver = options_given(options, "before-driver"),
		.observing = conf_observes(request->conf, clock_wall()),
	};
	bool running = options_given(options, "running");
	enum exemption exemption;
	struct run run = {0};
	char *why = NULL;
	int rc;

	exemption = judge_container(request, &container, &why, err);
	switch (exemption == EXEMPTION_ALLOW && running ? EXEMPTION_GATE : exemption) {
	case EXEMPTION_GATE:
		run_attest(request, &run);
		live_count(&run);
		rc = reply_run(reply, request, &run, running, err);
		break;
	case EXEMPTION_ALLOW:
		rc = reply_facts(reply, request, NULL, FRAME_FACT_EXEMPT, err);
		if (rc == 0)
			rc = reply_verdict(reply, CODE_OK, why, err);
		break;
	default:
		rc = reply_facts(reply, request, NULL, 0, &(struct err)ERR_INIT);
		if (rc == 0)
			rc = reply_verdict(reply, err_code(err), err->text, err);
	}
	free(why);
	run_free(&run);
	return rc == 0 ? CODE_OK : CODE_WORKER;
}

/* A command line or configuration that cannot be used is a verdict too: the hook shall tell it. */
static int
reply_refusal(const struct reply *reply, const struct conf *conf, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct conf defaults;
	struct run_request request = {.conf = conf->driver_root != NULL ? conf : &defaults};
	int rc;

	conf_defaults(&defaults);
	rc = reply_facts(reply, &request, NULL, 0, &ignored);
	conf_free(&defaults);
	return rc == 0 && reply_verdict(reply, err_code(err), err->text, &ignored) == 0 ? CODE_OK : err_code(err);
}

static int
prepare(const struct options *options, struct conf *conf, uint8_t digest[SHA256_SIZE], struct policy_file **policy,
	struct run_request *request, struct err *err)
{
	if (options_operands(options, 0, 0, err) != 0 || conf_load(conf, err) != 0 ||
	    sources_apply(options, conf, err) != 0 || read_request(options, request, digest, err) != 0 ||
	    policy_choose(conf, options_get(options, "policy"), policy, err) != 0)
		return -1;
	request->conf = conf;
	request->policy = *policy;
	request->shared_pid = options_given(options, "shared-pid");
	request->by_hook = options_given(options, "hook");
	request->progress = request->by_hook ? NULL : progress_begin();
	request->deadline = live_deadline(conf);
	return 0;
}

static int
run(const struct options *options, struct err *err)
{
	bool hook = options_given(options, "hook");
	struct reply reply = {.deadline = clock_boot_ms() + REPLY_MS};
	struct policy_file *policy = NULL;
	struct run_request request = {0};
	uint8_t digest[SHA256_SIZE];
	struct conf conf = {0};
	int code;

	if (options_given(options, "refresh"))
		return refresh_containers(options, err);
	if (provider_init(err) < 0)
		return err_code(err);
	if (hook && (read_reply_options(options, &reply, err) != 0 || reply_begin(&reply, err) != 0))
		return err_code(err);
	if (prepare(options, &conf, digest, &policy, &request, err) == 0)
		code = hook ? for_hook(options, &request, &reply, err) : by_hand(options, &request, err);
	else
		code = hook ? reply_refusal(&reply, &conf, err) : err_code(err);
	policy_file_free(policy);
	conf_free(&conf);
	return code;
}

const struct command command_attest = {"attest", "", "Attest the GPUs of this machine, as the hook does", table, run};
