/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/decision.h"

#include <stdlib.h>
#include <sys/sysmacros.h>

#include "hook/host.h"
#include "lib/code.h"
#include "test/unit/unit.h"

/* A host with driver, or without any: answers by text only, but for two links and one GPU behind drm. */
static enum decision_source
look_up(void *context, const char *path, dev_t *number, char resolved[PATH_MAX])
{
	(void)context;
	resolved[0] = '\0';
	if (strcmp(path, "/srv/node") == 0) {
		*number = makedev(195, 3);
		return DECISION_CHARACTER;
	}
	if (strcmp(path, "/srv/link") == 0) {
		snprintf(resolved, PATH_MAX, "/dev");
		return DECISION_DEVTMPFS;
	}
	if (strcmp(path, "/srv/dev") == 0)
		return DECISION_DEVTMPFS;
	if (strcmp(path, "/srv/root") == 0)
		snprintf(resolved, PATH_MAX, "/");
	return DECISION_UNKNOWN;
}

static unsigned
pci_vendor(void *context, dev_t number, const char *path, int *minor_out)
{
	(void)context;
	*minor_out = -1;
	if (number == makedev(226, 128)) {
		*minor_out = 2;
		return DEVICE_NVIDIA_VENDOR;
	}
	if (number == makedev(226, 129) || strstr(path, "/dev/vfio/8") == path || strstr(path, "0000:02:00.0") != NULL)
		return 0x8086;
	return 0;
}

static int
caps_gpu(void *context, int64_t minor)
{
	(void)context;
	return minor == 21 ? 4 : -1;
}

static bool rootless;

static struct decision_host
host_of(bool nvidia)
{
	struct decision_host host = {.look_up = look_up, .pci_vendor = pci_vendor, .caps_gpu = caps_gpu, .rootless = rootless};

	device_numbers_add(&host.numbers, 10, "misc");
	device_numbers_add(&host.numbers, 240, "vfio");
	if (!nvidia)
		return host;
	device_numbers_add(&host.numbers, 195, "nvidia");
	device_numbers_add(&host.numbers, 511, "nvidia-uvm");
	device_numbers_add(&host.numbers, 510, "nvidia-caps");
	return host;
}

/* "no", "all", "0 3", "privileged all", or the name of the refusal; members: what config.json has besides. */
static char answer[128];

static const char *
decide(bool nvidia, bool cdi, const char *members)
{
	char *text = xprintf("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"}%s%s}", members[0] ? "," : "", members);
	struct oci_state state = {.bundle = "/run/bundle"};
	struct decision_host host = host_of(nvidia);
	struct decision decision;
	struct oci_config config;
	struct err err = ERR_INIT;
	size_t used = 0;

	if (oci_config_parse(bytes_of_text(text), &config, &err) < 0 ||
	    decision_make(&state, &config, &host, cdi, &decision, &err) < 0) {
		snprintf(answer, sizeof(answer), "%s", code_name(err_code(&err)));
	} else if (decision.answer == DECISION_NO_GPU) {
		snprintf(answer, sizeof(answer), "no");
	} else {
		CHECK(decision.answer == DECISION_GPU && (decision.all || decision.count > 0) && decision.reason[0] != '\0');
		answer[0] = '\0';
		if (decision.privileged)
			used += (size_t)snprintf(answer, sizeof(answer), "privileged ");
		for (unsigned i = 0; !decision.all && i < decision.count; i++)
			used += (size_t)snprintf(answer + used, sizeof(answer) - used, "%s%u", i ? " " : "", decision.minors[i]);
		if (decision.all)
			snprintf(answer + used, sizeof(answer) - used, "all");
	}
	oci_config_free(&config);
	free(text);
	return answer;
}

#define DENY "{\"allow\":false,\"access\":\"rwm\"}"
#define CLOSED "\"resources\":{\"devices\":[" DENY "]}"
#define DEVICE(path, type, major, minor)                                                                               \
	"{\"path\":\"" path "\",\"type\":\"" type "\",\"major\":" #major ",\"minor\":" #minor "}"

/* Members of linux, beside rules that deny everything. */
static const char *
with_devices(bool nvidia, const char *devices)
{
	char *text = xprintf("\"linux\":{" CLOSED ",\"devices\":[%s]}", devices);

	decide(nvidia, false, text);
	free(text);
	return answer;
}

static void
test_devices(void)
{
	CHECK_TEXT(with_devices(true, ""), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/foo", "c", 195, 0)), "0");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/b", "u", 195, 7) "," DEVICE("/dev/a", "c", 195, 2) "," DEVICE("/dev/c", "c", 195, 7)), "2 7");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/nvidiactl", "c", 195, 255)), "all");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 511, 0) "," DEVICE("/dev/y", "c", 195, 1) "," DEVICE("/dev/z", "c", 195, 254)), "1");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 510, 1) "," DEVICE("/dev/y", "c", 195, 1)), "all");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 510, 21)), "4");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 510, 21) "," DEVICE("/dev/y", "c", 195, 4)), "4");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 511, 0)), "all");
	CHECK_TEXT(with_devices(false, DEVICE("/dev/x", "c", 511, 0)), "no");
	CHECK_TEXT(with_devices(false, DEVICE("/dev/x", "c", 195, 0)), "0");
	CHECK_TEXT(with_devices(false, DEVICE("/dev//./nvidia0", "c", 10, 0)), "all");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/sda", "b", 195, 0)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/dri/renderD128", "c", 226, 128)), "2");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/dri/renderD129", "c", 226, 129)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/dri/renderD130", "c", 226, 130)), "all");
	CHECK_TEXT(with_devices(false, DEVICE("/dev/dri/renderD130", "c", 226, 130)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 240, 17)), "raw-device");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/vfio/17", "c", 241, 0)), "raw-device");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/vfio/8", "c", 241, 0)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/vfio/vfio", "c", 10, 196)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/memory", "c", 1, 1)), "raw-device");
	CHECK_TEXT(with_devices(false, DEVICE("/dev/memory", "c", 1, 1)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/null", "c", 1, 3)), "no");
	CHECK_TEXT(with_devices(true, DEVICE("/dev/x", "c", 4291, 0)), "container-config");
}

static const char *
with_source(bool nvidia, const char *source)
{
	char *text = xprintf("\"linux\":{" CLOSED "},\"mounts\":[{\"destination\":\"/x\",\"type\":\"none\",\"source\":\"%s\","
			     "\"options\":[\"rbind\"]}]", source);

	decide(nvidia, false, text);
	free(text);
	return answer;
}

static void
test_sources(void)
{
	static const struct {
		const char *source, *with, *without;
	} cases[] = {
		{"/dev/nvidia0", "0", "0"}, {"//dev/nvidia1", "1", "1"}, {"/dev/../dev/./nvidia2/", "2", "2"},
		{"../../dev/nvidia3", "3", "3"}, {"/dev/nvidia-uvm", "all", "all"}, {"/dev/nvidia-caps/nvidia-cap1", "all", "all"},
		{"/dev/nvidia254", "all", "all"}, {"/dev/char/195:4", "4", "4"}, {"/dev/char/511:0", "all", "no"},
		{"/dev/char/10:1", "no", "no"}, {"/dev", "all", "no"}, {"/", "all", "no"}, {"//", "all", "no"}, {"/dev/.", "all", "no"},
		{"/dev/char", "all", "no"}, {"/dev/dri", "all", "no"}, {"/dev/dri/card0", "all", "no"},
		{"/dev/dri/renderD128", "2", "2"}, {"/dev/dri/renderD129", "no", "no"}, {"/dev/fuse", "no", "no"},
		{"/dev/vfio", "raw-device", "no"}, {"/dev/vfio/3", "raw-device", "no"}, {"/dev/vfio/8", "no", "no"},
		{"/dev/mem", "raw-device", "no"}, {"/dev/shm", "no", "no"}, {"/devices", "no", "no"},
		{"/proc/driver/nvidia/gpus", "all", "all"}, {"/proc", "no", "no"}, {"/proc/1/root/dev/nvidia5", "5", "5"},
		{"/proc/self/root", "all", "no"}, {"/proc/1/rooted", "no", "no"}, {"/proc/bus/pci", "raw-device", "no"},
		{"/sys", "all", "no"}, {"/sys/bus/pci/devices", "all", "no"}, {"/sys/fs/cgroup", "no", "no"},
		{"/sys/bus/pci/devices/0000:01:00.0", "raw-device", "no"}, {"/sys/bus/pci/devices/0000:02:00.0/resource0", "no", "no"},
		{"/run/nvidia-persistenced/socket", "all", "all"}, {"/run/nvidiafoo", "no", "no"}, {"/srv/nvidia-models", "no", "no"},
		{"/usr/lib/libcuda.so.1", "no", "no"}, {"/srv/node", "3", "3"}, {"/srv/link", "all", "no"}, {"/srv/dev", "all", "no"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_TEXT(with_source(true, cases[i].source), cases[i].with);
		CHECK_TEXT(with_source(false, cases[i].source), cases[i].without);
	}
}

static const char *
with_mount(const char *mount)
{
	char *text = xprintf("\"linux\":{" CLOSED "},\"mounts\":[%s]", mount);

	decide(true, false, text);
	free(text);
	return answer;
}

static void
test_mounts(void)
{
	CHECK_TEXT(with_mount("{\"destination\":\"/d\",\"type\":\"devtmpfs\",\"source\":\"x\"}"), "all");
	CHECK_TEXT(with_mount("{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"}"), "no");
	CHECK_TEXT(with_mount("{\"destination\":\"/d\",\"source\":\"/dev\"}"), "all");
	CHECK_TEXT(with_mount("{\"destination\":\"/d\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=/a:/dev\"]}"), "all");
	CHECK_TEXT(with_mount("{\"destination\":\"/d\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=/a:/b\"]}"), "no");
	CHECK_TEXT(with_mount("{\"destination\":\"/run//nvidia-container-devices/0\",\"source\":\"/dev/null\"}"), "all");
	CHECK_TEXT(with_mount("{\"destination\":\"/run/cgpu\",\"source\":\"/srv\"}"), "no");
	CHECK_TEXT(with_mount("{\"destination\":\"/run/./cgpu/x\",\"source\":\"/srv\"},{\"destination\":\"/x\",\"source\":\"/dev/nvidia0\"}"), "attach-target");
	CHECK_TEXT(with_mount("{\"destination\":\"/run\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},{\"destination\":\"/x\",\"source\":\"/dev/nvidia0\"}"), "0");
}

static void
test_other_signs(void)
{
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"hooks\":{\"prestart\":[{\"path\":\"/usr/bin/nvidia-container-runtime-hook\"}]}"), "all");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"hooks\":{\"poststop\":[{\"path\":\"/bin/env\",\"args\":[\"env\",\"/usr/bin/nvidia-ctk\"]}]}"), "all");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"hooks\":{\"prestart\":[{\"path\":\"/usr/bin/nvidia-smi\"}]}"), "no");
#define WITH_GPU_3 "\"linux\":{\"devices\":[" DEVICE("/dev/nvidia3", "c", 195, 3) "]," CLOSED "}"
	CHECK_TEXT(decide(true, false, WITH_GPU_3 ",\"hooks\":{\"prestart\":[{\"path\":\"/bin/nvidia-container-runtime-hook\"}]}"), "all");
	CHECK_TEXT(decide(true, true, WITH_GPU_3 ",\"hooks\":{\"prestart\":[{\"path\":\"/sbin/containerd\",\"args\":[\"c\",\"oci-hook\",\"--\","
			  "\"/bin/nvidia-container-cli\"]}]}"), "all");
	CHECK_TEXT(decide(true, true, WITH_GPU_3 ",\"hooks\":{\"createContainer\":[{\"path\":\"/usr/bin/nvidia-cdi-hook\"}]}"), "3");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"annotations\":{\"cdi.k8s.io/x\":\"a.b/c=1, runtime.nvidia.com/gpu=0\"}"), "all");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"annotations\":{\"cdi.k8s.io/x\":\"xnvidia.com/gpu=0\",\"acdi.k8s.io/x\":\"nvidia.com/gpu=0\"}"), "no");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]}"), "no");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED ",\"newDevices\":[1]}"), "all");
	CHECK_TEXT(decide(false, false, "\"linux\":{" CLOSED ",\"newDevices\":[1]}"), "no");
	CHECK_TEXT(decide(true, false, "\"linux\":{" CLOSED "},\"vm\":{}"), "vm-runtime");
	CHECK_TEXT(decide(false, false, "\"linux\":{" CLOSED "},\"vm\":{}"), "no");
	CHECK_TEXT(decide(true, true, "\"linux\":{" CLOSED "}"), "all");
	CHECK_TEXT(decide(false, true, "\"linux\":{" CLOSED ",\"devices\":[" DEVICE("/dev/x", "c", 195, 6) "]}"), "6");
}

static void
test_root(void)
{
	struct oci_state state = {.bundle = "/run/bundle"};
	static const char *const bad[] = {"/", "//", "../..", "/srv/root", "/dev", "/x/.."};
	struct decision_host host = host_of(true), none = host_of(false);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct oci_rule deny = {.type = 'a', .major = OCI_ANY, .minor = OCI_ANY, .read = true, .write = true, .mknod = true};
		struct oci_config config = {.root_path = bad[i], .rules = &deny, .rule_count = 1};
		struct err err = ERR_INIT;
		struct decision decision;

		CHECK(decision_make(&state, &config, &host, false, &decision, &err) == -1 && err_code(&err) == CODE_ROOTFS);
		CHECK(decision.answer == DECISION_REFUSE);
		CHECK(decision_make(&state, &config, &none, false, &decision, &err) == 0 && decision.answer == DECISION_NO_GPU);
	}
}

static void
test_untouched_rules(void)
{
	static const char caps[] = "\"process\":{\"capabilities\":{\"bounding\":[\"CAP_MKNOD\"]}}";
	static const char none[] = "\"process\":{\"capabilities\":{\"bounding\":[]}}";
	char *text;

	CHECK_TEXT(decide(true, false, caps), "all");
	CHECK_TEXT(decide(true, false, none), "no");
	CHECK_TEXT(decide(true, false, ""), "privileged all");
	CHECK_TEXT(decide(false, false, caps), "no");
	text = xprintf("%s,\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}", caps);
	CHECK_TEXT(decide(true, false, text), "no");
	free(text);
	text = xprintf("%s,\"linux\":{\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}", caps);
	CHECK_TEXT(decide(true, false, text), "all");
	free(text);
	text = xprintf("%s,\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"rw\"}]}}", caps);
	CHECK_TEXT(decide(true, false, text), "all");
	free(text);
}

/* In a user namespace nobody makes nodes, and privileged containers get theirs as mounts. */
static void
test_rootless(void)
{
#define NODE_MOUNT "\"mounts\":[{\"destination\":\"/dev/nvidia1\",\"type\":\"bind\",\"source\":\"/dev/nvidia1\"}"
#define MEMORY_MOUNT ",{\"destination\":\"/dev/mem\",\"type\":\"bind\",\"source\":\"/dev/mem\"}"
	static const char makes[] = "\"process\":{\"capabilities\":{\"bounding\":[\"CAP_MKNOD\"]}}";
	static const char admin[] = "\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\"]}}," NODE_MOUNT MEMORY_MOUNT "]";

	CHECK_TEXT(decide(true, false, admin), "raw-device");
	rootless = true;
	CHECK_TEXT(decide(true, false, makes), "no");
	CHECK_TEXT(decide(true, false, ""), "no");
	CHECK_TEXT(decide(true, true, ""), "privileged all");
	CHECK_TEXT(decide(true, false, admin), "privileged 1");
	CHECK_TEXT(decide(true, false, "\"process\":{\"capabilities\":{\"bounding\":[]}}," NODE_MOUNT "]"), "1");
	CHECK_TEXT(decide(true, false, "\"process\":{\"capabilities\":{\"bounding\":[]}}," NODE_MOUNT MEMORY_MOUNT "]"), "raw-device");
	rootless = false;
}

/* Nodes of other vendors have these majors too: by vendor where a rule names one, and by the driver where it names all. */
static void
test_rules_of_shared_majors(void)
{
	static const struct {
		int64_t major, minor;
		const char *with_driver, *without;
	} rows[] = {
		{226, 128, "2", "2"},	 {226, 129, "no", "no"}, {226, 130, "all", "no"},
		{226, OCI_ANY, "all", "no"}, {240, 8, "raw-device", "no"}, {240, OCI_ANY, "raw-device", "no"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf("\"linux\":{\"resources\":{\"devices\":[" DENY ",{\"allow\":true,\"type\":\"c\",\"major\":%lld,"
				     "\"minor\":%lld,\"access\":\"rwm\"}]}}", (long long)rows[i].major, (long long)rows[i].minor);

		CHECK_TEXT(decide(true, false, text), rows[i].with_driver);
		CHECK_TEXT(decide(false, false, text), rows[i].without);
		free(text);
	}
}

/* -- rules against a slow model: for each right the last rule that fits decides ------------------------------------------ */

static bool
fits(const struct oci_rule *rule, int64_t major, int64_t minor, char right)
{
	bool has = right == 'r' ? rule->read : right == 'w' ? rule->write : rule->mknod;

	if (rule->allow && rule->type == 'a')
		return true;
	return has && rule->type != 'b' && (rule->major == -1 || rule->major == major) &&
	       (rule->minor == -1 || rule->minor == minor);
}

/* Whether the container gets device major:minor by the rules, on a host with driver and without CAP_MKNOD. */
static bool
model(const struct oci_rule *rules, size_t count, int64_t major, int64_t minor)
{
	for (const char *right = "rwm"; *right != '\0'; right++) {
		for (size_t i = count; i-- > 0;) {
			if (!fits(&rules[i], major, minor, *right))
				continue;
			if (rules[i].allow && (*right != 'm' || (rules[i].type != 'a' && rules[i].major != -1)))
				return true;
			break;
		}
	}
	return false;
}

static size_t
all_rules(struct oci_rule *out)
{
	size_t count = 0;

	for (int bits = 0; bits < 2 * 3 * 4 * 3 * 3; bits++) {
		struct oci_rule rule = {
			.allow = bits % 2,
			.type = "abc"[bits / 2 % 3],
			.major = (int64_t[]){-1, 195, 510, 10}[bits / 6 % 4],
			.minor = (int64_t[]){-1, 0, 1}[bits / 24 % 3],
			.read = bits / 72 != 0,
			.write = bits / 72 != 0,
			.mknod = bits / 72 != 1,
		};

		out[count++] = rule;
	}
	return count;
}

static bool
agrees(const struct decision_host *host, const struct oci_rule *rules, size_t count)
{
	struct oci_config config = {.root_path = "r", .rules = (struct oci_rule *)rules, .rule_count = count};
	struct oci_state state = {.bundle = "/b"};
	bool others = model(rules, count, 195, 77) || model(rules, count, 510, 0) || model(rules, count, 510, 1) ||
		      model(rules, count, 510, 77);
	bool any = others || model(rules, count, 511, 77) || model(rules, count, 511, 0) || model(rules, count, 511, 1);
	struct err err = ERR_INIT;
	struct decision got;

	if (decision_make(&state, &config, host, false, &got, &err) < 0)
		return false;
	for (unsigned minor = 0; minor < 2; minor++) {
		bool listed = got.all || (got.count > 0 && got.minors[0] == minor) || (got.count > 1 && got.minors[1] == minor);

		any |= model(rules, count, 195, minor);
		if (model(rules, count, 195, minor) && !listed)
			return false;
		if (!model(rules, count, 195, minor) && !got.all && listed)
			return false;
	}
	return (got.answer == DECISION_GPU) == any && (!others || got.all);
}

static void
test_rules_against_model(void)
{
	static struct oci_rule rules[256];
	struct decision_host host = host_of(true);
	size_t count = all_rules(rules), wrong = 0;
	struct oci_rule list[3] = {{.type = 'a', .major = -1, .minor = -1, .read = true, .write = true, .mknod = true}};

	for (size_t i = 0; i < count; i++) {
		list[1] = rules[i];
		for (size_t k = 0; k < count; k++) {
			list[2] = rules[k];
			wrong += !agrees(&host, list, 3);
		}
	}
	if (wrong > 0)
		printf("# %zu of %zu rule lists differ\n", wrong, count * count);
	CHECK(wrong == 0);
}

static void
test_proc_devices(void)
{
	struct decision_host host = {0};

	CHECK(device_numbers_parse("Character devices:\n  1 mem\n195 nvidia-frontend\n234 nvidia-uvm\n\nBlock devices:\n195 nvidia-x\n", &host.numbers));
	CHECK(host.numbers.has_nvidia && host.numbers.count == 2);
	host = (struct decision_host){0};
	CHECK(device_numbers_parse("Character devices:\n  1 mem\n 10 misc\n237 vfio\n\nBlock devices:\n  8 sd\n", &host.numbers));
	CHECK(!host.numbers.has_nvidia && host.numbers.count == 1);
	CHECK(!device_numbers_parse("", &host.numbers));
	CHECK(!device_numbers_parse("Character devices:\nx\n", &host.numbers));
}

static void
test_this_host(void)
{
	struct decision_host answers;
	struct host host;
	struct err err = ERR_INIT;
	char resolved[PATH_MAX];
	dev_t number;

	CHECK(host_open(&host, &answers, &err) == 0);
	CHECK(answers.look_up(answers.context, "/dev/null", &number, resolved) == DECISION_CHARACTER && number == makedev(1, 3));
	CHECK_TEXT(resolved, "/dev/null");
	CHECK(answers.look_up(answers.context, "/proc/self", &number, resolved) == DECISION_DIRECTORY);
	CHECK(answers.look_up(answers.context, "/nowhere/at/all", &number, resolved) == DECISION_UNKNOWN);
}

int
main(void)
{
	RUN(test_devices);
	RUN(test_sources);
	RUN(test_mounts);
	RUN(test_other_signs);
	RUN(test_root);
	RUN(test_untouched_rules);
	RUN(test_rootless);
	RUN(test_rules_of_shared_majors);
	RUN(test_rules_against_model);
	RUN(test_proc_devices);
	RUN(test_this_host);
	return unit_end();
}
