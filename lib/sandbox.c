/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/caps.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "lib/idmap.h"
#include "lib/landlock.h"
#include "lib/sandbox_build.h"

#define MIB ((rlim_t)1024 * 1024)
#define PASSWD_MAX (16u * 1024 * 1024)

#if SANDBOX_ASAN
/* LeakSanitizer stops its own process by ptrace at exit, which nothing here may do. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return 1;
}
#endif

struct limit {
	int resource;
	const char *name;
	rlim_t collect, appraise, fetch;
};

/* No limit of processes: workers of several runs share a uid, and the filter denies new processes. */
static const struct limit limits[] = {
	{RLIMIT_CORE, "core", 0, 0, 0},
	{RLIMIT_CPU, "cpu", 10, 10, 10},
	{RLIMIT_NOFILE, "nofile", 64, 64, 64},
	{RLIMIT_FSIZE, "fsize", 4 * MIB, 4 * MIB, 4 * MIB},
#if !SANDBOX_ASAN /* its shadow memory takes terabytes of address space, its frames are several times larger */
	{RLIMIT_AS, "as", 1024 * MIB, 256 * MIB, 256 * MIB},
	{RLIMIT_STACK, "stack", 8 * MIB, MIB, MIB}, /* frames of the driver's library are not known */
#endif
};

static int
set_role_limits(enum sandbox_role role, struct err *err)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const struct limit *limit = &limits[i];
		rlim_t want = role == SANDBOX_APPRAISE ? limit->appraise
			      : role == SANDBOX_FETCH  ? limit->fetch
						       : limit->collect;
		struct rlimit value;

		if (getrlimit(limit->resource, &value) != 0)
			return err_set(err, CODE_WORKER, "limit %s: %s", limit->name, err_errno(errno));
		if (value.rlim_max < want)
			want = value.rlim_max; /* raising needs CAP_SYS_RESOURCE; less is as good */
		value.rlim_cur = value.rlim_max = want;
		if (setrlimit(limit->resource, &value) != 0)
			return err_set(err, CODE_WORKER, "limit %s: %s", limit->name, err_errno(errno));
	}
	return 0;
}

static int
find_user(const char *name, uid_t *uid, gid_t *gid, struct err *err)
{
	struct buf text = {0};
	FILE *file;
	bool found = false;

	if (fs_read_linked("/etc/passwd", PASSWD_MAX, &text, err) != 0)
		return err_wrap(err, CODE_WORKER, "user '%s'", name);
	/* From memory: glibc asks a file for its position at every line. */
	file = text.size > 0 ? fmemopen(text.data, text.size, "r") : NULL;
	for (struct passwd *entry; file != NULL && !found && (entry = fgetpwent(file)) != NULL;) {
		found = strcmp(entry->pw_name, name) == 0;
		*uid = entry->pw_uid;
		*gid = entry->pw_gid;
	}
	if (file != NULL)
		fclose(file);
	buf_free(&text);
	if (!found)
		return err_set(err, CODE_WORKER, "user '%s' is not in /etc/passwd", name);
	if (*uid == 0 || *gid == 0)
		return err_set(err, CODE_WORKER, "user '%s': uid %u, gid %u, want neither to be 0", name, *uid, *gid);
	return 0;
}

/* In a user namespace that was made without subordinate ids there is no other user to change to. */
static bool
has_id(uid_t uid)
{
	struct err err = ERR_INIT;
	struct idmap map;
	uid_t outside;

	return idmap_read(&map, &err) != 0 || idmap_outside(&map, uid, &outside);
}

bool
sandbox_keeps_user(const char *user)
{
	struct err err = ERR_INIT;
	uid_t uid;
	gid_t gid;

	return geteuid() != 0 || (find_user(user, &uid, &gid, &err) == 0 && !has_id(uid));
}

/* In a user namespace made without privilege nobody may change groups (user_namespaces(7)): its maker's stay. */
static bool
groups_are_fixed(void)
{
	struct buf text = {0};
	struct err err = ERR_INIT;
	bool fixed = fs_read_file("/proc/self/setgroups", 64, &text, &err) == 0 &&
		     bytes_equal(buf_bytes(&text), bytes_of_text("deny\n"));

	buf_free(&text);
	return fixed;
}

static int
change_ids(const char *user, uid_t uid, gid_t gid, struct err *err)
{
	if (setgroups(0, NULL) != 0 && !(errno == EPERM && groups_are_fixed()))
		return err_set(err, CODE_WORKER, "setgroups: %s", err_errno(errno));
	if (setresgid(gid, gid, gid) != 0)
		return err_set(err, CODE_WORKER, "user '%s': setresgid %u: %s", user, gid, err_errno(errno));
	if (setresuid(uid, uid, uid) != 0)
		return err_set(err, CODE_WORKER, "user '%s': setresuid %u: %s", user, uid, err_errno(errno));
	return 0;
}

/* After the capabilities are gone: until then a change of ids could be taken back. */
static int
check_final_ids(uid_t uid, gid_t gid, struct err *err)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
		return err_set(err, CODE_WORKER, "ids: the change to %u:%u could be taken back", uid, gid);
	if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) != 0 || real_uid != uid || effective_uid != uid ||
	    saved_uid != uid || real_gid != gid || effective_gid != gid || saved_gid != gid)
		return err_set(err, CODE_WORKER, "ids: not all are %u:%u", uid, gid);
	return 0;
}

/* The driver asks for it at every call (NV_IS_SUSER of its open kernel modules), and tells a caller without. */
static int
keep_capability(struct err *err)
{
	return caps_has(CAP_SYS_ADMIN) ? caps_keep((const int[]){CAP_SYS_ADMIN}, 1, err) : caps_drop(err);
}

static int
drop_privileges(enum sandbox_role role, const char *user, struct err *err)
{
	bool change = user != NULL && geteuid() == 0;
	uid_t uid = 0;
	gid_t gid = 0;

	if (change && find_user(user, &uid, &gid, err) != 0)
		return -1;
	change = change && has_id(uid);
	if (caps_seal(err) != 0)
		return -1;
	if (change && change_ids(user, uid, gid, err) != 0)
		return -1;
	if ((role == SANDBOX_READY ? keep_capability(err) : caps_drop(err)) != 0)
		return -1;
	return change ? check_final_ids(uid, gid, err) : 0;
}

static int
bind_to_parent(pid_t parent, struct err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return err_set(err, CODE_WORKER, "parent-death signal: %s", err_errno(errno));
	if (getppid() != parent)
		return err_set(err, CODE_WORKER, "parent is %d, want %d", getppid(), parent);
	return 0;
}

/* Process group and signals were set by lib/spawn.c before exec. */
int
sandbox_prepare(enum sandbox_role role, const char *user, pid_t parent, const struct sandbox_paths *paths,
		struct err *err)
{
	umask(077);
	if (chdir("/") != 0)
		return err_set(err, CODE_WORKER, "chdir /: %s", err_errno(errno));
	if (set_role_limits(role, err) != 0 || drop_privileges(role, user, err) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(err, CODE_WORKER, "no_new_privs: %s", err_errno(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(err, CODE_WORKER, "undumpable: %s", err_errno(errno));
	if (bind_to_parent(parent, err) != 0)
		return -1;
	return landlock_restrict(paths ? paths->read : NULL, paths ? paths->read_write : NULL, role == SANDBOX_FETCH,
				 err);
}
