/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/exemption.h"

#include <string.h>

#include "lib/code.h"

static bool
is_below(const char *path, const char *root)
{
	size_t size = strlen(root);

	while (size > 1 && root[size - 1] == '/')
		size--;
	return path != NULL && strncmp(path, root, size) == 0 && path[size] == '/' && strstr(path, "/../") == NULL;
}

static bool
fits_rule(const char *want, const char *have)
{
	return want == NULL || (have != NULL && strcmp(want, have) == 0);
}

enum exemption
exemption_find(const struct conf *conf, const struct exemption_request *request, char **why, struct err *err)
{
	for (unsigned i = 0; i < conf->exempts; i++) {
		const struct conf_exempt *entry = &conf->exempt[i];

		if (!is_below(request->bundle, entry->bundle_root) ||
		    !fits_rule(entry->namespace, request->namespace) || !fits_rule(entry->image_id, request->image_id))
			continue;
		*why = xprintf("exempt: [exempt %s] of the configuration", entry->name);
		return EXEMPTION_ALLOW;
	}
	if (!request->privileged || conf->privileged == PRIVILEGED_GATE)
		return EXEMPTION_GATE;
	if (conf->privileged == PRIVILEGED_ALLOW) {
		*why = xstrdup("exempt: privileged = allow");
		return EXEMPTION_ALLOW;
	}
	err_set(err, CODE_PRIVILEGED, "privileged container, and the configuration says privileged = deny");
	return EXEMPTION_DENY;
}
