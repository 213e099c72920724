/* SPDX-License-Identifier: Apache-2.0 */
#include "test/emulator/node.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

enum type { TEXT, NUMBER, HASH };

struct key {
	const char *name;
	enum type type;
	size_t offset;
};

#define FIELD(name, type, member) {name, type, offsetof(struct node, member)}
static const struct key machine_keys[] = {
	FIELD("driver", TEXT, driver),
	FIELD("cpu-caps", NUMBER, cpu_caps),
	FIELD("gpu-caps", NUMBER, gpu_caps),
	FIELD("environment", NUMBER, environment),
	FIELD("cc-feature", NUMBER, cc_feature),
	FIELD("devtools", NUMBER, devtools),
	FIELD("multi-gpu", NUMBER, multi_gpu),
	FIELD("ready", NUMBER, ready),
	FIELD("ready-terminal", NUMBER, ready_terminal),
	FIELD("ready-node", TEXT, ready_node),
	FIELD("gpus", NUMBER, gpus),
	{NULL, TEXT, 0},
};
#undef FIELD

#define FIELD(name, type, member) {name, type, offsetof(struct node_gpu, member)}
static const struct key gpu_keys[] = {
	FIELD("uuid", TEXT, uuid),
	FIELD("pci", TEXT, pci),
	FIELD("minor", NUMBER, minor),
	FIELD("architecture", NUMBER, architecture),
	FIELD("persistence", NUMBER, persistence),
	FIELD("vbios", TEXT, vbios),
	FIELD("report-vbios", TEXT, report_vbios),
	FIELD("report-driver", TEXT, report_driver),
	FIELD("chip", TEXT, chip),
	FIELD("chip-sku", TEXT, chip_sku),
	FIELD("project", TEXT, project),
	FIELD("project-sku", TEXT, project_sku),
	FIELD("board-id", NUMBER, board_id),
	FIELD("nvdec", NUMBER, nvdec),
	FIELD("protected-pcie", NUMBER, protected_pcie),
	FIELD("fwid", HASH, fwid),
	FIELD("key", TEXT, key),
	FIELD("chain", TEXT, chain),
	FIELD("report-size", NUMBER, report_size),
	FIELD("chain-size", NUMBER, chain_size),
	FIELD("evidence-of", NUMBER, evidence_of),
	{NULL, TEXT, 0},
};
#undef FIELD

static const char *const action_names[] = {"return", "wait", "hang", "abort", "exit", "fork", "exec", "print", "set"};

static bool
to_number(const char *text, uint32_t *out)
{
	char *end;
	unsigned long long value;

	if (text == NULL)
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || value > UINT32_MAX)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool
to_text(const char *text, char *out)
{
	if (text == NULL || strlen(text) >= NODE_TEXT)
		return false;
	strcpy(out, text);
	return true;
}

static bool
set_key(const struct key *keys, void *object, const char *name, const char *value)
{
	const struct key *key = keys;
	char *field;

	while (key->name != NULL && strcmp(key->name, name) != 0)
		key++;
	if (key->name == NULL)
		return false;
	field = (char *)object + key->offset;
	switch (key->type) {
	case TEXT:
		return to_text(value, field);
	case NUMBER:
		return to_number(value, (uint32_t *)(void *)field);
	case HASH:
		return value != NULL && hex_decode(field, NODE_HASH_SIZE, value, strlen(value));
	}
	return false;
}

static bool
set_measurement(struct node_gpu *gpu, char **rest)
{
	const char *value;
	uint32_t index;

	if (!to_number(strsep(rest, " "), &index) || index >= NODE_BLOCKS)
		return false;
	value = strsep(rest, " ");
	return value != NULL && hex_decode(gpu->measurement[index], NODE_HASH_SIZE, value, strlen(value));
}

static bool
set_nonce(struct node_gpu *gpu, char **rest)
{
	const char *value = strsep(rest, " ");

	gpu->nonce_fixed = true;
	return value != NULL && hex_decode(gpu->nonce, sizeof(gpu->nonce), value, strlen(value));
}

static bool
gpu_line(struct node *node, char **rest)
{
	uint32_t number;
	const char *name;

	if (!to_number(strsep(rest, " "), &number) || number >= NODE_GPUS_MAX)
		return false;
	name = strsep(rest, " ");
	if (name == NULL)
		return false;
	if (strcmp(name, "measurement") == 0)
		return set_measurement(&node->gpu[number], rest);
	if (strcmp(name, "nonce") == 0)
		return set_nonce(&node->gpu[number], rest);
	return set_key(gpu_keys, &node->gpu[number], name, strsep(rest, " "));
}

static bool
order_line(struct node *node, char **rest)
{
	for (unsigned i = 0; i < node->gpus; i++) {
		if (!to_number(strsep(rest, " "), &node->order[i]) || node->order[i] >= NODE_GPUS_MAX)
			return false;
	}
	return true;
}

static bool
fault_action(struct node_fault *fault, const char *name, char *rest)
{
	size_t action = 0, count = sizeof(action_names) / sizeof(action_names[0]);
	uint32_t value;

	while (action < count && (name == NULL || strcmp(action_names[action], name) != 0))
		action++;
	if (action == count)
		return false;
	fault->action = (enum node_action)action;
	if (fault->action == NODE_RETURN || fault->action == NODE_WAIT) {
		if (!to_number(rest, &value))
			return false;
		fault->value = (int)value;
	}
	if (fault->action == NODE_SET) {
		if (rest == NULL || strlen(rest) >= sizeof(fault->line))
			return false;
		strcpy(fault->line, rest);
	}
	return true;
}

static bool
fault_line(struct node *node, char **rest)
{
	struct node_fault *fault = &node->fault[node->faults];
	char *call = strsep(rest, " "), *number;
	uint32_t from = 1;
	const char *action;

	if (node->faults == NODE_FAULTS_MAX || call == NULL)
		return false;
	number = strchr(call, '#');
	if (number != NULL) {
		*number++ = '\0';
		if (!to_number(number, &from))
			return false;
	}
	*fault = (struct node_fault){.from = from};
	action = strsep(rest, " ");
	if (!to_text(call, fault->call) || !fault_action(fault, action, *rest))
		return false;
	node->faults++;
	return true;
}

bool
node_line(struct node *node, char *line)
{
	char *rest = line;
	const char *first;

	line[strcspn(line, "\n")] = '\0';
	if (*line == '\0' || *line == '#')
		return true;
	first = strsep(&rest, " ");
	if (strcmp(first, "gpu") == 0)
		return gpu_line(node, &rest);
	if (strcmp(first, "order") == 0)
		return order_line(node, &rest);
	if (strcmp(first, "at") == 0)
		return fault_line(node, &rest);
	return set_key(machine_keys, node, first, strsep(&rest, " "));
}

static bool
read_file(struct node *node, const char *name, bool required)
{
	char path[sizeof(node->directory) + 32], line[1024], copy[1024];
	bool ok = true;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", node->directory, name);
	file = fopen(path, "re");
	if (file == NULL) {
		if (required)
			fprintf(stderr, "emulator: %s: %s\n", path, strerrorname_np(errno));
		return !required;
	}
	while (ok && fgets(line, sizeof(line), file) != NULL) {
		strcpy(copy, line);
		ok = node_line(node, line);
		if (!ok)
			fprintf(stderr, "emulator: %s: not understood: %s\n", path, copy);
	}
	fclose(file);
	return ok;
}

bool
node_read(struct node *node)
{
	node->faults = 0;
	for (uint32_t i = 0; i < NODE_GPUS_MAX; i++) {
		node->order[i] = i;
		node->gpu[i] = (struct node_gpu){
			.report_size = NODE_REAL_SIZE, .chain_size = NODE_REAL_SIZE, .evidence_of = i};
	}
	if (!read_file(node, "node.conf", true) || !read_file(node, "faults.conf", false))
		return false;
	return node->gpus <= NODE_GPUS_MAX;
}
