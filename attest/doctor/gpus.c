/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/doctor/doctor.h"
#include "attest/run.h"
#include "lib/clock.h"
#include "lib/code.h"

/*
 * What a start would say now, by the same code: modes, evidence, appraisal, policy. Once with what is kept here alone;
 * and, where services may be asked, once more with nothing that is kept, so that each service has to answer.
 */

#define OFFLINE_MS 5000 /* a driver that hangs shall not hang a diagnosis */

/* Names of checks live as long as the findings: the steps' own do not. */
static const char *
check_name(const char *step)
{
	static char *names[256];
	static size_t count;

	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], step) == 0)
			return names[i];
	if (count == sizeof(names) / sizeof(*names))
		return "attestation";
	return names[count++] = xstrdup(step);
}

static const char *
gpu_prefix(const struct step *step)
{
	static char text[ATTESTER_NAME_SIZE + sizeof(": ")];
	char name[ATTESTER_NAME_SIZE];

	text[0] = '\0';
	if (step->attester.kind != ATTESTER_RUN)
		snprintf(text, sizeof(text), "%s: ", attester_name(step->attester, name));
	return text;
}

/* Collateral that is missing or does not hold: a run then asks the service. */
static bool
is_renewable(int code, enum code_class class)
{
	return code_class(code) == class && code != CODE_RIM_CONFLICT && code != CODE_OCSP_REVOKED &&
	       code != CODE_OCSP_HOLD && code != CODE_OCSP_UNKNOWN;
}

static bool
can_be_asked(const struct conf *conf, int code)
{
	if (is_renewable(code, CODE_CLASS_REVOCATION))
		return conf->ocsp_url[0] != '\0';
	return is_renewable(code, CODE_CLASS_MANIFEST) && conf->rim_url[0] != '\0' &&
	       conf->rim_store == RIM_STORE_REMOTE;
}

/* Who may not open the nodes cannot see the driver. */
static bool
is_for_root(const struct doctor *doctor, const struct step *step)
{
	return geteuid() != 0 && strcmp(step->name, "driver") == 0 && step->code == CODE_DRIVER_CALL &&
	       place_exists(doctor->root, "/dev/nvidiactl") && access("/dev/nvidiactl", R_OK | W_OK) != 0;
}

/* Nothing was compared because a manifest of that GPU has yet to come. */
static bool
waits_for_manifest(const struct doctor *doctor, const struct steps *steps, const struct step *step)
{
	for (const struct step *other = steps->list; other < step; other++)
		if (other->status == STEP_FAIL && attester_equal(other->attester, step->attester) &&
		    is_renewable(other->code, CODE_CLASS_MANIFEST) && can_be_asked(doctor->conf, other->code))
			return strcmp(step->name, "measurements") == 0;
	return false;
}

static void
add_failure(struct doctor *doctor, const struct steps *steps, const struct step *step)
{
	struct findings *findings = &doctor->findings;
	const char *name = check_name(step->name);

	if (is_for_root(doctor, step)) {
		finding_skip(findings, name, "the GPUs' nodes are not this user's to open: %s", step->detail);
		finding_action(findings, "sudo cgpu doctor");
	} else if (waits_for_manifest(doctor, steps, step)) {
		finding_skip(findings, name, "%s%s", gpu_prefix(step), step->detail);
	} else if (can_be_asked(doctor->conf, step->code)) {
		finding_warn(findings, name, step->code, "%s%s: the next start asks a service for it", gpu_prefix(step),
			     step->detail);
		finding_action(findings, doctor->online ? "cgpu collateral refresh" : "cgpu doctor --online");
	} else {
		finding_fail(findings, name, step->code, "%s%s", gpu_prefix(step), step->detail);
		finding_action_of_code(findings);
	}
}

/* The run's own steps one by one; a GPU's in one line, but for those that failed and the firmware id. */
static void
add_steps(struct doctor *doctor, const struct run *run)
{
	struct findings *findings = &doctor->findings;
	unsigned passed[GPU_MAX] = {0};

	for (size_t i = 0; i < run->steps.count; i++) {
		const struct step *step = &run->steps.list[i];

		if (step->status == STEP_FAIL)
			add_failure(doctor, &run->steps, step);
		else if (step->status == STEP_SKIPPED)
			finding_skip(findings, check_name(step->name), "%s%s", gpu_prefix(step), step->detail);
		else if (step->attester.kind == ATTESTER_RUN || strcmp(step->name, "firmware-id") == 0)
			finding_ok(findings, check_name(step->name), "%s%s", gpu_prefix(step), step->detail);
		if (step->status == STEP_OK && step->attester.kind == ATTESTER_GPU)
			passed[step->attester.index]++;
	}
	for (unsigned i = 0; i < run->gpus; i++)
		if (passed[i] > 0)
			finding_ok(findings, "evidence",
				   "GPU-%u: %s, PCI %s, VBIOS %s: %u steps of the appraisal passed", i,
				   run->identity[i].uuid, run->identity[i].pci, run->identity[i].vbios_version,
				   passed[i]);
}

static void
tell_end(struct doctor *doctor, const struct run *run)
{
	if (steps_code(&run->steps) == CODE_OK)
		finding_ok(&doctor->findings, "attestation", "a start would be let through now, with what is here");
	else
		finding_skip(&doctor->findings, "attestation",
			     "did not come to its end; `cgpu attest` tells every step");
}

static void
attest_gpus(const struct doctor *doctor, const struct conf *conf, enum run_look look, int64_t deadline, struct run *run)
{
	const struct run_request request = {
		.conf = conf,
		.policy = doctor->policy,
		.all = true,
		.look = look,
		.deadline = deadline,
	};

	run_attest(&request, run);
}

static bool
same_failure(const struct run *run, const struct step *step)
{
	for (size_t i = 0; i < run->steps.count; i++)
		if (run->steps.list[i].status == STEP_FAIL && run->steps.list[i].code == step->code &&
		    strcmp(run->steps.list[i].name, step->name) == 0)
			return true;
	return false;
}

/* Everything from services. What failed without them, too, was told. */
static void
ask_services(struct doctor *doctor, const struct run *offline)
{
	struct findings *findings = &doctor->findings;
	struct conf conf = *doctor->conf; /* borrowed */
	struct run run = {0};
	unsigned told = 0;

	if (conf.rim_url[0] != '\0' && conf.rim_store == RIM_STORE_REMOTE)
		conf.rim_dir = "";
	if (conf.ocsp_url[0] != '\0')
		conf.ocsp_dir = "";
	attest_gpus(doctor, &conf, RUN_LOOK_ANEW, clock_boot_ms() + conf.deadline * 1000, &run);
	for (size_t i = 0; i < run.steps.count; i++) {
		const struct step *step = &run.steps.list[i];

		if (step->status != STEP_FAIL ||
		    (same_failure(offline, step) && !is_renewable(step->code, CODE_CLASS_MANIFEST) &&
		     !is_renewable(step->code, CODE_CLASS_REVOCATION)))
			continue;
		finding_fail(findings, "services", step->code, "%s%s: %s", gpu_prefix(step), step->name, step->detail);
		finding_action_of_code(findings);
		told++;
	}
	if (steps_code(&run.steps) == CODE_OK)
		finding_ok(findings, "services", "%u requests: services gave all that an attestation needs",
			   run.requests);
	else if (told == 0)
		finding_skip(findings, "services", "not asked: there is no evidence to ask about");
	run_free(&run);
}

void
doctor_gpus(struct doctor *doctor)
{
	struct conf conf;
	struct run run = {0};
	int64_t limit;

	if (doctor->conf == NULL) {
		finding_skip(&doctor->findings, "attestation", "not tried without a configuration");
		return;
	}
	conf = *doctor->conf; /* borrowed */
	conf.rim_url = conf.ocsp_url = "";
	conf.verifier = VERIFIER_LOCAL;
	limit = conf.deadline * 1000 < OFFLINE_MS ? conf.deadline * 1000 : OFFLINE_MS;
	attest_gpus(doctor, &conf, RUN_LOOK, clock_boot_ms() + limit, &run);
	if (doctor->driver[0] == '\0')
		snprintf(doctor->driver, sizeof(doctor->driver), "%.31s", run.states.driver_version);
	add_steps(doctor, &run);
	tell_end(doctor, &run);
	if (doctor->online)
		ask_services(doctor, &run);
	else if (doctor->conf->rim_url[0] != '\0' || doctor->conf->ocsp_url[0] != '\0' ||
		 doctor->conf->verifier != VERIFIER_LOCAL)
		finding_skip(&doctor->findings, "services", "not asked; cgpu doctor --online does");
	run_free(&run);
}
