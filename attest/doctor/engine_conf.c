/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/doctor/engine_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/toml.h"

#define CONF_MAX (1 << 20)

const struct engine_conf engine_conf_podman = {"podman",
					       {"/usr/share/containers/containers.conf",
						"/etc/containers/containers.conf"},
					       "/etc/containers/containers.conf.d"};
const struct engine_conf engine_conf_crio = {"CRI-O", {"/etc/crio/crio.conf", NULL}, "/etc/crio/crio.conf.d"};
const struct engine_conf engine_conf_containerd = {"containerd", {"/etc/containerd/config.toml", NULL}, NULL};

/* -- a list ------------------------------------------------------------------------------------------------------ */

void
engine_list_free(struct engine_list *list)
{
	for (unsigned i = 0; i < list->items; i++)
		free(list->item[i]);
	list->items = 0;
}

void
engine_list_add(struct engine_list *list, const char *item)
{
	if (list->items < ENGINE_LIST_MAX)
		list->item[list->items++] = xstrdup(item);
}

char *
engine_list_join(const struct engine_list *list, const char *between)
{
	struct buf out = {0};

	buf_add_text(&out, "");
	for (unsigned i = 0; i < list->items; i++)
		buf_printf(&out, "%s%s", i > 0 ? between : "", list->item[i]);
	return buf_steal_text(&out);
}

bool
engine_ends_with(const char *name, const char *ending)
{
	size_t size = strlen(name), length = strlen(ending);

	return size > length && strcmp(name + size - length, ending) == 0;
}

/* -- the files --------------------------------------------------------------------------------------------------- */

/* Calls each for every file there may be, in the order in which they count. */
static void
each_file(const struct doctor *doctor, const struct engine_conf *conf, void (*each)(void *context, const char *path),
	  void *context)
{
	size_t count = 0;
	char **names = conf->folder != NULL ? place_names(doctor->root, conf->folder, &count) : NULL;

	for (unsigned i = 0; i < 2; i++)
		if (conf->files[i] != NULL)
			each(context, conf->files[i]);
	for (size_t i = 0; i < count; i++) {
		char *path = xprintf("%s/%s", conf->folder, names[i]);

		if (engine_ends_with(names[i], ".conf"))
			each(context, path);
		free(path);
	}
	place_names_free(names, count);
}

struct search {
	struct doctor *doctor;
	const struct engine_conf *conf;
	const char *check, *key;
	int code;
	const char *const *defaults;
	struct engine_list *list;
};

static void
add_defaults(const struct search *search)
{
	for (const char *const *item = search->defaults; *item != NULL; item++)
		engine_list_add(search->list, *item);
}

/* A list takes the place of earlier ones, unless it says that it is to be appended. */
static void
take_list(const struct search *search, const struct toml_value *value)
{
	struct engine_list *list = search->list;

	if (value->type != TOML_LIST)
		return;
	if (!value->append)
		engine_list_free(list);
	else if (!list->set)
		add_defaults(search);
	list->set = true;
	for (unsigned i = 0; i < value->items; i++)
		engine_list_add(list, value->item[i]);
}

static void
tell_broken(const struct search *search, const char *path, const struct err *err)
{
	struct findings *findings = &search->doctor->findings;

	search->list->broken = true;
	if (search->check == NULL)
		return;
	finding_fail(findings, search->check, search->code, "%s: %s: %s refuses it", path, err->text,
		     search->conf->name);
	finding_action(findings, "nl -ba %s | less", path);
}

static void
read_conf_list(void *context, const char *path)
{
	const struct search *search = context;
	char *text = place_read(search->doctor->root, path, CONF_MAX);
	struct toml_value value = {0};
	struct err err = ERR_INIT;

	if (text == NULL && errno != ENOENT && errno != ENOTDIR) {
		if (search->check != NULL)
			finding_skip(&search->doctor->findings, search->check, "%s cannot be read: %s", path,
				     err_errno(errno));
		return;
	}
	if (text != NULL && toml_find(bytes_of_text(text), search->key, &value, &err) != 0) {
		tell_broken(search, path, &err);
	} else if (text != NULL) {
		take_list(search, &value);
	}
	toml_free(&value);
	free(text);
}

void
engine_conf_list(struct doctor *doctor, const struct engine_conf *conf, const char *check, const char *key, int code,
		 const char *const *defaults, struct engine_list *out)
{
	struct search search = {doctor, conf, check, key, code, defaults, out};

	*out = (struct engine_list){.items = 0};
	each_file(doctor, conf, read_conf_list, &search);
	if (!out->set)
		add_defaults(&search);
}

struct lookup {
	const struct doctor *doctor;
	const char *key;
	char *found;
};

static void
read_conf_text(void *context, const char *path)
{
	struct lookup *lookup = context;
	char *text = place_read(lookup->doctor->root, path, CONF_MAX);
	struct toml_value value = {0};

	if (text != NULL && toml_find(bytes_of_text(text), lookup->key, &value, &(struct err)ERR_INIT) == 0 &&
	    value.text != NULL) {
		free(lookup->found);
		lookup->found = xstrdup(value.text);
	}
	toml_free(&value);
	free(text);
}

char *
engine_conf_text(const struct doctor *doctor, const struct engine_conf *conf, const char *key)
{
	struct lookup lookup = {doctor, key, NULL};

	each_file(doctor, conf, read_conf_text, &lookup);
	return lookup.found;
}
