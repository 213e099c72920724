/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/url.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/code.h"

#define URL_MAX 1024

/* The characters of RFC 3986 that a host, a port and a path without parameters need. */
static const char host_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-[]:";
static const char path_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~%/+=:@,";

struct parts {
	bool plain;
	const char *authority;
	size_t authority_size;
	size_t host_size; /* without port; brackets of IPv6 included */
	const char *path;
};

static bool
split(const char *url, struct parts *out)
{
	const char *port;

	if (strncmp(url, "https://", 8) == 0)
		*out = (struct parts){.plain = false, .authority = url + 8};
	else if (strncmp(url, "http://", 7) == 0)
		*out = (struct parts){.plain = true, .authority = url + 7};
	else
		return false;
	out->authority_size = strcspn(out->authority, "/");
	out->path = out->authority + out->authority_size;
	out->host_size = out->authority[0] == '[' ? strcspn(out->authority, "]") + 1 : strcspn(out->authority, ":/");
	if (out->host_size == 0 || out->host_size > out->authority_size)
		return false;
	port = out->authority + out->host_size;
	if (port < out->path && (*port != ':' || port + 1 == out->path || port + 6 < out->path))
		return false;
	return port == out->path || strspn(port + 1, "0123456789") == (size_t)(out->path - port - 1);
}

static bool
is_loopback(const struct parts *parts)
{
	static const char *const hosts[] = {"localhost", "[::1]"};
	char octet[] = "127.";

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strlen(hosts[i]) == parts->host_size && memcmp(hosts[i], parts->authority, parts->host_size) == 0)
			return true;
	/* 127.evil.example is a name. */
	return strncmp(parts->authority, octet, 4) == 0 && strspn(parts->authority, "0123456789.") >= parts->host_size;
}

int
url_check(const char *url, bool plain, struct err *err)
{
	struct parts parts;

	if (strlen(url) > URL_MAX)
		return err_set(err, CODE_USAGE, "address of %zu characters, at most %d", strlen(url), URL_MAX);
	if (!split(url, &parts) || strspn(parts.authority, host_characters) < parts.authority_size ||
	    parts.path[strspn(parts.path, path_characters)] != '\0' || strstr(parts.path, "/../") != NULL)
		return err_set(err, CODE_USAGE, "'%s' is not of the form https://HOST[:PORT][/PATH]", url);
	if (parts.plain && !plain && !is_loopback(&parts))
		return err_set(err, CODE_USAGE, "'%s': plain http is accepted for loopback addresses only", url);
	return 0;
}

bool
url_is_plain(const char *url)
{
	return strncmp(url, "http://", 7) == 0;
}

char *
url_origin(const char *url)
{
	struct parts parts;
	bool port;

	if (!split(url, &parts))
		return xstrdup("");
	port = parts.host_size < parts.authority_size;
	return xprintf("%s://%.*s%s", parts.plain ? "http" : "https", (int)parts.authority_size, parts.authority,
		       port ? "" : parts.plain ? ":80" : ":443");
}

char *
url_join(const char *base, const char *path)
{
	size_t size = strlen(base);

	while (size > 0 && base[size - 1] == '/')
		size--;
	while (*path == '/')
		path++;
	return xprintf("%.*s/%s", (int)size, base, path);
}
