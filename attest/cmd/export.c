/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/cmd/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attest/cmd/collateral.h"
#include "attest/cmd/containers.h"
#include "attest/cmd/live.h"
#include "attest/policy/mode.h"
#include "config.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "lib/crypto.h"
#include "lib/fs.h"
#include "lib/metrics.h"

#define DOCUMENT_MAX (1u << 20)
#define FEATURES_VALID 1800 /* seconds: two turns of cgpu-features.timer */

/* What the driver says now. */
struct machine_now {
	struct collect_states states;
	struct collect_identity gpu[GPU_MAX];
	int code; /* CODE_OK: good enough for a start */
};

static void
read_machine(const struct conf *conf, struct machine_now *now)
{
	struct steps steps = {0};
	struct err err = ERR_INIT;

	*now = (struct machine_now){.code = CODE_OK};
	if (run_states(conf, live_deadline(conf), &now->states, now->gpu, &err) != 0)
		now->code = err_code(&err);
	else if (mode_judge(&now->states, now->gpu, conf, &steps) != 0)
		now->code = steps_code(&steps);
	steps_free(&steps);
}

static int
end_output(struct err *err)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return CODE_OK;
	err_set(err, CODE_INTERNAL, "standard output cannot be written");
	return err_code(err);
}

/* -- Prometheus ---------------------------------------------------------------------------------------------------- */

static void
head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
print_starts(const struct metrics *sum)
{
	static const char *const results[METRICS_EVENTS] = {"allowed", "exempt", "observed", "refused"};

	head("cgpu_starts_total", "counter", "Starts of containers with a GPU in this boot, by what was decided.");
	for (unsigned i = 0; i < METRICS_EVENTS; i++)
		printf("cgpu_starts_total{result=\"%s\"} %" PRIu64 "\n", results[i], sum->starts[i]);
	head("cgpu_refusals_total", "counter", "Refused starts in this boot, by exit code.");
	for (size_t i = 0; i < code_count; i++) {
		const struct code_entry *entry = &code_table[i];

		if (sum->refused[entry->number] > 0)
			printf("cgpu_refusals_total{class=\"%s\",code=\"%d\",name=\"%s\"} %" PRIu64 "\n",
			       code_class_name(entry->class), entry->number, entry->name, sum->refused[entry->number]);
	}
}

static void
print_durations(const struct metrics *sum)
{
	uint64_t count = 0;

	head("cgpu_start_duration_seconds", "histogram", "How long the decision about a start with a GPU took.");
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		count += sum->duration[i];
		if (i + 1 < METRICS_BUCKETS)
			printf("cgpu_start_duration_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
			       (double)metrics_bucket_ms[i] / 1000, count);
	}
	printf("cgpu_start_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", count);
	printf("cgpu_start_duration_seconds_sum %.3f\ncgpu_start_duration_seconds_count %" PRIu64 "\n",
	       (double)sum->duration_ms / 1000, count);
}

static void
print_gauge(const char *name, const char *help, int64_t value)
{
	head(name, "gauge", help);
	printf("%s %" PRId64 "\n", name, value);
}

static void
print_sums(const struct metrics *sum)
{
	print_starts(sum);
	print_durations(sum);
	head("cgpu_collateral_hits_total", "counter", "Manifests, answers and key sets that were here already.");
	printf("cgpu_collateral_hits_total %" PRIu64 "\n", sum->hits);
	head("cgpu_collateral_requests_total", "counter", "Requests to services.");
	printf("cgpu_collateral_requests_total %" PRIu64 "\n", sum->requests);
	if (sum->last_success != 0)
		print_gauge("cgpu_last_success_timestamp_seconds", "When a verification passed last.",
			    sum->last_success);
}

static void
print_machine(const struct machine_now *now)
{
	const struct collect_states *states = &now->states;

	print_gauge("cgpu_status_code", "Exit code that cgpu status gives now; 0 is good enough for a start.",
		    now->code);
	head("cgpu_info", "gauge", "Versions, as labels.");
	printf("cgpu_info{version=\"" PROJECT_VERSION "\",driver_version=\"%s\"} 1\n", states->driver_version);
	if (states->gpus == 0)
		return; /* the driver said nothing */
	print_gauge("cgpu_gpus", "GPUs that the driver shows.", states->gpus);
	print_gauge("cgpu_cc_mode", "Whether confidential computing is on.", states->cc_feature == 1);
	if (states->ready <= 1)
		print_gauge("cgpu_ready_state", "Whether the GPUs accept work.", states->ready);
	head("cgpu_persistence_mode", "gauge", "Whether persistence mode is on.");
	for (uint32_t i = 0; i < states->gpus; i++)
		printf("cgpu_persistence_mode{gpu=\"%u\"} %d\n", i, now->gpu[i].persistence == 1);
}

/* The first end of each kind: what is gone then has to be fetched by a start. */
static void
print_expiry(struct collateral_call *call)
{
	struct inventory inventory;
	struct err err = ERR_INIT;

	head("cgpu_collateral_expires_timestamp_seconds", "gauge",
	     "When the first of the stored manifests and answers ends.");
	if (collateral_inventory(call, &inventory, &err) == 0) {
		for (enum collateral_kind kind = 1; kind < COLLATERAL_KINDS; kind++) {
			int64_t first = 0;

			for (unsigned i = 0; i < inventory.entries; i++) {
				const struct inventory_entry *entry = &inventory.entry[i];

				if (kind_is_asked(kind) && entry->kind == kind && entry->state == INVENTORY_GOOD &&
				    (first == 0 || entry->until < first))
					first = entry->until;
			}
			if (first != 0)
				printf("cgpu_collateral_expires_timestamp_seconds{kind=\"%s\"} %" PRId64 "\n",
				       kind_row(kind)->name, first);
		}
	}
	inventory_free(&inventory);
}

/* Where the records cannot be read, nothing is known about any. */
static void
print_containers(void)
{
	struct containers containers;

	containers_look(&containers);
	if (containers.known) {
		head("cgpu_containers", "gauge",
		     "Containers that have a GPU's node open, by what was decided about them.");
		for (unsigned i = 0; i < HOLDER_DECISIONS; i++)
			printf("cgpu_containers{result=\"%s\"} %u\n", holder_decision_name(i),
			       containers.holders.of[i]);
		print_gauge("cgpu_containers_unseen", "Processes that could not be looked at, or 1 where time ran out.",
			    containers.holders.unseen > 0 ? containers.holders.unseen : containers.holders.late);
	}
	containers_free(&containers);
}

int
export_prometheus(struct err *err)
{
	struct collateral_call call = {.cache = {.disk = -1, .boot = -1}};
	struct machine_now now;
	struct metrics sum;
	int code;

	crypto_init();
	if (collateral_begin(&call, err) == 0) {
		metrics_read(METRICS_PATH, &sum);
		read_machine(&call.conf, &now);
		print_machine(&now);
		print_sums(&sum);
		print_expiry(&call);
		print_containers();
		code = end_output(err);
	} else {
		code = err_code(err);
	}
	collateral_end(&call);
	return code;
}

/* -- Node Feature Discovery ---------------------------------------------------------------------------------------- */

static void
print_features(const struct machine_now *now, const struct metrics *sum, const struct conf *conf)
{
	const int64_t until = sum->last_success + conf->token_lifetime, at = clock_wall();
	char text[32];

	clock_format(at + FEATURES_VALID, text);
	printf("# +expiry-time=%s\norg.cgpu/status=%s\n", text, code_name(now->code));
	printf("org.cgpu/ready=%s\n", now->states.ready == 1 ? "true" : "false");
	if (sum->last_success == 0 || at >= until || at < sum->last_success || now->code != CODE_OK)
		return;
	clock_format(until, text);
	printf("# +expiry-time=%s\norg.cgpu/attested=true\n", text);
}

int
export_features(struct err *err)
{
	struct conf conf = {0};
	struct machine_now now;
	struct metrics sum;
	int code;

	if (conf_load(&conf, err) != 0) {
		code = err_code(err);
	} else {
		metrics_read(METRICS_PATH, &sum);
		read_machine(&conf, &now);
		print_features(&now, &sum, &conf);
		code = end_output(err);
	}
	conf_free(&conf);
	return code;
}

/* -- files ------------------------------------------------------------------------------------------------------- */

/* The directory of path, through no symlink; *name is the rest of path. */
static int
open_document_dir(const char *path, const char **name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	const char *slash = strrchr(path, '/');
	char *parent = slash == NULL ? xstrdup(".") : xprintf("%.*s/", (int)(slash - path), path);
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, parent, &how, sizeof(how)), saved = errno;

	*name = slash == NULL ? path : slash + 1;
	free(parent);
	errno = saved;
	return fd;
}

static int
write_document(int (*print)(struct err *err), int document, const char *path, struct err *err)
{
	struct buf content = {0};
	const char *name;
	int dir, rc;

	if (print(err) != CODE_OK)
		return -1;
	dir = open_document_dir(path, &name);
	if (dir < 0)
		return err_set(err, CODE_USAGE, "%s: open of the directory: %s", path, err_errno(errno));
	rc = fs_read_fd(document, DOCUMENT_MAX, &content, err);
	if (rc == 0)
		rc = fs_write_atomic_at(dir, name, buf_bytes(&content), 0644, err);
	if (rc != 0)
		err_wrap(err, CODE_USAGE, "%s", path);
	close(dir);
	buf_free(&content);
	return rc;
}

int
export_write(int (*print)(struct err *err), const char *path, struct err *err)
{
	int document, rc;

	if (path == NULL)
		return print(err);
	document = memfd_create("document", MFD_CLOEXEC);
	if (document < 0 || dup2(document, STDOUT_FILENO) < 0)
		rc = err_set(err, CODE_INTERNAL, "memfd_create or dup2: %s", err_errno(errno));
	else
		rc = write_document(print, document, path, err);
	if (document >= 0)
		close(document);
	return rc == 0 ? CODE_OK : err_code(err);
}
