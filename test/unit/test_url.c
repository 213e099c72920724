/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/url.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "lib/code.h"
#include "test/unit/unit.h"

static bool
accepts(const char *url, bool plain)
{
	struct err err = ERR_INIT;
	int rc = url_check(url, plain, &err);

	if (rc != 0 && (rc != -1 || err_code(&err) != CODE_USAGE || err.text[0] == '\0'))
		CHECK_TEXT(err.text, "a reason with CODE_USAGE");
	return rc == 0;
}

static void
test_accepted(void)
{
	static const char *const urls[] = {
		"https://rim.attestation.nvidia.com", "https://rim.attestation.nvidia.com/",
		"https://a.example:8443/v1/rim", "https://A-1.Example/x/y_z~/a+b=c:d@e,f/", "https://10.0.0.1",
		"https://[2001:db8::1]:65535/x", "https://h:1",
		"https://nras.attestation.nvidia.com/.well-known/jwks.json", "https://h/...", "https://h/a..b",
		"https://4u.example", "https://xn--mnchen-3ya.example", "https://localhost",
	};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		if (!accepts(urls[i], false))
			CHECK_TEXT("refused", urls[i]);
	}
}

static void
test_plain_only_where_allowed(void)
{
	static const char *const loopback[] = {"http://127.0.0.1",	 "http://127.255.0.1:80/x",
					       "http://localhost:8080/", "http://[::1]",
					       "http://[::1]:81/a",	 "http://[0:0:0:0:0:0:0:1]"};
	static const char *const others[] = {"http://a.example",
					     "http://127.evil.example",
					     "http://127.0.0.1.evil.example",
					     "http://localhost.evil.example",
					     "http://128.0.0.1",
					     "http://[::2]",
					     "http://[::ffff:127.0.0.1]",
					     "http://LOCALHOST",
					     "http://10.0.0.1/127.0.0.1"};

	for (size_t i = 0; i < sizeof(loopback) / sizeof(*loopback); i++) {
		if (!accepts(loopback[i], false))
			CHECK_TEXT("refused", loopback[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (accepts(others[i], false) || !accepts(others[i], true))
			CHECK_TEXT(accepts(others[i], false) ? "accepted" : "refused where plain is allowed",
				   others[i]);
	}
}

static const char *const hostile[] = {
	"", "https", "https:", "https:/", "https://", "https:///", "https:///path", "//a.example", "a.example",
	"ftp://a.example", "file:///etc/passwd", "HTTPS://a.example", "https:a.example", " https://a.example",
	"https://a.example ",
	/* control characters, blanks, other bytes */
	"https://a.example/\n", "https://a.example/x\r\nHost: b", "https://a\t.example",
	"https://a.example/\x01", "https://a.example/\x7f", "https://a.example/a b",
	"https://b\xc3\xbc" "cher.example", "https://a.example/\xc3\xbc", "https://a.example\\b",
	"https://a.example/a\\b", "https://a.example/<", "https://a.example/\"", "https://a.example/{x}",
	"https://a.example/[1-3]", "https://a.example/$x", "https://a.example/;x", "https://a.example/a|b",
	"https://a.example/*",
	/* users, queries, fragments, escapes */
	"https://user@a.example", "https://user:secret@a.example", "https://a.example:443@b.example",
	"https://@a.example", "https://a.example?x", "https://a.example/?x=y", "https://a.example#x",
	"https://a.example/#", "https://a.example/%2e%2e/x", "https://a.example/%0d%0a", "https://a%2eexample",
	/* ports */
	"https://a.example:", "https://a.example:/", "https://a.example:0", "https://a.example:65536",
	"https://a.example:0443", "https://a.example:99999", "https://a.example:123456",
	"https://a.example:18446744073709552059", "https://a.example:-1", "https://a.example:+1",
	"https://a.example:4 3", "https://a.example:x", "https://a.example:443:443", "https://:443",
	/* hosts */
	"https://.", "https://..", "https://.a.example", "https://a..example", "https://a.example.",
	"https://-a.example", "https://a-.example", "https://a_b.example", "https://127.1",
	"https://127.0.0.1.1", "https://256.0.0.1", "https://0x7f000001.1", "https://2130706433",
	"https://010.0.0.1", "https://a.example.7", "https://[", "https://]", "https://[]", "https://[::1",
	"https://::1", "https://[::1]x", "https://[::1]:", "https://[::1]443", "https://[fe80::1%25eth0]",
	"https://[127.0.0.1]", "https://[a.example]", "https://[::1/]", "https://a[::1]",
	"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
	/* paths */
	"https://a.example//", "https://a.example//x", "https://a.example/x//y", "https://a.example/..",
	"https://a.example/../x", "https://a.example/x/..", "https://a.example/x/../y", "https://a.example/.",
	"https://a.example/./x", "https://a.example/x/./y", "https://a.example/x/.",
};

static void
test_hostile(void)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		if (accepts(hostile[i], true))
			CHECK_TEXT("accepted", hostile[i]);
	}
}

static void
test_length(void)
{
	char url[1026] = "https://a.example/";

	memset(url + strlen(url), 'x', 1024 - strlen(url));
	CHECK(strlen(url) == 1024 && accepts(url, false));
	url[1024] = 'x';
	CHECK(!accepts(url, false));
}

static void
test_passwords_are_not_repeated(void)
{
	struct err err = ERR_INIT;

	CHECK(url_check("http://user:secret@proxy.example:3128", true, &err) == -1 &&
	      strstr(err.text, "secret") == NULL);
	CHECK(url_check("https://a.example?x", true, &err) == -1);
	CHECK_TEXT(err.text, "'https://a.example?x' is not of the form https://HOST[:PORT][/PATH]");
}

static void
check_origin(const char *url, const char *want)
{
	char *origin = url_origin(url);

	CHECK_TEXT(origin, want);
	free(origin);
}

static void
test_origin(void)
{
	check_origin("https://A.Example/X", "https://a.example:443");
	check_origin("https://a.example:443", "https://a.example:443");
	check_origin("https://a.example:8443/x", "https://a.example:8443");
	check_origin("http://localhost", "http://localhost:80");
	check_origin("http://[::1]:81/x", "http://[::1]:81");
	check_origin("nonsense", "");
	CHECK(url_is_plain("http://localhost") && !url_is_plain("https://http://"));
}

static void
check_join(const char *base, const char *path, const char *want)
{
	char *joined = url_join(base, path);

	CHECK_TEXT(joined, want);
	free(joined);
}

static void
test_join(void)
{
	check_join("https://a.example", "v1/rim/X", "https://a.example/v1/rim/X");
	check_join("https://a.example/", "v1/rim/X", "https://a.example/v1/rim/X");
	check_join("https://a.example/b//", "//v1", "https://a.example/b/v1");
	check_join("https://a.example", "", "https://a.example/");
	/* What an id brings along is judged after it was joined. */
	CHECK(!accepts("https://a.example/v1/rim/../../x", false));
}

int
main(void)
{
	RUN(test_accepted);
	RUN(test_plain_only_where_allowed);
	RUN(test_hostile);
	RUN(test_length);
	RUN(test_passwords_are_not_repeated);
	RUN(test_origin);
	RUN(test_join);
	return unit_end();
}
