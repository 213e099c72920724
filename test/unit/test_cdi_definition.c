/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/definition.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cdi/check.h"
#include "config.h"
#include "lib/code.h"
#include "test/unit/folder.h"
#include "test/unit/unit.h"

/* FOLDER/NAME: a definition with these parts. */
static void
put(const char *name, const char *program, const char *args, const char *when, const char *stages)
{
	char *text = xprintf(
		"{\"version\":\"1.0.0\",\"hook\":{\"path\":\"%s\",\"args\":[%s]},\"when\":{%s},\"stages\":[%s]}",
		program, args, when, stages);

	put_text(name, text);
	free(text);
}

#define ARGS "\"cgpu-hook\",\"createRuntime\""
#define ALWAYS "\"always\":true"
#define STAGE "\"createRuntime\""

/* State, "CODE" of the finding, in the directories a and b; detail has text. */
static void
finds(enum definition_state state, int code, const char *text)
{
	char *directories = xprintf("%s/a:%s/b:%s/none", folder, folder, folder);
	struct definition definition;
	struct findings found = {0};
	struct err err = ERR_INIT;

	CHECK(definition_find(directories, &definition, &err) == 0);
	CHECK_TEXT(definition_word(definition.state), definition_word(state));
	check_definition(&definition, &found);
	CHECK(check_code(&found) == code && found.count == (code != CODE_OK));
	if (found.count == 1) {
		if (strstr(found.list[0].detail, text) == NULL)
			printf("# %s\n", found.list[0].detail);
		CHECK(strstr(found.list[0].detail, text) != NULL);
	}
	check_free(&found);
	definition_free(&definition);
	free(directories);
}

static void
test_missing(void)
{
	folder_make();
	finds(DEFINITION_MISSING, CODE_HOOKS_DEFINITION, "no definition");
	put("a/other.json", "/bin/true", "", ALWAYS, STAGE);
	put("a/zz-cgpu.jsn", PATH_HOOK, ARGS, ALWAYS, STAGE);
	finds(DEFINITION_MISSING, CODE_HOOKS_DEFINITION, "no definition");
	put_text("a/zz-cgpu.json", "{");
	finds(DEFINITION_DISARMED, CODE_HOOKS_DEFINITION, "JSON");
	put_text("a/zz-cgpu.json", "{\"version\":\"0.1.0\"}");
	finds(DEFINITION_DISARMED, CODE_HOOKS_DEFINITION, "version");
	folder_remove();
}

static void
test_program(void)
{
	char *program;

	folder_make();
	program = xprintf("%s/cgpu-hook", folder);
	put("a/zz-cgpu.json", program, ARGS, ALWAYS, STAGE);
	finds(DEFINITION_PROGRAM, CODE_HOOKS_PROGRAM, "ENOENT");
	put_text("cgpu-hook", "");
	finds(DEFINITION_PROGRAM, CODE_HOOKS_PROGRAM, "EACCES");
	chmod(program, 0755);
	finds(DEFINITION_DISARMED, CODE_HOOKS_DEFINITION, "another program");
	free(program);
	folder_remove();
}

static void
test_conditions(void)
{
	static const struct {
		const char *args, *when, *stages, *text;
	} rows[] = {
		{ARGS, "", STAGE, "when"},
		{ARGS, "\"always\":false", STAGE, "when"},
		{ARGS, ALWAYS ",\"annotations\":{\"a\":\"b\"}", STAGE, "when"},
		{ARGS, ALWAYS, "\"createContainer\"", "stages"},
		{ARGS, ALWAYS, "", "stages"},
		{"\"cgpu-hook\"", ALWAYS, STAGE, "hook.args"},
		{"\"cgpu-hook\",\"--version\"", ALWAYS, STAGE, "hook.args"},
	};
	bool there = access(PATH_HOOK, X_OK) == 0;

	folder_make();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put("a/zz-cgpu.json", PATH_HOOK, rows[i].args, rows[i].when, rows[i].stages);
		finds(DEFINITION_DISARMED, CODE_HOOKS_DEFINITION, rows[i].text);
	}
	put("a/zz-cgpu.json", PATH_HOOK, ARGS, ALWAYS, "\"poststop\"," STAGE);
	finds(there ? DEFINITION_STANDS : DEFINITION_PROGRAM, there ? CODE_OK : CODE_HOOKS_PROGRAM, "ENOENT");
	/* A later directory has the last word about a name, and a second name stands beside it. */
	put("b/zz-cgpu.json", "/bin/true", ARGS, ALWAYS, STAGE);
	finds(DEFINITION_MISSING, CODE_HOOKS_DEFINITION, "no definition");
	put("a/more.json", PATH_HOOK, ARGS, ALWAYS, STAGE);
	finds(there ? DEFINITION_STANDS : DEFINITION_PROGRAM, there ? CODE_OK : CODE_HOOKS_PROGRAM, "ENOENT");
	folder_remove();
}

int
main(void)
{
	RUN(test_missing);
	RUN(test_program);
	RUN(test_conditions);
	return unit_end();
}
