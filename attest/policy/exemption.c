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

static enum exemption
of_privileged(const struct conf *conf, char **why, struct err *err)
{
	if (conf->privileged == PRIVILEGED_ALLOW) {
		*why = xstrdup("exempt: privileged = allow");
		return EXEMPTION_ALLOW;
	}
	err_set(err, CODE_PRIVILEGED, "privileged container, and the configuration says privileged = deny");
	return EXEMPTION_DENY;
}

/* Nothing can be attested yet, and nothing gates the container later. */
static enum exemption
of_early(const struct conf *conf, const struct exemption_request *request, char **why, struct err *err)
{
	if (conf->before_driver == BEFORE_DRIVER_ALLOW || request->observing) {
		*why = xprintf("exempt: %s", conf->before_driver == BEFORE_DRIVER_ALLOW
						     ? "before-driver = allow"
						     : "mode = observe, and no driver has registered yet");
		return EXEMPTION_ALLOW;
	}
	err_set(err, CODE_BEFORE_DRIVER, "a GPU is there, its driver has not registered yet, and the container would "
					 "reach it afterwards");
	return EXEMPTION_DENY;
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
	if (request->privileged && conf->privileged != PRIVILEGED_GATE)
		return of_privileged(conf, why, err);
	return request->before_driver ? of_early(conf, request, why, err) : EXEMPTION_GATE;
}
