/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/sources.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *section, *key;
	bool service;
} keys[] = {
	{"policy", "verifier", true},	    {"collateral", "rim-store", true}, {"collateral", "rim-dir", false},
	{"collateral", "rim-url", true},    {"collateral", "ocsp-dir", false}, {"collateral", "ocsp-url", true},
	{"remote", "nras-url", true},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* In a file of the configuration a path is absolute; on the command line it starts where the caller is. */
static char *
absolute(const char *path)
{
	char *here, *out;

	if (path[0] == '/' || path[0] == '\0')
		return xstrdup(path);
	here = getcwd(NULL, 0);
	out = xprintf("%s/%s", here != NULL ? here : "", path);
	free(here);
	return out;
}

static int
apply(struct conf *conf, unsigned key, const char *given, struct err *err)
{
	bool path = strcmp(keys[key].key, "rim-dir") == 0 || strcmp(keys[key].key, "ocsp-dir") == 0;
	char *value = path ? absolute(given) : xstrdup(given);
	int rc = conf_set(conf, keys[key].section, keys[key].key, value, err);

	free(value);
	return rc == 0 ? 0 : err_wrap(err, 0, "option");
}

int
sources_apply(const struct options *options, struct conf *conf, struct err *err)
{
	for (unsigned i = 0; i < KEYS; i++) {
		const char *value = options_get(options, keys[i].key);

		if (value != NULL && apply(conf, i, value, err) != 0)
			return -1;
	}
	return 0;
}

bool
sources_name_service(const struct options *options)
{
	for (size_t i = 0; i < KEYS; i++) {
		const char *value = options_get(options, keys[i].key);

		if (keys[i].service && value != NULL && strcmp(value, "local") != 0 && strcmp(value, "dir") != 0)
			return true;
	}
	return false;
}
