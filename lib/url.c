/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/code.h"

#define URL_MAX 1024

/*
 * The characters of RFC 3986 that a host, a port and a path without parameters need. Percent escapes are none of them:
 * what is joined from parts shall mean the same to everybody on the way.
 */
static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
static const char path_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~/+=:@,";

struct parts {
	bool plain;
	const char *authority;
	size_t authority_size;
	size_t host_size; /* without port; brackets of IPv6 included */
	const char *path;
};

/* ":" and a number from 1 to 65535 without zeros in front, or nothing. */
static bool
is_port(const char *text, size_t size)
{
	unsigned long number = 0;

	if (size == 0)
		return true;
	if (size < 2 || size > 6 || text[0] != ':' || text[1] == '0')
		return false;
	for (size_t i = 1; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (unsigned long)(text[i] - '0');
	}
	return number <= 65535;
}

static bool
split_url(const char *url, struct parts *out)
{
	if (strncmp(url, "https://", 8) == 0)
		*out = (struct parts){.plain = false, .authority = url + 8};
	else if (strncmp(url, "http://", 7) == 0)
		*out = (struct parts){.plain = true, .authority = url + 7};
	else
		return false;
	out->authority_size = strcspn(out->authority, "/");
	out->path = out->authority + out->authority_size;
	out->host_size = out->authority[0] == '[' ? strcspn(out->authority, "]") + 1 : strcspn(out->authority, ":/");
	return out->host_size > 0 && out->host_size <= out->authority_size &&
	       is_port(out->authority + out->host_size, out->authority_size - out->host_size);
}

/* The host as a numeric address of family; brackets are IPv6's. */
static bool
is_address(const struct parts *parts, int family, void *out)
{
	size_t bracket = family == AF_INET6, size = parts->host_size - 2 * bracket;
	char text[INET6_ADDRSTRLEN];

	if (parts->host_size <= 2 * bracket || size >= sizeof(text) || (parts->authority[0] == '[') != bracket)
		return false;
	memcpy(text, parts->authority + bracket, size);
	text[size] = '\0';
	return inet_pton(family, text, out) == 1;
}

/* Labels of letters, digits and inner hyphens (RFC 1123 2.1). What ends in a number is an address or nothing. */
static bool
is_host_name(const struct parts *parts)
{
	const char *at = parts->authority, *end = at + parts->host_size;
	bool number = false;

	for (;;) {
		size_t size = strspn(at, name_characters);

		if (size == 0 || size > 63 || at[0] == '-' || at[size - 1] == '-')
			return false;
		number = strspn(at, "0123456789") == size;
		at += size;
		if (at >= end)
			return at == end && !number && parts->host_size <= 253;
		if (*at++ != '.')
			return false;
	}
}

static bool
is_host(const struct parts *parts)
{
	struct in6_addr address;

	return is_address(parts, AF_INET, &address) || is_address(parts, AF_INET6, &address) || is_host_name(parts);
}

static bool
is_loopback(const struct parts *parts)
{
	static const char local[] = "localhost";
	struct in6_addr six;
	struct in_addr four;

	if (is_address(parts, AF_INET, &four))
		return ntohl(four.s_addr) >> 24 == 127;
	if (is_address(parts, AF_INET6, &six))
		return IN6_IS_ADDR_LOOPBACK(&six);
	return parts->host_size == sizeof(local) - 1 && memcmp(parts->authority, local, parts->host_size) == 0;
}

/* Every segment but the last has content, and none is "." or "..". */
static bool
is_path(const char *path)
{
	if (path[strspn(path, path_characters)] != '\0')
		return false;
	while (*path == '/') {
		size_t size = strcspn(++path, "/");

		if ((size == 0 && path[0] == '/') || (size == 1 && path[0] == '.') ||
		    (size == 2 && memcmp(path, "..", 2) == 0))
			return false;
		path += size;
	}
	return true;
}

int
url_check(const char *url, bool plain, struct err *err)
{
	struct parts parts;

	if (strlen(url) > URL_MAX)
		return err_set(err, CODE_USAGE, "address of %zu characters, at most %d", strlen(url), URL_MAX);
	if (!split_url(url, &parts) || !is_host(&parts) || !is_path(parts.path)) {
		if (strchr(url, '@') != NULL) /* what stands before it may be a password */
			return err_set(err, CODE_USAGE, "the address is not of the form https://HOST[:PORT][/PATH]");
		return err_set(err, CODE_USAGE, "'%s' is not of the form https://HOST[:PORT][/PATH]", url);
	}
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
	char *origin;

	if (!split_url(url, &parts))
		return xstrdup("");
	port = parts.host_size < parts.authority_size;
	origin = xprintf("%s://%.*s%s", parts.plain ? "http" : "https", (int)parts.authority_size, parts.authority,
			 port          ? ""
			 : parts.plain ? ":80"
				       : ":443");
	for (char *at = origin; *at != '\0'; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return origin;
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
