/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/containers.h"

#include <stdio.h>
#include <sys/sysmacros.h>

#include "lib/clock.h"

#define LOOK_MS 2000

void
containers_look(struct containers *containers)
{
	*containers = (struct containers){.err = ERR_INIT};
	containers->known = holders_find("", clock_boot_ms() + LOOK_MS, &containers->holders, &containers->err) == 0;
}

static void
print_holder(const struct holder *holder)
{
	char name[4 * sizeof(holder->name)];

	text_escape(name, sizeof(name), holder->name);
	printf("  %s: container %s, process %d (%s), c %u:%u\n", holder_decision_name(holder->decision),
	       holder->id != NULL ? holder->id : "(id not known)", (int)holder->pid, name, major(holder->node),
	       minor(holder->node));
}

void
containers_print_text(const struct containers *containers)
{
	const struct holders *holders = &containers->holders;
	char text[2 * ERR_TEXT_MAX];

	if (!containers->known) {
		text_escape(text, sizeof(text), containers->err.text);
		printf("Containers with a GPU: not known: %s\n", text);
		return;
	}
	printf("Containers with a GPU: %zu%s\n", holders->count,
	       holders->late || holders->unseen > 0 ? ", and processes that could not be looked at" : "");
	for (size_t i = 0; i < holders->count; i++)
		print_holder(&holders->list[i]);
}

static void
json_holder(struct json_out *out, const struct holder *holder)
{
	char node[32];

	snprintf(node, sizeof(node), "c %u:%u", major(holder->node), minor(holder->node));
	json_out_object(out);
	json_out_member_text(out, "result", holder_decision_name(holder->decision));
	json_out_member_text(out, "container", holder->id);
	json_out_member_integer(out, "pid", holder->pid);
	json_out_member_text(out, "program", holder->name);
	json_out_member_integer(out, "processes", holder->processes);
	json_out_member_text(out, "node", node);
	json_out_end(out);
}

void
containers_print_json(const struct containers *containers, struct json_out *out)
{
	const struct holders *holders = &containers->holders;

	json_out_name(out, "containers");
	if (!containers->known) {
		json_out_null(out);
		return;
	}
	json_out_array(out);
	for (size_t i = 0; i < holders->count; i++)
		json_holder(out, &holders->list[i]);
	json_out_end(out);
	json_out_member_integer(out, "unseen_processes", holders->unseen);
	json_out_member_bool(out, "all_looked_at", holders->unseen == 0 && !holders->late);
}

void
containers_free(struct containers *containers)
{
	holders_free(&containers->holders);
}
