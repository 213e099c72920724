/* SPDX-License-Identifier: Apache-2.0 */
/* The real worker against an emulated driver: every fault gives its code, in time, and leaves no process. */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>

#include "attest/collect/client.h"
#include "attest/collect/machine.h"
#include "lib/caps.h"
#include "lib/clock.h"
#include "lib/code.h"
#include "test/unit/emulated.h"
#include "test/unit/unit.h"

#define LIBRARY "emulator/libnvidia-ml.so.1"
#define PATIENCE_MS 10000
#define IMPATIENCE_MS 1000

struct reading {
	struct collect_states states;
	struct collect_identity identity[GPU_MAX];
};

struct outcome {
	int code;
	struct err err;
	struct reading first, second;
	struct collected evidence[GPU_MAX];
	int64_t took;
};

static const uint8_t nonce[32] = {1, 2, 3};
static const bool all[GPU_MAX] = {[0 ... GPU_MAX - 1] = true};

static void
outcome_free(struct outcome *outcome)
{
	for (unsigned i = 0; i < GPU_MAX; i++)
		collected_free(&outcome->evidence[i]);
	*outcome = (struct outcome){0};
}

/* The order of a whole run. */
static int
exchange(struct collector *collector, struct outcome *out)
{
	if (collect_states(collector, &out->first.states, out->first.identity, &out->err) != 0 ||
	    collect_reports(collector, nonce, all, out->evidence, &out->err) != 0 ||
	    collect_recheck(collector, &out->second.states, out->second.identity, &out->err) != 0)
		return -1;
	return collect_end(collector, &out->err);
}

static void
collect_from(const char *library, int64_t patience, struct outcome *out)
{
	char *worker = emulated_built("collect");
	int64_t start = clock_boot_ms();
	struct collector collector;
	pid_t group;
	int rc;

	outcome_free(out);
	rc = collect_start(worker, library, "/", false, start + patience, &collector, &out->err);
	group = collector.worker.child.pid;
	if (rc == 0)
		rc = exchange(&collector, out);
	out->took = clock_boot_ms() - start;
	out->code = rc == 0 ? CODE_OK : err_code(&out->err);
	CHECK(collector.worker.child.pid == 0 && collector.worker.to.fd == -1 && collector.worker.from.fd == -1);
	CHECK(group <= 0 || (kill(-group, 0) != 0 && errno == ESRCH));
	collect_kill(&collector);
	free(worker);
}

static void
collect_with(const char *faults, int64_t patience, struct outcome *out)
{
	char *library = emulated_path("node/libnvidia-ml.so.1");

	emulated_write("node/faults.conf", faults);
	collect_from(library, patience, out);
	free(library);
}

static void
test_good(void)
{
	struct outcome out = {0};
	struct buf chain = {0};

	collect_with("", PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK);
	CHECK_TEXT(out.first.states.driver_version, "550.144.03");
	CHECK(out.first.states.gpus == 2 && out.first.states.cc_feature == 1 && out.first.states.environment == 2);
	CHECK(out.first.states.devtools == 0 && out.first.states.multi_gpu == 0 && out.first.states.ready == 1);
	CHECK_TEXT(out.first.identity[0].pci, "00000000:41:00.0");
	CHECK_TEXT(out.first.identity[1].pci, "00000000:42:00.0");
	CHECK(out.first.identity[1].minor == 1 && out.first.identity[1].architecture == 9);
	CHECK(out.first.identity[1].persistence == 1);
	CHECK(memcmp(&out.first, &out.second, sizeof(out.first)) == 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(out.evidence[i].report.size > 4 + 32 && memcmp(out.evidence[i].report.data + 4, nonce, 32) == 0);
		emulated_read(i == 0 ? "node/gpu0.pem" : "node/gpu1.pem", &chain);
		CHECK(bytes_equal(buf_bytes(&chain), buf_bytes(&out.evidence[i].chain_pem)));
	}
	buf_free(&chain);
	outcome_free(&out);
}

/* The driver's order does not matter: output goes by PCI address, and evidence stays with its GPU. */
static void
test_order(void)
{
	struct outcome out = {0};
	struct buf chain = {0};

	collect_with("order 1 0\n", PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK);
	CHECK_TEXT(out.first.identity[0].pci, "00000000:41:00.0");
	emulated_read("node/gpu0.pem", &chain);
	CHECK(bytes_equal(buf_bytes(&chain), buf_bytes(&out.evidence[0].chain_pem)));
	buf_free(&chain);
	outcome_free(&out);
}

static void
test_codes(void)
{
	static const struct {
		const char *faults;
		int code;
	} rows[] = {
		{"at nvmlInit_v2 return 9\n", CODE_DRIVER_NOT_LOADED},
		{"at nvmlInit_v2 return 12\n", CODE_DRIVER_MISSING},
		{"at nvmlInit_v2 return 13\n", CODE_DRIVER_CALL},
		{"at nvmlInit_v2 return 18\n", CODE_DRIVER_MISMATCH},
		{"at nvmlInit_v2 return 28\n", CODE_DEVICE_MISSING},
		{"at nvmlInit_v2 return 999\n", CODE_DRIVER_CALL},
		{"at nvmlInit_v2 return 4\n", CODE_DRIVER_CALL},
		{"at nvmlSystemGetDriverVersion return 1\n", CODE_DRIVER_CALL},
		{"at nvmlSystemGetConfComputeCapabilities return 999\n", CODE_DRIVER_CALL},
		{"at nvmlSystemGetConfComputeState return 999\n", CODE_DRIVER_CALL},
		{"at nvmlSystemGetConfComputeSettings return 25\n", CODE_DRIVER_CALL},
		{"gpus 0\n", CODE_DEVICE_MISSING},
		{"at nvmlDeviceGetCount_v2 return 9\n", CODE_DRIVER_NOT_LOADED},
		{"at nvmlDeviceGetHandleByIndex_v2 return 15\n", CODE_DEVICE_LOST},
		{"at nvmlDeviceGetHandleByIndex_v2 return 4\n", CODE_DRIVER_CALL},
		{"at nvmlDeviceGetUUID return 7\n", CODE_DRIVER_CALL},
		{"at nvmlDeviceGetMinorNumber return 3\n", CODE_DRIVER_CALL},
		{"at nvmlDeviceGetVbiosVersion return 27\n", CODE_NOT_READY},
		{"at nvmlDeviceGetConfComputeGpuCertificate return 3\n", CODE_DRIVER_CALL},
		{"at nvmlDeviceGetConfComputeGpuAttestationReport return 16\n", CODE_DEVICE_LOST},
		{"at nvmlDeviceGetConfComputeGpuAttestationReport#2 return 15\n", CODE_DEVICE_LOST},
		{"at nvmlShutdown return 1\n", CODE_DRIVER_CALL},
		{"gpu 1 report-size 0\n", CODE_DRIVER_CALL},
		{"gpu 1 report-size 8193\n", CODE_DRIVER_CALL},
		{"gpu 1 report-size 4294967295\n", CODE_DRIVER_CALL},
		{"gpu 0 chain-size 0\n", CODE_DRIVER_CALL},
		{"gpu 0 chain-size 5121\n", CODE_DRIVER_CALL},
		{"gpu 0 chain-size 4294967295\n", CODE_DRIVER_CALL},
		{"gpu 0 uuid GPU-1\ngpu 1 uuid GPU-1\n", CODE_DEVICE_MAPPING},
		{"gpu 1 pci 00000000:41:00.0\n", CODE_DEVICE_MAPPING},
		{"gpu 1 minor 0\n", CODE_DEVICE_MAPPING},
		{"order 0 0\n", CODE_DEVICE_MAPPING},
		{"driver a\tb\n", CODE_DRIVER_CALL},
		{"at nvmlInit_v2 abort\n", CODE_DRIVER_CRASHED},
		{"at nvmlDeviceGetConfComputeGpuAttestationReport abort\n", CODE_DRIVER_CRASHED},
		{"at nvmlShutdown abort\n", CODE_DRIVER_CRASHED},
		{"at nvmlDeviceGetUUID exit\n", CODE_DRIVER_CRASHED},
		{"at nvmlDeviceGetUUID fork\n", CODE_OK},
		{"at nvmlDeviceGetUUID exec\n", CODE_OK},
		{"at nvmlDeviceGetUUID print\n", CODE_OK},
		{"at nvmlInit_v2 fork\nat nvmlShutdown fork\n", CODE_OK},
	};
	struct outcome out = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		collect_with(rows[i].faults, PATIENCE_MS, &out);
		if (out.code != rows[i].code)
			printf("# %s# have %d (%s), want %d\n", rows[i].faults, out.code, out.err.text, rows[i].code);
		CHECK(out.code == rows[i].code);
		CHECK(out.took < PATIENCE_MS);
	}
	outcome_free(&out);
}

/* The other GPUs go on; the lost one is counted in both readings. */
static void
test_lost(void)
{
	struct outcome out = {0};

	collect_with("at nvmlDeviceGetHandleByIndex_v2#2 return 15\n", PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK);
	CHECK(out.first.states.gpus == 1 && out.first.states.lost == 1 && out.first.states.missing >= 1);
	CHECK(out.second.states.gpus == 1 && out.second.states.lost == 1);
	CHECK_TEXT(out.second.identity[0].uuid, out.first.identity[0].uuid);
	collect_with("at nvmlDeviceGetHandleByIndex_v2#2 return 16\n", PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK && out.first.states.lost == 1);
	/* Lost between the two readings. */
	collect_with("at nvmlDeviceGetUUID#3 return 15\n", PATIENCE_MS, &out);
	CHECK(out.code == CODE_DEVICE_LOST && out.first.states.gpus == 2);
	collect_with("at nvmlDeviceGetHandleByIndex_v2#2 return 999\n", PATIENCE_MS, &out);
	CHECK(out.code == CODE_DRIVER_CALL);
	outcome_free(&out);
}

static void
test_hang(void)
{
	static const char *const calls[] = {"nvmlInit_v2", "nvmlDeviceGetUUID",
					    "nvmlDeviceGetConfComputeGpuAttestationReport",
					    "nvmlSystemGetConfComputeState#2", "nvmlShutdown"};
	struct outcome out = {0};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char *faults = xprintf("at %s hang\n", calls[i]);

		collect_with(faults, IMPATIENCE_MS, &out);
		CHECK(out.code == CODE_DRIVER_HUNG);
		CHECK(out.took >= IMPATIENCE_MS && out.took < PATIENCE_MS);
		free(faults);
	}
	outcome_free(&out);
}

/* Modes are told, not judged, here. */
static void
test_states(void)
{
	struct outcome out = {0};

	collect_with("cc-feature 0\nenvironment 1\ndevtools 1\nmulti-gpu 1\nready 0\ngpu 0 persistence 0\n",
		     PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK);
	CHECK(out.first.states.cc_feature == 0 && out.first.states.environment == 1 && out.first.states.devtools == 1);
	CHECK(out.first.states.multi_gpu == 1 && out.first.states.ready == 0 && out.first.identity[0].persistence == 0);
	collect_with(
		"at nvmlSystemGetConfComputeState return 3\nat nvmlSystemGetConfComputeCapabilities return 3\n"
		"at nvmlSystemGetConfComputeSettings return 3\nat nvmlSystemGetConfComputeGpusReadyState return 3\n"
		"at nvmlDeviceGetPersistenceMode return 3\nat nvmlDeviceGetArchitecture return 3\n",
		PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK);
	CHECK(out.first.states.cc_feature == 0 && out.first.states.environment == 0 && out.first.states.gpu_caps == 0);
	CHECK(out.first.states.multi_gpu == COLLECT_ABSENT && out.first.states.ready == COLLECT_ABSENT);
	CHECK(out.first.identity[0].persistence == COLLECT_ABSENT &&
	      out.first.identity[0].architecture == COLLECT_ABSENT);
	outcome_free(&out);
}

static void
test_second_reading(void)
{
	static const char *const faults[] = {
		"at nvmlSystemGetConfComputeState#2 set cc-feature 0\n",
		"at nvmlSystemGetConfComputeState#2 set devtools 1\n",
		"at nvmlSystemGetConfComputeGpusReadyState#2 set ready 0\n",
		"at nvmlSystemGetDriverVersion#2 set driver 1.2\n",
		"at nvmlDeviceGetCount_v2#2 set gpus 1\n",
		"at nvmlDeviceGetCount_v2#2 set gpu 1 uuid GPU-9\n",
	};
	struct outcome out = {0};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		collect_with(faults[i], PATIENCE_MS, &out);
		CHECK(out.code == CODE_OK);
		CHECK(memcmp(&out.first, &out.second, sizeof(out.first)) != 0);
	}
	outcome_free(&out);
}

/* R535 has no settings: nobody can say which multi-GPU mode it is in. */
static void
test_old_driver(void)
{
	struct outcome out = {0};

	CHECK(emulated_mint("emulator/libnvidia-ml-r535.so.1", "--driver 535.86.09"));
	collect_with("", PATIENCE_MS, &out);
	CHECK(out.code == CODE_OK && out.first.states.multi_gpu == COLLECT_ABSENT && out.first.states.cc_feature == 1);
	outcome_free(&out);
	CHECK(emulated_mint(LIBRARY, "--gpus 2"));
}

static void
check_library(const char *name, int code)
{
	char *path = name[0] == '/' ? xstrdup(name) : emulated_path(name);
	struct outcome out = {0};

	collect_from(path, PATIENCE_MS, &out);
	if (out.code != code)
		printf("# %s: have %d (%s), want %d\n", path, out.code, out.err.text, code);
	CHECK(out.code == code);
	free(path);
	outcome_free(&out);
}

static void
test_library(void)
{
	char *real = emulated_path("node/libnvidia-ml.so.1"), *moved = emulated_path("node/libnvidia-ml.so.550.144.03");
	char *node = emulated_path("node"), *other = emulated_path("other"), *loop = emulated_path("loop");

	emulated_write("node/faults.conf", "");
	CHECK(rename(real, moved) == 0 && symlink("libnvidia-ml.so.550.144.03", real) == 0);
	check_library("node/libnvidia-ml.so.1", CODE_OK);
	CHECK(symlink("./node/../node", other) == 0 && symlink("loop", loop) == 0);
	check_library("other/libnvidia-ml.so.1", CODE_OK);
	check_library("loop/libnvidia-ml.so.1", CODE_DRIVER_UNTRUSTED);
	check_library("node/libnvidia-ml.so.2", CODE_DRIVER_MISSING);
	check_library("node", CODE_DRIVER_UNTRUSTED);
	check_library("node/node.conf", CODE_DRIVER_MISSING); /* no library at all */
	check_library("/usr/lib/x86_64-linux-gnu/libm.so.6", CODE_DRIVER_CALL);
	CHECK(chmod(moved, 0775) == 0);
	check_library("node/libnvidia-ml.so.1", CODE_DRIVER_UNTRUSTED);
	CHECK(chmod(moved, 0755) == 0 && chmod(node, 0777) == 0);
	check_library("other/libnvidia-ml.so.1", CODE_DRIVER_UNTRUSTED);
	CHECK(chmod(node, 0755) == 0);
	if (geteuid() == 0) {
		CHECK(lchown(real, 12345, 12345) == 0);
		check_library("node/libnvidia-ml.so.1", CODE_DRIVER_UNTRUSTED);
		CHECK(lchown(real, 0, 0) == 0 && chown(moved, 12345, 12345) == 0);
		check_library("node/libnvidia-ml.so.1", CODE_DRIVER_UNTRUSTED);
		CHECK(chown(moved, 0, 0) == 0);
	}
	check_library("node/libnvidia-ml.so.1", CODE_OK);
	free(loop);
	free(other);
	free(node);
	free(moved);
	free(real);
}

static void
test_relative(void)
{
	char *worker = emulated_built("collect");
	struct collector collector;
	struct err err = ERR_INIT;

	CHECK(collect_start(worker, "libnvidia-ml.so.1", "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) !=
	      0);
	CHECK(err_code(&err) == CODE_DRIVER_UNTRUSTED);
	CHECK(collect_start("/nonexistent/collect", "/x", "/", false, clock_boot_ms() + PATIENCE_MS, &collector,
			    &err) != 0);
	CHECK(err_code(&err) == CODE_WORKER && collector.worker.child.pid <= 0);
	free(worker);
}

/* -- the ready state ----------------------------------------------------------------------------------------------- */

/* The code of setting it, in the place that a run has for that, or right after the first reading. */
static int
set_ready(const char *faults, bool allowed, bool whole_run, struct reading *after)
{
	char *worker = emulated_built("collect"), *library = emulated_path("node/libnvidia-ml.so.1");
	struct outcome out = {0};
	struct collector collector;
	struct err err = ERR_INIT;
	int rc;

	emulated_write("node/faults.conf", faults);
	rc = collect_start(worker, library, "/", allowed, clock_boot_ms() + PATIENCE_MS, &collector, &err);
	if (rc == 0)
		rc = collect_states(&collector, &after->states, after->identity, &err);
	if (rc == 0 && whole_run)
		rc = collect_reports(&collector, nonce, all, out.evidence, &err);
	if (rc == 0 && whole_run)
		rc = collect_recheck(&collector, &after->states, after->identity, &err);
	if (rc == 0)
		rc = collect_ready(&collector, true, &after->states, after->identity, &err);
	if (rc == 0)
		rc = collect_end(&collector, &err);
	CHECK(rc == 0 || (collector.worker.child.pid == 0 && collector.worker.to.fd == -1));
	collect_kill(&collector);
	outcome_free(&out);
	free(library);
	free(worker);
	return rc == 0 ? CODE_OK : err_code(&err);
}

static void
test_ready(void)
{
	static const struct {
		const char *faults;
		int code;
	} rows[] = {
		{"ready 0\nready-terminal 1\n", CODE_READY_TERMINAL},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState return 4\n", CODE_READY_RIGHTS},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState return 3\n", CODE_READY_UNSUPPORTED},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState return 13\n", CODE_READY_UNSUPPORTED},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState return 15\n", CODE_DEVICE_LOST},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState return 999\n", CODE_DRIVER_CALL},
		{"ready 0\nat nvmlSystemSetConfComputeGpusReadyState abort\n", CODE_DRIVER_CRASHED},
	};
	struct reading after = {0};

	if (!caps_has(CAP_SYS_ADMIN)) {
		CHECK(set_ready("ready 0\n", true, false, &after) == CODE_READY_RIGHTS);
		return;
	}
	CHECK(set_ready("ready 0\n", true, true, &after) == CODE_OK && after.states.ready == 1);
	CHECK(set_ready("ready 0\n", true, false, &after) == CODE_OK && after.states.ready == 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(set_ready(rows[i].faults, true, i % 2 == 0, &after) == rows[i].code);
}

/* A worker that was not started for it neither has the capability nor takes the order. */
static void
test_ready_is_no_order_for_all(void)
{
	struct reading after = {0};

	CHECK(set_ready("ready 0\n", false, true, &after) == CODE_WORKER && after.states.ready == 0);
}

static int
no_permission(unsigned ready)
{
	return ready == 1 ? NVML_NO_PERMISSION : NVML_SUCCESS;
}

static void
test_library_without_ready_state(void)
{
	struct library library = LIBRARY_INIT;
	struct machine machine = {.library = &library};
	struct err err = ERR_INIT;

	CHECK(machine_set_ready(&machine, true, &err) != 0 && err_code(&err) == CODE_READY_UNSUPPORTED);
	library.nvmlSystemSetConfComputeGpusReadyState = no_permission;
	CHECK(machine_set_ready(&machine, true, &err) != 0 && err_code(&err) == CODE_READY_RIGHTS);
}

/* `cgpu status` asks for the states only; a killed one leaves nothing. */
static void
test_early_end(void)
{
	char *worker = emulated_built("collect"), *library = emulated_path("node/libnvidia-ml.so.1");
	struct collect_identity identity[GPU_MAX];
	struct collector collector, none = {0};
	struct collect_states states;
	struct err err = ERR_INIT;
	pid_t group;

	CHECK(collect_start(worker, library, "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) == 0);
	CHECK(collect_states(&collector, &states, identity, &err) == 0);
	CHECK(collect_end(&collector, &err) == 0);
	CHECK(collect_start(worker, library, "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) == 0);
	group = collector.worker.child.pid;
	collect_kill(&collector);
	CHECK(kill(-group, 0) != 0 && errno == ESRCH);
	collect_kill(&none);
	free(library);
	free(worker);
}

/* Programs that are no worker of ours: one ends, one sends everything back. */
static void
test_other_programs(void)
{
	char *own = realpath("/proc/self/exe", NULL);
	struct collect_identity identity[GPU_MAX];
	struct collector collector;
	struct collect_states states;
	struct err err = ERR_INIT;

	CHECK(collect_start("/usr/bin/true", "/x", "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) != 0);
	CHECK(err_code(&err) == CODE_DRIVER_CRASHED && collector.worker.child.pid == 0);
	CHECK(collect_start("/usr/bin/yes", "/x", "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) != 0);
	CHECK(err_code(&err) == CODE_DRIVER_CRASHED && collector.worker.child.pid == 0);
	CHECK(collect_start(own, "/x", "/", false, clock_boot_ms() + PATIENCE_MS, &collector, &err) != 0);
	CHECK(err_code(&err) == CODE_WORKER && collector.worker.child.pid == 0);
	CHECK(collect_start("/usr/bin/cat", "/x", "/", false, clock_boot_ms() + IMPATIENCE_MS, &collector, &err) != 0);
	CHECK(collector.worker.child.pid == 0);
	CHECK(collect_states(&collector, &states, identity, &err) != 0);
	free(own);
}

/* A worker that says something else, and stays. */
static int
babble(void)
{
	if (write(STDOUT_FILENO, "frames? no.", 11) == 11)
		pause();
	return 1;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[0], "collect") == 0)
		return babble();
	if (!emulated_mint(LIBRARY, "--gpus 2"))
		return 1;
	RUN(test_good);
	RUN(test_order);
	RUN(test_codes);
	RUN(test_lost);
	RUN(test_hang);
	RUN(test_states);
	RUN(test_second_reading);
	RUN(test_ready);
	RUN(test_ready_is_no_order_for_all);
	RUN(test_library_without_ready_state);
	RUN(test_early_end);
	RUN(test_relative);
	RUN(test_other_programs);
	RUN(test_old_driver);
	RUN(test_library);
	emulated_remove();
	return unit_end();
}
