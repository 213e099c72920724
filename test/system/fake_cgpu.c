/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands at the place of `cgpu` where only the hook is under test: answers what the first word of the file
 * PATH_CGPU.verdict says. "pass": the five files, with a nonce that is new each time. A number: refuses with that code.
 * "exempt": lets start without files. "hang": says nothing for a minute.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/frame.h"
#include "lib/fs.h"
#include "lib/random.h"

static int64_t deadline;

static void
put(enum frame_type type, struct buf *payload)
{
	struct err err = ERR_INIT;

	if (frame_write(3, deadline, type, buf_bytes(payload), &err) != 0)
		exit(CODE_INTERNAL);
	buf_free(payload);
}

static void
put_file(const char *name, const char *content)
{
	struct buf payload = {0};

	frame_put_text(&payload, name);
	frame_put_text(&payload, content);
	put(FRAME_FILE, &payload);
}

static void
put_files(void)
{
	char hex[65], *text;
	uint8_t nonce[32];

	random_bytes(nonce, sizeof(nonce));
	hex_encode(hex, nonce, sizeof(nonce));
	text = xprintf("CGPU_ATTESTATION_RESULT=pass\nCGPU_ATTESTATION_NONCE=%s\nCGPU_ATTESTATION_TOKEN=e30.%s.e30\n",
		       hex, hex);
	put_file("attestation.env", text);
	free(text);
	text = xprintf("e30.%s.e30", hex);
	put_file("token.jwt", text);
	put_file("detached-eat.json", "[]");
	put_file("evidence.json", "[]");
	put_file("jwks.json", "{}");
	free(text);
}

static void
put_hello(void)
{
	struct buf payload = {0};

	frame_put_text(&payload, PROJECT_VERSION);
	frame_put_text(&payload, "");
	put(FRAME_HELLO, &payload);
}

static void
put_verdict(char *const argv[], uint32_t code, const char *text, uint32_t flags)
{
	struct buf payload = {0};
	uint8_t echo[32] = {0};

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, "--echo=", 7) == 0 && !hex_decode(echo, sizeof(echo), *argv + 7, 64))
			exit(CODE_USAGE);
	frame_put_u32(&payload, flags);
	put(FRAME_FACTS, &payload);
	frame_put_u32(&payload, code);
	frame_put_field(&payload, bytes_of(echo, sizeof(echo)));
	frame_put_text(&payload, text);
	put(FRAME_VERDICT, &payload);
}

/* One argument a line, for the tests to read. */
static void
note_args(char *const argv[])
{
	FILE *file = fopen(PATH_CGPU ".args", "w");

	for (; file != NULL && *argv != NULL; argv++)
		fprintf(file, "%s\n", *argv);
	if (file != NULL)
		fclose(file);
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;
	struct buf told = {0};
	int code;

	if (argc < 2 || fs_read_file(PATH_CGPU ".verdict", 64, &told, &err) != 0)
		return CODE_USAGE;
	deadline = clock_boot_ms() + 10000;
	note_args(argv);
	put_hello();
	if (strncmp((char *)told.data, "hang", 4) == 0)
		sleep(60);
	if (strncmp((char *)told.data, "exempt", 6) == 0) {
		put_verdict(argv, CODE_OK, "exempt: by the test", FRAME_FACT_EXEMPT);
		return CODE_OK;
	}
	code = strncmp((char *)told.data, "pass", 4) == 0 ? CODE_OK : atoi((char *)told.data);
	if (code == CODE_OK)
		put_files();
	put_verdict(argv, (uint32_t)code, code == CODE_OK ? "1 GPU attested" : "the test says so", 0);
	return code;
}
