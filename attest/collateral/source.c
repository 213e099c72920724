/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/collateral/service.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/url.h"

#define COLLATERAL_MAX (1 << 20)  /* a genuine manifest has 21 KiB, an OCSP answer 1 KiB */

/* What a service gave in this run. */
struct served {
	enum collateral_kind kind;
	char *name;
	struct buf content;
	uint8_t nonce[32];
};

struct collateral_state {
	struct fetcher *fetcher;
	struct err fault; /* why there is none */
	struct err late;  /* the first that the deadline ended */
	struct served *served;
	unsigned count;
	struct buf last[COLLATERAL_KINDS]; /* of the remote verifier */
};

/*
 * Names come from signed fields and certificates, yet a separator in one must reach neither the file system nor an
 * address.
 */
static bool
name_is_plain(const struct collateral *need)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (kind_row(need->kind)->fits == NULL)
		return true;
	return need->name[0] != '\0' && need->name[0] != '.' && need->name[strspn(need->name, characters)] == '\0';
}

static struct collateral_state *
state_of(struct collateral_store *store)
{
	if (store->state == NULL)
		store->state = xcalloc(1, sizeof(*store->state));
	return store->state;
}

/* -- here ---------------------------------------------------------------------------------------------------------- */
static void
read_collateral_file(struct collateral *need, enum collateral_origin origin, const char *path)
{
	need->origin = origin;
	if (fs_read_file(path, COLLATERAL_MAX, &need->answer, &need->err) != 0)
		err_wrap(&need->err, CODE_COLLATERAL, "%s", need->name);
	else
		need->err = (struct err)ERR_INIT;
}

static bool
serve_file(const struct collateral_store *store, struct collateral *need)
{
	const char *file = store->file[need->kind];

	if (file == NULL)
		return false;
	if (access(file, F_OK) != 0 && errno == ENOENT)
		err_set(&need->err, kind_row(need->kind)->missing, "%s: no file %s", need->name, file);
	else
		read_collateral_file(need, ORIGIN_FILE, file);
	return true;
}

static const char *
directory_of(const struct collateral_store *store, const struct collateral *need)
{
	enum collateral_service service = kind_row(need->kind)->service;
	const char *dir = service == SERVICE_RIM    ? store->rim_dir
			  : service == SERVICE_OCSP ? store->ocsp_dir
						    : NULL;

	return dir != NULL && dir[0] != '\0' ? dir : NULL;
}

/* A file that is there and cannot be read is told, unless a service can take its place. */
static bool
serve_directory(const struct collateral_store *store, struct collateral *need)
{
	const char *dir = directory_of(store, need);
	char *path;
	bool there;

	if (dir == NULL)
		return false;
	path = xprintf("%s/%s.%s", dir, need->name, kind_row(need->kind)->ending);
	there = access(path, F_OK) == 0 || errno != ENOENT;
	if (there)
		read_collateral_file(need, ORIGIN_DIRECTORY, path);
	free(path);
	return there && (need->err.code == CODE_OK || store->services == NULL);
}

/* Seconds after which what is kept is fetched anew; INT64_MAX = as its signatures say. */
static int64_t
age_max(const struct collateral_store *store, const struct collateral *need)
{
	int age = kind_row(need->kind)->age_max;

	if (age == KIND_AGE_POLICY)
		return store->refresh ? store->max_age / 2 : store->max_age;
	return age == KIND_AGE_SIGNED ? INT64_MAX : age;
}

/* Whether what is kept may still be used as far as the run can tell: the rest is appraise's to judge. */
static bool
is_young(const struct collateral_store *store, const struct collateral *need, int64_t age)
{
	int64_t max = age_max(store, need);

	return max == INT64_MAX ? !store->refresh : age >= 0 && age < max;
}

/* What has no name is kept by its address. */
static char *
cache_name(const struct collateral_store *store, const struct collateral *need)
{
	if (kind_row(need->kind)->fits == NULL)
		return store->services ? service_url(store->services, need->kind, "") : NULL;
	return xstrdup(need->name);
}

static bool
serve_cache(struct collateral_store *store, struct collateral *need)
{
	struct cache_entry entry = {0};
	char *name;
	bool found = false;

	if (store->cache == NULL || kind_row(need->kind)->cache == CACHE_NONE || age_max(store, need) == 0)
		return false;
	name = cache_name(store, need);
	if (name != NULL && cache_get(store->cache, need->kind, name, &entry))
		found = is_young(store, need, entry.age);
	if (found) {
		need->origin = ORIGIN_CACHE;
		need->answer = entry.content;
		memcpy(need->nonce, entry.nonce, sizeof(need->nonce));
	} else {
		buf_free(&entry.content);
	}
	free(name);
	return found;
}

/*
 * What does not hold is dropped. What has a pause and was read a moment ago is not read again: a key set would lack the
 * same key.
 */
static bool
serve_again(struct collateral_store *store, struct collateral *need)
{
	struct cache_entry entry = {0};
	char *name = store->cache ? cache_name(store, need) : NULL;
	int pause = kind_row(need->kind)->pause;
	bool refused = false;

	if (name != NULL && pause > 0 && cache_get(store->cache, need->kind, name, &entry))
		refused = entry.age >= 0 && entry.age < pause;
	if (refused)
		err_set(&need->err, CODE_KEY_SET, "the key set was read %d seconds ago", (int)entry.age);
	else if (name != NULL)
		cache_drop(store->cache, need->kind, name);
	buf_free(&entry.content);
	free(name);
	return refused;
}

static bool
has_service(const struct collateral_store *store, const struct collateral *need)
{
	char *url = store->services ? service_url(store->services, need->kind, need->name) : NULL;
	bool has = url != NULL;

	free(url);
	return has;
}

/* An answer that echoed our nonce in this boot is better than a stored one. */
static bool
serve_here(struct collateral_store *store, struct collateral *need)
{
	bool stored = store->stored_answers || !has_service(store, need);

	if (!name_is_plain(need)) {
		err_set(&need->err, CODE_COLLATERAL, "'%s' is no name of collateral", need->name);
		return true;
	}
	if (need->again)
		return serve_again(store, need);
	if (serve_file(store, need))
		return true;
	if (kind_row(need->kind)->asks)
		return serve_cache(store, need) || (stored && serve_directory(store, need));
	return serve_directory(store, need) || serve_cache(store, need);
}

/* -- services ------------------------------------------------------------------------------------------------------ */
static void
set_missing(const struct collateral_store *store, struct collateral *need)
{
	const struct kind_row *kind = kind_row(need->kind);
	const char *dir = directory_of(store, need);

	if (need->err.code != CODE_OK)
		return;
	if (kind->service == SERVICE_NRAS)
		err_set(&need->err, kind->missing, "no remote verifier is configured (nras-url)");
	else if (dir != NULL)
		err_set(&need->err, kind->missing, "%s: not in %s%s", need->name, dir,
			store->services ? ", and no service is configured" : "");
	else
		err_set(&need->err, kind->missing, "%s: no directory and no service is given", need->name);
}

/* A ticket, or -1 with need->err set. */
static int
ask_service(struct collateral_store *store, struct collateral *need)
{
	struct collateral_state *state;
	char *url = store->services ? service_url(store->services, need->kind, need->name) : NULL;
	struct fetch_request request = {.kind = need->kind, .url = url, .id = need->name};
	int ticket = -1;

	if (url == NULL) {
		set_missing(store, need);
		return -1;
	}
	state = state_of(store);
	/* The error names the service that took all the time, not one that was to be asked after it. */
	if (state->late.code != CODE_OK) {
		need->err = state->late;
		free(url);
		return err_wrap(&need->err, 0, "not asked any more");
	}
	if (state->fetcher == NULL && state->fault.code == CODE_OK)
		state->fetcher = service_start(store->services, store->deadline, &state->fault);
	if (kind_row(need->kind)->content_type != NULL)
		request.body = kind_row(need->kind)->asks ? need->question : store->remote_question;
	request.with_key = service_takes_key(store->services, url);
	need->err = state->fault;
	if (state->fetcher != NULL) {
		need->err = (struct err)ERR_INIT;
		ticket = fetch_send(state->fetcher, &request, &need->err);
	}
	free(url);
	return ticket;
}

static void
replace_content(struct buf *to, const struct buf *from)
{
	to->size = 0;
	buf_add(to, from->data, from->size);
}

static void
remember(struct collateral_store *store, const struct collateral *need)
{
	const struct kind_row *kind = kind_row(need->kind);
	struct collateral_state *state;
	struct served *served;

	if (kind->service == SERVICE_NRAS)
		replace_content(&state_of(store)->last[need->kind], &need->answer);
	if (need->origin != ORIGIN_NETWORK || kind->cache == CACHE_NONE)
		return;
	state = state_of(store);
	state->served = xrealloc(state->served, (state->count + 1) * sizeof(*state->served));
	served = &state->served[state->count++];
	*served = (struct served){.kind = need->kind, .name = xstrdup(need->name)};
	buf_add(&served->content, need->answer.data, need->answer.size);
	memcpy(served->nonce, need->nonce, sizeof(served->nonce));
}

/* Which host a person waits for now: the others answer meanwhile. */
static void
tell_host(const struct collateral_store *store, const struct collateral *need)
{
	char *url, *origin;

	if (store->progress == NULL)
		return;
	url = service_url(store->services, need->kind, need->name);
	origin = url_origin(url);
	store->progress->tell(store->progress->context, "fetch",
			      strstr(origin, "//") ? strstr(origin, "//") + 2 : origin);
	free(origin);
	free(url);
}

static void
take_fetched(struct collateral_store *store, struct collateral *need, int ticket)
{
	struct collateral_state *state = state_of(store);

	need->origin = ORIGIN_NETWORK;
	tell_host(store, need);
	if (fetch_take(state->fetcher, ticket, &need->answer, &need->err) == 0)
		return;
	err_wrap(&need->err, 0, "%s", need->name[0] ? need->name : "remote verifier");
	if (need->err.code == CODE_DEADLINE && state->late.code == CODE_OK)
		state->late = need->err;
}

static void
put_served(struct collateral_store *store, const struct served *served)
{
	const struct collateral need = {.kind = served->kind, .name = served->name};
	char *name = cache_name(store, &need);

	if (name != NULL)
		cache_put(store->cache, served->kind, name, buf_bytes(&served->content), served->nonce);
	free(name);
}

void
collateral_serve(void *context, struct collateral *need, unsigned count)
{
	struct collateral_store *store = context;
	int *ticket = xcalloc(count, sizeof(*ticket));

	for (unsigned i = 0; i < count; i++)
		ticket[i] = serve_here(store, &need[i]) ? -1 : ask_service(store, &need[i]);
	for (unsigned i = 0; i < count; i++) {
		if (ticket[i] >= 0)
			take_fetched(store, &need[i], ticket[i]);
		if (need[i].err.code == CODE_OK)
			remember(store, &need[i]);
		if (need[i].err.code == CODE_OK && ticket[i] < 0)
			store->hits++;
		/* Kept at once, so that the pause holds for the next run too. */
		if (need[i].again && need[i].err.code == CODE_OK && kind_row(need[i].kind)->pause > 0 && store->cache)
			put_served(store, &store->state->served[store->state->count - 1]);
	}
	free(ticket);
}

/* -- afterwards ---------------------------------------------------------------------------------------------------- */
void
collateral_keep(struct collateral_store *store, const struct keep *keep, unsigned count)
{
	struct collateral_state *state = state_of(store);
	int64_t time = 0;

	if (store->cache == NULL)
		return;
	cache_hold(store->cache);
	for (unsigned i = 0; i < count; i++) {
		if (keep[i].origin == ORIGIN_NETWORK && keep[i].time > time)
			time = keep[i].time;
		/* The last one of a name: an earlier one did not hold. */
		for (unsigned k = state->count; k-- > 0;) {
			const struct served *served = &state->served[k];

			if (served->kind != keep[i].kind || strcmp(served->name, keep[i].name) != 0)
				continue;
			put_served(store, served);
			break;
		}
	}
	if (time != 0)
		cache_raise_floor(store->cache, time);
	cache_release(store->cache);
}

struct bytes
collateral_last(const struct collateral_store *store, enum collateral_kind kind)
{
	return store->state ? buf_bytes(&store->state->last[kind]) : bytes_of(NULL, 0);
}

unsigned
collateral_requests(const struct collateral_store *store)
{
	return store->state && store->state->fetcher ? fetch_count(store->state->fetcher) : 0;
}

void
collateral_close(struct collateral_store *store)
{
	struct collateral_state *state = store->state;

	if (state == NULL)
		return;
	fetch_end(state->fetcher);
	for (unsigned i = 0; i < state->count; i++) {
		free(state->served[i].name);
		buf_free(&state->served[i].content);
	}
	free(state->served);
	for (unsigned i = 0; i < COLLATERAL_KINDS; i++)
		buf_free(&state->last[i]);
	free(state);
	store->state = NULL;
}
