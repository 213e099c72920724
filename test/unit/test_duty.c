/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/duty.h"

#include <stdlib.h>

#include "config.h"
#include "lib/code.h"
#include "test/unit/unit.h"

/*
 * One word for each call in config.json, in its order:
 *   h                call of hooks.d
 *   a, b, c          gated specification with an ID of its own, a the least
 *   o                gated specification of an earlier version, without an ID
 *   Pa               the same call at prestart
 *   Ta               with a timeout of one second
 *   Fa               with a foreign argument behind
 *   Na               with another argument 0
 *   X                by hand: an ID that is none
 *   H                our program with --help
 *   L                another program of the hook's name
 */
#define CALLS_MAX 6

struct call {
	bool prestart, named_otherwise, foreign, ours;
	const char *path, *option;
	char *id;
	int timeout;
};

static char *
id_of(char letter)
{
	char *id = xstrdup("a0000000000000000000000000000000");

	id[31] = letter;
	return id;
}

static struct call
call_of(const char *word)
{
	struct call call = {.path = PATH_HOOK, .timeout = 30, .ours = true};

	for (; *word != '\0'; word++) {
		if (*word == 'P')
			call.prestart = true;
		else if (*word == 'T')
			call.timeout = 1;
		else if (*word == 'F')
			call.foreign = true;
		else if (*word == 'N')
			call.named_otherwise = true;
		else if (*word == 'X')
			call.option = ",\"--cdi=1\"";
		else if (*word == 'H')
			call.option = NULL;
		else if (*word == 'o')
			call.option = ",\"--cdi\"";
		else if (*word == 'L')
			call.path = "/elsewhere/cgpu-hook";
		else if (*word != 'h')
			call.id = id_of(*word);
	}
	return call;
}

static void
print_call(struct buf *out, const char *word)
{
	struct call call = call_of(word);

	buf_printf(out, "%s{\"path\":\"%s\",\"timeout\":%d,\"args\":[\"%s\",\"%s\"", out->size > 0 ? "," : "",
		   call.path, call.timeout, call.named_otherwise ? "x" : "cgpu-hook",
		   *word == 'H' ? "--help" : "createRuntime");
	if (call.id != NULL)
		buf_printf(out, ",\"--cdi=%s\"", call.id);
	buf_printf(out, "%s%s]}", call.option != NULL ? call.option : "", call.foreign ? ",\"--help\"" : "");
	free(call.id);
}

static char *
config_of(char words[CALLS_MAX][4], size_t count)
{
	struct buf prestart = {0}, create = {0};
	char *lists[2], *text;

	buf_add_text(&prestart, "");
	buf_add_text(&create, "");
	for (size_t i = 0; i < count; i++)
		print_call(words[i][0] == 'P' ? &prestart : &create, words[i]);
	lists[0] = buf_steal_text(&prestart);
	lists[1] = buf_steal_text(&create);
	text = xprintf("{\"ociVersion\":\"1.0.2\",\"hooks\":{\"prestart\":[%s],\"createRuntime\":[%s]}}", lists[0],
		       lists[1]);
	free(lists[0]);
	free(lists[1]);
	return text;
}

struct outcome {
	int attested, refused;
};

/* What the calls do that the runtime makes of this config.json. */
static struct outcome
run_calls(char words[CALLS_MAX][4], size_t count)
{
	char *text = config_of(words, count);
	struct outcome out = {0, 0};
	struct err err = ERR_INIT;
	struct oci_config config;

	CHECK(oci_config_parse(bytes_of_text(text), &config, &err) == 0 && config.hook_count == count);
	for (size_t i = 0; i < config.hook_count; i++) {
		const struct oci_hook *hook = &config.hooks[i];
		char *argv[8] = {NULL};
		struct stage stage;

		for (size_t j = 0; j < hook->args.count; j++)
			argv[j] = (char *)(uintptr_t)hook->args.at[j];
		if (strcmp(hook->path, PATH_HOOK) != 0)
			continue;
		if (stage_parse((int)hook->args.count, argv, &stage, &err) != 0)
			out.refused++;
		else if (stage.action == STAGE_GATE)
			out.attested += duty_is_ours(&config, &stage);
	}
	oci_config_free(&config);
	free(text);
	return out;
}

static size_t
split(const char *row, char words[CALLS_MAX][4])
{
	size_t count = 0;

	for (; *row != '\0'; row += strcspn(row, " "), row += *row == ' ', count++)
		snprintf(words[count], 4, "%.*s", (int)strcspn(row, " "), row);
	return count;
}

/* The same number in every order. */
static void
in_every_order(char words[CALLS_MAX][4], size_t from, size_t count, struct outcome want, const char *row)
{
	if (from == count) {
		struct outcome have = run_calls(words, count);

		if (have.attested != want.attested || have.refused != want.refused) {
			unit_bad = true;
			printf("# '%s': %d attested, %d refused\n", row, have.attested, have.refused);
		}
		return;
	}
	for (size_t i = from; i < count; i++) {
		char other[CALLS_MAX][4];

		memcpy(other, words, sizeof(other));
		memcpy(other[from], words[i], 4);
		memcpy(other[i], words[from], 4);
		in_every_order(other, from + 1, count, want, row);
	}
}

/* {old, new, mixed} x {2, 3} x what may be wrong with one of them, without and with hooks.d; in every order. */
static void
test_table(void)
{
	static const struct {
		const char *calls;
		struct outcome want;
	} rows[] = {
		{"h", {1, 0}},
		{"a", {1, 0}},
		{"o", {1, 0}},
		{"h a", {1, 0}},
		{"h o", {1, 0}},
		/* new */
		{"a b", {1, 0}},
		{"a b c", {1, 0}},
		{"h a b", {1, 0}},
		{"h a b c", {1, 0}},
		/* old */
		{"o o", {2, 0}},
		{"o o o", {3, 0}},
		{"h o o", {2, 0}},
		{"h o o o", {3, 0}},
		/* mixed */
		{"o a", {2, 0}},
		{"o a b", {2, 0}},
		{"o o a", {3, 0}},
		{"h o a", {2, 0}},
		{"h o a b", {2, 0}},
		/* the same ID twice */
		{"a a", {2, 0}},
		{"a a b", {2, 0}},
		{"a b b", {3, 0}},
		{"h a a", {2, 0}},
		{"h a b b", {3, 0}},
		{"o a a", {3, 0}},
		/* at prestart: the ID does not stand where it counts */
		{"Pa", {1, 0}},
		{"h Pa", {2, 0}},
		{"Pa b", {2, 0}},
		{"a Pb", {2, 0}},
		{"Pa b c", {2, 0}},
		{"h a Pb", {2, 0}},
		{"Po", {1, 0}},
		{"h Po", {2, 0}},
		{"a Po", {2, 0}},
		{"Pa Pb", {2, 0}},
		{"a Pa", {2, 0}},
		{"a b Pb", {1, 0}},
		/* a foreign argument: refused */
		{"Fa", {0, 1}},
		{"h Fa", {1, 1}},
		{"Fa b", {1, 1}},
		{"a Fb", {1, 1}},
		{"h a Fb", {1, 1}},
		{"Fo a", {1, 1}},
		{"Fo o", {1, 1}},
		/* another argument 0 */
		{"Na", {1, 0}},
		{"h Na", {2, 0}},
		{"Na b", {2, 0}},
		{"a Nb", {2, 0}},
		{"No", {1, 0}},
		{"h No", {2, 0}},
		{"a b Nb", {1, 0}},
		/* a call that gates nothing stands in for nobody */
		{"h H", {1, 0}},
		{"a H", {1, 0}},
		{"o H", {1, 0}},
		{"a b H", {1, 0}},
		{"h a b H", {1, 0}},
		{"h L", {1, 0}},
		{"h La", {1, 0}},
		{"La b", {1, 0}},
		{"b La c", {1, 0}},
		{"h Lo", {1, 0}},
		/* a timeout that may end the call before it decided */
		{"Ta", {1, 0}},
		{"h Ta", {2, 0}},
		{"Ta b", {2, 0}},
		{"a Tb", {2, 0}},
		{"Ta Tb", {2, 0}},
		{"To", {1, 0}},
		{"h To", {2, 0}},
		{"Ta b c", {2, 0}},
		{"h Ta b", {2, 0}},
		{"o Ta", {2, 0}},
		/* by hand */
		{"X", {1, 0}},
		{"h X", {2, 0}},
		{"a X", {2, 0}},
		{"a b X", {2, 0}},
		{"o X", {2, 0}},
		{"X X", {2, 0}},
		{"h a b X", {2, 0}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char words[CALLS_MAX][4] = {{0}};
		size_t count = split(rows[i].calls, words);

		in_every_order(words, 0, count, rows[i].want, rows[i].calls);
	}
}

static bool
gates(const char *word)
{
	return word[0] != 'H' && word[0] != 'L';
}

/* Whether all calls are of hooks.d (at most once) or of gated specifications, each with an ID of its own. */
static bool
is_clean(char words[CALLS_MAX][4], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (words[i][1] != '\0' || strchr("habc", words[i][0]) == NULL)
			return false;
		for (size_t j = 0; j < i; j++)
			if (words[i][0] == words[j][0])
				return false;
	}
	return true;
}

/* Every list of up to four calls: where one gates, it is attested or refused; where all are clean, attested once. */
static void
test_every_list(void)
{
	static const char *const alphabet[] = {"h",  "a",  "b",  "c",  "o", "Pa", "Po",
					       "Tb", "To", "Fa", "Nb", "X", "H",  "La"};
	const size_t letters = sizeof(alphabet) / sizeof(*alphabet);
	size_t clean = 0;

	for (size_t length = 1, lists = letters; length <= 4; length++, lists *= letters) {
		for (size_t number = 0; number < lists; number++) {
			char words[CALLS_MAX][4] = {{0}};
			bool gated = false;
			struct outcome have;

			for (size_t i = 0, rest = number; i < length; i++, rest /= letters) {
				snprintf(words[i], 4, "%s", alphabet[rest % letters]);
				gated |= gates(words[i]);
			}
			have = run_calls(words, length);
			CHECK(!gated || have.attested + have.refused > 0);
			if (!is_clean(words, length))
				continue;
			CHECK(have.attested == 1 && have.refused == 0);
			clean++;
		}
	}
	CHECK(clean == 4 + 12 + 24 + 24);
}

int
main(void)
{
	RUN(test_table);
	RUN(test_every_list);
	return unit_end();
}
