/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/output.h"

#define ASK_MS 3000
#define ANSWER_MAX 16384

/*
 * By engine, oldest first: from this version on it reads cdiVersion up to reads. podman 4.3 and docker 26 were tried;
 * the other rows follow the releases of container-device-interface that the engines were built with.
 */
static const struct {
	const char *name;
	unsigned from[2]; /* major and minor */
	const char *reads;
} reach[] = {
	{"podman", {4, 1}, "0.5.0"}, {"podman", {4, 6}, "0.6.0"},   {"podman", {5, 1}, "0.7.0"},
	{"podman", {5, 2}, "0.8.0"}, {"podman", {5, 5}, NULL},      {"crio", {1, 29}, "0.6.0"},
	{"crio", {1, 30}, NULL},     {"dockerd", {26, 0}, "0.7.0"}, {"dockerd", {27, 0}, NULL},
};

static const char *
find_reach(const char *name, const char *version)
{
	const char *reads = NULL;
	unsigned have[2];

	if (sscanf(version, "%9u.%9u", &have[0], &have[1]) != 2)
		return NULL;
	for (size_t i = 0; i < sizeof(reach) / sizeof(*reach); i++)
		if (strcmp(reach[i].name, name) == 0 &&
		    (have[0] > reach[i].from[0] || (have[0] == reach[i].from[0] && have[1] >= reach[i].from[1])))
			reads = reach[i].reads;
	return reads;
}

static void
add_engine(struct engines *out, const char *name, const char *version)
{
	struct engine *engine = &out->list[out->count++];

	snprintf(engine->name, sizeof(engine->name), "%s", name);
	snprintf(engine->version, sizeof(engine->version), "%s", version);
	engine->reads = find_reach(engine->name, engine->version);
}

int
engines_parse(const char *text, struct engines *out, struct err *err)
{
	*out = (struct engines){0};
	while (*text != '\0') {
		char name[32], version[48];
		int size = 0;

		if (sscanf(text, "%31[a-z]=%47[^,]%n", name, version, &size) != 2 || out->count == ENGINES_MAX)
			return err_set(err, CODE_USAGE, "--engines: want NAME=VERSION,..., have '%.64s'", text);
		add_engine(out, name, version);
		text += size;
		text += *text == ',';
	}
	return 0;
}

void
engines_ask(struct engines *out)
{
	static char *const names[] = {"podman", "crio", "dockerd", "containerd"};
	int64_t deadline = clock_boot_ms() + ASK_MS;

	*out = (struct engines){0};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *argv[] = {names[i], "--version", NULL}, *path = output_find_program("", names[i]),
		     version[48] = "";
		struct err unasked = ERR_INIT;
		struct output output;
		struct buf text = {0};

		if (path != NULL && output_start(path, argv, &output, &unasked) == 0 &&
		    output_read(&output, ANSWER_MAX, deadline, &text, &unasked) == 0 && text.size > 0)
			output_find_version((const char *)text.data, version, sizeof(version));
		if (version[0] != '\0')
			add_engine(out, names[i], version);
		buf_free(&text);
		free(path);
	}
}
