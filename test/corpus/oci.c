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

/* No path is opened: sources are judged by their text. */
static enum decision_source
look_up(void *context, const char *path, dev_t *number, char resolved[PATH_MAX])
{
	(void)context, (void)path, (void)number;
	resolved[0] = '\0';
	return DECISION_UNKNOWN;
}

static unsigned
pci_vendor(void *context, dev_t number, const char *path, int *minor)
{
	(void)context, (void)number, (void)path;
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

void
drive_detect(const struct corpus_row *row, struct corpus_outcome *out)
{
	static const struct json_limits limits = {OCI_CONFIG_SIZE_MAX, 1 << 20, 64, 1 << 18};
	struct decision_host host = {.look_up = look_up, .pci_vendor = pci_vendor, .caps_gpu = caps_gpu};
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
	else if (decision_make(&state, &config, &host, false, &decision, &err) < 0)
		corpus_answer(out, "refuse", corpus_kind(err.code), err.text);
	else
		answer_decision(root, &decision, out);
	oci_state_free(&state);
	oci_config_free(&config);
	json_free(root);
	free((void *)state_text.data);
	free((void *)config_text.data);
	free((void *)text.data);
}
