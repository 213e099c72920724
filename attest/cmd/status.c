/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/cmd/commands.h"
#include "attest/cmd/containers.h"
#include "attest/cmd/export.h"
#include "attest/cmd/live.h"
#include "attest/cmd/report.h"
#include "attest/policy/mode.h"
#include "lib/code.h"
#include "lib/json.h"
#include "spec/gpu_arch.h"

static const struct option_entry table[] = {
	{"format", "text|json|prom|nfd",
	 "output form (default text); metrics for Prometheus, labels for Node Feature Discovery"},
	{"output", "FILE", "where to write prom or nfd, whole or not at all (default standard output)"},
	{NULL, NULL, NULL},
};

static const char *
on_off(uint32_t value)
{
	return value == 1 ? "ON" : value == 0 ? "OFF" : "unknown";
}

static const char *
architecture(const struct collect_identity *gpu)
{
	const struct gpu_arch_row *row = gpu_arch_row(gpu_arch_of_nvml(gpu->architecture));

	return row != NULL ? row->name : "other";
}

static void
print_status_text(const struct collect_states *states, const struct collect_identity *gpu,
		  const struct containers *containers)
{
	printf("Driver version: %s\n", states->driver_version);
	printf("CC status: %s\n", on_off(states->cc_feature));
	printf("CC environment: %s\n", mode_environment(states->environment));
	printf("CC devtools mode: %s\n", on_off(states->devtools));
	printf("Multi-GPU mode: %s\n", mode_multi_gpu(states->multi_gpu));
	printf("CPU capability: %s\n", mode_cpu_caps(states->cpu_caps));
	printf("GPU capability: %s\n", states->gpu_caps == 1 ? "CC capable" : "not CC capable");
	printf("GPUs ready state: %s\n", mode_ready(states->ready));
	if (states->missing > 0)
		printf("Not given by the driver library: %s (%u, of which %u lost)\n", states->missing_names,
		       states->missing, states->lost);
	for (uint32_t i = 0; i < states->gpus; i++)
		printf("GPU-%u: %s, PCI %s, /dev/nvidia%u, %s, VBIOS %s, persistence %s\n", i, gpu[i].uuid, gpu[i].pci,
		       gpu[i].minor, architecture(&gpu[i]), gpu[i].vbios_version,
		       on_off(gpu[i].persistence));
	containers_print_text(containers);
}

static void
member_bool(struct json_out *out, const char *name, uint32_t value)
{
	json_out_name(out, name);
	if (value > 1)
		json_out_null(out);
	else
		json_out_bool(out, value == 1);
}

static void
json_gpu(struct json_out *out, const struct collect_identity *gpu)
{
	json_out_object(out);
	json_out_member_text(out, "uuid", gpu->uuid);
	json_out_member_text(out, "pci", gpu->pci);
	json_out_member_integer(out, "minor", gpu->minor);
	json_out_member_text(out, "architecture", architecture(gpu));
	json_out_member_text(out, "vbios_version", gpu->vbios_version);
	member_bool(out, "persistence", gpu->persistence);
	json_out_end(out);
}

static void
print_status_json(const struct collect_states *states, const struct collect_identity *gpu,
		  const struct containers *containers)
{
	struct json_out *out = json_out_new(true);

	json_out_object(out);
	json_out_member_integer(out, "schema", 1);
	json_out_member_text(out, "driver_version", states->driver_version);
	member_bool(out, "cc", states->cc_feature);
	json_out_member_text(out, "environment", mode_environment(states->environment));
	member_bool(out, "devtools", states->devtools);
	json_out_member_text(out, "multi_gpu", mode_multi_gpu(states->multi_gpu));
	json_out_member_text(out, "cpu_capability", mode_cpu_caps(states->cpu_caps));
	member_bool(out, "gpu_capability", states->gpu_caps);
	member_bool(out, "ready", states->ready);
	json_out_member_integer(out, "gpus_missing", states->missing);
	json_out_member_integer(out, "gpus_lost", states->lost);
	json_out_member_text(out, "missing", states->missing > 0 ? states->missing_names : NULL);
	json_out_name(out, "gpus");
	json_out_array(out);
	for (uint32_t i = 0; i < states->gpus; i++)
		json_gpu(out, &gpu[i]);
	json_out_end(out);
	containers_print_json(containers, out);
	json_out_end(out);
	report_json(out);
}

static int
show_status(const struct options *options, struct err *err)
{
	struct collect_identity gpu[GPU_MAX] = {0};
	struct collect_states states = {0};
	struct steps steps = {0};
	struct containers containers;
	struct conf conf = {0};
	int code;
	bool json;

	if (options_format(options, &json, err) != 0 || options_operands(options, 0, 0, err) != 0 ||
	    conf_load(&conf, err) != 0 || run_states(&conf, live_deadline(&conf), &states, gpu, err) != 0) {
		conf_free(&conf);
		return err_code(err);
	}
	containers_look(&containers);
	if (json)
		print_status_json(&states, gpu, &containers);
	else
		print_status_text(&states, gpu, &containers);
	containers_free(&containers);
	code = mode_judge(&states, gpu, &conf, &steps) == 0 ? CODE_OK : steps_code(&steps);
	if (code != CODE_OK)
		err_set(err, code, "%s", steps_first_failure(&steps)->detail);
	if (json)
		err->text[0] = '\0';
	steps_free(&steps);
	conf_free(&conf);
	return code;
}

static int
run(const struct options *options, struct err *err)
{
	const char *format = options_get(options, "format"), *output = options_get(options, "output");

	if (format != NULL && (strcmp(format, "prom") == 0 || strcmp(format, "nfd") == 0)) {
		if (options_operands(options, 0, 0, err) != 0)
			return err_code(err);
		return export_write(strcmp(format, "prom") == 0 ? export_prometheus : export_features, output, err);
	}
	if (output != NULL)
		return err_set(err, CODE_USAGE, "--output is for --format prom and nfd"), err_code(err);
	return show_status(options, err);
}

const struct command command_status = {
	"status", "", "Show modes and GPUs as the driver tells them; the code says whether they suffice", table, run};
