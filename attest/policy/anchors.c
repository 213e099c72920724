/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/anchors.h"

#include <stdlib.h>
#include <string.h>

#include "attest/policy/roots.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/url.h"

#define ROOT_MAX 16384
#define KEY_SET_MAX (256 * 1024)

/* The configured file, or what stands in for it. */
static int
read_anchor(const char *key, const char *path, size_t max, struct bytes otherwise, struct buf *file, struct bytes *out,
	  struct err *err)
{
	*out = otherwise;
	if (path[0] == '\0')
		return 0;
	if (fs_read_trusted(path, max, file, err) != 0)
		return err_wrap(err, CODE_USAGE, "%s", key);
	/* Nothing at all would read as "not pinned". */
	if (file->size == 0)
		return err_set(err, CODE_USAGE, "%s: %s is empty", key, path);
	*out = buf_bytes(file);
	return 0;
}

/* The service names itself without a slash at the end, however its address is written. */
static const char *
issuer_of(const struct conf *conf, struct anchors *anchors)
{
	size_t size = strlen(conf->nras_url);

	while (size > 0 && conf->nras_url[size - 1] == '/')
		size--;
	free(anchors->issuer);
	anchors->issuer = xprintf("%.*s", (int)size, conf->nras_url);
	return anchors->issuer;
}

int
anchors_read_remote(const struct conf *conf, struct anchors *anchors, struct remote_trust *out, struct err *err)
{
	const struct bytes none = {NULL, 0};

	*out = (struct remote_trust){0};
	if (conf->verifier == VERIFIER_LOCAL)
		return 0;
	out->issuer = conf->nras_issuer[0] != '\0' ? conf->nras_issuer : issuer_of(conf, anchors);
	if (read_anchor("key-set-file", conf->key_set_file, KEY_SET_MAX, none, &anchors->key_set, &out->key_set,
		      err) != 0)
		return -1;
	return read_anchor("key-root", conf->key_root, ROOT_MAX, none, &anchors->key_root, &out->key_root, err);
}

int
anchors_read(const struct conf *conf, struct anchors *anchors, struct appraise_input *input, struct err *err)
{
	if (read_anchor("device-root", conf->device_root, ROOT_MAX, roots_device(), &anchors->device_root,
		      &input->device_root, err) != 0 ||
	    read_anchor("rim-root", conf->rim_root, ROOT_MAX, roots_rim(), &anchors->rim_root, &input->rim_root,
		      err) != 0)
		return -1;
	return anchors_read_remote(conf, anchors, &input->remote, err);
}

char *
anchors_remote_text(const struct conf *conf)
{
	char *origin, *text;

	if (conf->verifier == VERIFIER_LOCAL)
		return NULL;
	if (conf->key_set_file[0] != '\0')
		return xprintf("key-set %s", conf->key_set_file);
	origin = url_origin(conf->nras_url);
	text = conf->key_root[0] != '\0' ? xprintf("tls %s, key-root %s", origin, conf->key_root)
					 : xprintf("tls %s", origin);
	free(origin);
	return text;
}

void
anchors_free(struct anchors *anchors)
{
	free(anchors->issuer);
	buf_free(&anchors->device_root);
	buf_free(&anchors->rim_root);
	buf_free(&anchors->key_set);
	buf_free(&anchors->key_root);
}
