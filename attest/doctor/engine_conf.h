/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_DOCTOR_ENGINE_CONF_H
#define ATTEST_DOCTOR_ENGINE_CONF_H

#include "attest/doctor/doctor.h"

/* What an engine's own configuration says: files, drop-ins, and the last that has a key wins. */

#define ENGINE_LIST_MAX 32

struct engine_conf {
	const char *name;
	const char *files[2]; /* the last wins; NULL = none */
	const char *folder;   /* *.conf of it come after them, in the order of their names; NULL = none */
};

extern const struct engine_conf engine_conf_podman, engine_conf_crio, engine_conf_containerd;

struct engine_list {
	char *item[ENGINE_LIST_MAX];
	unsigned items;
	bool set;    /* the configuration has the key */
	bool broken; /* it is no TOML, which is told */
};

/*
 * The texts of a list, key as in lib/toml.h; where it is not set, or says append, defaults (NULL at the end) stand
 * first. What cannot be read is a finding of that check, a failure with that code where the engine refuses it, too;
 * check NULL: none.
 */
void engine_conf_list(struct doctor *doctor, const struct engine_conf *conf, const char *check, const char *key,
		      int code, const char *const *defaults, struct engine_list *out);
/* The last text, number or truth value of a key in new memory; NULL: it has none, or cannot be read. */
char *engine_conf_text(const struct doctor *doctor, const struct engine_conf *conf, const char *key);

void engine_list_add(struct engine_list *list, const char *item);
/* In new memory. */
char *engine_list_join(const struct engine_list *list, const char *between);
void engine_list_free(struct engine_list *list);

bool engine_ends_with(const char *name, const char *ending);

#endif
