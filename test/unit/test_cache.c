/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache with faults from all sides. `test_cache DIRECTORY` walks once through all of it there instead: silent and
 * 0 whatever fails meanwhile, a signal if the cache ever gives what it was not given. So can test/fault drive it.
 */
#include "attest/collateral/cache.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

#define URL "https://nras.example/.well-known/jwks.json"
#define RIM "NV_GPU_DRIVER_GH100_550.90.07"
#define ANSWER "0123456789abcdef-0a"
#define ANSWER_FILE "boot/ocsp/" ANSWER ".answer"

static char folder[32];
static struct cache cache;
static bool others; /* whether we can give files away and become another user: root, not of a small namespace */
static uint8_t nonce[32] = {1, 2, 3};

/* A path in the folder, valid until four calls later. */
static const char *
at(const char *name)
{
	static char path[4][512];
	static unsigned next;
	char *out = path[next++ % 4];

	snprintf(out, 512, "%s/%s", folder, name);
	return out;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

/* An empty folder and a cache in it. */
static void
fresh(void)
{
	cache_close(&cache);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	cache_open(at("disk"), at("boot"), 4 << 20, &cache);
}

static void
reopen(void)
{
	cache_close(&cache);
	cache_open(at("disk"), at("boot"), 4 << 20, &cache);
}

static void
put(enum collateral_kind kind, const char *name, const char *text)
{
	cache_put(&cache, kind, name, bytes_of_text(text), kind == COLLATERAL_OCSP ? nonce : NULL);
}

/* want NULL: none. */
static bool
has(enum collateral_kind kind, const char *name, const char *want)
{
	struct cache_entry entry;
	bool found = cache_get(&cache, kind, name, &entry), ok = found == (want != NULL);

	if (found && want != NULL)
		ok = bytes_equal(buf_bytes(&entry.content), bytes_of_text(want));
	if (found && kind == COLLATERAL_OCSP)
		ok = ok && entry.age >= 0 && entry.age < 60 && memcmp(entry.nonce, nonce, sizeof(nonce)) == 0;
	if (!found)
		ok = ok && entry.content.size == 0;
	if (!ok)
		printf("# %s: %s, fault '%s'\n", name, found ? "found" : "not found", cache.fault.text);
	buf_free(&entry.content);
	return ok;
}

static bool
holds(const char *rim, const char *keys, const char *answer)
{
	return has(COLLATERAL_DRIVER_RIM, RIM, rim) && has(COLLATERAL_KEY_SET, URL, keys) &&
	       has(COLLATERAL_OCSP, ANSWER, answer);
}

static bool
is_there(const char *name)
{
	struct stat status;

	return lstat(at(name), &status) == 0;
}

/* Files below a directory, the lock aside; hidden: temporary ones only. */
static unsigned
count_files(const char *name, bool hidden)
{
	DIR *dir = opendir(at(name));
	struct dirent *entry;
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_type == DT_REG && strcmp(entry->d_name, "lock") != 0)
			count += !hidden || entry->d_name[0] == '.';
	closedir(dir);
	return count;
}

static unsigned
litter(void)
{
	return count_files("disk/rim", true) + count_files("disk/keys", true) + count_files("boot/ocsp", true) +
	       count_files("boot", true);
}

static struct buf
slurp(const char *name)
{
	struct buf out = {0};

	if (fs_read_file(at(name), 1 << 20, &out, &(struct err)ERR_INIT) != 0)
		abort();
	return out;
}

static void
spill(const char *name, struct bytes content)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || fs_write_fd(fd, content, &(struct err)ERR_INIT) != 0 || close(fd) != 0)
		abort();
}

static int
finish_child(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

/* -- what it is for ------------------------------------------------------------------------------------------------ */

static void
test_keeps(void)
{
	struct cache_entry entry;
	struct stat status;

	fresh();
	CHECK(holds(NULL, NULL, NULL));
	put(COLLATERAL_DRIVER_RIM, RIM, "<rim/>");
	put(COLLATERAL_KEY_SET, URL, "{}");
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(holds("<rim/>", "{}", "der"));
	put(COLLATERAL_OCSP, ANSWER, "longer");
	put(COLLATERAL_DRIVER_RIM, RIM, "<r/>");
	CHECK(holds("<r/>", "{}", "longer"));
	CHECK(cache_get(&cache, COLLATERAL_KEY_SET, URL, &entry) && entry.age == 0);
	buf_free(&entry.content);
	CHECK(cache_get(&cache, COLLATERAL_VBIOS_RIM, RIM, &entry) && entry.age == -1);
	buf_free(&entry.content);
	CHECK(stat(at("disk"), &status) == 0 && (status.st_mode & 07777) == 0700);
	CHECK(stat(at("boot/ocsp"), &status) == 0 && (status.st_mode & 07777) == 0700);
	CHECK(stat(at("disk/rim/" RIM ".xml"), &status) == 0 && (status.st_mode & 07777) == 0600);
	cache_drop(&cache, COLLATERAL_DRIVER_RIM, RIM);
	cache_drop(&cache, COLLATERAL_DRIVER_RIM, RIM);
	cache_drop(&cache, COLLATERAL_KEY_SET, URL);
	cache_drop(&cache, COLLATERAL_OCSP, ANSWER);
	CHECK(holds(NULL, NULL, NULL));
	CHECK(cache.fault.code == 0 && litter() == 0);
}

/* Whatever bytes there are come back, up to each kind's ceiling; verdicts are never kept. */
static void
test_sizes(void)
{
	static const struct {
		enum collateral_kind kind;
		size_t max;
	} kinds[] = {{COLLATERAL_DRIVER_RIM, 1 << 20}, {COLLATERAL_KEY_SET, 256 << 10}, {COLLATERAL_OCSP, 64 << 10}};
	uint8_t *content = malloc((1 << 20) + 1);
	struct cache_entry entry;

	fresh();
	for (size_t i = 0; i <= 1 << 20; i++)
		content[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < 3; i++) {
		cache_put(&cache, kinds[i].kind, "name", bytes_of(content, kinds[i].max), nonce);
		CHECK(cache_get(&cache, kinds[i].kind, "name", &entry));
		CHECK(bytes_equal(buf_bytes(&entry.content), bytes_of(content, kinds[i].max)));
		buf_free(&entry.content);
		cache_put(&cache, kinds[i].kind, "large", bytes_of(content, kinds[i].max + 1), nonce);
		CHECK(has(kinds[i].kind, "large", NULL));
		put(kinds[i].kind, "empty", "");
		CHECK(has(kinds[i].kind, "empty", NULL));
	}
	put(COLLATERAL_TOKENS, "tokens", "pass");
	CHECK(has(COLLATERAL_TOKENS, "tokens", NULL) && cache.fault.code == 0);
	spill("disk/rim/large.xml", bytes_of(content, (1 << 20) + 1));
	CHECK(has(COLLATERAL_DRIVER_RIM, "large", NULL) && !is_there("disk/rim/large.xml"));
	free(content);
}

static void
test_names(void)
{
	static const char *const refused[] = {"",		"a/b", "..",   ".hidden", "../escape", ".",
					      "/etc/passwd", "a b", "a\nb", "a\x7f",  "\xc3\xa4"};
	char long_name[202];

	fresh();
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		put(COLLATERAL_DRIVER_RIM, refused[i], "content");
		CHECK(has(COLLATERAL_DRIVER_RIM, refused[i], NULL));
		put(COLLATERAL_OCSP, refused[i], "content");
		CHECK(has(COLLATERAL_OCSP, refused[i], NULL));
		cache_drop(&cache, COLLATERAL_OCSP, refused[i]);
	}
	CHECK(count_files("disk/rim", false) == 0 && count_files("boot/ocsp", false) == 0);
	CHECK(count_files(".", false) == 0);
	memset(long_name, 'a', 201);
	long_name[201] = '\0';
	put(COLLATERAL_OCSP, long_name, "content");
	CHECK(has(COLLATERAL_OCSP, long_name, NULL));
	put(COLLATERAL_OCSP, long_name + 1, "content");
	CHECK(has(COLLATERAL_OCSP, long_name + 1, "content"));
	put(COLLATERAL_DRIVER_RIM, "aZ09._-", "content");
	CHECK(has(COLLATERAL_DRIVER_RIM, "aZ09._-", "content"));
	put(COLLATERAL_KEY_SET, "https://x/../../y z", "content"); /* only its digest becomes a name */
	CHECK(has(COLLATERAL_KEY_SET, "https://x/../../y z", "content") && count_files("disk/keys", false) == 1);
	CHECK(has(COLLATERAL_KEY_SET, "https://x/", NULL) && cache.fault.code == 0);
}

static void
add_name(void *context, enum collateral_kind kind, const char *name)
{
	buf_printf(context, "%d %s\n", kind, name);
	cache_drop(&cache, kind, name);
}

static void
test_list(void)
{
	struct buf text = {0};

	fresh();
	put(COLLATERAL_DRIVER_RIM, "NV_GPU_DRIVER_b", "content");
	put(COLLATERAL_DRIVER_RIM, "NV_GPU_CC_DRIVER_a", "content");
	put(COLLATERAL_VBIOS_RIM, "NV_GPU_VBIOS_1_2_3_96009F0001", "content");
	put(COLLATERAL_KEY_SET, URL, "content");
	put(COLLATERAL_OCSP, "2", "content");
	put(COLLATERAL_OCSP, "1", "content");
	spill("disk/rim/stranger", bytes_of_text("content"));
	spill("disk/keys/stranger", bytes_of_text("content"));
	cache_list(&cache, add_name, &text);
	CHECK_TEXT((char *)text.data,
		   "1 NV_GPU_CC_DRIVER_a\n1 NV_GPU_DRIVER_b\n2 NV_GPU_VBIOS_1_2_3_96009F0001\n6 " URL "\n4 1\n4 2\n");
	text.size = 0;
	cache_list(&cache, add_name, &text);
	CHECK(text.size == 0);
	buf_free(&text);
}

static void
test_no_cache(void)
{
	struct cache none;
	struct cache_entry entry;

	cache_open(NULL, "", 1 << 20, &none);
	CHECK(none.disk == -1 && none.boot == -1 && none.fault.code == 0);
	cache_put(&none, COLLATERAL_DRIVER_RIM, RIM, bytes_of_text("content"), NULL);
	cache_put(&none, COLLATERAL_OCSP, ANSWER, bytes_of_text("content"), nonce);
	CHECK(!cache_get(&none, COLLATERAL_DRIVER_RIM, RIM, &entry));
	CHECK(!cache_get(&none, COLLATERAL_OCSP, ANSWER, &entry));
	cache_raise_floor(&none, 1000);
	CHECK(cache_floor(&none) == 0);
	cache_drop(&none, COLLATERAL_DRIVER_RIM, RIM);
	cache_list(&none, add_name, NULL);
	CHECK(none.fault.code == 0);
	cache_close(&none);
}

/* -- boot and clock ------------------------------------------------------------------------------------------------ */

static void
test_boot(void)
{
	struct cache_entry entry;

	fresh();
	put(COLLATERAL_OCSP, ANSWER, "der");
	put(COLLATERAL_KEY_SET, URL, "{}");
	put(COLLATERAL_DRIVER_RIM, RIM, "<rim/>");
	cache_raise_floor(&cache, 2000000000);
	CHECK(cache_floor(&cache) >= 2000000000);
	cache.boot_id[0] = cache.boot_id[0] == 'f' ? '0' : 'f';
	CHECK(cache_get(&cache, COLLATERAL_KEY_SET, URL, &entry) && entry.age == -1);
	buf_free(&entry.content);
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, "<rim/>"));
	CHECK(has(COLLATERAL_OCSP, ANSWER, NULL) && !is_there(ANSWER_FILE));
	CHECK(cache_floor(&cache) == 0 && !is_there("boot/floor"));
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(has(COLLATERAL_OCSP, ANSWER, "der"));
	/* A boot that is not known is like no other. */
	memset(cache.boot_id, 0, sizeof(cache.boot_id));
	put(COLLATERAL_OCSP, ANSWER, "der");
	put(COLLATERAL_KEY_SET, URL, "{}");
	CHECK(has(COLLATERAL_OCSP, ANSWER, NULL));
	CHECK(cache_get(&cache, COLLATERAL_KEY_SET, URL, &entry) && entry.age == -1);
	buf_free(&entry.content);
}

/* In a time namespace the boot clock can be moved: the only way to see it ahead of an entry, or behind it. */
static int
with_clock(long long seconds, const char *check)
{
	char offset[64];
	pid_t child = fork();

	if (child == 0) {
		int fd, inner;

		snprintf(offset, sizeof(offset), "boottime %lld 0\n", seconds);
		fd = unshare(CLONE_NEWTIME) == 0 ? open("/proc/self/timens_offsets", O_WRONLY) : -1;
		if (fd < 0 || write(fd, offset, strlen(offset)) < 0)
			_exit(77);
		inner = fork();
		if (inner == 0) {
			struct cache_entry entry = {0};
			bool found = cache_get(&cache, COLLATERAL_OCSP, ANSWER, &entry);

			if (strcmp(check, "later") == 0)
				_exit(!found || entry.age < seconds || entry.age > seconds + 60 ||
				      cache_floor(&cache) < 2000000000 + seconds);
			_exit(found || cache_floor(&cache) != 0);
		}
		_exit(WEXITSTATUS(finish_child(inner)));
	}
	return WEXITSTATUS(finish_child(child));
}

static void
test_clock(void)
{
	int later, before;

	fresh();
	put(COLLATERAL_OCSP, ANSWER, "der");
	cache_raise_floor(&cache, 2000000000);
	later = with_clock(7200, "later");
	if (later == 77) {
		unit_skip("needs root and time namespaces");
		return;
	}
	CHECK(later == 0);
	before = clock_boot_ms() < 20000 ? 77 : with_clock(-10, "before");
	CHECK(before == 77 || (before == 0 && !is_there(ANSWER_FILE) && !is_there("boot/floor")));
}

static void
test_floor(void)
{
	int64_t floor;

	fresh();
	CHECK(cache_floor(&cache) == 0);
	cache_raise_floor(&cache, 2000000000);
	floor = cache_floor(&cache);
	CHECK(floor >= 2000000000 && floor < 2000000060);
	cache_raise_floor(&cache, 1999999999);
	cache_raise_floor(&cache, 0);
	cache_raise_floor(&cache, -5);
	cache_raise_floor(&cache, INT64_MAX);
	cache_raise_floor(&cache, INT64_MIN);
	CHECK(cache_floor(&cache) >= floor && cache_floor(&cache) < 2000000060);
	cache_raise_floor(&cache, 2000001000);
	CHECK(cache_floor(&cache) >= 2000001000);
	reopen();
	CHECK(cache_floor(&cache) >= 2000001000 && cache.fault.code == 0);
	spill("boot/floor", bytes_of_text("9999999999"));
	CHECK(cache_floor(&cache) == 0 && !is_there("boot/floor"));
}

/* -- damage -------------------------------------------------------------------------------------------------------- */

/*
 * Every byte of a record is seen: in the magic, the digest, or under the digest. A manifest is kept as it came, and its
 * signature is what sees a change: that is why whatever comes out is verified again.
 */
static void
damage_record(const char *file, enum collateral_kind kind, const char *name)
{
	struct buf whole = slurp(file);

	for (size_t i = 0; i < whole.size; i++) {
		whole.data[i] ^= (uint8_t)(1 << i % 8);
		spill(file, buf_bytes(&whole));
		CHECK(has(kind, name, NULL) && !is_there(file));
		whole.data[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < whole.size; i++) {
		spill(file, bytes_of(whole.data, i));
		CHECK(has(kind, name, NULL) && !is_there(file));
	}
	spill(file, buf_bytes(&whole));
	CHECK(has(kind, name, "content"));
	buf_add(&whole, "", 1);
	spill(file, buf_bytes(&whole));
	CHECK(has(kind, name, NULL) && !is_there(file));
	buf_free(&whole);
}

static void
test_damage(void)
{
	struct buf whole;

	fresh();
	put(COLLATERAL_OCSP, ANSWER, "content");
	damage_record(ANSWER_FILE, COLLATERAL_OCSP, ANSWER);
	/* One answer in another's place. */
	put(COLLATERAL_OCSP, ANSWER, "content");
	whole = slurp(ANSWER_FILE);
	spill("boot/ocsp/other.answer", buf_bytes(&whole));
	CHECK(has(COLLATERAL_OCSP, "other", NULL) && !is_there("boot/ocsp/other.answer"));
	buf_free(&whole);
	put(COLLATERAL_DRIVER_RIM, RIM, "content");
	spill("disk/rim/" RIM ".xml", bytes_of_text(""));
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, NULL) && !is_there("disk/rim/" RIM ".xml"));
	cache_raise_floor(&cache, 2000000000);
	whole = slurp("boot/floor");
	for (size_t i = 0; i < whole.size; i++) {
		whole.data[i] ^= 0x10;
		spill("boot/floor", buf_bytes(&whole));
		CHECK(cache_floor(&cache) == 0 && !is_there("boot/floor"));
		whole.data[i] ^= 0x10;
	}
	buf_free(&whole);
}

/* -- owners, modes, links ------------------------------------------------------------------------------------------ */

/* What stands in an entry's place and is not a file of the caller's alone is no entry, is told, and goes away. */
static void
check_stranger(void)
{
	CHECK(has(COLLATERAL_OCSP, ANSWER, NULL));
	CHECK(cache.fault.code != 0 && !is_there(ANSWER_FILE));
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(has(COLLATERAL_OCSP, ANSWER, "der"));
	reopen();
}

static void
test_strange_entries(void)
{
	fresh();
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(chmod(at(ANSWER_FILE), 0640) == 0);
	check_stranger();
	CHECK(rename(at(ANSWER_FILE), at("elsewhere")) == 0 && symlink("../../elsewhere", at(ANSWER_FILE)) == 0);
	check_stranger();
	CHECK(is_there("elsewhere"));
	CHECK(unlink(at(ANSWER_FILE)) == 0 && mkfifo(at(ANSWER_FILE), 0600) == 0);
	check_stranger();
	if (others) {
		CHECK(chown(at(ANSWER_FILE), 12345, 0) == 0);
		check_stranger();
	}
	/* A directory in the way cannot be removed: there is no cache for that name, and for others there is. */
	CHECK(unlink(at(ANSWER_FILE)) == 0 && mkdir(at(ANSWER_FILE), 0700) == 0);
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(has(COLLATERAL_OCSP, ANSWER, NULL) && strstr(cache.fault.text, "EISDIR") != NULL);
	put(COLLATERAL_OCSP, "other", "der");
	CHECK(has(COLLATERAL_OCSP, "other", "der") && litter() == 0);
}

/* Nothing comes out of a directory, and nothing goes in. */
static void
check_no_cache(const char *cause)
{
	reopen();
	put(COLLATERAL_DRIVER_RIM, RIM, "new");
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, NULL));
	CHECK(cache.fault.code != 0 && strstr(cache.fault.text, cause) != NULL);
	if (strstr(cache.fault.text, cause) == NULL)
		printf("# %s: %s\n", cause, cache.fault.text);
}

static void
test_strange_directories(void)
{
	static const char *const levels[] = {"disk", "disk/rim"};

	for (size_t i = 0; i < 2; i++) {
		fresh();
		put(COLLATERAL_DRIVER_RIM, RIM, "old");
		CHECK(chmod(at(levels[i]), 0750) == 0);
		check_no_cache("mode 0750");
		CHECK(chmod(at(levels[i]), 0700) == 0);
		reopen();
		CHECK(has(COLLATERAL_DRIVER_RIM, RIM, "old"));
		CHECK(rename(at(levels[i]), at("elsewhere")) == 0 && symlink(at("elsewhere"), at(levels[i])) == 0);
		check_no_cache("ENOTDIR");
		CHECK(unlink(at(levels[i])) == 0);
		spill(levels[i], bytes_of_text("file"));
		check_no_cache("ENOTDIR");
		CHECK(unlink(at(levels[i])) == 0 && rename(at("elsewhere"), at(levels[i])) == 0);
		if (others) {
			CHECK(chown(at(levels[i]), 12345, 0) == 0);
			check_no_cache("owner is 12345");
		}
	}
	fresh();
	CHECK(chmod(folder, 0777) == 0);
	check_no_cache("mode is 0777");
	CHECK(chmod(folder, 0700) == 0);
}

static void
test_strange_lock(void)
{
	fresh();
	CHECK(symlink("/dev/null", at("disk/lock")) == 0);
	check_no_cache("ELOOP");
	CHECK(unlink(at("disk/lock")) == 0 && mkfifo(at("disk/lock"), 0600) == 0);
	check_no_cache("not a regular file");
	CHECK(unlink(at("disk/lock")) == 0);
	spill("disk/lock", bytes_of_text(""));
	CHECK(chmod(at("disk/lock"), 0644) == 0);
	check_no_cache("mode 0644");
}

static void
test_makes_directories(void)
{
	struct cache deep;

	fresh();
	cache_open(at("a/b/c"), at("a/run"), 1 << 20, &deep);
	CHECK(deep.disk >= 0 && deep.boot >= 0 && deep.fault.code == 0 && is_there("a/b/c"));
	cache_close(&deep);
	cache_open("relative/path", at("a/../run"), 1 << 20, &deep);
	CHECK(deep.disk == -1 && deep.boot == -1 && strstr(deep.fault.text, "relative/path") != NULL);
	cache_close(&deep);
	cache_open("/proc/none/cgpu", at("a/run"), 1 << 20, &deep);
	CHECK(deep.disk == -1 && deep.boot >= 0 && strstr(deep.fault.text, "ENOENT") != NULL);
	cache_close(&deep);
	/* One that goes away under an open cache. */
	CHECK(rmdir(at("disk")) == 0);
	put(COLLATERAL_DRIVER_RIM, RIM, "content");
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, NULL) && strstr(cache.fault.text, "ENOENT") != NULL);
}

/* -- full, read-only, large ---------------------------------------------------------------------------------------- */

static void
test_file_size_limit(void)
{
	char large[10000];
	pid_t child;

	fresh();
	put(COLLATERAL_DRIVER_RIM, RIM, "old");
	memset(large, 'x', sizeof(large));
	child = fork();
	if (child == 0) {
		struct rlimit limit = {4096, 4096};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		cache_put(&cache, COLLATERAL_DRIVER_RIM, RIM, bytes_of(large, sizeof(large)), NULL);
		cache_put(&cache, COLLATERAL_DRIVER_RIM, "other", bytes_of(large, sizeof(large)), NULL);
		_exit(strstr(cache.fault.text, "EFBIG") == NULL);
	}
	CHECK(finish_child(child) == 0);
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, "old") && has(COLLATERAL_DRIVER_RIM, "other", NULL) && litter() == 0);
}

static int
use_small_disk(void)
{
	static char large[100000];

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", at("disk"), "tmpfs", 0, "size=64k,nr_inodes=16,mode=0700") != 0)
		return 77;
	reopen();
	put(COLLATERAL_DRIVER_RIM, RIM, "old");
	memset(large, 'x', sizeof(large));
	cache_put(&cache, COLLATERAL_DRIVER_RIM, RIM, bytes_of(large, sizeof(large)), NULL);
	if (strstr(cache.fault.text, "ENOSPC") == NULL || !has(COLLATERAL_DRIVER_RIM, RIM, "old") || litter() != 0)
		return 1;
	/* No inode is left. */
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		put(COLLATERAL_DRIVER_RIM, name, "small");
	}
	if (!has(COLLATERAL_DRIVER_RIM, "0", "small") || !has(COLLATERAL_DRIVER_RIM, "19", NULL) || litter() != 0)
		return 2;
	if (mount(NULL, at("disk"), NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return 3;
	reopen();
	put(COLLATERAL_DRIVER_RIM, RIM, "new");
	if (strstr(cache.fault.text, "EROFS") == NULL || !has(COLLATERAL_DRIVER_RIM, RIM, "old"))
		return 4;
	reopen();
	cache_drop(&cache, COLLATERAL_DRIVER_RIM, RIM);
	return strstr(cache.fault.text, "EROFS") == NULL ? 5 : 0;
}

static void
test_full_and_read_only(void)
{
	pid_t child;
	int status;

	fresh();
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(use_small_disk());
	status = WEXITSTATUS(finish_child(child));
	if (status == 77) {
		unit_skip("needs root and mount namespaces");
		return;
	}
	CHECK(status == 0);
	if (status != 0)
		printf("# %d\n", status);
}

static void
test_growth(void)
{
	char name[32], content[1000];
	struct cache_entry entry;
	int64_t start;

	fresh();
	cache.entries_max = 10;
	memset(content, 'x', sizeof(content));
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "%d", i);
		put(i % 2 ? COLLATERAL_DRIVER_RIM : COLLATERAL_KEY_SET, name, "content");
		CHECK(has(i % 2 ? COLLATERAL_DRIVER_RIM : COLLATERAL_KEY_SET, name, "content"));
		for (start = clock_boot_ms(); clock_boot_ms() < start + 6;)
			; /* so that no two have the same time */
	}
	CHECK(count_files("disk/rim", false) == 5 && count_files("disk/keys", false) == 5);
	CHECK(has(COLLATERAL_DRIVER_RIM, "41", "content") && has(COLLATERAL_DRIVER_RIM, "39", NULL));
	put(COLLATERAL_DRIVER_RIM, "41", "again"); /* takes no other's place */
	CHECK(has(COLLATERAL_KEY_SET, "40", "content") && has(COLLATERAL_DRIVER_RIM, "41", "again"));
	put(COLLATERAL_OCSP, ANSWER, "der");
	CHECK(has(COLLATERAL_KEY_SET, "40", "content"));

	fresh();
	cache.bytes_max = 4500;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%d", i);
		cache_put(&cache, COLLATERAL_DRIVER_RIM, name, bytes_of(content, sizeof(content)), NULL);
		CHECK(cache_get(&cache, COLLATERAL_DRIVER_RIM, name, &entry) && entry.content.size == sizeof(content));
		buf_free(&entry.content);
	}
	CHECK(count_files("disk/rim", false) == 4);
	cache.bytes_max = 999;
	cache_put(&cache, COLLATERAL_DRIVER_RIM, "none", bytes_of(content, sizeof(content)), NULL);
	CHECK(count_files("disk/rim", false) == 4 && cache.fault.code == 0);
}

static bool
is_locked(const char *path)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	int fd = open(at(path), O_RDWR | O_CLOEXEC);
	bool locked = fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) != 0;

	close(fd);
	return locked;
}

/* Many puts under one lock: each makes room as it would alone. */
static void
test_hold(void)
{
	char name[32];

	fresh();
	cache.entries_max = 10;
	put(COLLATERAL_DRIVER_RIM, "before", "content");
	close(open(at("disk/rim/.left"), O_CREAT | O_WRONLY, 0600));
	cache_hold(&cache);
	CHECK(!is_locked("disk/lock"));
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "%d", i / 2); /* each a second time */
		put(i % 4 < 2 ? COLLATERAL_DRIVER_RIM : COLLATERAL_KEY_SET, name, "content");
		CHECK(has(i % 4 < 2 ? COLLATERAL_DRIVER_RIM : COLLATERAL_KEY_SET, name, "content"));
	}
	put(COLLATERAL_OCSP, ANSWER, "der");
	cache_raise_floor(&cache, 2000000000);
	CHECK(is_locked("disk/lock") && is_locked("boot/lock"));
	cache_release(&cache);
	CHECK(!is_locked("disk/lock") && !is_locked("boot/lock"));
	CHECK(count_files("disk/rim", false) == 5 && count_files("disk/keys", false) == 5 && litter() == 0);
	CHECK(has(COLLATERAL_DRIVER_RIM, "before", NULL) && has(COLLATERAL_DRIVER_RIM, "4", NULL));
	CHECK(has(COLLATERAL_KEY_SET, "5", "content") && has(COLLATERAL_DRIVER_RIM, "14", "content"));
	CHECK(has(COLLATERAL_OCSP, ANSWER, "der") && cache_floor(&cache) >= 2000000000);
	put(COLLATERAL_DRIVER_RIM, "after", "content");
	CHECK(!is_locked("disk/lock") && has(COLLATERAL_DRIVER_RIM, "after", "content"));
}

/* -- many at once -------------------------------------------------------------------------------------------------- */

static void
test_lock_taken(void)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	int fd;
	int64_t start;

	fresh();
	put(COLLATERAL_DRIVER_RIM, RIM, "old");
	fd = open(at("disk/lock"), O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole) == 0);
	cache.lock_ms = 200;
	start = clock_boot_ms();
	put(COLLATERAL_DRIVER_RIM, RIM, "new");
	CHECK(clock_boot_ms() - start >= 200 && clock_boot_ms() - start < 5000);
	CHECK(strstr(cache.fault.text, "ETIMEDOUT") != NULL);
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, "old")); /* readers do not wait */
	start = clock_boot_ms();
	for (int i = 0; i < 100; i++)
		put(COLLATERAL_DRIVER_RIM, RIM, "new"); /* the time for waiting is used up */
	CHECK(clock_boot_ms() - start < 15000 && cache.lock_ms == 0); /* not 100 times 200 ms */
	close(fd);
	put(COLLATERAL_DRIVER_RIM, RIM, "new");
	CHECK(has(COLLATERAL_DRIVER_RIM, RIM, "new"));
}

/* size bytes that tell their size and whose they are. */
static void
fill(uint8_t *content, uint32_t size, uint8_t seed)
{
	memcpy(content, &size, sizeof(size));
	for (uint32_t i = sizeof(size); i < size; i++)
		content[i] = (uint8_t)(seed + i);
}

static bool
is_whole(struct bytes content)
{
	uint32_t size;

	if (content.size < 5)
		return false;
	memcpy(&size, content.data, sizeof(size));
	for (uint32_t i = 5; i < content.size; i++)
		if (content.data[i] != (uint8_t)(content.data[i - 1] + 1))
			return false;
	return size == content.size;
}

static const enum collateral_kind all_kinds[] = {COLLATERAL_DRIVER_RIM, COLLATERAL_KEY_SET, COLLATERAL_OCSP};

/* Puts, gets and drops; false: something came out that nobody put in. */
static bool
work(unsigned rounds, unsigned seed)
{
	static uint8_t content[20000];
	struct cache_entry entry;
	int64_t floor = 0, now;

	for (unsigned i = 0; i < rounds; i++) {
		unsigned random = (unsigned)rand_r(&seed);
		enum collateral_kind kind = all_kinds[random % 3];
		char name[2] = {(char)('a' + random / 3 % 4), '\0'};

		fill(content, 5 + random % 19000, (uint8_t)random);
		if (random / 16 % 4 != 0)
			cache_put(&cache, kind, name, bytes_of(content, 5 + random % 19000), nonce);
		else if (random / 64 % 4 == 0)
			cache_drop(&cache, kind, name);
		if (cache_get(&cache, kind, name, &entry) && (!is_whole(buf_bytes(&entry.content)) || entry.age > 600))
			return false;
		buf_free(&entry.content);
		cache_raise_floor(&cache, 2000000000 + random % 1000);
		now = cache_floor(&cache);
		if (now < floor && now != 0)
			return false;
		floor = now;
	}
	return true;
}

static void
test_64_processes(void)
{
	pid_t child[64];
	unsigned bad = 0;

	fresh();
	for (unsigned i = 0; i < 64; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			reopen();
			cache.lock_ms = 60000;
			cache.entries_max = 6; /* some go while others read them */
			_exit(!work(10, i) || cache.fault.code != 0);
		}
	}
	for (unsigned i = 0; i < 64; i++)
		bad += finish_child(child[i]) != 0;
	CHECK(bad == 0);
	CHECK(litter() == 0 && cache_floor(&cache) >= 2000000000);
	CHECK(work(30, 4711));
}

/* -- faults and kills at every call -------------------------------------------------------------------------------- */

/* The calls that the cache makes, counted: the one at strike_at fails with strike_errno, or with 0 kills. */
static unsigned strike_count, strike_at;
static int strike_errno;

static bool
strikes(void)
{
	if (strike_at == 0 || ++strike_count != strike_at)
		return false;
	if (strike_errno == 0)
		kill(getpid(), SIGKILL);
	errno = strike_errno;
	return true;
}

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(type, name, parameters, ...)                                                                              \
	type name parameters                                                                                           \
	{                                                                                                              \
		return strikes() ? -1 : NEXT(name)(__VA_ARGS__);                                                       \
	}

WRAP(int, mkdirat, (int dir, const char *name, mode_t mode), dir, name, mode)
WRAP(int, fstat, (int fd, struct stat *out), fd, out)
WRAP(ssize_t, pread, (int fd, void *out, size_t size, off_t from), fd, out, size, from)
WRAP(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size)
WRAP(int, fchmod, (int fd, mode_t mode), fd, mode)
WRAP(int, renameat, (int dir, const char *old, int to, const char *name), dir, old, to, name)
WRAP(int, unlinkat, (int dir, const char *name, int flags), dir, name, flags)

/* Takes no time: no power is cut here. */
int
fsync(int fd)
{
	(void)fd;
	return strikes() ? -1 : 0;
}

int
openat(int dir, const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return strikes() ? -1 : NEXT(openat)(dir, name, flags, mode);
}

int
fcntl(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	return strikes() ? -1 : NEXT(fcntl)(fd, command, argument);
}

static void
check_content(struct cache *own, enum collateral_kind kind, bool old, bool new)
{
	struct cache_entry entry;

	if (cache_get(own, kind, "name", &entry)) {
		bool is_old = bytes_equal(buf_bytes(&entry.content), bytes_of_text("old"));
		bool is_new = bytes_equal(buf_bytes(&entry.content), bytes_of_text("new"));

		if (!(old && is_old) && !(new && is_new))
			abort();
	}
	buf_free(&entry.content);
}

/* Once through everything. Aborts if what comes out is neither what was there before nor what is put. */
static void
walk(const char *directory)
{
	char disk[512], boot[512];
	struct cache own;

	snprintf(disk, sizeof(disk), "%s/disk", directory);
	snprintf(boot, sizeof(boot), "%s/boot", directory);
	cache_open(disk, boot, 1 << 20, &own);
	own.lock_ms = 100;
	for (size_t i = 0; i < 3; i++) {
		check_content(&own, all_kinds[i], true, true);
		cache_put(&own, all_kinds[i], "name", bytes_of_text("new"), nonce);
		check_content(&own, all_kinds[i], own.fault.code != 0, true);
	}
	cache_raise_floor(&own, 2000000100);
	if (cache_floor(&own) < 2000000100 && own.fault.code == 0)
		abort();
	cache_drop(&own, COLLATERAL_DRIVER_RIM, "other");
	cache_hold(&own);
	for (size_t i = 0; i < 3; i++)
		cache_put(&own, all_kinds[i], "name", bytes_of_text("new"), nonce);
	cache_raise_floor(&own, 2000000200);
	cache_release(&own);
	cache_close(&own);
}

static void
prepare(void)
{
	fresh();
	for (size_t i = 0; i < 3; i++)
		put(all_kinds[i], "name", "old");
	put(COLLATERAL_DRIVER_RIM, "other", "old");
	cache_raise_floor(&cache, 2000000000);
}

/* Afterwards the cache holds the old or the new, and works. */
static bool
check_usable(void)
{
	struct cache_entry entry;
	bool ok = true;

	reopen();
	for (size_t i = 0; i < 3; i++) {
		if (cache_get(&cache, all_kinds[i], "name", &entry) && memcmp(entry.content.data, "old", 3) != 0 &&
		    memcmp(entry.content.data, "new", 3) != 0)
			ok = false;
		buf_free(&entry.content);
		put(all_kinds[i], "name", "next");
		ok = ok && has(all_kinds[i], "name", "next");
	}
	cache_raise_floor(&cache, 2000009000);
	return ok && cache_floor(&cache) >= 2000009000 && litter() == 0 && cache.fault.code == 0;
}

/* The calls of a walk over a cache that is filled. */
static unsigned
count_calls(void)
{
	prepare();
	strike_count = 0;
	strike_at = UINT32_MAX;
	walk(folder);
	strike_at = 0;
	return strike_count;
}

static void
strike_everywhere(int number)
{
	unsigned calls = count_calls(), bad = 0;

	CHECK(calls > 50);
	for (unsigned i = 1; i <= calls; i++) {
		pid_t child;
		int status;

		prepare();
		child = fork();
		if (child == 0) {
			strike_count = 0;
			strike_at = i;
			strike_errno = number;
			walk(folder);
			_exit(0);
		}
		status = finish_child(child);
		if (status != (number == 0 ? SIGKILL : 0) || !check_usable()) {
			printf("# %s at call %u of %u: status 0x%x\n", err_errno(number), i, calls, status);
			bad++;
		}
	}
	CHECK(bad == 0);
}

static void
test_a_call_fails(void)
{
	static const int numbers[] = {EIO, ENOSPC, EROFS, EDQUOT, EACCES};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		strike_everywhere(numbers[i]);
}

static void
test_killed_at_a_call(void)
{
	strike_everywhere(0);
}

static void
test_killed_at_random(void)
{
	unsigned seed = 1, bad = 0, killed = 0;

	prepare();
	for (int i = 0; i < 200; i++) {
		struct timespec time = {0, 0};
		pid_t child = fork();
		int status;

		if (child == 0) {
			reopen();
			_exit(!work(100000, (unsigned)i));
		}
		time.tv_nsec = (long)(rand_r(&seed) % 8000000);
		nanosleep(&time, NULL);
		kill(child, SIGKILL);
		status = finish_child(child);
		killed += status == SIGKILL;
		for (size_t k = 0; k < 3; k++) {
			struct cache_entry entry;

			if (cache_get(&cache, all_kinds[k], "a", &entry) && !is_whole(buf_bytes(&entry.content)))
				bad++;
			buf_free(&entry.content);
		}
		put(COLLATERAL_OCSP, ANSWER, "der");
		put(COLLATERAL_DRIVER_RIM, RIM, "<rim/>");
		put(COLLATERAL_KEY_SET, URL, "{}");
		bad += !holds("<rim/>", "{}", "der");
	}
	cache_raise_floor(&cache, cache_floor(&cache) + 1000);
	CHECK(bad == 0 && killed == 200 && litter() == 0 && cache.fault.code == 0);
}

/* -- places -------------------------------------------------------------------------------------------------------- */

static bool
places_are(const char *configured, bool by_hook, const char *disk, const char *boot)
{
	char *have_disk, *have_boot;
	bool ok;

	cache_places(configured, by_hook, &have_disk, &have_boot);
	ok = (disk == NULL ? have_disk == NULL : have_disk != NULL && strcmp(have_disk, disk) == 0) &&
	     (boot == NULL ? have_boot == NULL : have_boot != NULL && strcmp(have_boot, boot) == 0);
	free(have_disk);
	free(have_boot);
	return ok;
}

static int
check_user_places(bool session)
{
	const char *where;

	setenv("HOME", "/home/a", 1);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	if (!places_are("/conf", false, "/home/a/.cache/cgpu", NULL))
		return 1;
	setenv("XDG_CACHE_HOME", "relative", 1);
	setenv("XDG_RUNTIME_DIR", "", 1);
	if (!places_are("/conf", false, "/home/a/.cache/cgpu", NULL))
		return 2;
	setenv("XDG_CACHE_HOME", "/c", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	if (!places_are("/conf", false, "/c/cgpu", "/r/cgpu"))
		return 3;
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	if (!places_are("/conf", false, NULL, "/r/cgpu"))
		return 4;
	where = session ? "/run/user/12345/cgpu" : NULL;
	return places_are("/conf", true, where, where) ? 0 : 5;
}

static int
as_user(bool session)
{
	pid_t child = fork();

	if (child == 0)
		_exit(setresuid(12345, 12345, 12345) != 0 ? 99 : check_user_places(session));
	return WEXITSTATUS(finish_child(child));
}

static void
test_places(void)
{
	bool made;

	if (!others) {
		unit_skip("needs root");
		return;
	}
	for (int by_hook = 0; by_hook < 2; by_hook++) {
		CHECK(places_are("/conf", by_hook, "/conf", PATH_RUN "/cgpu"));
		CHECK(places_are("", by_hook, NULL, PATH_RUN "/cgpu"));
		CHECK(places_are(NULL, by_hook, NULL, PATH_RUN "/cgpu"));
	}
	CHECK(as_user(false) == 0);
	made = mkdir("/run/user", 0755) == 0;
	if (mkdir("/run/user/12345", 0700) == 0) {
		CHECK(as_user(false) == 0); /* it is root's */
		CHECK(chown("/run/user/12345", 12345, 0) == 0 && as_user(true) == 0);
		rmdir("/run/user/12345");
	}
	if (made)
		rmdir("/run/user");
}

/* The whole of it for a user other than root. */
static void
test_as_user(void)
{
	pid_t child;

	if (!others) {
		unit_skip("needs root");
		return;
	}
	fresh();
	CHECK(chown(folder, 12345, 0) == 0);
	child = fork();
	if (child == 0) {
		if (setresgid(12345, 12345, 12345) != 0 || setresuid(12345, 12345, 12345) != 0)
			_exit(2);
		reopen(); /* root's, 0700 */
		if (cache.disk >= 0 || cache.fault.code == 0)
			_exit(3);
		cache_open(at("own/disk"), at("own/boot"), 1 << 20, &cache);
		put(COLLATERAL_OCSP, ANSWER, "der");
		put(COLLATERAL_DRIVER_RIM, RIM, "<rim/>");
		if (!holds("<rim/>", NULL, "der") || cache.fault.code != 0)
			_exit(4);
		if (chmod(at("own/disk/rim"), 0500) != 0)
			_exit(5);
		put(COLLATERAL_DRIVER_RIM, RIM, "new");
		_exit(!has(COLLATERAL_DRIVER_RIM, RIM, "<rim/>") || strstr(cache.fault.text, "EACCES") == NULL);
	}
	CHECK(finish_child(child) == 0);
	CHECK(chown(folder, 0, 0) == 0);
}

int
main(int argc, char **argv)
{
	crypto_init();
	cache.disk = cache.boot = -1;
	if (argc > 1) {
		walk(argv[1]);
		return 0;
	}
	/* In memory where that can be: there are tens of thousands of files. */
	strcpy(folder, "/dev/shm/cgpu-cache.XXXXXX");
	if (mkdtemp(folder) == NULL && mkdtemp(strcpy(folder, "/tmp/cgpu-cache.XXXXXX")) == NULL)
		return 1;
	others = chown(folder, 12345, 0) == 0 && chown(folder, 0, 0) == 0;
	RUN(test_keeps);
	RUN(test_sizes);
	RUN(test_names);
	RUN(test_list);
	RUN(test_no_cache);
	RUN(test_boot);
	RUN(test_clock);
	RUN(test_floor);
	RUN(test_damage);
	RUN(test_strange_entries);
	RUN(test_strange_directories);
	RUN(test_strange_lock);
	RUN(test_makes_directories);
	RUN(test_file_size_limit);
	RUN(test_full_and_read_only);
	RUN(test_growth);
	RUN(test_hold);
	RUN(test_lock_taken);
	RUN(test_64_processes);
	RUN(test_a_call_fails);
	RUN(test_killed_at_a_call);
	RUN(test_killed_at_random);
	RUN(test_places);
	RUN(test_as_user);
	fresh();
	cache_close(&cache);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	CHECK(rmdir(folder) == 0);
	return unit_end();
}
