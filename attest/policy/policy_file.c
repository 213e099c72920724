/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/policy/policy_file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/code.h"
#include "lib/fs.h"

#define STEP "policy-file"
#define SHOWN_MAX 160 /* bytes of a name or value in a message */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct policy_file {
	char *name;
	struct json *root;
	const struct json *overall, *detached; /* objects in root, or NULL */
	bool older;                            /* version 3.0: it speaks of claims 2.0 */
	uint8_t digest[SHA256_SIZE];
};

/* -- reading -- */

static bool
is_object(const struct json *value)
{
	return value != NULL && json_type(value) == JSON_OBJECT;
}

/* By the whole name: one with a NUL in it is no other claim's. */
static const struct json *
find_member(const struct json *object, struct bytes name)
{
	for (size_t i = 0; is_object(object) && i < json_count(object); i++)
		if (bytes_equal(json_name(object, i), name))
			return json_at(object, i);
	return NULL;
}

static int
shown_size(struct bytes name)
{
	return name.size > SHOWN_MAX ? SHOWN_MAX : (int)name.size;
}

/* A rule that is passed over would not hold. */
static int
only_known(const struct json *object, const char *where, const char *const *known, size_t count, struct err *err)
{
	for (size_t i = 0; i < json_count(object); i++) {
		struct bytes name = json_name(object, i);
		size_t k = 0;

		while (k < count && !bytes_equal(name, bytes_of_text(known[k])))
			k++;
		if (k == count)
			return err_set(err, 0, "%sunknown member '%.*s'", where, shown_size(name),
				       (const char *)name.data);
	}
	return 0;
}

static int
read_version(const struct json *root, bool *older, struct err *err)
{
	const char *version = json_text(json_get(root, "version"));

	if (version == NULL)
		return err_set(err, 0, "version is missing or no text");
	*older = strcmp(version, "3.0") == 0;
	if (*older || strcmp(version, "4.0") == 0)
		return 0;
	return err_set(err, 0, "version is '%.*s', want 3.0 or 4.0", SHOWN_MAX, version);
}

static int
read_claims(const struct json *rules, const char *name, const struct json **out, struct err *err)
{
	*out = json_get(rules, name);
	if (*out == NULL || is_object(*out))
		return 0;
	return err_set(err, 0, "authorization-rules: %s is no object", name);
}

static int
read_rules(struct policy_file *policy, struct err *err)
{
	static const char *const outer[] = {"version", "authorization-rules"};
	static const char *const inner[] = {"type", "overall-claims", "detached-claims"};
	const struct json *rules = json_get(policy->root, "authorization-rules");
	const char *type = json_text(json_get(rules, "type"));

	if (!is_object(policy->root) || !is_object(rules))
		return err_set(err, 0, "authorization-rules is missing or no object");
	if (read_version(policy->root, &policy->older, err) != 0 ||
	    only_known(policy->root, "", outer, COUNT(outer), err) != 0 ||
	    only_known(rules, "authorization-rules: ", inner, COUNT(inner), err) != 0)
		return -1;
	if (type == NULL || strcmp(type, "JWT") != 0)
		return err_set(err, 0, "authorization-rules: type is '%.*s', want JWT", SHOWN_MAX, type ? type : "");
	if (read_claims(rules, inner[1], &policy->overall, err) != 0 ||
	    read_claims(rules, inner[2], &policy->detached, err) != 0)
		return -1;
	if (json_count(policy->overall) + json_count(policy->detached) == 0)
		return err_set(err, 0, "authorization-rules: no claim is demanded");
	return 0;
}

struct policy_file *
policy_file_parse(struct bytes text, const char *name, struct err *err)
{
	static const struct json_limits limits = {.bytes = POLICY_FILE_MAX, .string = 1024, .depth = 8, .values = 1024};
	struct policy_file *policy = xcalloc(1, sizeof(*policy));

	policy->name = xprintf("%.*s", SHOWN_MAX, name);
	policy->root = json_read(text, &limits, err);
	if (policy->root != NULL && read_rules(policy, err) == 0) {
		crypto_sha256(text, policy->digest);
		return policy;
	}
	err_wrap(err, CODE_USAGE, "policy %s", policy->name);
	policy_file_free(policy);
	return NULL;
}

struct policy_file *
policy_file_read(const char *path, bool trusted, struct err *err)
{
	struct policy_file *policy = NULL;
	struct buf text = {0};
	int rc = trusted ? fs_read_trusted(path, POLICY_FILE_MAX, &text, err)
			 : fs_read_file(path, POLICY_FILE_MAX, &text, err);

	if (rc == 0)
		policy = policy_file_parse(buf_bytes(&text), path, err);
	else
		err_wrap(err, CODE_USAGE, "policy");
	buf_free(&text);
	return policy;
}

void
policy_file_digest(const struct policy_file *policy, uint8_t out[SHA256_SIZE])
{
	memcpy(out, policy->digest, SHA256_SIZE);
}

void
policy_file_free(struct policy_file *policy)
{
	if (policy == NULL)
		return;
	json_free(policy->root);
	free(policy->name);
	free(policy);
}

/* -- comparing -- */

static char *
shown_claim(const struct json *value)
{
	struct json_out *out;
	char *text;

	if (value == NULL)
		return xstrdup("no such claim");
	out = json_out_new(false);
	json_out_value(out, value);
	text = json_out_finish(out);
	if (strlen(text) > SHOWN_MAX)
		memcpy(text + SHOWN_MAX, "...", 4);
	return text;
}

static int
differ(const char *path, const struct json *want, const struct json *have, struct err *err)
{
	char *wanted = shown_claim(want), *found = shown_claim(have);

	err_set(err, CODE_POLICY, "%s: want %s, found %s", path, wanted, found);
	free(wanted);
	free(found);
	return -1;
}

/* The size of path before, so that the caller can take the name off again. */
static size_t
path_push(struct buf *path, struct bytes name)
{
	size_t size = path->size;

	buf_printf(path, ".%.*s", shown_size(name), (const char *)name.data);
	return size;
}

static void
path_pop(struct buf *path, size_t size)
{
	path->size = size;
	path->data[size] = '\0';
}

static int compare_values(struct buf *path, const struct json *want, const struct json *have, struct err *err);

static int
compare_members(struct buf *path, const struct json *want, const struct json *have, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < json_count(want); i++) {
		size_t size = path_push(path, json_name(want, i));

		rc = compare_values(path, json_at(want, i), find_member(have, json_name(want, i)), err);
		path_pop(path, size);
	}
	return rc;
}

static int
compare_elements(struct buf *path, const struct json *want, const struct json *have, struct err *err)
{
	int rc = json_count(want) == json_count(have) ? 0 : differ((char *)path->data, want, have, err);

	for (size_t i = 0; rc == 0 && i < json_count(want); i++) {
		size_t size = path->size;

		buf_printf(path, "[%zu]", i);
		rc = compare_values(path, json_at(want, i), json_at(have, i), err);
		path_pop(path, size);
	}
	return rc;
}

/* As deep as the policy's own limit. */
static int
compare_values(struct buf *path, const struct json *want, const struct json *have, struct err *err)
{
	bool same = have != NULL && json_type(want) == json_type(have), a = false, b = false;

	if (!same)
		return differ((char *)path->data, want, have, err);
	switch (json_type(want)) {
	case JSON_OBJECT:
		return compare_members(path, want, have, err);
	case JSON_ARRAY:
		return compare_elements(path, want, have, err);
	case JSON_BOOL:
		same = json_bool(want, &a) && json_bool(have, &b) && a == b;
		break;
	case JSON_NUMBER:
		same = bytes_equal(json_number_text(want), json_number_text(have));
		break;
	case JSON_STRING:
		same = bytes_equal(json_bytes(want), json_bytes(have));
		break;
	case JSON_NULL:
		break;
	}
	return same ? 0 : differ((char *)path->data, want, have, err);
}

/* -- judging -- */

/* Claims with what is said in their place: derived comes first. */
struct found {
	const struct json *claims;
	struct json *derived;
};

static struct json *
derived_end(struct json_out *out)
{
	struct err err = ERR_INIT;
	char *text;
	struct json *made;

	json_out_end(out);
	text = json_out_finish(out);
	made = json_parse(bytes_of_text(text), &json_limits_default, &err);
	free(text);
	return made;
}

static bool
text_is(const struct json *value, const char *want)
{
	const char *have = json_text(value);

	return have != NULL && strcmp(have, want) == 0;
}

static struct json *
derive_overall(const struct policy_file *policy, const struct json *overall, const struct steps *steps)
{
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	if (overall == NULL)
		json_out_member_bool(out, "x-nvidia-overall-att-result", steps_first_failure(steps) == NULL);
	if (overall == NULL || (policy->older && text_is(json_get(overall, "x-nvidia-ver"), "3.0")))
		json_out_member_text(out, "x-nvidia-ver", policy->older ? "2.0" : "3.0");
	return derived_end(out);
}

static struct json *
derive_device(const struct policy_file *policy, const struct json *claims)
{
	static const char *const paths[][2] = {
		{"x-nvidia-gpu-attestation-report-cert-chain-validated", "x-nvidia-gpu-attestation-report-cert-chain"},
		{"x-nvidia-gpu-driver-rim-cert-validated", "x-nvidia-gpu-driver-rim-cert-chain"},
		{"x-nvidia-gpu-vbios-rim-cert-validated", "x-nvidia-gpu-vbios-rim-cert-chain"},
	};
	struct json_out *out = json_out_new(false);

	json_out_object(out);
	for (size_t i = 0; policy->older && i < COUNT(paths); i++) {
		const struct json *path = json_get(claims, paths[i][1]);

		if (path == NULL || json_get(claims, paths[i][0]) != NULL)
			continue;
		json_out_member_bool(out, paths[i][0],
				     text_is(json_get(path, "x-nvidia-cert-status"), "valid") &&
					     text_is(json_get(path, "x-nvidia-cert-ocsp-status"), "good"));
	}
	return derived_end(out);
}

static bool
is_nvidia_claim(struct bytes name)
{
	static const char suffix[] = "-schema-validated";
	size_t size = sizeof(suffix) - 1;

	return bytes_equal(name, bytes_of_text("iss")) ||
	       (name.size >= size && memcmp(name.data + name.size - size, suffix, size) == 0);
}

/* The names that stay out go to aside, separated by commas. */
static int
judge_rules(const char *where, const struct json *rules, const struct found *found, bool nvidia, struct buf *aside,
	    struct err *err)
{
	struct buf path = {0};
	int rc = 0;

	buf_add_text(&path, where);
	for (size_t i = 0; i < json_count(rules); i++) {
		struct bytes name = json_name(rules, i);
		const struct json *have = find_member(found->derived, name);
		size_t size;

		if (!nvidia && is_nvidia_claim(name)) {
			buf_printf(aside, "%s%.*s", aside->size ? ", " : "", shown_size(name), (const char *)name.data);
			continue;
		}
		size = path_push(&path, name);
		if (rc == 0)
			rc = compare_values(&path, json_at(rules, i), have ? have : find_member(found->claims, name),
					    err);
		path_pop(&path, size);
	}
	buf_free(&path);
	return rc;
}

/* Takes found->derived. */
static int
judge_claims(const struct policy_file *policy, struct attester attester, const struct json *rules,
	     const struct found *found, bool nvidia, struct steps *steps)
{
	struct buf aside = {0};
	struct err err = ERR_INIT;
	const char *where = attester.kind == ATTESTER_RUN ? "overall-claims" : "detached-claims";
	int rc = judge_rules(where, rules, found, nvidia, &aside, &err);

	if (rc == 0) {
		steps_ok(steps, attester, STEP, "%s", policy->name);
	} else {
		err_wrap(&err, CODE_POLICY, "policy %s", policy->name);
		steps_fail(steps, attester, STEP, &err);
	}
	if (aside.size > 0)
		steps_skip(steps, attester, "policy-not-applicable", "only NVIDIA's tokens have: %s",
			   (char *)aside.data);
	buf_free(&aside);
	json_free(found->derived);
	return rc;
}

int
policy_file_judge(const struct policy_file *policy, const struct json *overall, const struct json *const claims[],
		  unsigned gpus, bool nvidia, struct steps *steps)
{
	struct found found = {overall, derive_overall(policy, overall, steps)};
	struct err err = ERR_INIT;
	int rc = judge_claims(policy, attester_run, policy->overall, &found, nvidia, steps);

	for (unsigned i = 0; i < gpus; i++) {
		found = (struct found){claims[i], derive_device(policy, claims[i])};
		rc |= judge_claims(policy, attester_gpu(i), policy->detached, &found, nvidia, steps);
	}
	if (gpus > 0 || json_count(policy->detached) == 0)
		return rc;
	err_set(&err, CODE_POLICY, "policy %s: detached-claims: there are no claims of a GPU to judge", policy->name);
	return steps_fail(steps, attester_run, STEP, &err);
}
