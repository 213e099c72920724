/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/doctor/doctor.h"
#include "config.h"
#include "lib/buf.h"
#include "lib/code.h"

/*
 * Who sets the ready state without having attested: some images do so when nvidia-persistenced starts (Azure's
 * onboarding package by a drop-in), others in rc.local. The state is then no sign that anybody verified the GPUs.
 */

#define PERSISTENCED "nvidia-persistenced.service"

/* In the order in which systemd looks: the first file of a name wins. */
static const char *const unit_folders[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"};

#define FOLDERS (sizeof(unit_folders) / sizeof(*unit_folders))

/* A command line as of nvidia-smi conf-compute -srs 1. */
static bool
sets_ready(const char *line, size_t size)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%.*s", (int)size, line);
	if (copy[strspn(copy, " \t")] == '#' || strstr(copy, "conf-compute") == NULL)
		return false;
	return strstr(copy, "-srs 1") != NULL || strstr(copy, "-srs=1") != NULL ||
	       strstr(copy, "--set-gpus-ready-state 1") != NULL || strstr(copy, "--set-gpus-ready-state=1") != NULL;
}

/* ExecStartPost= without a command takes back those that came before it. */
static bool
clears_list(const char *line, size_t size)
{
	static const char key[] = "ExecStartPost=";
	size_t length = strlen(key);

	return size >= length && memcmp(line, key, length) == 0 && strspn(line + length, " \t") >= size - length;
}

/*
 * The last word of a file on it: *opener is path where it sets the state, NULL where it takes that back, else
 * unchanged.
 */
static void
scan_file(const struct doctor *doctor, const char *path, char **opener)
{
	char *text = place_read(doctor->root, path, PLACE_SMALL);

	for (const char *line = text; line != NULL && *line != '\0';) {
		size_t size = strcspn(line, "\n");

		if (sets_ready(line, size) || clears_list(line, size)) {
			free(*opener);
			*opener = sets_ready(line, size) ? xstrdup(path) : NULL;
		}
		line += size + (line[size] == '\n');
	}
	free(text);
}

static bool
has_conf_ending(const char *name)
{
	size_t size = strlen(name);

	return size > 5 && strcmp(name + size - 5, ".conf") == 0;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Drop-ins count in the order of their names, wherever they are; of two with one name the one in the first folder. */
static void
scan_drop_ins(const struct doctor *doctor, char **opener)
{
	char *all[FOLDERS * PLACE_NAMES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < FOLDERS; i++) {
		char *folder = xprintf("%s/" PERSISTENCED ".d", unit_folders[i]);
		size_t names_count;
		char **names = place_names(doctor->root, folder, &names_count);

		for (size_t k = 0; k < names_count; k++)
			if (has_conf_ending(names[k]))
				all[count++] = xprintf("%s\n%zu%s/%s", names[k], i, folder,
						       names[k]); /* sorts by name, then folder */
		place_names_free(names, names_count);
		free(folder);
	}
	qsort(all, count, sizeof(*all), compare_texts);
	for (size_t i = 0; i < count; i++) {
		size_t name = strcspn(all[i], "\n");

		if (i == 0 || strncmp(all[i], all[i - 1], name + 1) != 0)
			scan_file(doctor, all[i] + name + 2, opener);
	}
	for (size_t i = 0; i < count; i++)
		free(all[i]);
}

static void
scan_persistenced(const struct doctor *doctor, char **opener)
{
	for (size_t i = 0; i < FOLDERS; i++) {
		char *path = xprintf("%s/" PERSISTENCED, unit_folders[i]);
		bool there = place_exists(doctor->root, path);

		if (there)
			scan_file(doctor, path, opener);
		free(path);
		if (there)
			break;
	}
	scan_drop_ins(doctor, opener);
}

/* What the administrator put there himself; vendors' other units would be too many to read. */
static void
scan_others(const struct doctor *doctor, char **opener)
{
	static const char *const scripts[] = {"/etc/rc.local", "/etc/rc.d/rc.local"};
	size_t count;
	char **names = place_names(doctor->root, unit_folders[0], &count);

	for (size_t i = 0; *opener == NULL && i < sizeof(scripts) / sizeof(*scripts); i++)
		scan_file(doctor, scripts[i], opener);
	for (size_t i = 0; *opener == NULL && i < count; i++) {
		size_t size = strlen(names[i]);
		char *path = xprintf("%s/%s", unit_folders[0], names[i]);

		if (size > 8 && strcmp(names[i] + size - 8, ".service") == 0 && strcmp(names[i], PERSISTENCED) != 0)
			scan_file(doctor, path, opener);
		free(path);
	}
	place_names_free(names, count);
}

void
doctor_ready_opener(struct doctor *doctor)
{
	struct findings *findings = &doctor->findings;
	char *opener = NULL;

	scan_persistenced(doctor, &opener);
	if (opener == NULL)
		scan_others(doctor, &opener);
	if (opener == NULL) {
		finding_ok(findings, "ready-opener",
			   "nothing that is known here sets the ready state without attestation");
		return;
	}
	finding_warn(findings, "ready-opener", 0, "%s sets the GPUs' ready state whether or not anybody attested them",
		     opener);
	if (strstr(opener, PERSISTENCED) != NULL)
		finding_action(findings, "install -D -m 644 " PATH_EXAMPLES
					 "/nvidia-persistenced.conf /etc/systemd/system/" PERSISTENCED
					 ".d/zz-cgpu.conf && systemctl daemon-reload && systemctl enable cgpu-ready");
	else
		finding_action(findings, "sed -i '/conf-compute/s/^/#/' %s", opener);
	free(opener);
}
