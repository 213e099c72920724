/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/url.h"

#define CA_MAX (1000 * 1024) /* what fits into its frame beside the rest */
#define KEY_MAX 4096

static const char *const nvidia_origins[] = {"https://rim.attestation.nvidia.com:443",
					     "https://ocsp.ndis.nvidia.com:443"};

/* The reference tools disagree on what the address of the service is: its host, or the path that ids stand behind. */
static char *
rim_url(const char *base, const char *id)
{
	size_t size = strlen(base);
	char *path, *url;

	while (size > 0 && base[size - 1] == '/')
		size--;
	if (size >= 7 && strncmp(base + size - 7, "/v1/rim", 7) == 0)
		return url_join(base, id);
	path = xprintf("v1/rim/%s", id);
	url = url_join(base, path);
	free(path);
	return url;
}

/* "" = none is configured. */
static const char *
service_base(const struct conf *conf, enum collateral_service service)
{
	switch (service) {
	case SERVICE_RIM:
		return conf->rim_store == RIM_STORE_DIR ? "" : conf->rim_url;
	case SERVICE_OCSP:
		return conf->ocsp_url;
	case SERVICE_NRAS:
		return conf->nras_url;
	case SERVICE_NONE:
		break;
	}
	return "";
}

char *
service_url(const struct conf *conf, enum collateral_kind kind, const char *name)
{
	const struct kind_row *row = kind_row(kind);
	const char *base = service_base(conf, row->service);

	if (base[0] == '\0')
		return NULL;
	return row->path != NULL ? url_join(base, row->path) : rim_url(base, name);
}

static bool
is_origin(const char *origin, const char *url)
{
	char *other = url_origin(url);
	bool same = other[0] != '\0' && strcmp(origin, other) == 0;

	free(other);
	return same;
}

bool
service_takes_key(const struct conf *conf, const char *url)
{
	const struct conf_list *list = &conf->service_key_origins;
	char *origin = url_origin(url);
	bool takes = list->count == 0 && is_origin(origin, conf->nras_url);

	for (unsigned i = 0; !takes && i < list->count; i++)
		takes = is_origin(origin, list->item[i]);
	for (size_t i = 0; !takes && list->count == 0 && i < sizeof(nvidia_origins) / sizeof(nvidia_origins[0]); i++)
		takes = strcmp(origin, nvidia_origins[i]) == 0;
	free(origin);
	return takes && !url_is_plain(url);
}

/* One line of visible characters, in a file that nobody else reads. */
static int
read_service_key(const char *path, struct buf *key, struct err *err)
{
	struct stat st;
	int fd, rc;

	if (path[0] == '\0')
		return 0;
	fd = fs_open_trusted(path, err);
	if (fd < 0)
		return err_wrap(err, CODE_USAGE, "service-key-file");
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0)
		rc = err_set(err, CODE_USAGE, "service-key-file %s: mode %03o, want 600", path,
			     (unsigned)st.st_mode & 0777);
	else if ((rc = fs_read_fd(fd, KEY_MAX, key, err)) != 0)
		err_wrap(err, CODE_USAGE, "service-key-file %s", path);
	close(fd);
	if (rc != 0)
		return -1;
	if (key->size > 0 && key->data[key->size - 1] == '\n')
		key->data[--key->size] = '\0';
	for (size_t i = 0; i < key->size; i++)
		if (key->data[i] <= ' ' || key->data[i] >= 0x7f)
			return err_set(err, CODE_USAGE, "service-key-file %s: want one line of visible characters",
				       path);
	return key->size > 0 ? 0 : err_set(err, CODE_USAGE, "service-key-file %s: is empty", path);
}

static void
wipe_key(struct buf *key)
{
	if (key->data != NULL)
		explicit_bzero(key->data, key->room);
	buf_free(key);
}

struct fetcher *
service_start(const struct conf *conf, int64_t deadline, struct err *err)
{
	struct fetch_settings settings = {
		.path = PATH_WORKERS "/fetch",
		.user = conf->worker_user,
		.proxy = conf->proxy,
		.connect_ms = conf->connect_timeout * 1000,
		.request_ms = conf->request_timeout * 1000,
		.retries = (unsigned)conf->retries,
		.deadline = deadline,
	};
	struct buf ca = {0}, key = {0};
	struct fetcher *fetcher = NULL;

	if (fs_read_trusted(conf->ca_file, CA_MAX, &ca, err) != 0)
		err_wrap(err, CODE_USAGE, "ca-file");
	else if (read_service_key(conf->service_key_file, &key, err) == 0) {
		settings.ca = buf_bytes(&ca);
		settings.key = key.size > 0 ? (const char *)key.data : "";
		fetcher = fetch_start(&settings, err);
	}
	buf_free(&ca);
	wipe_key(&key);
	return fetcher;
}
