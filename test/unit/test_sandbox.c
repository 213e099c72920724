/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox's own proof: each role tries what it must not do, in a process of its own, and must die by SIGSYS or get
 * the expected error. The same table is run as root with a user to change to, as root without one, and as another user.
 */
#include "lib/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/sandbox_build.h"
#include "test/unit/unit.h"

#define OTHER_USER 12345 /* an id without an entry anywhere */

static char canary[] = "/tmp/cgpu-canary.XXXXXX";
static int pipe_ends[2];
static void *page; /* writable, made before the filter */

/* -- acts: 0 = it could be done, otherwise the errno ------------------------------------------------------------- */

static int
result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
act_open(void)
{
	return result(syscall(SYS_openat, AT_FDCWD, canary, O_RDONLY));
}

static int
act_read_flags(void)
{
	return result(fcntl(pipe_ends[0], F_GETFL));
}

static int
act_change_flags(void)
{
	return result(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK));
}

static int
act_copy_fd(void)
{
	return result(fcntl(pipe_ends[0], F_DUPFD_CLOEXEC, 0));
}

static int
act_create(void)
{
	return result(syscall(SYS_openat, AT_FDCWD, "/tmp/cgpu-made-by-worker", O_WRONLY | O_CREAT, 0600));
}

static int
act_unlink(void)
{
	return result(syscall(SYS_unlinkat, AT_FDCWD, canary, 0));
}

static int
act_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int
act_unix_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
act_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return result(connect(pipe_ends[0], (struct sockaddr *)&to, sizeof(to)));
}

static int
act_bind(void)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	return result(bind(pipe_ends[0], (struct sockaddr *)&own, sizeof(own)));
}

static int
act_listen(void)
{
	return result(listen(pipe_ends[0], 1));
}

static int
act_packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

/* libcurl wakes its resolver's threads through a pair. */
static int
act_socketpair(void)
{
	int pair[2];

	return result(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int
act_fork(void)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (child == 0)
		_exit(0);
	return result(child);
}

static int
act_clone3(void)
{
	return result(syscall(SYS_clone3, NULL, 0));
}

static int
act_exec(void)
{
	char *const argv[] = {"true", NULL}, *const environment[] = {NULL};

	return result(execve("/bin/true", argv, environment));
}

static int
act_ptrace(void)
{
	return result(ptrace(PTRACE_SEIZE, getppid(), 0, 0));
}

static int
act_vm_read(void)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {&byte, 1};

	return result(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int
act_mount(void)
{
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
act_map_executable(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? errno : 0;
}

static int
act_make_executable(void)
{
	return result(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int
act_setuid(void)
{
	return result(syscall(SYS_setresuid, 0, 0, 0));
}

static int
act_kill(void)
{
	return result(kill(getppid(), SIGCONT));
}

static int
act_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int
act_setns(void)
{
	return result(setns(pipe_ends[0], 0));
}

static int
act_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int
act_keyctl(void)
{
	return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1));
}

static int
act_io_uring(void)
{
	struct io_uring_params params = {0};

	return result(syscall(SYS_io_uring_setup, 1, &params));
}

static int
act_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int
act_perf(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};

	return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int
act_open_by_handle(void)
{
	return result(syscall(SYS_open_by_handle_at, AT_FDCWD, page, O_RDONLY));
}

static int
act_module(void)
{
	return result(syscall(SYS_finit_module, pipe_ends[0], "", 0));
}

static int
act_kexec(void)
{
	return result(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int
act_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int
act_raise_limit(void)
{
	struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};

	return result(syscall(SYS_prlimit64, 0, RLIMIT_CPU, &more, NULL));
}

#ifdef __x86_64__
static int
act_x32(void)
{
	return result(syscall(0x40000000 | SYS_getpid));
}

static int
act_i386(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory"); /* getpid of i386 */
	return rc < 0 ? (int)-rc : 0;
}
#endif

/* What every role must be able to do. */
static int
act_work(void)
{
	struct frame_reader from = {.fd = pipe_ends[0]};
	struct err err = ERR_INIT;
	struct buf back = {0};
	enum frame_type type;
	int64_t deadline = clock_boot_ms() + 10000;
	char *memory = malloc(4 << 20);
	bool ok;

	memset(memory, 1, 4 << 20);
	ok = frame_write(pipe_ends[1], deadline, FRAME_NEED, bytes_of(memory, 2000), &err) == 0 &&
	     frame_read(&from, deadline, false, &type, &back, &err) == 0 && back.size == 2000;
	free(memory);
	buf_free(&back);
	close(pipe_ends[0]);
	ok = ok && frame_write(pipe_ends[1], deadline, FRAME_NEED, (struct bytes){0}, &err) == -1;
	return ok && strstr(err.text, "EPIPE") != NULL ? 0 : 250;
}

static void *
nothing(void *argument)
{
	return argument;
}

static int
act_thread(void)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, nothing, NULL);

	return rc != 0 ? rc : pthread_join(thread, NULL);
}

static int
act_device(void)
{
	int fd = open("/dev/null", O_RDWR);

	return fd < 0 ? errno : result(close(fd));
}

/* -- the table --------------------------------------------------------------------------------------------------- */

enum { DIES = -1, ANY = -2 }; /* other values: 0 = can be done, errno */

static const struct act {
	const char *name;
	int (*act)(void);
	int collect, appraise, fetch;
} acts[] = {
	{"work", act_work, 0, 0, 0},
	{"thread", act_thread, 0, DIES, 0},
	{"device", act_device, 0, DIES, DIES},
	{"open a canary", act_open, ANY, DIES, ANY}, /* Landlock's: test_sandbox_state.c */
	{"flags of a pipe", act_read_flags, 0, 0, 0},
	{"other flags of a pipe", act_change_flags, 0, DIES, 0},
	{"copy of a descriptor", act_copy_fd, 0, DIES, 0},
	{"create a file", act_create, EPERM, DIES, DIES},
	{"unlink the canary", act_unlink, EPERM, DIES, DIES},
	{"socket", act_socket, EPERM, DIES, 0},
	{"unix socket", act_unix_socket, EPERM, DIES, EAFNOSUPPORT},
	{"packet socket", act_packet_socket, EPERM, DIES, DIES},
	{"socketpair", act_socketpair, EPERM, DIES, 0},
	{"connect", act_connect, EPERM, DIES, ENOTSOCK},
	{"bind", act_bind, EPERM, DIES, DIES},
	{"listen", act_listen, EPERM, DIES, DIES},
	{"fork", act_fork, EPERM, DIES, DIES},
	{"clone3", act_clone3, ENOSYS, DIES, ENOSYS},
	{"exec", act_exec, EPERM, DIES, DIES},
	{"ptrace of the parent", act_ptrace, EPERM, DIES, DIES},
	{"memory of the parent", act_vm_read, EPERM, DIES, DIES},
	{"mount", act_mount, EPERM, DIES, DIES},
	{"executable mapping", act_map_executable, EPERM, DIES, DIES},
	{"mapping made executable", act_make_executable, EPERM, DIES, DIES},
	{"second setuid", act_setuid, EPERM, DIES, DIES},
	{"kill of the parent", act_kill, EPERM, DIES, DIES},
	{"unshare", act_unshare, EPERM, DIES, DIES},
	{"setns", act_setns, EPERM, DIES, DIES},
	{"bpf", act_bpf, EPERM, DIES, DIES},
	{"keyctl", act_keyctl, EPERM, DIES, DIES},
	{"io_uring", act_io_uring, EPERM, DIES, DIES},
	{"userfaultfd", act_userfaultfd, EPERM, DIES, DIES},
	{"perf_event_open", act_perf, EPERM, DIES, DIES},
	{"open_by_handle_at", act_open_by_handle, EPERM, DIES, DIES},
	{"finit_module", act_module, EPERM, DIES, DIES},
	{"kexec_load", act_kexec, EPERM, DIES, DIES},
	{"dumpable again", act_dumpable, EPERM, DIES, DIES},
	{"higher limit", act_raise_limit, EPERM, SANDBOX_ASAN ? ANY : DIES, SANDBOX_ASAN ? ANY : DIES},
#ifdef __x86_64__
	{"x32 call", act_x32, DIES, DIES, DIES},
	{"i386 call", act_i386, DIES, DIES, DIES},
#endif
};

static const char *const role_names[] = {"collect", "appraise", "fetch"};
static const char *const read_write[] = {"/dev/null", NULL};
static const struct sandbox_paths device_paths = {NULL, read_write};

/* In the child: exit status is the act's result, 251 and above a sandbox that could not be entered. */
static _Noreturn void
try_act(enum sandbox_role role, const char *user, uid_t uid, int (*act)(void))
{
	struct err err = ERR_INIT;

	if (pipe(pipe_ends) != 0 ||
	    (uid != geteuid() && (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)))
		_exit(251);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || sandbox_prepare(role, user, getppid(), &device_paths, &err) != 0 ||
	    sandbox_enter(role, &err) != 0) {
		fprintf(stderr, "# %s\n", err.text);
		_exit(252);
	}
	_exit(act());
}

static bool
is_wanted(int want, int status)
{
	if (want == DIES)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 250)
		return false;
	return want == ANY || WEXITSTATUS(status) == want;
}

/* A kernel without emulation of i386 knows no such call: the processor faults before any filter is asked. */
static bool
is_known_here(int (*act)(void))
{
#ifdef __x86_64__
	int status = 0;
	pid_t child = act == act_i386 ? fork() : -1;

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL); /* AddressSanitizer's handler would end it like any exit */
		_exit(act());
	}
	return child < 0 || (waitpid(child, &status, 0) == child && WIFEXITED(status));
#else
	return act != NULL;
#endif
}

static void
run_table(const char *user, uid_t uid)
{
	for (enum sandbox_role role = SANDBOX_COLLECT; role <= SANDBOX_FETCH; role++) {
		for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
			const int want[] = {acts[i].collect, acts[i].appraise, acts[i].fetch};
			int status = 0;
			pid_t child;

			if (!is_known_here(acts[i].act)) {
				printf("# %s: this kernel has none\n", acts[i].name);
				continue;
			}
			fflush(stdout);
			child = fork();
			if (child == 0)
				try_act(role, user, uid, acts[i].act);
			waitpid(child, &status, 0);
			if (!is_wanted(want[role], status))
				printf("# %s: %s: status 0x%x, want %d\n", role_names[role], acts[i].name, status,
				       want[role]);
			CHECK(is_wanted(want[role], status));
		}
	}
	CHECK(access(canary, F_OK) == 0);
	unlink("/tmp/cgpu-made-by-worker");
}

static void
test_acts_of_this_user(void)
{
	run_table(NULL, geteuid());
}

static void
test_acts_with_a_change_of_ids(void)
{
	if (geteuid() != 0)
		unit_skip("needs root");
	else
		run_table("nobody", 0);
}

static void
test_acts_of_another_user(void)
{
	if (geteuid() != 0)
		unit_skip("needs root");
	else
		run_table("nobody", OTHER_USER); /* the name counts for root only */
}

int
main(void)
{
	int fd = mkstemp(canary);

	if (fd < 0 || fchmod(fd, 0644) != 0)
		return 1;
	close(fd);
	RUN(test_acts_of_this_user);
	RUN(test_acts_with_a_change_of_ids);
	RUN(test_acts_of_another_user);
	unlink(canary);
	return unit_end();
}
