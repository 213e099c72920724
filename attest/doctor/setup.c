/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "attest/collateral/cache.h"
#include "attest/doctor/doctor.h"
#include "lib/output.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/log.h"

/* This installation: configuration, programs, the workers' user, places on disk. */

#define PROGRAM_MS 2000
#define DISK_LEAST (16u << 20)

const char *
doctor_reinstall(const struct doctor *doctor)
{
	if (place_exists(doctor->root, "/usr/bin/apt-get"))
		return "apt-get install --reinstall oci-cgpu-hook";
	if (place_exists(doctor->root, "/usr/bin/dnf"))
		return "dnf reinstall oci-cgpu-hook";
	return "make install";
}

/* -- configuration ----------------------------------------------------------------------------------------------- */
static void
check_loosening(struct doctor *doctor, const char *key, int64_t until, int64_t now)
{
	struct findings *findings = &doctor->findings;
	char text[32];

	if (until == 0)
		return;
	clock_format(until, text);
	if (until > now)
		finding_warn(findings, "loosening", 0, "%s is in force until %s, and every token says so", key, text);
	else
		finding_warn(findings, "loosening", 0, "%s ended at %s: it has no effect any more", key, text);
	finding_action(findings, "grep -r %s " PATH_SYSCONF, key);
}

static void
check_gate_mode(struct doctor *doctor, int64_t now)
{
	struct findings *findings = &doctor->findings;
	char text[32];

	if (doctor->conf->mode != MODE_OBSERVE)
		return;
	clock_format(doctor->conf->observe_until, text);
	if (conf_observes(doctor->conf, now))
		finding_warn(findings, "mode", 0, "mode = observe until %s: what would be refused is started", text);
	else
		finding_warn(findings, "mode", 0, "mode = observe ended at %s: the gate refuses", text);
	finding_action(findings, "grep -r observe " PATH_SYSCONF);
}

void
doctor_configuration(struct doctor *doctor, const struct err *refused)
{
	struct findings *findings = &doctor->findings;
	const struct conf *conf = doctor->conf;
	int64_t now = clock_wall();

	if (conf == NULL) {
		finding_fail(findings, "configuration", refused->code, "%s", refused->text);
		finding_action(findings, "cgpu config check");
		return;
	}
	finding_ok(findings, "configuration",
		   PATH_SYSCONF "/cgpu.conf and cgpu.conf.d: verifier %s, privileged %s, %u exemptions",
		   conf_verifier_name(conf),
		   conf->privileged == PRIVILEGED_GATE ? "gate"
		   : conf->privileged == PRIVILEGED_DENY ? "deny"
							 : "allow",
		   conf->exempts);
	if (conf_custom_anchor(conf)) {
		finding_warn(findings, "trust", 0,
			     "a root or the driver's library is not the default one, and every token says so");
		finding_action(findings, "cgpu config show | grep -e -root -e nvml-library -e key-");
	}
	check_gate_mode(doctor, now);
	check_loosening(doctor, "allow-ocsp-without-nonce", conf->allow_ocsp_without_nonce, now);
	check_loosening(doctor, "allow-certificate-hold", conf->allow_certificate_hold, now);
}

/* -- programs ---------------------------------------------------------------------------------------------------- */
static bool
check_program(struct doctor *doctor, const char *path, int code)
{
	struct findings *findings = &doctor->findings;
	struct stat status;

	if (!place_stat(doctor->root, path, &status)) {
		finding_fail(findings, "programs", code, "%s is missing", path);
		finding_action(findings, "%s", doctor_reinstall(doctor));
	} else if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0) {
		finding_fail(findings, "programs", CODE_WORKER, "%s is no program: mode %06o", path,
			     (unsigned)status.st_mode);
		finding_action(findings, "%s", doctor_reinstall(doctor));
	} else if (!fs_owner_trusted(status.st_uid) || (status.st_mode & 022) != 0) {
		finding_fail(findings, "programs", CODE_WORKER,
			     "%s can be changed by others than root: owner %u, mode %04o", path, status.st_uid,
			     (unsigned)status.st_mode & 07777);
		finding_action(findings, "chown root:root %s && chmod 755 %s", path, path);
	} else {
		return true;
	}
	return false;
}

/* The last word of the first line of PROGRAM --version. */
static bool
check_program_version(struct doctor *doctor, const char *path, char *name)
{
	char *full = place_path(doctor->root, path), *argv[] = {name, "--version", NULL}, *line;
	struct output output;
	struct buf text = {0};
	struct err err = ERR_INIT;
	const char *word;
	bool same = true;

	if (output_start(full, argv, &output, &err) == 0 &&
	    output_read(&output, 256, clock_boot_ms() + PROGRAM_MS, &text, &err) == 0) {
		buf_add_text(&text, "");
		line = buf_steal_text(&text);
		line[strcspn(line, "\n")] = '\0';
		word = strrchr(line, ' ');
		same = word != NULL && strcmp(word + 1, PROJECT_VERSION) == 0;
		if (!same) {
			finding_fail(&doctor->findings, "programs", CODE_WORKER, "%s says '%s', and this is version %s",
				     path, line, PROJECT_VERSION);
			finding_action(&doctor->findings, "%s", doctor_reinstall(doctor));
		}
		free(line);
	}
	buf_free(&text);
	free(full);
	return same;
}

static void
check_user(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	const char *name = doctor->conf->worker_user;
	char *path = place_path(doctor->root, "/etc/passwd");
	FILE *file = fopen(path, "re");
	struct passwd *entry = NULL;

	while (file != NULL && (entry = fgetpwent(file)) != NULL)
		if (strcmp(entry->pw_name, name) == 0)
			break;
	if (entry == NULL) {
		finding_fail(findings, "worker-user", CODE_WORKER, "user '%s' is not in /etc/passwd", name);
		finding_action(findings, "useradd --system --no-create-home --shell /usr/sbin/nologin %s", name);
	} else if (entry->pw_uid == 0 || entry->pw_gid == 0) {
		finding_fail(findings, "worker-user", CODE_WORKER, "user '%s' has uid %u, gid %u, want neither to be 0",
			     name, entry->pw_uid, entry->pw_gid);
		finding_action(findings, "grep -r worker-user " PATH_SYSCONF);
	} else {
		finding_ok(findings, "worker-user", "%s, uid %u", name, entry->pw_uid);
	}
	if (file != NULL)
		fclose(file);
	free(path);
}

void
doctor_programs(struct doctor *doctor)
{
	bool whole = check_program(doctor, PATH_HOOK, CODE_HOOKS_PROGRAM);

	whole = check_program(doctor, PATH_CGPU, CODE_WORKER) && whole;
	whole = check_program(doctor, PATH_WORKERS "/collect", CODE_WORKER) && whole;
	whole = check_program(doctor, PATH_WORKERS "/fetch", CODE_WORKER) && whole;
	whole = check_program(doctor, PATH_WORKERS "/appraise", CODE_WORKER) && whole;
	if (whole && check_program_version(doctor, PATH_HOOK, "cgpu-hook"))
		finding_ok(&doctor->findings, "programs", "version %s, %s and workers in " PATH_WORKERS,
			   PROJECT_VERSION, PATH_HOOK);
	if (doctor->conf != NULL)
		check_user(doctor);
}

/* -- disk -------------------------------------------------------------------------------------------------------- */

static const char absent[] = "is not there";

/* "": it is there, and has room. */
static const char *
place_fault(const char *root, const char *path)
{
	char *full = place_path(root, path);
	struct statvfs status;
	const char *fault = "";

	if (statvfs(full, &status) != 0)
		fault = absent;
	else if (status.f_flag & ST_RDONLY)
		fault = "is on a read-only file system";
	else if ((uint64_t)status.f_bavail * status.f_frsize < DISK_LEAST ||
		 (status.f_files > 0 && status.f_favail == 0))
		fault = "is on a file system without room";
	free(full);
	return fault;
}

static void
check_audit(struct doctor *doctor)
{
	bool required = doctor->conf != NULL && doctor->conf->audit == AUDIT_REQUIRED;
	char *directory = xstrdup(LOG_AUDIT_PATH);
	const char *fault;

	*strrchr(directory, '/') = '\0';
	fault = place_fault(doctor->root, directory);
	if (fault[0] == '\0') {
		finding_ok(&doctor->findings, "audit", "%s, %s", LOG_AUDIT_PATH, required ? "required" : "best effort");
	} else {
		finding_add(&doctor->findings, "audit", required ? FINDING_FAIL : FINDING_WARN, CODE_AUDIT, "%s %s: %s",
			    directory, fault,
			    required ? "every start is refused, for audit = required"
				     : "decisions stand in the journal alone");
		finding_action(&doctor->findings, "%s %s", fault == absent ? "install -d -m 755" : "df -h", directory);
	}
	free(directory);
}

static void
check_cache(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	struct cache cache;
	char *disk, *boot;

	cache_places(doctor->conf->cache_dir, false, &disk, &boot);
	cache_look(disk, boot, &cache);
	if (cache.fault.code != CODE_OK) {
		finding_warn(findings, "cache", CODE_COLLATERAL, "%s: services are asked at every start",
			     cache.fault.text);
		finding_action(findings, "ls -ld %s %s", disk ? disk : "", boot ? boot : "");
	} else if (disk != NULL && cache.disk >= 0 && place_fault("", disk)[0] != '\0') {
		finding_warn(findings, "cache", CODE_COLLATERAL, "%s %s: nothing new is kept", disk,
			     place_fault("", disk));
		finding_action(findings, "df -h %s", disk);
	} else {
		finding_ok(findings, "cache", "%s%s; %s%s", disk ? disk : "none on disk",
			   disk && cache.disk < 0 ? " (empty)" : "", boot ? boot : "none of this boot",
			   boot && cache.boot < 0 ? " (empty)" : "");
	}
	cache_close(&cache);
	free(disk);
	free(boot);
}

void
doctor_disk(struct doctor *doctor)
{
	if (doctor->conf != NULL)
		check_cache(doctor);
	check_audit(doctor);
}
