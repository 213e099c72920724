/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/collateral.h"
#include "attest/cmd/report.h"
#include "lib/clock.h"
#include "lib/code.h"

static const char *
where(const struct inventory_entry *entry)
{
	return entry->cached ? "cache" : "directory";
}

static const char *
until(const struct inventory_entry *entry, char text[32])
{
	if (entry->state != INVENTORY_GOOD)
		return NULL;
	clock_format(entry->until, text);
	return text;
}

static void
print_line(const struct inventory_entry *entry)
{
	char text[32], name[256];
	const char *end = until(entry, text);

	text_escape(name, sizeof(name), entry->name);
	printf("%-10s  %-20s  %-9s  %-9s  %s\n", kind_row(entry->kind)->name, end ? end : "-",
	       inventory_state_name(entry->state), where(entry), name);
}

static void
members(struct json_out *out, const struct inventory_entry *entry)
{
	char text[32];

	json_out_member_text(out, "kind", kind_row(entry->kind)->name);
	json_out_member_text(out, "name", entry->name);
	json_out_member_text(out, "where", where(entry));
	json_out_member_text(out, "path", entry->path);
	json_out_member_text(out, "state", inventory_state_name(entry->state));
	json_out_member_text(out, "until", until(entry, text));
	json_out_member_integer(out, "code", entry->code);
	json_out_member_text(out, "detail", entry->detail);
}

/* about: with everything that is known of each. */
static void
print_inventory_json(const struct inventory *inventory, const char *name, bool about)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	json_out_member_integer(out, "schema", 1);
	json_out_name(out, "collateral");
	json_out_array(out);
	for (unsigned i = 0; i < inventory->entries; i++) {
		const struct inventory_entry *entry = &inventory->entry[i];

		if (name != NULL && strcmp(name, entry->name) != 0)
			continue;
		json_out_object(out);
		members(out, entry);
		if (about) {
			json_out_name(out, "about");
			if (entry->about != NULL)
				json_out_value(out, entry->about);
			else
				json_out_null(out);
		}
		json_out_end(out);
	}
	json_out_end(out);
	json_out_end(out);
	report_json(out);
}

int
collateral_list(struct collateral_call *call, struct err *err)
{
	struct inventory inventory;
	int rc;

	if (call->operands != 0) {
		err_set(err, CODE_USAGE, "collateral list: takes no name; see cgpu collateral show");
		return err_code(err);
	}
	rc = collateral_inventory(call, &inventory, err);
	if (rc == 0 && call->json) {
		print_inventory_json(&inventory, NULL, false);
	} else if (rc == 0) {
		printf("%-10s  %-20s  %-9s  %-9s  %s\n", "KIND", "UNTIL", "STATE", "WHERE", "NAME");
		for (unsigned i = 0; i < inventory.entries; i++)
			print_line(&inventory.entry[i]);
	}
	inventory_free(&inventory);
	return rc == 0 ? CODE_OK : err_code(err);
}

/* -- show ---------------------------------------------------------------------------------------------------------- */
static void
print_member(const char *label, const char *text)
{
	char escaped[2 * ERR_TEXT_MAX];

	if (text == NULL)
		return;
	text_escape(escaped, sizeof(escaped), text);
	printf("  %-12s %s\n", label, escaped);
}

static void
print_certificates(const struct json *list)
{
	for (size_t i = 0; list != NULL && i < json_count(list); i++) {
		const struct json *cert = json_at(list, i);
		const char *name = json_text(json_get(cert, "name")), *from = json_text(json_get(cert, "from"));
		const char *end = json_text(json_get(cert, "until"));
		char *text =
			xprintf("%s, %s to %s", name ? name : "(no common name)", from ? from : "?", end ? end : "?");

		print_member(i == 0 ? "certificates" : "", text);
		free(text);
	}
}

static void
print_rows(const struct json *list)
{
	for (size_t i = 0; list != NULL && i < json_count(list); i++) {
		const struct json *row = json_at(list, i), *values = json_get(row, "values");
		int64_t index = 0;

		json_integer(json_get(row, "index"), 0, 1000, &index);
		for (size_t k = 0; values != NULL && k < json_count(values); k++) {
			char label[24] = "";

			if (k == 0)
				snprintf(label, sizeof(label), "row %d", (int)index);
			print_member(label, json_text(json_at(values, k)));
		}
	}
}

static void
print_entry(const struct inventory_entry *entry)
{
	static const char *const plain[] = {"version", "product",  "certificate", "issuer",	 "status",
					    "reason",  "produced", "this_update", "next_update", "nonce"};
	char text[32];

	printf("%s\n", entry->name);
	print_member("kind", kind_row(entry->kind)->name);
	print_member("where", entry->cached ? "cache" : entry->path);
	print_member("state", inventory_state_name(entry->state));
	print_member("until", until(entry, text));
	print_member("judged", entry->detail);
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		print_member(plain[i], json_text(json_get(entry->about, plain[i])));
	print_certificates(json_get(entry->about, "certificates"));
	print_rows(json_get(entry->about, "rows"));
}

static bool
has_name(const struct inventory *inventory, const char *name)
{
	for (unsigned i = 0; i < inventory->entries; i++)
		if (strcmp(inventory->entry[i].name, name) == 0)
			return true;
	return false;
}

int
collateral_show(struct collateral_call *call, struct err *err)
{
	const char *name = call->operands == 1 ? call->operand[0] : NULL;
	struct inventory inventory = {0};
	int rc;

	if (name == NULL)
		rc = err_set(err, CODE_USAGE, "collateral show: give one name, as cgpu collateral list prints it");
	else
		rc = collateral_inventory(call, &inventory, err);
	if (rc == 0 && !has_name(&inventory, name))
		rc = err_set(err, CODE_USAGE, "collateral show: nothing here is called '%s'; see cgpu collateral list",
			     name);
	for (unsigned i = 0; rc == 0 && !call->json && i < inventory.entries; i++)
		if (strcmp(inventory.entry[i].name, name) == 0)
			print_entry(&inventory.entry[i]);
	if (rc == 0 && call->json)
		print_inventory_json(&inventory, name, true);
	inventory_free(&inventory);
	return rc == 0 ? CODE_OK : err_code(err);
}
