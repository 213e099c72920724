/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/anchors.h"

#include <stdlib.h>
#include <unistd.h>

#include "attest/policy/roots.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

static char path[] = "/tmp/test_anchors.XXXXXX";

/* The file holds text and is named by key; the code of reading it. */
static int
read_with(const char *section, const char *key, const char *text, struct anchors *anchors, struct appraise_input *input,
	  struct err *err)
{
	struct conf conf;
	int rc;

	*anchors = (struct anchors){0};
	*input = (struct appraise_input){0};
	*err = (struct err)ERR_INIT;
	CHECK(fs_write_atomic(path, bytes_of_text(text), 0644, err) == 0);
	conf_defaults(&conf);
	CHECK(conf_set(&conf, "policy", "verifier", "remote", err) == 0 &&
	      conf_set(&conf, section, key, path, err) == 0);
	rc = anchors_read(&conf, anchors, input, err);
	conf_free(&conf);
	return rc == 0 ? CODE_OK : err->code;
}

static void
test_content(void)
{
	struct anchors anchors;
	struct appraise_input input;
	struct err err;

	CHECK(read_with("remote", "key-set-file", "{}", &anchors, &input, &err) == CODE_OK);
	CHECK(bytes_equal(input.remote.key_set, bytes_of_text("{}")) && input.remote.key_root.data == NULL);
	CHECK(bytes_equal(input.device_root, roots_device()));
	anchors_free(&anchors);
	CHECK(read_with("trust", "device-root", "x", &anchors, &input, &err) == CODE_OK);
	CHECK(bytes_equal(input.device_root, bytes_of_text("x")) && bytes_equal(input.rim_root, roots_rim()));
	anchors_free(&anchors);
}

/* An empty file must not turn a pin into none. */
static void
test_empty_is_no_pin(void)
{
	static const char *const keys[][2] = {
		{"remote", "key-set-file"}, {"remote", "key-root"}, {"trust", "device-root"}, {"trust", "rim-root"},
	};
	struct anchors anchors;
	struct appraise_input input;
	struct err err;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *want = xprintf("%s: %s is empty", keys[i][1], path);

		CHECK(read_with(keys[i][0], keys[i][1], "", &anchors, &input, &err) == CODE_USAGE);
		CHECK_TEXT(err.text, want);
		anchors_free(&anchors);
		free(want);
	}
}

/* The service's tokens name it without the slash that an address may end with. */
static void
test_issuer(void)
{
	struct anchors anchors = {0};
	struct remote_trust trust;
	struct err err = ERR_INIT;
	struct conf conf;

	conf_defaults(&conf);
	CHECK(conf_set(&conf, "policy", "verifier", "remote", &err) == 0);
	CHECK(conf_set(&conf, "remote", "nras-url", "https://nras.example:8443/x/", &err) == 0);
	CHECK(anchors_read_remote(&conf, &anchors, &trust, &err) == 0);
	CHECK_TEXT(trust.issuer, "https://nras.example:8443/x");
	CHECK(conf_set(&conf, "remote", "nras-issuer", "https://other.example/", &err) == 0);
	CHECK(anchors_read_remote(&conf, &anchors, &trust, &err) == 0);
	CHECK_TEXT(trust.issuer, "https://other.example/");
	anchors_free(&anchors);
	conf_free(&conf);
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	RUN(test_content);
	RUN(test_empty_is_no_pin);
	RUN(test_issuer);
	unlink(path);
	return unit_end();
}
