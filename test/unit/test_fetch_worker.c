/* SPDX-License-Identifier: Apache-2.0 */
/* The real fetch worker, in its sandbox, asked by its client and answered by servers on 127.0.0.1. */
#include "attest/fetch/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/emulated.h"
#include "test/unit/https_server.h"
#include "test/unit/unit.h"

#define PATIENCE_MS 20000
#define KEY "service-key-0123456789"
#define ID "NV_GPU_DRIVER_GH100_550.90.07"
#define DIGEST "ca3f3a12d38746dfa9168a3ecd39be4aabb57aab94b83f3b771482e2c3c89e02"

static struct identity root, good;
static struct buf bundle;
static char *worker;

static struct fetch_settings
settings_of_test(void)
{
	return (struct fetch_settings){
		.path = worker,
		.ca = buf_bytes(&bundle),
		.proxy = "",
		.key = KEY,
		.connect_ms = 5000,
		.request_ms = 5000,
		.retries = 2,
		.deadline = clock_boot_ms() + PATIENCE_MS,
	};
}

static struct fetcher *
started(const struct fetch_settings *settings)
{
	struct err err = ERR_INIT;
	struct fetcher *fetcher = fetch_start(settings, &err);

	if (fetcher == NULL)
		CHECK_TEXT(err.text, "a worker");
	return fetcher;
}

static int
ask(struct fetcher *fetcher, const struct server *server, const char *path, struct fetch_request request)
{
	char *url = xprintf("https://127.0.0.1:%u%s", server->port, path);
	struct err err = ERR_INIT;
	int ticket;

	request.url = url;
	ticket = fetch_send(fetcher, &request, &err);
	if (ticket < 0)
		CHECK_TEXT(err.text, "a ticket");
	free(url);
	return ticket;
}

static void
check_body(struct fetcher *fetcher, int ticket, const char *want)
{
	struct err err = ERR_INIT;
	struct buf body = {0};

	if (fetch_take(fetcher, ticket, &body, &err) != 0)
		CHECK_TEXT(err.text, want);
	CHECK(bytes_equal(buf_bytes(&body), bytes_of_text(want)));
	buf_free(&body);
}

static void
check_fault(struct fetcher *fetcher, int ticket, int code, const char *reason)
{
	struct err err = ERR_INIT;
	struct buf body = {0};

	CHECK(fetch_take(fetcher, ticket, &body, &err) == -1);
	if (err_code(&err) != code || strstr(err.text, reason) == NULL)
		printf("# code %d: %s\n", err_code(&err), err.text);
	CHECK(err_code(&err) == code && strstr(err.text, reason) != NULL);
	CHECK(strstr(err.text, KEY) == NULL && body.data == NULL);
}

/* -- every kind ---------------------------------------------------------------------------------------------------- */
static bool
asks_for(const struct connection *connection, const char *path)
{
	const char *at = strchr(connection->head, ' ');

	return at != NULL && strncmp(at + 1, path, strlen(path)) == 0 && at[1 + strlen(path)] == ' ';
}

static atomic_bool was_busy;

/* The first question is to be asked again. */
static bool
serve_services(struct connection *connection)
{
	static const char rim[] = "{\"id\":\"" ID "\",\"rim\":\"PGEvPgo=\",\"sha256\":\"" DIGEST
				  "\",\"rim_format\":\"TCG\",\"request_id\":\"1\"}";

	if (asks_for(connection, "/v1/rim/" ID) || asks_for(connection, "/v1/rim/other"))
		return connection_answer(connection, 200, "Content-Type: application/json\r\n", bytes_of_text(rim));
	if (asks_for(connection, "/ocsp") && !atomic_exchange(&was_busy, true))
		return connection_answer(connection, 200, "", bytes_of("\x30\x03\x0a\x01\x03", 5));
	if (asks_for(connection, "/ocsp") || asks_for(connection, "/tokens"))
		return connection_answer(connection, 200, "", buf_bytes(&connection->body));
	if (asks_for(connection, "/jwks.json"))
		return connection_answer(connection, 200, "", bytes_of_text("{\"keys\":[]}"));
	if (asks_for(connection, "/denied"))
		return connection_answer(connection, 401, "", bytes_of_text(""));
	return connection_answer(connection, 404, "", bytes_of_text("{\"message\":\"RIM_NOT_FOUND\"}"));
}

static const struct fetch_request ask_driver = {.kind = COLLATERAL_DRIVER_RIM, .id = ID};
static const struct fetch_request ask_vbios = {.kind = COLLATERAL_VBIOS_RIM, .id = ID};
static const struct fetch_request ask_keys = {.kind = COLLATERAL_KEY_SET, .id = ""};

static struct fetch_request
post(enum collateral_kind kind, const char *body, bool with_key)
{
	return (struct fetch_request){.kind = kind, .body = bytes_of_text(body), .with_key = with_key};
}

static void
test_kinds(void)
{
	const struct fetch_settings settings = settings_of_test();
	struct fetcher *fetcher = started(&settings);
	struct server server = {0};
	int ticket[8];

	server_start(&server, &good, serve_services);
	ticket[0] = ask(fetcher, &server, "/ocsp", post(COLLATERAL_OCSP, "question", true));
	ticket[1] = ask(fetcher, &server, "/v1/rim/" ID, ask_driver);
	ticket[2] =
	    ask(fetcher, &server, "/v1/rim/other", (struct fetch_request){.kind = COLLATERAL_VBIOS_RIM, .id = "other"});
	ticket[3] = ask(fetcher, &server, "/v1/rim/none", ask_driver);
	ticket[4] = ask(fetcher, &server, "/v1/rim/none", ask_vbios);
	ticket[5] = ask(fetcher, &server, "/tokens", post(COLLATERAL_TOKENS, "{}", false));
	ticket[6] = ask(fetcher, &server, "/jwks.json", ask_keys);
	ticket[7] = ask(fetcher, &server, "/denied", ask_keys);
	CHECK(fetch_count(fetcher) == 8);
	check_fault(fetcher, ticket[7], CODE_SERVICE_DENIED, "/denied: HTTP status 401, asked without a service key");
	check_body(fetcher, ticket[6], "{\"keys\":[]}");
	check_body(fetcher, ticket[5], "{}");
	check_fault(fetcher, ticket[4], CODE_VBIOS_RIM_MISSING, "/v1/rim/none: HTTP status 404");
	check_fault(fetcher, ticket[3], CODE_DRIVER_RIM_MISSING, "/v1/rim/none: HTTP status 404");
	check_fault(fetcher, ticket[2], CODE_SERVICE_ANSWER, "/v1/rim/other: answer: id is '" ID "', want 'other'");
	check_body(fetcher, ticket[1], "<a/>\n");
	check_body(fetcher, ticket[0], "question"); /* at its second attempt */
	fetch_end(fetcher);
	server_stop(&server);
	CHECK(server.connections == 1 && server.requests == 9);
	CHECK(strstr(server_log(&server), "Content-Type:application/ocsp-request\r\n") != NULL);
	CHECK(strstr(server_log(&server), "Accept:application/ocsp-response\r\n") != NULL);
	CHECK(strstr(server_log(&server), "Authorization: Bearer " KEY "\r\n") != NULL);
	server_free(&server);
}

/* Rounds on one connection. */
static void
test_rounds(void)
{
	const struct fetch_settings settings = settings_of_test();
	struct fetcher *fetcher = started(&settings);
	struct server server = {0};

	server_start(&server, &good, serve_services);
	for (int i = 0; i < 4; i++)
		check_body(fetcher, ask(fetcher, &server, "/v1/rim/" ID, ask_driver), "<a/>\n");
	fetch_end(fetcher);
	server_stop(&server);
	CHECK(server.connections == 1 && server.requests == 4);
	server_free(&server);
}

/* More than pipes hold, both ways at once. */
static void
test_large_bodies(void)
{
	const struct fetch_settings settings = settings_of_test();
	struct fetcher *fetcher = started(&settings);
	struct server server = {0};
	char *body = xcalloc(1, 500001);
	int ticket[12];

	memset(body, 'b', 500000);
	server_start(&server, &good, serve_services);
	for (unsigned i = 0; i < 12; i++) {
		ticket[i] = ask(fetcher, &server, "/tokens", post(COLLATERAL_TOKENS, body, false));
		usleep(20000); /* so that answers come while questions go */
	}
	for (unsigned i = 0; i < 12; i++)
		check_body(fetcher, ticket[i], body);
	fetch_end(fetcher);
	server_free(&server);
	free(body);
}

/* -- what goes wrong ----------------------------------------------------------------------------------------------- */
static bool
serve_never(struct connection *connection)
{
	server_waits(connection, -1);
	return false;
}

/* The worker: a child of ours that is alive. */
static pid_t
only_child(void)
{
	char path[64], line[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	return atoi(line);
}

/* A worker that is stopped cannot speak any more: what the client says by itself names the request too. */
static void
check_deadline(bool stopped)
{
	struct fetch_settings settings = settings_of_test();
	struct server server = {0};
	struct fetcher *fetcher;
	int64_t begin = clock_boot_ms(), took;
	struct err err = ERR_INIT;
	char *reason;
	int ticket;

	settings.deadline = begin + 1500;
	settings.request_ms = PATIENCE_MS;
	fetcher = started(&settings);
	server_start(&server, &good, serve_never);
	ticket = ask(fetcher, &server, "/jwks.json", ask_keys);
	CHECK(!stopped || (only_child() > 0 && kill(only_child(), SIGSTOP) == 0));
	reason = xprintf("GET https://127.0.0.1:%u/jwks.json: no answer before the deadline", server.port);
	check_fault(fetcher, ticket, CODE_DEADLINE, reason);
	free(reason);
	took = clock_boot_ms() - begin;
	CHECK(took >= 1390 && took < PATIENCE_MS / 2);
	/* Nothing goes any more. */
	CHECK(fetch_send(fetcher, &(struct fetch_request){.kind = COLLATERAL_KEY_SET, .url = "https://127.0.0.1/"},
			 &err) < 0 ||
	      fetch_take(fetcher, 1, &(struct buf){0}, &err) < 0);
	CHECK(err_code(&err) == CODE_DEADLINE);
	fetch_end(fetcher);
	server_free(&server);
}

static void
test_deadline(void)
{
	check_deadline(false);
}

static void
test_deadline_of_stopped(void)
{
	check_deadline(true);
}

static void
test_death(void)
{
	const struct fetch_settings settings = settings_of_test();
	struct fetcher *fetcher = started(&settings);
	struct server server = {0};
	int64_t begin = clock_boot_ms();
	struct err err = ERR_INIT;
	int ticket;

	server_start(&server, &good, serve_never);
	ticket = ask(fetcher, &server, "/jwks.json", ask_keys);
	CHECK(only_child() > 0 && kill(only_child(), SIGKILL) == 0);
	check_fault(fetcher, ticket, CODE_WORKER, "fetch ended by signal 9 (SIGKILL)");
	CHECK(fetch_send(fetcher, &ask_keys, &err) == -1 && err_code(&err) == CODE_WORKER);
	CHECK(clock_boot_ms() - begin < PATIENCE_MS / 2);
	CHECK(only_child() == 0);
	fetch_end(fetcher);
	server_free(&server);
}

static void
test_no_worker(void)
{
	struct fetch_settings settings = settings_of_test();
	struct err err = ERR_INIT;

	settings.path = "/nonexistent/fetch";
	CHECK(fetch_start(&settings, &err) == NULL && err_code(&err) == CODE_WORKER);
	CHECK_TEXT(err.text, "/nonexistent/fetch: open: ENOENT");
	fetch_end(NULL);
}

/* A program that is none of ours, or ends at once. */
static void
test_other_programs(void)
{
	static const char *const programs[] = {"/bin/true", "/bin/false", "/bin/cat"};

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct fetch_settings settings = settings_of_test();
		struct err err = ERR_INIT;
		struct fetcher *fetcher;
		int rc = -1;

		settings.path = programs[i];
		fetcher = fetch_start(&settings, &err);
		if (fetcher != NULL)
			rc = fetch_send(
			    fetcher, &(struct fetch_request){.kind = COLLATERAL_KEY_SET, .url = "https://127.0.0.1/"},
			    &err);
		if (rc >= 0)
			rc = fetch_take(fetcher, rc, &(struct buf){0}, &err);
		CHECK(rc < 0 && err_code(&err) == CODE_WORKER);
		fetch_end(fetcher);
	}
}

static void
check_settings_refused(const struct fetch_settings *settings, int code, const char *reason)
{
	struct err err = ERR_INIT;
	struct fetcher *fetcher = fetch_start(settings, &err);

	if (fetcher != NULL) {
		int ticket = fetch_send(
		    fetcher, &(struct fetch_request){.kind = COLLATERAL_KEY_SET, .url = "https://127.0.0.1/"}, &err);

		CHECK(ticket < 0 || fetch_take(fetcher, ticket, &(struct buf){0}, &err) == -1);
	}
	if (err_code(&err) != code || strstr(err.text, reason) == NULL)
		printf("# code %d: %s\n", err_code(&err), err.text);
	CHECK(err_code(&err) == code && strstr(err.text, reason) != NULL);
	fetch_end(fetcher);
}

static void
test_settings(void)
{
	struct fetch_settings settings = settings_of_test();
	char *large;

	settings.ca = bytes_of_text("nothing");
	check_settings_refused(&settings, CODE_TLS, "CA bundle: no certificate");
	settings = settings_of_test();
	settings.key = "two words";
	check_settings_refused(&settings, CODE_USAGE, "the service key");
	settings = settings_of_test();
	settings.proxy = "socks5://127.0.0.1:1";
	check_settings_refused(&settings, CODE_USAGE, "proxy");
	settings = settings_of_test();
	settings.retries = 1000;
	check_settings_refused(&settings, CODE_WORKER, "malformed NETWORK frame");
	settings = settings_of_test();
	settings.deadline = clock_boot_ms();
	check_settings_refused(&settings, CODE_DEADLINE, "");
	if (geteuid() == 0) {
		settings = settings_of_test();
		settings.user = "cgpu-no-such-user";
		check_settings_refused(&settings, CODE_WORKER, "user 'cgpu-no-such-user' is not in /etc/passwd");
	}
	settings = settings_of_test();
	large = xcalloc(1, 2000001);
	memset(large, 'x', 2000000);
	settings.ca = bytes_of_text(large);
	check_settings_refused(&settings, CODE_WORKER, "ceiling");
	free(large);
}

static void
test_requests_refused(void)
{
	const struct fetch_settings settings = settings_of_test();
	struct fetcher *fetcher = started(&settings);
	struct err err = ERR_INIT;
	int ticket =
	    fetch_send(fetcher, &(struct fetch_request){.kind = COLLATERAL_KEY_SET, .url = "file:///etc/passwd"}, &err);

	check_fault(fetcher, ticket, CODE_USAGE, "'file:///etc/passwd' is not of the form");
	CHECK(fetch_take(fetcher, ticket, &(struct buf){0}, &err) == -1 &&
	      err_code(&err) == CODE_INTERNAL); /* it was taken */
	CHECK(fetch_take(fetcher, 7, &(struct buf){0}, &err) == -1 && err_code(&err) == CODE_INTERNAL);
	/* A question without a body, which no client of ours sends, ends the exchange. */
	ticket =
	    fetch_send(fetcher, &(struct fetch_request){.kind = COLLATERAL_OCSP, .url = "https://127.0.0.1/"}, &err);
	check_fault(fetcher, ticket, CODE_WORKER, "REQUEST frame malformed");
	fetch_end(fetcher);
}

/* -- the sandbox as it is really used -------------------------------------------------------------------------------
 */
static bool
process_has(pid_t pid, const char *name, const char *text)
{
	struct buf content = {0};
	struct err err = ERR_INIT;
	char path[64];
	bool has;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 || geteuid() != 0);
	has = fd >= 0 && fs_read_stream(fd, 1 << 20, clock_boot_ms() + 1000, &content, &err) == 0 && content.size > 0 &&
	      memmem(content.data, content.size, text, strlen(text)) != NULL;
	if (fd >= 0)
		close(fd);
	buf_free(&content);
	return has;
}

static void
test_process(void)
{
	struct fetch_settings settings = settings_of_test();
	struct server server = {0};
	struct fetcher *fetcher;
	char ids[64];
	pid_t pid;

	if (geteuid() != 0) {
		unit_skip("needs root to read an undumpable process");
		return;
	}
	settings.user = "nobody";
	fetcher = started(&settings);
	server_start(&server, &good, serve_services);
	check_body(fetcher,
		   ask(fetcher, &server, "/v1/rim/" ID,
		       (struct fetch_request){.kind = COLLATERAL_DRIVER_RIM, .id = ID, .with_key = true}),
		   "<a/>\n");
	pid = only_child();
	snprintf(ids, sizeof(ids), "Uid:\t65534\t65534\t65534\t65534\n");
	CHECK(process_has(pid, "status", ids));
	CHECK(process_has(pid, "status", "CapEff:\t0000000000000000\n"));
	CHECK(process_has(pid, "status", "CapBnd:\t0000000000000000\n"));
	CHECK(process_has(pid, "status", "NoNewPrivs:\t1\n"));
	CHECK(process_has(pid, "status", "Seccomp:\t2\n"));
	CHECK(!process_has(pid, "cmdline", KEY) && !process_has(pid, "environ", KEY));
	CHECK(process_has(pid, "limits", "Max core file size        0                    0"));
	fetch_end(fetcher);
	CHECK(only_child() == 0);
	server_free(&server);
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
		abort();
}

static void
cover(const char *path, const char *text)
{
	char *own = emulated_path(strrchr(path, '/') + 1);

	put(own, text);
	if (mount(own, path, NULL, MS_BIND, NULL) != 0)
		abort();
	free(own);
}

static void
remove_covers(void)
{
	static const char *const names[] = {"hosts", "resolv.conf", "nsswitch.conf", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *path = emulated_path(names[i]);

		remove(path);
		free(path);
	}
}

/* A network of our own with nothing but a loopback, and our own /etc/hosts and resolv.conf. */
static bool
enter_private_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		return false;
	close(fd);
	snprintf(emulated_dir, sizeof(emulated_dir), "/tmp/cgpu-fetch.XXXXXX");
	if (mkdtemp(emulated_dir) == NULL || chmod(emulated_dir, 0755) != 0)
		return false;
	cover("/etc/hosts", "127.0.0.1 localhost files.example\n");
	cover("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:15 attempts:1\n");
	cover("/etc/nsswitch.conf",
	      "hosts: mymachines resolve [!UNAVAIL=return] mdns4_minimal [NOTFOUND=return] wins\n");
	return true;
}

/* Answers A of dns.example, says that there is no missing.example, and says nothing about others. */
static void *
serve_names(void *argument)
{
	int fd = *(int *)argument;
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	uint8_t packet[512];
	ssize_t got;

	while ((got = recvfrom(fd, packet, sizeof(packet) - 16, 0, (struct sockaddr *)&from, &size)) > 12) {
		static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1};
		bool known = memcmp(packet + 13, "dns", 3) == 0, missing = memcmp(packet + 13, "missing", 7) == 0;
		bool is_a = packet[got - 3] == 1;

		if (!known && !missing)
			continue;
		packet[2] = 0x81;
		packet[3] = missing ? 0x83 : 0x80;
		packet[7] = known && is_a;
		packet[11] = 0; /* no additional records: resolvers here send none */
		if (known && is_a) {
			memcpy(packet + got, answer, sizeof(answer));
			got += (ssize_t)sizeof(answer);
		}
		sendto(fd, packet, (size_t)got, 0, (struct sockaddr *)&from, size);
	}
	return NULL;
}

static int
bind_names(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		abort();
	return fd;
}

static int
ask_host(struct fetcher *fetcher, const struct server *server, const char *host)
{
	char *url = xprintf("https://%s:%u/v1/rim/" ID, host, server->port);
	struct fetch_request request = ask_driver;
	struct err err = ERR_INIT;
	int ticket;

	request.url = url;
	ticket = fetch_send(fetcher, &request, &err);
	CHECK(ticket >= 0);
	free(url);
	return ticket;
}

static void
look_up_names(const char *user)
{
	struct fetch_settings settings = settings_of_test();
	struct server server = {0};
	struct fetcher *fetcher;
	int64_t begin = clock_boot_ms();
	int hosts, dns, localhost, missing, silent;

	settings.user = user;
	settings.connect_ms = 600;
	settings.retries = 1;
	fetcher = started(&settings);
	server_start(&server, &good, serve_services);
	silent = ask_host(fetcher, &server, "silent.example");
	missing = ask_host(fetcher, &server, "missing.example");
	hosts = ask_host(fetcher, &server, "files.example");
	dns = ask_host(fetcher, &server, "dns.example");
	localhost = ask_host(fetcher, &server, "localhost");
	check_body(fetcher, hosts, "<a/>\n");
	check_body(fetcher, dns, "<a/>\n");
	check_body(fetcher, localhost, "<a/>\n");
	check_fault(fetcher, missing, CODE_NETWORK, "the name of the host is not known (2 attempts)");
	check_fault(fetcher, silent, CODE_NETWORK_TIMEOUT,
		    "no connection within 600 ms, name lookup and TLS included (2 attempts)");
	CHECK(clock_boot_ms() - begin < 15000); /* lookups that hang keep nobody */
	fetch_end(fetcher);
	server_free(&server);
}

static int
in_private_network(void)
{
	pthread_t thread;
	int names;

	if (!enter_private_network())
		return 77;
	names = bind_names();
	if (pthread_create(&thread, NULL, serve_names, &names) != 0)
		return 1;
	look_up_names(NULL);
	look_up_names("nobody");
	remove_covers();
	return unit_bad;
}

static void
test_names(void)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		status = in_private_network();
		fflush(stdout);
		_exit(status);
	}
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		unit_skip("needs namespaces of its own");
	else
		CHECK(status == 0);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN); /* the servers' */
	worker = emulated_built("fetch");
	root = identity_make("test root", NULL, NULL, -1, 1);
	good = identity_make("good", "IP:127.0.0.1,DNS:localhost,DNS:files.example,DNS:dns.example", &root, -1, 1);
	identity_pem(&root, &bundle);
	RUN(test_kinds);
	RUN(test_rounds);
	RUN(test_large_bodies);
	RUN(test_deadline);
	RUN(test_deadline_of_stopped);
	RUN(test_death);
	RUN(test_no_worker);
	RUN(test_other_programs);
	RUN(test_settings);
	RUN(test_requests_refused);
	RUN(test_process);
	RUN(test_names);
	identity_free(&root);
	identity_free(&good);
	buf_free(&bundle);
	free(worker);
	return unit_end();
}
