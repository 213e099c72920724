/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <ini.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/url.h"
#include "spec/gpu_arch.h"

#define FILE_MAX 65536
#define LINE_MAX_INI 198 /* libinih cuts longer lines in two without a word */

enum kind { KIND_TEXT, KIND_PATH, KIND_VERSION, KIND_LIST, KIND_NUMBER, KIND_DATE, KIND_CHOICE, KIND_URL };

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;
	const char *initial;
	int64_t min, max;           /* KIND_NUMBER; of the others see the values below */
	const char *const *choices; /* KIND_CHOICE: NULL-terminated, in the order of the enum */
	bool decides;               /* its value can change a verdict, or what follows from one */
};

#define HTTP_TOO 1  /* KIND_URL: plain http is accepted, for what it brings is signed */
#define HTTP_ONLY 2 /* KIND_URL */
#define ORIGINS 1   /* KIND_LIST */

static const char *const privileged_choices[] = {"gate", "deny", "allow", NULL};
static const char *const shared_pid_choices[] = {"allow", "deny", NULL};
static const char *const before_driver_choices[] = {"refuse", "allow", NULL};
static const char *const ready_choices[] = {"require", "report", "manage", NULL};
static const char *const audit_choices[] = {"best-effort", "required", NULL};
static const char *const verifier_choices[] = {"local", "remote", "both", NULL};
static const char *const mode_choices[] = {"enforce", "observe", NULL};
static const char *const refresh_choices[] = {"report", "stop", NULL};
static const char *const rim_store_choices[] = {"remote", "dir", NULL};
static const char *const certid_choices[] = {"sha1", "sha384", NULL};

#define AT(member) offsetof(struct conf, member)

static const struct key keys[] = {
	{"driver", "nvml-library", KIND_PATH, AT(nvml_library), "", 0, 0, NULL, true},
	{"driver", "driver-root", KIND_PATH, AT(driver_root), "/", 0, 0, NULL, true},
	{"trust", "device-root", KIND_PATH, AT(device_root), "", 0, 0, NULL, true},
	{"trust", "rim-root", KIND_PATH, AT(rim_root), "", 0, 0, NULL, true},
	{"collateral", "rim-dir", KIND_PATH, AT(rim_dir), PATH_STATE "/lib/cgpu/rim", 0, 0, NULL, false},
	{"collateral", "ocsp-dir", KIND_PATH, AT(ocsp_dir), PATH_STATE "/lib/cgpu/ocsp", 0, 0, NULL, false},
	{"collateral", "chain-dir", KIND_PATH, AT(chain_dir), PATH_STATE "/lib/cgpu/chain", 0, 0, NULL, false},
	{"collateral", "rim-store", KIND_CHOICE, AT(rim_store), "remote", 0, 0, rim_store_choices, false},
	{"collateral", "rim-url", KIND_URL, AT(rim_url), "https://rim.attestation.nvidia.com", HTTP_TOO, 0, NULL,
	 false},
	{"collateral", "ocsp-url", KIND_URL, AT(ocsp_url), "https://ocsp.ndis.nvidia.com", HTTP_TOO, 0, NULL, false},
	{"collateral", "ocsp-certid", KIND_CHOICE, AT(ocsp_certid), "sha1", 0, 0, certid_choices, false},
	{"collateral", "cache-dir", KIND_PATH, AT(cache_dir), PATH_STATE "/cache/cgpu", 0, 0, NULL, false},
	{"collateral", "cache-size", KIND_NUMBER, AT(cache_size), "64", 1, 65536, NULL, false},
	{"network", "ca-file", KIND_PATH, AT(ca_file), CA_FILE, 0, 0, NULL, true},
	{"network", "proxy", KIND_URL, AT(proxy), "", HTTP_ONLY, 0, NULL, false},
	{"network", "connect-timeout", KIND_NUMBER, AT(connect_timeout), "5", 1, 600, NULL, false},
	{"network", "request-timeout", KIND_NUMBER, AT(request_timeout), "10", 1, 600, NULL, false},
	{"network", "retries", KIND_NUMBER, AT(retries), "3", 0, 10, NULL, false},
	{"network", "service-key-file", KIND_PATH, AT(service_key_file), "", 0, 0, NULL, false},
	{"network", "service-key-origins", KIND_LIST, AT(service_key_origins), "", ORIGINS, 0, NULL, false},
	{"remote", "nras-url", KIND_URL, AT(nras_url), "https://nras.attestation.nvidia.com", 0, 0, NULL, true},
	{"remote", "nras-issuer", KIND_TEXT, AT(nras_issuer), "", 0, 0, NULL, true},
	{"remote", "key-set-file", KIND_PATH, AT(key_set_file), "", 0, 0, NULL, true},
	{"remote", "key-root", KIND_PATH, AT(key_root), "", 0, 0, NULL, true},
	{"policy", "verifier", KIND_CHOICE, AT(verifier), "local", 0, 0, verifier_choices, true},
	{"policy", "mode", KIND_CHOICE, AT(mode), "enforce", 0, 0, mode_choices, true},
	{"policy", "observe-until", KIND_DATE, AT(observe_until), "", 0, 0, NULL, true},
	{"policy", "policy-file", KIND_PATH, AT(policy_file), "", 0, 0, NULL, false},
	{"policy", "privileged", KIND_CHOICE, AT(privileged), "gate", 0, 0, privileged_choices, true},
	{"policy", "shared-pid", KIND_CHOICE, AT(shared_pid), "allow", 0, 0, shared_pid_choices, true},
	{"policy", "before-driver", KIND_CHOICE, AT(before_driver), "refuse", 0, 0, before_driver_choices, true},
	{"policy", "ready-state", KIND_CHOICE, AT(ready), "require", 0, 0, ready_choices, true},
	{"policy", "audit", KIND_CHOICE, AT(audit), "best-effort", 0, 0, audit_choices, true},
	{"policy", "min-driver-version", KIND_VERSION, AT(min_driver_version), "", 0, 0, NULL, true},
	{"policy", "min-vbios-version", KIND_VERSION, AT(min_vbios_version), "", 0, 0, NULL, true},
	{"policy", "denied-driver-versions", KIND_LIST, AT(denied_driver_versions), "", 0, 0, NULL, true},
	{"policy", "denied-vbios-versions", KIND_LIST, AT(denied_vbios_versions), "", 0, 0, NULL, true},
	{"policy", "hardware-models", KIND_LIST, AT(hardware_models), "", 0, 0, NULL, true},
	{"policy", "gpu-count", KIND_NUMBER, AT(gpu_count), "0", 0, GPU_MAX, NULL, true},
	{"policy", "ocsp-max-age", KIND_NUMBER, AT(ocsp_max_age), "43200", 0, 604800, NULL, true},
	{"policy", "allow-ocsp-without-nonce", KIND_DATE, AT(allow_ocsp_without_nonce), "", 0, 0, NULL, true},
	{"policy", "allow-certificate-hold", KIND_DATE, AT(allow_certificate_hold), "", 0, 0, NULL, true},
	{"run", "deadline", KIND_NUMBER, AT(deadline), "20", 1, 600, NULL, false},
	{"run", "token-lifetime", KIND_NUMBER, AT(token_lifetime), "3600", 60, 86400, NULL, false},
	{"run", "on-refresh-failure", KIND_CHOICE, AT(on_refresh_failure), "report", 0, 0, refresh_choices, true},
	{"run", "worker-user", KIND_TEXT, AT(worker_user), WORKER_USER, 0, 0, NULL, false},
};

static const char *const exempt_keys[] = {"namespace", "image-id", "bundle-root"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(COUNT(keys) <= CONF_KEYS_MAX, "origins of keys");

static void
set_conf_text(char **member, const char *value)
{
	free(*member);
	*member = xstrdup(value);
}

static void
list_free(struct conf_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->item[i]);
	list->count = 0;
}

/* Items are separated by commas; blanks around them do not count, blanks inside do ("GH100 A01 GSP BROM"). */
static int
set_list(struct conf_list *list, const char *value, const struct key *key, struct err *err)
{
	list_free(list);
	while (*value != '\0') {
		size_t size = strcspn(value, ","), start = strspn(value, " ,");

		if (start > 0) {
			value += start;
			continue;
		}
		while (size > 0 && value[size - 1] == ' ')
			size--;
		if (list->count == CONF_LIST_MAX)
			return err_set(err, 0, "more than %d items", CONF_LIST_MAX);
		list->item[list->count++] = xprintf("%.*s", (int)size, value);
		if (key->min == ORIGINS && url_check(list->item[list->count - 1], false, err) != 0)
			return -1;
		value += size;
	}
	return 0;
}

static int
set_conf_number(int64_t *member, const char *value, const struct key *key, struct err *err)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < key->min || number > key->max)
		return err_set(err, 0, "'%s' is not a whole number from %lld to %lld", value, (long long)key->min,
			       (long long)key->max);
	*member = number;
	return 0;
}

/* A loosening ends with the named day (UTC); empty is off. */
static int
set_date(int64_t *member, const char *value, struct err *err)
{
	char text[32];

	*member = 0;
	if (value[0] == '\0')
		return 0;
	if (strlen(value) != 10)
		return err_set(err, 0, "'%s' is not a date, want YYYY-MM-DD", value);
	memcpy(text, value, 10);
	memcpy(text + 10, "T23:59:59Z", 11);
	if (!clock_parse(text, member))
		return err_set(err, 0, "'%s' is not a date, want YYYY-MM-DD", value);
	*member += 1;
	return 0;
}

static int
set_choice(int64_t *member, const char *value, const struct key *key, struct err *err)
{
	struct buf known = {0};

	for (int64_t i = 0; key->choices[i] != NULL; i++) {
		if (strcmp(key->choices[i], value) == 0) {
			buf_free(&known);
			*member = i;
			return 0;
		}
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ", key->choices[i]);
	}
	err_set(err, 0, "'%s' is none of %s", value, (char *)known.data);
	buf_free(&known);
	return -1;
}

static int
set_checked_text(char **member, const char *value, const struct key *key, struct err *err)
{
	static const char version[] = "0123456789ABCDEFabcdef.";

	if (key->kind == KIND_PATH && value[0] != '\0' && value[0] != '/')
		return err_set(err, 0, "'%s' is not an absolute path", value);
	if (key->kind == KIND_URL && value[0] != '\0' && url_check(value, key->min != 0, err) != 0)
		return -1;
	if (key->kind == KIND_URL && value[0] != '\0' && key->min == HTTP_ONLY && !url_is_plain(value))
		return err_set(err, 0, "'%s' is not of the form http://HOST:PORT", value);
	if (key->kind == KIND_VERSION && value[strspn(value, version)] != '\0')
		return err_set(err, 0, "'%s' is not a version of numbers and dots", value);
	set_conf_text(member, value);
	return 0;
}

static int
key_set(struct conf *conf, const struct key *key, const char *value, struct err *err)
{
	void *member = (char *)conf + key->offset;

	switch (key->kind) {
	case KIND_TEXT:
	case KIND_PATH:
	case KIND_VERSION:
	case KIND_URL:
		return set_checked_text(member, value, key, err);
	case KIND_LIST:
		return set_list(member, value, key, err);
	case KIND_NUMBER:
		return set_conf_number(member, value, key, err);
	case KIND_DATE:
		return set_date(member, value, err);
	case KIND_CHOICE:
		return set_choice(member, value, key, err);
	}
	return err_set(err, CODE_INTERNAL, "key of unknown kind");
}

/* Edit distance for the hint; names are short. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], size = strlen(b);

	if (size >= COUNT(row))
		return SIZE_MAX;
	for (size_t k = 0; k <= size; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < size; k++) {
			size_t best = corner + (a[i] != b[k]);

			corner = row[k + 1];
			best = best < corner + 1 ? best : corner + 1;
			row[k + 1] = best < row[k] + 1 ? best : row[k] + 1;
		}
	}
	return row[size];
}

static int
unknown_key(const char *section, const char *name, struct err *err)
{
	const struct key *nearest = &keys[0];
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t now = distance(name, keys[i].name);

		if (now < best) {
			best = now;
			nearest = &keys[i];
		}
	}
	return err_set(err, 0, "unknown key '%s' in [%s]; the nearest known one is '%s' in [%s]", name, section,
		       nearest->name, nearest->section);
}

static struct conf_exempt *
exempt_entry(struct conf *conf, const char *name, struct err *err)
{
	for (unsigned i = 0; i < conf->exempts; i++)
		if (strcmp(conf->exempt[i].name, name) == 0)
			return &conf->exempt[i];
	if (conf->exempts == CONF_EXEMPT_MAX) {
		err_set(err, 0, "more than %d [exempt] sections", CONF_EXEMPT_MAX);
		return NULL;
	}
	conf->exempt[conf->exempts].name = xstrdup(name);
	return &conf->exempt[conf->exempts++];
}

static int
exempt_set(struct conf *conf, const char *section, const char *key, const char *value, const char *origin,
	   struct err *err)
{
	struct conf_exempt *entry = exempt_entry(conf, section + strlen("exempt "), err);
	char **member;

	if (entry == NULL)
		return -1;
	if (strcmp(key, exempt_keys[0]) == 0)
		member = &entry->namespace;
	else if (strcmp(key, exempt_keys[1]) == 0)
		member = &entry->image_id;
	else if (strcmp(key, exempt_keys[2]) == 0)
		member = &entry->bundle_root;
	else
		return err_set(err, 0, "unknown key '%s' in [%s]: known are namespace, image-id, bundle-root", key,
			       section);
	if (value[0] == '\0')
		return err_set(err, 0, "'%s' in [%s] is empty", key, section);
	set_conf_text(member, value);
	set_conf_text(&entry->origin, origin);
	return 0;
}

struct reader {
	struct conf *conf;
	struct err *err;
	const char *name, *rest; /* of the text */
	unsigned line;           /* the one that was read last */
	bool failed;
	bool seen[COUNT(keys)]; /* in this file: a key given twice is a mistake */
};

static int
set_value(struct reader *reader, const char *section, const char *name, const char *value)
{
	char origin[PATH_MAX + 16];

	snprintf(origin, sizeof(origin), "%s:%u", reader->name, reader->line);
	if (strncmp(section, "exempt ", 7) == 0)
		return exempt_set(reader->conf, section, name, value, origin, reader->err);
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		if (reader->seen[i])
			return err_set(reader->err, 0, "key '%s' twice", name);
		reader->seen[i] = true;
		if (key_set(reader->conf, &keys[i], value, reader->err) != 0)
			return err_wrap(reader->err, 0, "%s", name);
		set_conf_text(&reader->conf->origin[i], origin);
		return 0;
	}
	return unknown_key(section, name, reader->err);
}

/* As fgets(3), and counts: libinih tells its handler no line. */
static char *
next_ini_line(char *out, int size, void *user)
{
	struct reader *reader = user;
	size_t length = strcspn(reader->rest, "\n");

	if (*reader->rest == '\0' || size < 2)
		return NULL;
	length += reader->rest[length] == '\n';
	if (length > (size_t)size - 1)
		length = (size_t)size - 1;
	memcpy(out, reader->rest, length);
	out[length] = '\0';
	reader->rest += length;
	reader->line++;
	return out;
}

/* libinih goes on after an error and returns the first line that had one: keep that line's text. */
static int
on_value(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;

	if (reader->failed)
		return 0;
	reader->failed = set_value(reader, section, name, value ? value : "") != 0;
	return reader->failed ? 0 : 1;
}

static int
check_lines(const char *name, const char *text, struct err *err)
{
	unsigned line = 1;

	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		if (length > LINE_MAX_INI)
			return err_set(err, CODE_USAGE, "%s:%u: line of %zu bytes, at most %d", name, line, length,
				       LINE_MAX_INI);
		text += length + (text[length] == '\n');
		line++;
	}
	return 0;
}

int
conf_parse(struct conf *conf, const char *name, struct bytes text, struct err *err)
{
	struct reader reader = {.conf = conf, .err = err, .name = name};
	char *copy;
	int line, rc = -1;

	if (text.size > FILE_MAX || (text.size > 0 && memchr(text.data, '\0', text.size) != NULL))
		return err_set(err, CODE_USAGE, "%s: a NUL byte, or more than %d bytes", name, FILE_MAX);
	copy = xprintf("%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
	if (check_lines(name, copy, err) != 0)
		goto out;
	err_set(err, 0, "no section, or no 'key = value'");
	reader.rest = copy;
	line = ini_parse_stream(next_ini_line, &reader, on_value, &reader);
	if (line != 0) {
		err_wrap(err, CODE_USAGE, "%s:%d", name, line);
		goto out;
	}
	*err = (struct err)ERR_INIT;
	rc = 0;
out:
	free(copy);
	return rc;
}

void
conf_defaults(struct conf *conf)
{
	struct err err = ERR_INIT;

	*conf = (struct conf){0};
	for (size_t i = 0; i < COUNT(keys); i++)
		if (key_set(conf, &keys[i], keys[i].initial, &err) != 0)
			abort(); /* the table contradicts itself */
}

static int
load_file(struct conf *conf, const char *path, struct err *err)
{
	struct buf text = {0};
	int rc = fs_read_trusted(path, FILE_MAX, &text, err);

	if (rc != 0)
		err_wrap(err, CODE_USAGE, "configuration");
	else
		rc = conf_parse(conf, path, buf_bytes(&text), err);
	buf_free(&text);
	return rc;
}

/* A namespace is an annotation that anybody can set: an entry counts only below a directory of the engine's. */
static int
check_exempts(const struct conf *conf, struct err *err)
{
	for (unsigned i = 0; i < conf->exempts; i++) {
		const struct conf_exempt *entry = &conf->exempt[i];

		if (entry->bundle_root == NULL || entry->bundle_root[0] != '/')
			return err_set(err, CODE_USAGE, "configuration: [exempt %s] has no absolute bundle-root",
				       entry->name);
		if (entry->namespace == NULL)
			return err_set(
				err, CODE_USAGE,
				"configuration: [exempt %s] has no namespace; image-id alone exempts nothing, for a "
				"container's annotation can name any image",
				entry->name);
	}
	return 0;
}

/* Without this, glob passes over a directory that cannot be read, and the policy in it would not hold. */
static int
on_glob_error(const char *path, int number)
{
	(void)path;
	return number != ENOENT;
}

static int
load_drop_ins(struct conf *conf, struct err *err)
{
	glob_t found = {0};
	int rc = 0, globbed = glob(PATH_SYSCONF "/cgpu.conf.d/*.conf", 0, on_glob_error, &found);

	if (globbed != 0 && globbed != GLOB_NOMATCH)
		rc = err_set(err, CODE_USAGE, "configuration %s: cannot be read", PATH_SYSCONF "/cgpu.conf.d");
	for (size_t i = 0; rc == 0 && globbed == 0 && i < found.gl_pathc; i++)
		rc = load_file(conf, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

/* A gate that only watches shall not stay so because nobody remembers it. */
static int
check_mode(const struct conf *conf, struct err *err)
{
	if (conf->mode == MODE_OBSERVE && conf->observe_until == 0)
		return err_set(err, CODE_USAGE, "configuration: mode = observe needs observe-until = YYYY-MM-DD");
	return 0;
}

int
conf_load(struct conf *conf, struct err *err)
{
	int rc = 0;

	conf_defaults(conf);
	if (access(PATH_SYSCONF "/cgpu.conf", F_OK) == 0)
		rc = load_file(conf, PATH_SYSCONF "/cgpu.conf", err);
	else if (errno != ENOENT)
		rc = err_set(err, CODE_USAGE, "configuration %s: %s", PATH_SYSCONF "/cgpu.conf", err_errno(errno));
	if (rc == 0)
		rc = load_drop_ins(conf, err);
	if (rc == 0)
		rc = check_mode(conf, err);
	return rc == 0 ? check_exempts(conf, err) : rc;
}

void
conf_free(struct conf *conf)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		char *member = (char *)conf + keys[i].offset;

		if (keys[i].kind == KIND_LIST)
			list_free((struct conf_list *)(void *)member);
		else if (keys[i].kind == KIND_TEXT || keys[i].kind == KIND_PATH || keys[i].kind == KIND_VERSION ||
			 keys[i].kind == KIND_URL)
			free(*(char **)(void *)member);
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		free(conf->origin[i]);
	for (unsigned i = 0; i < conf->exempts; i++) {
		free(conf->exempt[i].name);
		free(conf->exempt[i].namespace);
		free(conf->exempt[i].image_id);
		free(conf->exempt[i].bundle_root);
		free(conf->exempt[i].origin);
	}
	*conf = (struct conf){0};
}

/* The value in force as it would stand in the file. */
static char *
key_text(const struct conf *conf, const struct key *key)
{
	const void *member = (const char *)conf + key->offset;
	const struct conf_list *list = member;
	struct buf text = {0};
	char time[32];

	switch (key->kind) {
	case KIND_TEXT:
	case KIND_PATH:
	case KIND_VERSION:
	case KIND_URL:
		return xstrdup(*(char *const *)member);
	case KIND_LIST:
		for (unsigned i = 0; i < list->count; i++)
			buf_printf(&text, "%s%s", i == 0 ? "" : ", ", list->item[i]);
		return buf_steal_text(&text);
	case KIND_NUMBER:
		return xprintf("%lld", (long long)*(const int64_t *)member);
	case KIND_CHOICE:
		return xstrdup(key->choices[*(const int64_t *)member]);
	case KIND_DATE:
		break;
	}
	if (*(const int64_t *)member == 0)
		return xstrdup("");
	clock_format(*(const int64_t *)member - 1, time);
	return xprintf("%.10s", time);
}

static void
exempt_text(const struct conf_exempt *entry, bool origins, struct buf *out)
{
	const char *value[] = {entry->namespace, entry->image_id, entry->bundle_root};

	buf_printf(out, "\n[exempt %s]", entry->name);
	if (origins)
		buf_printf(out, "  # %s", entry->origin);
	buf_add_text(out, "\n");
	for (size_t i = 0; i < COUNT(value); i++)
		if (value[i] != NULL)
			buf_printf(out, "%s = %s\n", exempt_keys[i], value[i]);
}

char *
conf_text(const struct conf *conf, bool origins)
{
	const char *section = "";
	struct buf out = {0};

	for (size_t i = 0; i < COUNT(keys); i++) {
		char *value = key_text(conf, &keys[i]);

		if (strcmp(section, keys[i].section) != 0)
			buf_printf(&out, "%s[%s]\n", i == 0 ? "" : "\n", keys[i].section);
		section = keys[i].section;
		buf_printf(&out, "%s =%s%s", keys[i].name, value[0] ? " " : "", value);
		if (origins)
			buf_printf(&out, "  # %s", conf->origin[i] ? conf->origin[i] : "default");
		buf_add_text(&out, "\n");
		free(value);
	}
	for (unsigned i = 0; i < conf->exempts; i++)
		exempt_text(&conf->exempt[i], origins, &out);
	return buf_steal_text(&out);
}

static bool
has_initial(const struct conf *conf, const struct key *key)
{
	char *value = key_text(conf, key);
	bool same = strcmp(value, key->initial) == 0;

	free(value);
	return same;
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *
conf_deciding_text(const struct conf *conf)
{
	char *line[COUNT(keys) + CONF_EXEMPT_MAX * COUNT(exempt_keys)];
	struct buf out = {0};
	size_t count = 0;

	for (size_t i = 0; i < COUNT(keys); i++) {
		char *value;

		if (!keys[i].decides || has_initial(conf, &keys[i]))
			continue;
		value = key_text(conf, &keys[i]);
		line[count++] = xprintf("%s.%s = %s\n", keys[i].section, keys[i].name, value);
		free(value);
	}
	for (unsigned i = 0; i < conf->exempts; i++) {
		const struct conf_exempt *entry = &conf->exempt[i];
		const char *value[] = {entry->namespace, entry->image_id, entry->bundle_root};

		for (size_t k = 0; k < COUNT(value); k++)
			if (value[k] != NULL)
				line[count++] = xprintf("exempt %s.%s = %s\n", entry->name, exempt_keys[k], value[k]);
	}
	qsort(line, count, sizeof(line[0]), compare_lines);
	buf_add_text(&out, "");
	for (size_t i = 0; i < count; i++) {
		buf_add_text(&out, line[i]);
		free(line[i]);
	}
	return buf_steal_text(&out);
}

static void
exempt_json(const struct conf_exempt *entry, bool origins, struct json_out *out)
{
	const char *value[] = {entry->namespace, entry->image_id, entry->bundle_root};

	json_out_object(out);
	json_out_member_text(out, "name", entry->name);
	for (size_t i = 0; i < COUNT(value); i++) {
		json_out_member_text(out, exempt_keys[i], value[i]);
	}
	if (origins) {
		json_out_member_text(out, "origin", entry->origin);
	}
	json_out_end(out);
}

void
conf_json(const struct conf *conf, bool origins, struct json_out *out)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		char *value = key_text(conf, &keys[i]);

		json_out_name(out, keys[i].name);
		if (keys[i].kind == KIND_NUMBER)
			json_out_integer(out, *(const int64_t *)(const void *)((const char *)conf + keys[i].offset));
		else
			json_out_text(out, value);
		free(value);
	}
	json_out_name(out, "exempt");
	json_out_array(out);
	for (unsigned i = 0; i < conf->exempts; i++)
		exempt_json(&conf->exempt[i], origins, out);
	json_out_end(out);
	if (!origins)
		return;
	json_out_name(out, "origin");
	json_out_object(out);
	for (size_t i = 0; i < COUNT(keys); i++) {
		json_out_member_text(out, keys[i].name, conf->origin[i] ? conf->origin[i] : "default");
	}
	json_out_end(out);
}

const char *
conf_verifier_name(const struct conf *conf)
{
	return verifier_choices[conf->verifier];
}

int
conf_set(struct conf *conf, const char *section, const char *name, const char *value, struct err *err)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return key_set(conf, &keys[i], value, err) == 0 ? 0 : err_wrap(err, CODE_USAGE, "%s", name);
	unknown_key(section, name, err);
	return err_wrap(err, CODE_INTERNAL, "configuration");
}

bool
conf_observes(const struct conf *conf, int64_t at)
{
	return conf->mode == MODE_OBSERVE && conf->observe_until > at;
}

char *
conf_loosenings(const struct conf *conf, int64_t at)
{
	const struct {
		const char *name;
		bool in_force;
	} table[] = {
		{"allow-ocsp-without-nonce", conf->allow_ocsp_without_nonce > at},
		{"allow-certificate-hold", conf->allow_certificate_hold > at},
		{"before-driver", conf->before_driver == BEFORE_DRIVER_ALLOW},
		{"ready-state", conf->ready == READY_REPORT},
		{"plain-http-rim", conf->rim_store == RIM_STORE_REMOTE && url_is_plain(conf->rim_url)},
		{"plain-http-ocsp", url_is_plain(conf->ocsp_url)},
		{"plain-http-nras", conf->verifier != VERIFIER_LOCAL && url_is_plain(conf->nras_url)},
		{"observe", conf_observes(conf, at)},
	};
	struct buf out = {0};

	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].in_force)
			buf_printf(&out, "%s%s", out.size ? "," : "", table[i].name);
	return buf_steal_text(&out);
}

static bool
is_initial(const struct conf *conf, const char *name)
{
	size_t i = 0;

	while (strcmp(keys[i].name, name) != 0)
		i++;
	return has_initial(conf, &keys[i]);
}

bool
conf_custom_anchor(const struct conf *conf)
{
	static const char *const local[] = {"nvml-library", "device-root", "rim-root"};
	static const char *const remote[] = {"ca-file", "nras-url", "key-set-file"};
	bool custom = false;

	for (size_t i = 0; i < COUNT(local); i++)
		custom |= !is_initial(conf, local[i]);
	for (size_t i = 0; i < COUNT(remote) && conf->verifier != VERIFIER_LOCAL; i++)
		custom |= !is_initial(conf, remote[i]);
	return custom;
}
