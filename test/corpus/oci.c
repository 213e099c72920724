/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "hook/decision.h"
#include "lib/code.h"
#include "lib/json.h"
#include "spec/oci_state.h"
#include "test/corpus/corpus.h"

/* The state alone: a text that is no strict JSON at all is another kind than a member that is not acceptable. */
void
drive_oci_state(const struct corpus_row *row, struct corpus_outcome *out)
{
	struct err err = ERR_INIT;
	struct bytes text = corpus_input(row);
	struct oci_state state;

	if (oci_state_parse(text, &state, &err) < 0)
		corpus_answer(out, "reject", strstr(err.text, ": JSON: ") ? "json" : corpus_kind(err.code), err.text);
	else
		corpus_accept(out);
	oci_state_free(&state);
	free((void *)text.data);
}

/* No path is opened: sources are judged by their text, and the host has GPUs where the row's majors have its driver. */
struct told {
	const struct decision_host *host;
	bool image_known;
};

static bool
look_up(void *context, const char *path, struct decision_object *out)
{
	(void)context, (void)path;
	*out = (struct decision_object){.path = ""};
	return false;
}

static void
mounts_below(void *context, const char *path, decision_see_mount *see, void *seer)
{
	(void)context, (void)path, (void)see, (void)seer;
}

static bool
nodes_below(void *context, const char *path, decision_see_node *see, void *seer)
{
	(void)path, (void)see, (void)seer;
	return ((const struct told *)context)->image_known;
}

static bool
has_function(void *context, const char *path)
{
	(void)path;
	return ((const struct told *)context)->host->numbers.has_nvidia;
}

static bool
has_gpu(void *context)
{
	(void)context;
	return false;
}

static unsigned
pci_vendor(void *context, dev_t number, int *minor)
{
	(void)context, (void)number;
	*minor = -1;
	return 0;
}

static int
caps_gpu(void *context, int64_t minor)
{
	(void)context, (void)minor;
	return -1;
}

static void
read_majors(const struct json *table, struct decision_host *host)
{
	for (size_t i = 0; i < json_count(table); i++) {
		int64_t number;

		if (!json_integer(json_at(table, i), 0, 4095, &number))
			corpus_broken("has a major that is no number", "majors");
		device_numbers_add(&host->numbers, (unsigned)number, (const char *)json_name(table, i).data);
	}
}

/* The member as the text that the product would read. */
static struct bytes
part_text(const struct json *root, const char *name)
{
	struct json_out *out = json_out_new(false);

	if (json_get(root, name) == NULL)
		corpus_broken("is missing", name);
	json_out_value(out, json_get(root, name));
	return bytes_of_text(json_out_finish(out));
}

static void
answer_decision(const struct json *root, const struct decision *decision, struct corpus_outcome *out)
{
	const char *gpus = json_text(json_get(root, "expect_gpus"));

	if (decision->answer == DECISION_NO_GPU)
		corpus_answer(out, "no", "-", "");
	else if (gpus != NULL && strcmp(gpus, "all") == 0 && !decision->all)
		corpus_answer(out, "yes, not all", "-", decision->reason);
	else
		corpus_answer(out, "yes", "-", decision->reason);
}

/*
 * The rows do not say which rules the kernel holds, nor what the image has. Two hosts are in keeping with them: one
 * that applies no rules to an image without nodes, and one that applies the configuration's to an image that may have
 * any. What reaches a GPU on one of them has to be gated.
 */
static void
held_devices(void *context, const struct processes_caller *caller, process_see_device *see, void *seer)
{
	(void)context, (void)caller, (void)see, (void)seer;
}

static int
decide(const struct oci_state *state, const struct oci_config *config, const struct decision_host *numbers,
       struct decision *decision, struct err *err)
{
	for (int known = 1; known >= 0; known--) {
		struct decision_host host = *numbers;
		struct told told = {&host, known};

		host.look_up = look_up;
		host.mounts_below = mounts_below;
		host.nodes_below = nodes_below;
		host.held_devices = held_devices;
		host.has_function = has_function;
		host.has_gpu = has_gpu;
		host.pci_vendor = pci_vendor;
		host.caps_gpu = caps_gpu;
		host.context = &told;
		host.rules.source = known ? DEVICE_RULES_NONE : DEVICE_RULES_CONFIGURED;
		if (decision_make(state, config, &host, decision, err) < 0)
			return -1;
		if (decision->answer == DECISION_GPU)
			break;
	}
	return 0;
}

/*
 * Rows that were written before what a container can reach came to decide: annotations, the legacy hook and its mounts
 * where nothing acts on them, and files of the driver's that every procfs shows.
 */
static bool
is_reach_of_words(const struct corpus_row *row)
{
	static const char *const heads[] = {"oci/detect/annotation-", "oci/detect/legacy-hook-no-",
					    "oci/detect/mount-legacy-", "oci/detect/mount-proc-driver"};
	bool found = false;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		found |= strncmp(row->path, heads[i], strlen(heads[i])) == 0;
	return found && strcmp(row->expect, "yes") == 0;
}

void
drive_detect(const struct corpus_row *row, struct corpus_outcome *out)
{
	static const struct json_limits limits = {OCI_CONFIG_SIZE_MAX, 1 << 20, 64, 1 << 18};
	struct decision_host host = {.numbers = {.count = 0}};
	struct bytes text = corpus_input(row), state_text, config_text;
	struct err err = ERR_INIT;
	struct json *root = json_read(text, &limits, &err);
	struct oci_config config = {0};
	struct oci_state state = {0};
	struct decision decision;

	if (root == NULL)
		corpus_broken(err.text, row->path);
	read_majors(json_get(root, "majors"), &host);
	state_text = part_text(root, "state");
	config_text = part_text(root, "config");
	if (oci_state_parse(state_text, &state, &err) < 0 || oci_config_parse(config_text, &config, &err) < 0)
		corpus_answer(out, "error", corpus_kind(err.code), err.text);
	else if (decide(&state, &config, &host, &decision, &err) < 0)
		corpus_answer(out, "refuse", corpus_kind(err.code), err.text);
	else if (is_reach_of_words(row))
		corpus_answer(out, decision.answer == DECISION_NO_GPU ? "yes" : "still gated", "-", decision.reason);
	else
		answer_decision(root, &decision, out);
	oci_state_free(&state);
	oci_config_free(&config);
	json_free(root);
	free((void *)state_text.data);
	free((void *)config_text.data);
	free((void *)text.data);
}
