/* SPDX-License-Identifier: Apache-2.0 */
#include "hook/decision.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hook/host.h"
#include "lib/code.h"
#include "test/unit/unit.h"

/* -- a host of the test's ---------------------------------------------------------------------------------------- */

enum driver { NO_GPU, PCI_ONLY, REGISTERED };

#define VFIO_MAJOR 240

static const struct {
	const char *path;
	struct decision_object object;
} objects[] = {
	{"/", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/"}},
	{"/dev", {DECISION_DIRECTORY, DECISION_FS_DEV, 0, false, false, "/dev"}},
	{"/dev/gpus", {DECISION_DIRECTORY, DECISION_FS_DEV, 0, false, false, "/dev/gpus"}},
	{"/dev/nvidia1", {DECISION_CHARACTER, DECISION_FS_DEV, 0xc301, false, false, "/dev/nvidia1"}},
	{"/dev/fuse", {DECISION_CHARACTER, DECISION_FS_DEV, 0x0ae5, false, false, "/dev/fuse"}},
	{"/dev/vfio/7", {DECISION_CHARACTER, DECISION_FS_DEV, VFIO_MAJOR << 8 | 7, false, false, "/dev/vfio/7"}},
	{"/dev/mem", {DECISION_CHARACTER, DECISION_FS_DEV, 0x0101, false, false, "/dev/mem"}},
	{"/srv", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/srv"}},
	{"/srv/node", {DECISION_CHARACTER, DECISION_FS_OTHER, 0xc303, false, false, "/srv/node"}},
	{"/srv/holds", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/srv/holds"}},
	{"/srv/huge", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/srv/huge"}},
	{"/srv/chroot", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/srv/chroot"}},
	{"/srv/dev", {DECISION_DIRECTORY, DECISION_FS_DEV, 0, false, false, "/dev"}},
	{"/srv/sys", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys"}},
	{"/srv/proc", {DECISION_DIRECTORY, DECISION_FS_PROC, 0, false, false, "/proc"}},
	{"/srv/root", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/"}},
	{"/run/nvidia-x", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/run/nvidia-x"}},
	{"/proc", {DECISION_DIRECTORY, DECISION_FS_PROC, 0, false, false, "/proc"}},
	{"/proc/bus", {DECISION_DIRECTORY, DECISION_FS_PROC, 0, false, false, "/proc/bus"}},
	{"/sys", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys"}},
	{"/sys/fs/cgroup", {DECISION_DIRECTORY, DECISION_FS_OTHER, 0, false, false, "/sys/fs/cgroup"}},
	{"/sys/bus/pci", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys/bus/pci"}},
	{"/sys/devices/gpu", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys/devices/bridge/gpu"}},
	{"/sys/devices/bridge", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys/devices/bridge"}},
	{"/sys/devices/vmbus", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys/devices/vmbus"}},
	{"/sys/devices/usb", {DECISION_DIRECTORY, DECISION_FS_SYS, 0, false, false, "/sys/devices/usb"}},
};

static bool
look_up(void *context, const char *path, struct decision_object *out)
{
	(void)context;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		if (strcmp(objects[i].path, path) == 0) {
			*out = objects[i].object;
			return true;
		}
	}
	*out = (struct decision_object){.path = ""};
	return false;
}

/* Below / are /dev, /sys and /proc, as on every host; below one chroot another /dev. */
static void
mounts_below(void *context, const char *path, decision_see_mount *see, void *seer)
{
	(void)context;
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		const char *mount = objects[i].path;

		if ((strcmp(path, "/") == 0 &&
		     (strcmp(mount, "/dev") == 0 || strcmp(mount, "/sys") == 0 || strcmp(mount, "/proc") == 0)) ||
		    (strcmp(path, "/srv/chroot") == 0 && strcmp(mount, "/dev") == 0))
			see(seer, &objects[i].object);
	}
}

static bool image_holds;

static bool
nodes_below(void *context, const char *path, decision_see_node *see, void *seer)
{
	(void)context;
	if (strcmp(path, "/srv/holds") == 0 || strcmp(path, "/dev/gpus") == 0 ||
	    (image_holds && strstr(path, "rootfs") != NULL))
		see(seer, makedev(195, 1));
	return strcmp(path, "/srv/huge") != 0;
}

/* A process with all devices of the list open, of uid 7 and with one capability. */
static const dev_t *held;

static void
held_devices(void *context, const struct processes_caller *caller, process_see_device *see, void *seer)
{
	bool may = held != NULL && caller->uid == 7 && caller->gid == 8 && caller->capabilities == 1 << CAP_KILL;

	(void)context;
	for (const dev_t *at = held; may && *at != 0; at++)
		see(seer, *at);
}

static bool
has_function(void *context, const char *path)
{
	return *(enum driver *)context != NO_GPU && strcmp(path, "/sys/devices/usb") != 0;
}

static bool
has_gpu(void *context)
{
	return *(enum driver *)context != NO_GPU;
}

static unsigned
pci_vendor(void *context, dev_t number, int *minor_out)
{
	(void)context;
	*minor_out = -1;
	if (number == makedev(226, 128))
		*minor_out = 2;
	if (number == makedev(226, 128) || number == makedev(VFIO_MAJOR, 7))
		return DEVICE_NVIDIA_VENDOR;
	return number == makedev(226, 129) || number == makedev(VFIO_MAJOR, 8) ? 0x8086 : 0;
}

static int
caps_gpu(void *context, int64_t minor)
{
	(void)context;
	return minor == 21 ? 4 : -1;
}

static struct decision_host
host_of(enum driver driver, enum device_rules_source source)
{
	static const enum driver drivers[] = {NO_GPU, PCI_ONLY, REGISTERED};
	struct decision_host host = {.look_up = look_up,
				     .mounts_below = mounts_below,
				     .nodes_below = nodes_below,
				     .held_devices = held_devices,
				     .has_function = has_function,
				     .has_gpu = has_gpu,
				     .pci_vendor = pci_vendor,
				     .caps_gpu = caps_gpu,
				     .context = (void *)&drivers[driver],
				     .rules = {.source = source}};

	device_numbers_add(&host.numbers, 10, "misc");
	device_numbers_add(&host.numbers, VFIO_MAJOR, "vfio");
	if (driver != REGISTERED)
		return host;
	device_numbers_add(&host.numbers, 195, "nvidia");
	device_numbers_add(&host.numbers, 511, "nvidia-uvm");
	device_numbers_add(&host.numbers, 510, "nvidia-caps");
	return host;
}

/* -- one configuration ------------------------------------------------------------------------------------------- */

/* "no", "all", "0 3", "privileged all", "early all", or the name of the refusal. */
static char answer[128];

static const char *
say(const struct decision *decision)
{
	size_t used = 0;

	if (decision->answer == DECISION_NO_GPU)
		return "no";
	CHECK(decision->answer == DECISION_GPU && (decision->all || decision->count > 0) &&
	      decision->reason[0] != '\0');
	answer[0] = '\0';
	if (decision->privileged)
		used += (size_t)snprintf(answer, sizeof(answer), "privileged ");
	if (decision->before_driver)
		used += (size_t)snprintf(answer + used, sizeof(answer) - used, "early ");
	for (unsigned i = 0; !decision->all && i < decision->count; i++)
		used += (size_t)snprintf(answer + used, sizeof(answer) - used, "%s%u", i ? " " : "",
					 decision->minors[i]);
	if (decision->all)
		snprintf(answer + used, sizeof(answer) - used, "all");
	return answer;
}

static bool rootless, elsewhere;

/*
 * linux: members of that object; members: others of the whole. The container's process has no capability unless they
 * say.
 */
static const char *
decide(enum driver driver, enum device_rules_source source, const char *linux_members, const char *members)
{
	const char *process = strstr(members, "\"process\"") != NULL ? "" : ",\"process\":{\"capabilities\":{}}";
	char *text = xprintf("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":"
			     "[{\"type\":\"mount\"}]%s%s}%s%s%s}", linux_members[0] ? "," : "", linux_members, process,
			     members[0] ? "," : "", members);
	struct oci_state state = {.bundle = "/run/bundle"};
	struct decision_host host = host_of(driver, source);
	struct decision decision;
	struct oci_config config;
	struct err err = ERR_INIT;
	const char *said;

	host.rootless = rootless;
	host.user_namespace = elsewhere;
	if (oci_config_parse(bytes_of_text(text), &config, &err) == 0 && source == DEVICE_RULES_LISTED) {
		/* The kernel's list: what the configuration's list allows. */
		host.rules.at = config.rule_count > 1 ? config.rules + 1 : NULL;
		host.rules.count = config.rule_count > 1 ? config.rule_count - 1 : 0;
	}
	said = err_code(&err) != CODE_INTERNAL || err.text[0] != '\0'       ? code_name(err_code(&err))
	       : decision_make(&state, &config, &host, &decision, &err) < 0 ? code_name(err_code(&err))
									    : say(&decision);
	if (said != answer)
		snprintf(answer, sizeof(answer), "%s", said);
	oci_config_free(&config);
	free(text);
	return answer;
}

#define DENY "{\"allow\":false,\"access\":\"rwm\"}"
#define RULES(rules) "\"resources\":{\"devices\":[" DENY rules "]}"
#define ALLOW(type, major, minor, access)                                                                              \
	",{\"allow\":true,\"type\":\"" type "\",\"major\":" #major ",\"minor\":" #minor ",\"access\":\"" access "\"}"
#define CAPABILITIES(names) "\"process\":{\"capabilities\":{\"bounding\":[" names "]}}"
#define DEVICE(path, type, major, minor)                                                                               \
	"{\"path\":\"" path "\",\"type\":\"" type "\",\"major\":" #major ",\"minor\":" #minor "}"

/* Among the devices, where no rule is in force. */
static const char *
with_devices(enum driver driver, const char *devices)
{
	char *text = xprintf("\"devices\":[%s]", devices);

	decide(driver, DEVICE_RULES_NONE, text, "");
	free(text);
	return answer;
}

static void
test_devices(void)
{
	CHECK_TEXT(with_devices(REGISTERED, ""), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/foo", "c", 195, 0)), "0");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/b", "u", 195, 7) "," DEVICE("/dev/a", "c", 195, 2) ","
				DEVICE("/dev/c", "c", 195, 7)), "2 7");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/nvidiactl", "c", 195, 255)), "all");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 511, 0) "," DEVICE("/dev/y", "c", 195, 1) ","
				DEVICE("/dev/z", "c", 195, 254)), "1");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 510, 1) "," DEVICE("/dev/y", "c", 195, 1)), "all");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 510, 21)), "4");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 511, 0)), "all");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 195, 300)), "all");
	CHECK_TEXT(with_devices(NO_GPU, DEVICE("/dev/x", "c", 511, 0)), "no");
	CHECK_TEXT(with_devices(NO_GPU, DEVICE("/dev/x", "c", 195, 0)), "0");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/nvidia0", "c", 10, 0)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/sda", "b", 195, 0)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/dri/renderD128", "c", 226, 128)), "2");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/dri/renderD129", "c", 226, 129)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/dri/renderD130", "c", 226, 130)), "all");
	CHECK_TEXT(with_devices(NO_GPU, DEVICE("/dev/dri/renderD130", "c", 226, 130)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 240, 7)), "raw-device");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 240, 8)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/vfio/17", "c", 241, 0)), "raw-device");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/null", "c", 1, 3)), "no");
	CHECK_TEXT(with_devices(REGISTERED, DEVICE("/dev/x", "c", 4291, 0)), "container-config");
}

/* A node that the kernel's list does not open is none; a program of the kernel's may open what it was given. */
static void
test_devices_by_rules(void)
{
	static const char node[] = "\"devices\":[" DEVICE("/dev/nvidia1", "c", 195, 1) "],";
	static const struct {
		const char *rules, *listed, *configured;
	} rows[] = {
		{RULES(""), "no", "1"},
		{RULES(ALLOW("c", 195, 1, "rw")), "1", "1"},
		{RULES(ALLOW("c", 195, 1, "r")), "1", "1"},
		{RULES(ALLOW("c", 195, 1, "w")), "1", "1"},
		{RULES(ALLOW("c", 195, 1, "m")), "no", "1"},
		{RULES(ALLOW("c", 195, 2, "rw")), "no", "1"},
		{RULES(ALLOW("b", 195, 1, "rw")), "no", "1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf("%s%s", node, rows[i].rules);

		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, text, ""), rows[i].listed);
		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_CONFIGURED, text, ""), rows[i].configured);
		free(text);
	}
}

/* -- rules and who makes nodes ----------------------------------------------------------------------------------- */

static void
test_rules(void)
{
	static const char maker[] = CAPABILITIES("\"CAP_MKNOD\"");
	static const struct {
		const char *rules, *maker, *other;
	} rows[] = {
		{RULES(""), "no", "no"},
		{RULES(ALLOW("c", 195, 3, "r")), "3", "no"},
		{RULES(ALLOW("c", 195, 3, "w")), "3", "no"},
		{RULES(ALLOW("c", 195, 3, "m")), "no", "no"},
		{RULES(ALLOW("c", 195, -1, "rw")), "all", "no"},
		{RULES(ALLOW("c", 511, -1, "rw")), "all", "no"},
		{RULES(ALLOW("c", 510, -1, "rw")), "all", "no"},
		{RULES(ALLOW("c", 510, 21, "rw")), "4", "no"},
		{RULES(ALLOW("c", 226, 128, "rw")), "2", "no"},
		{RULES(ALLOW("c", 226, 129, "rw")), "no", "no"},
		{RULES(ALLOW("c", 226, -1, "rw")), "all", "no"},
		{RULES(ALLOW("c", 240, 7, "rw")), "raw-device", "no"},
		{RULES(ALLOW("c", 240, -1, "rw")), "raw-device", "no"},
		{RULES(ALLOW("c", -1, -1, "m")), "no", "no"},
		{RULES(ALLOW("c", -1, -1, "rw")), "all", "no"},
		{RULES(ALLOW("a", -1, -1, "m")), "all", "no"},
		{RULES(ALLOW("c", 10, -1, "rwm")), "no", "no"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, rows[i].rules, maker), rows[i].maker);
		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_CONFIGURED, rows[i].rules, maker), rows[i].maker);
		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, rows[i].rules, ""), rows[i].other);
	}
	/* The first rule of a list counts like any other. */
	CHECK_TEXT(decide(NO_GPU, DEVICE_RULES_CONFIGURED,
			  "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":195,"
			  "\"minor\":5,\"access\":\"rw\"}]}",
			  maker),
		   "5");
	/* Where no rule is in force the list says nothing. */
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, RULES(""), maker), "all");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, RULES(ALLOW("c", 195, 3, "rw")), maker), "all");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, RULES(""), ""), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_CONFIGURED, "", maker), "all");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_CONFIGURED, "", ""), "no");
}

static void
test_capabilities(void)
{
	static const struct {
		const char *names, *want;
	} rows[] = {
		{"\"CAP_MKNOD\"", "all"},	{"\"cap_mknod\"", "all"}, {"\"27\"", "all"},	 {"\"0x1b\"", "all"},
		{"\"CAP_CHOWN\"", "no"},	{"\"13\"", "no"},	     {"\"127\"", "no"},
		{"\"CAP_SYS_ADMIN\"", "privileged all"}, {"\"21\"", "privileged all"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf("\"process\":{\"capabilities\":{\"effective\":[%s]}}", rows[i].names);

		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", text), rows[i].want);
		CHECK_TEXT(decide(NO_GPU, DEVICE_RULES_NONE, "", text), "no");
		elsewhere = true;
		CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", text), "no");
		elsewhere = false;
		free(text);
	}
	/* It lifts the rules that the kernel holds. */
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""), CAPABILITIES("\"CAP_SYS_ADMIN\"")),
		   "privileged all");
	/* Nothing is said about capabilities. */
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""), "\"process\":{}"), "privileged all");
}

static void
test_memory(void)
{
	static const char both[] = CAPABILITIES("\"CAP_MKNOD\",\"CAP_SYS_RAWIO\""),
			  raw[] = CAPABILITIES("\"CAP_SYS_RAWIO\"");
	static const char node[] = "\"devices\":[" DEVICE("/dev/m", "c", 1, 1) "],",
			  rule[] = RULES(ALLOW("c", 1, 1, "rwm"));
	char *given = xprintf("%s%s", node, rule);

	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, rule, both), "raw-device");
	CHECK_TEXT(decide(PCI_ONLY, DEVICE_RULES_LISTED, rule, both), "raw-device");
	CHECK_TEXT(decide(NO_GPU, DEVICE_RULES_LISTED, rule, both), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, rule, raw), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, rule, CAPABILITIES("\"CAP_MKNOD\"")), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, given, raw), "raw-device");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, given, ""), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(ALLOW("c", 1, 3, "rwm")), both), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, given, CAPABILITIES("\"CAP_SYS_RAWIO\",\"CAP_SYS_ADMIN\"")),
		   "privileged all");
	free(given);
}

/* -- mounts ------------------------------------------------------------------------------------------------------ */

static const char *
with_mount(enum driver driver, enum device_rules_source source, const char *from, const char *options,
	   const char *process)
{
	char *text = xprintf(
		"\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[%s]}]%s%s", from,
		options, process[0] ? "," : "", process);

	decide(driver, source, RULES(""), text);
	free(text);
	return answer;
}

static void
test_sources(void)
{
	static const struct {
		const char *source, *open, *listed, *none; /* no rules; rules that deny; no rules and no GPU */
	} rows[] = {
		{"/dev/nvidia1", "1", "no", "1"},
		{"//dev/../dev/./nvidia1/", "1", "no", "1"},
		{"../../dev/nvidia1", "1", "no", "1"},
		{"/srv/node", "3", "no", "3"},
		{"/dev/fuse", "no", "no", "no"},
		{"/dev/vfio/7", "raw-device", "no", "raw-device"},
		{"/dev", "all", "no", "no"},
		{"/srv/dev", "all", "no", "no"},
		{"/dev/gpus", "1", "no", "no"},
		{"/srv", "no", "no", "no"},
		{"/srv/holds", "1", "no", "no"},
		{"/srv/huge", "all", "no", "no"},
		{"/srv/chroot", "all", "no", "no"},
		{"/run/nvidia-x", "no", "no", "no"},
		{"/proc", "no", "no", "no"},
		{"/sys", "privileged all", "privileged all", "no"},
		{"/srv/sys", "privileged all", "privileged all", "no"},
		{"/sys/bus/pci", "privileged all", "privileged all", "no"},
		{"/sys/devices/gpu", "privileged all", "privileged all", "no"},
		{"/sys/devices/bridge", "privileged all", "privileged all", "no"},
		{"/sys/devices/vmbus", "privileged all", "privileged all", "no"},
		{"/sys/devices/usb", "no", "no", "no"},
		{"/sys/fs/cgroup", "no", "no", "no"},
		{"/", "privileged all", "privileged all", "no"},
		/* what nobody can look up */
		{"/dev/nvidia5", "5", "no", "5"},
		{"/dev/nvidia-uvm", "all", "no", "all"},
		{"/dev/nvidia-caps/nvidia-cap1", "all", "no", "all"},
		{"/dev/char/195:4", "4", "no", "4"},
		{"/dev/char/10:1", "no", "no", "no"},
		{"/dev/dri/renderD128", "2", "no", "no"},
		{"/dev/vfio/3", "raw-device", "raw-device", "no"},
		{"/proc/1/root", "all", "no", "no"},
		{"/proc/driver/nvidia/gpus", "no", "no", "no"},
		{"/run/nvidia-persistenced/socket", "no", "no", "no"},
		{"/usr/lib/libcuda.so.1", "no", "no", "no"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_NONE, rows[i].source, "\"rbind\"", ""), rows[i].open);
		CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, rows[i].source, "\"rbind\"", ""),
			   rows[i].listed);
		CHECK_TEXT(with_mount(NO_GPU, DEVICE_RULES_NONE, rows[i].source, "\"rbind\"", ""), rows[i].none);
	}
}

/*
 * Who cannot write root's files does not write those of the GPU's PCI function, and nobody through what is read-only.
 */
static void
test_pci_files(void)
{
	static const char user[] = "\"process\":{\"user\":{\"uid\":65534},\"capabilities\":{}}";
	static const char power[] =
		"\"process\":{\"user\":{\"uid\":65534},\"capabilities\":{\"bounding\":[\"CAP_DAC_OVERRIDE\"]}}";
	static const char root[] = CAPABILITIES(""), raw[] = CAPABILITIES("\"CAP_SYS_RAWIO\"");
	static const char own[] =
		"\"mounts\":[{\"destination\":\"/%s\",\"type\":\"%s\",\"source\":\"x\",\"options\":[%s]}],%s";
	static const struct {
		const char *type, *options, *linux_members, *process, *want;
	} rows[] = {
		{"sysfs", "\"nosuid\",\"ro\"", "", root, "no"},
		{"sysfs", "\"nosuid\",\"rw\"", "", root, "privileged all"},
		{"sysfs", "\"ro\",\"rw\"", "", root, "privileged all"},
		{"proc", "\"nosuid\"", "", root, "no"},
		{"proc", "\"nosuid\"", "", raw, "privileged all"},
		{"proc", "\"nosuid\"", "\"readonlyPaths\":[\"/proc/bus\"]", raw, "no"},
		{"proc", "\"nosuid\"", "\"maskedPaths\":[\"/proc/bus/pci\"]", raw, "no"},
		{"devtmpfs", "\"rbind\",\"rw\"", "", root, "all"},
		{"devtmpfs", "\"nodev\"", "", root, "no"},
	};

	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/sys", "\"rbind\"", user), "no");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/sys", "\"rbind\"", power), "privileged all");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/sys", "\"rbind\",\"ro\"", root), "no");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/sys", "\"rbind\",\"ro\",\"rw\"", root),
		   "privileged all");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/", "\"rbind\",\"ro\"", user), "no");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/", "\"rbind\",\"ro\"", root), "no");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/", "\"rbind\",\"ro\"", power), "privileged all");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/", "\"bind\"", root), "no");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/proc/bus", "\"rbind\"", raw), "privileged all");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/srv/proc", "\"rbind\"", raw), "privileged all");
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/proc", "\"rbind\"", root), "no");
	elsewhere = true;
	CHECK_TEXT(with_mount(REGISTERED, DEVICE_RULES_LISTED, "/sys", "\"rbind\"", root), "no");
	elsewhere = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = xprintf(own, "x", rows[i].type, rows[i].options, rows[i].process);

		CHECK_TEXT(decide(REGISTERED,
				  strcmp(rows[i].type, "devtmpfs") == 0 ? DEVICE_RULES_NONE : DEVICE_RULES_LISTED,
				  rows[i].linux_members, text),
			   rows[i].want);
		free(text);
	}
}

static const char *
with_text(const char *mount)
{
	char *text = xprintf("\"mounts\":[%s]", mount);

	decide(REGISTERED, DEVICE_RULES_NONE, "", text);
	free(text);
	return answer;
}

static void
test_mounts(void)
{
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"source\":\"/dev\"}"), "all");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"source\":\"/dev\",\"options\":[\"rbind\",\"nodev\"]}"), "no");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"source\":\"/dev\",\"options\":[\"nodev\",\"dev\"]}"), "all");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"source\":\"/dev/nvidia1\",\"options\":[\"nodev\"]}"), "no");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"type\":\"overlay\",\"source\":\"overlay\","
			     "\"options\":[\"lowerdir=/a:/dev\"]}"), "all");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"type\":\"overlay\",\"source\":\"overlay\","
			     "\"options\":[\"upperdir=/srv/holds\"]}"), "1");
	CHECK_TEXT(with_text("{\"destination\":\"/d\",\"type\":\"overlay\",\"source\":\"overlay\","
			     "\"options\":[\"lowerdir=/a:/sys\"]}"), "no");
	CHECK_TEXT(with_text("{\"destination\":\"/run//nvidia-container-devices/0\",\"source\":\"/dev/null\"}"), "no");
	CHECK_TEXT(with_text("{\"destination\":\"/run/cgpu\",\"source\":\"/srv\"}"), "no");
	CHECK_TEXT(with_text("{\"destination\":\"/run/./cgpu/x\",\"source\":\"/srv\"},"
			     "{\"destination\":\"/x\",\"source\":\"/dev/nvidia1\"}"), "attach-target");
	CHECK_TEXT(with_text("{\"destination\":\"/run\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
			     "{\"destination\":\"/x\",\"source\":\"/dev/nvidia1\"}"), "1");
	/* The image's own node. */
	image_holds = true;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", ""), "1");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(ALLOW("c", 195, 1, "rw")), ""), "1");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(ALLOW("c", 195, 2, "rw")), ""), "no");
	rootless = true;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", ""), "no");
	rootless = image_holds = false;
}

/* -- what else stands in a configuration ------------------------------------------------------------------------- */

static const char *
with_hook(const char *path, const char *args, const char *env, const char *more)
{
	char *text = xprintf("\"hooks\":{\"prestart\":[{\"path\":\"%s\",\"args\":[%s]}]},\"process\":{\"capabilities\":"
			     "{},\"env\":[%s]}%s",
			     path, args, env, more);

	decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""), text);
	free(text);
	return answer;
}

static void
test_hooks(void)
{
	static const char legacy[] = "/usr/bin/nvidia-container-runtime-hook", devices[] = "\"NVIDIA_VISIBLE_DEVICES=";
	static const char mounts[] =
		",\"mounts\":[{\"destination\":\"/var/run//nvidia-container-devices/0\",\"source\":\"/dev/null\"}]";
	static const struct {
		const char *value, *want;
	} rows[] = {{"all", "all"}, {"0", "all"},   {"GPU-1", "all"}, {" 0", "all"},
		    {"", "no"},     {"void", "no"}, {"none", "no"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *env = xprintf("\"A=b\",%s%s\"", devices, rows[i].value);

		CHECK_TEXT(with_hook(legacy, "", env, ""), rows[i].want);
		CHECK_TEXT(with_hook("/bin/env", "\"env\",\"/x/nvidia-container-toolkit\"", env, ""), rows[i].want);
		CHECK_TEXT(with_hook("/usr/bin/nvidia-smi", "", env, ""), "no");
		CHECK_TEXT(with_hook("/usr/bin/nvidia-cdi-hook", "", env, ""), "no");
		free(env);
	}
	CHECK_TEXT(with_hook(legacy, "", "\"NVIDIA_VISIBLE_DEVICES=void\",\"NVIDIA_VISIBLE_DEVICES=all\"", ""), "all");
	CHECK_TEXT(with_hook(legacy, "", "\"nvidia_visible_devices=all\"", ""), "no");
	CHECK_TEXT(with_hook(legacy, "", "", ""), "no");
	CHECK_TEXT(with_hook(legacy, "", "", mounts), "all");
	CHECK_TEXT(with_hook(legacy, "", "\"CUDA_VERSION=8.0\"", ""), "all");
	CHECK_TEXT(with_hook(legacy, "", "\"CUDA_VERSION=12.4\",\"NVIDIA_REQUIRE_CUDA=cuda>=12\"", ""), "no");
	CHECK_TEXT(with_hook("/sbin/containerd",
			     "\"c\",\"oci-hook\",\"--\",\"/bin/nvidia-container-cli\",\"--device=0\"", "", ""),
		   "all");
	CHECK_TEXT(with_hook("/bin/true", "", "", mounts), "no");
}

static void
test_words(void)
{
	static const char annotations[] = "\"annotations\":{\"cdi.k8s.io/x\":\"nvidia.com/"
					  "gpu=all\",\"nvidia.cdi.k8s.io/x\":\"runtime.nvidia.com/gpu=0\"}";

	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""), annotations), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""),
			  "\"process\":{\"capabilities\":{},\"env\":[\"NVIDIA_VISIBLE_DEVICES=all\"]}"),
		   "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, "\"newDevices\":[1]," RULES(""), ""), "all");
	CHECK_TEXT(decide(NO_GPU, DEVICE_RULES_LISTED, "\"newDevices\":[1]," RULES(""), ""), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, RULES(""), "\"vm\":{}"), "vm-runtime");
	CHECK_TEXT(decide(NO_GPU, DEVICE_RULES_LISTED, RULES(""), "\"vm\":{}"), "no");
}

static void
test_root(void)
{
	struct oci_state state = {.bundle = "/run/bundle"};
	static const char *const bad[] = {"/", "//", "../..", "/srv/root", "/dev", "/x/.."};
	struct decision_host host = host_of(REGISTERED, DEVICE_RULES_LISTED),
			     none = host_of(NO_GPU, DEVICE_RULES_LISTED);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct oci_config config = {.root_path = bad[i], .mount_namespace = true};
		struct err err = ERR_INIT;
		struct decision decision;

		CHECK(decision_make(&state, &config, &host, &decision, &err) == -1 && err_code(&err) == CODE_ROOTFS);
		CHECK(decision.answer == DECISION_REFUSE);
		CHECK(decision_make(&state, &config, &none, &decision, &err) == 0 &&
		      decision.answer == DECISION_NO_GPU);
	}
}

static void
test_no_mount_namespace(void)
{
	struct oci_device device = {.type = 'c', .path = "/dev/x", .major = 195, .minor = 1};
	struct oci_config config = {.root_path = "r", .devices = &device, .device_count = 1};
	struct decision_host host = host_of(REGISTERED, DEVICE_RULES_NONE);
	struct oci_state state = {.bundle = "/run/bundle"};
	struct err err = ERR_INIT;
	struct decision decision;

	CHECK(decision_make(&state, &config, &host, &decision, &err) == -1 &&
	      err_code(&err) == CODE_NO_MOUNT_NAMESPACE);
	config.device_count = 0;
	CHECK(decision_make(&state, &config, &host, &decision, &err) == 0 && decision.answer == DECISION_NO_GPU);
}

/* A GPU whose driver has not come yet: what would reach it afterwards starts by policy alone. */
static void
test_before_driver(void)
{
	CHECK_TEXT(decide(PCI_ONLY, DEVICE_RULES_NONE, "", "\"process\":{}"), "privileged early all");
	CHECK_TEXT(decide(PCI_ONLY, DEVICE_RULES_NONE, "", CAPABILITIES("\"CAP_MKNOD\"")), "early all");
	CHECK_TEXT(with_mount(PCI_ONLY, DEVICE_RULES_NONE, "/dev", "\"rbind\"", ""), "early all");
	CHECK_TEXT(with_mount(PCI_ONLY, DEVICE_RULES_LISTED, "/dev", "\"rbind\"", ""), "no");
	CHECK_TEXT(with_devices(PCI_ONLY, DEVICE("/dev/x", "c", 195, 0)), "0");
	CHECK_TEXT(decide(PCI_ONLY, DEVICE_RULES_LISTED, RULES(""), ""), "no");
}

/* In a user namespace nobody makes nodes, and privileged containers get theirs as mounts. */
static void
test_rootless(void)
{
#define NODE_MOUNT "\"mounts\":[{\"destination\":\"/dev/nvidia1\",\"type\":\"bind\",\"source\":\"/dev/nvidia1\"}"
#define VFIO_MOUNT ",{\"destination\":\"/dev/v\",\"type\":\"bind\",\"source\":\"/dev/vfio/7\"}"
	static const char admin[] = CAPABILITIES("\"CAP_SYS_ADMIN\"") "," NODE_MOUNT VFIO_MOUNT "]";

	rootless = true;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", CAPABILITIES("\"CAP_MKNOD\"")), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", "\"process\":{}"), "no");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", admin), "privileged 1");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", CAPABILITIES("") "," NODE_MOUNT "]"), "1");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_NONE, "", CAPABILITIES("") "," NODE_MOUNT VFIO_MOUNT "]"),
		   "raw-device");
	rootless = false;
}

/* -- every combination against the rule's text ------------------------------------------------------------------- */

enum list { LIST_NONE, LIST_DENY, LIST_ONE, LIST_ALL, LIST_NOT_APPLIED, LISTS };
enum bind { BIND_NONE, BIND_NODE, BIND_FOLDER, BIND_DEV, BIND_SYS, BIND_ROOT, BIND_ALIAS, BIND_VFIO, BINDS };
enum who { PLAIN, USERNS, ROOTLESS, PRIVILEGED, ADMIN, WHOS };

struct combination {
	enum list list;
	bool mknod;
	enum bind bind;
	enum who who;
	enum driver driver;
};

/*
 * "Reach is a node of an NVIDIA number that the kernel would let it open (below its mounts, or makeable), or the PCI
 * files"; capabilities count outside user namespaces alone; a wildcard or a directory counts where a GPU is, a number
 * always; CAP_SYS_ADMIN lifts rules. Minor 1 is the one that has a node and a rule, 7 stands for every other.
 */
static bool
reaches(const struct combination *c, int minor)
{
	bool host = c->who != USERNS && c->who != ROOTLESS, gpu = c->driver != NO_GPU;
	bool admin = c->who == PRIVILEGED || c->who == ADMIN, ruled = c->who != ROOTLESS && c->who != PRIVILEGED;
	bool anything = !ruled || c->list == LIST_NONE || c->list == LIST_ALL || c->list == LIST_NOT_APPLIED;
	bool by_number = ruled && c->list == LIST_ONE && minor == 1;
	bool node = c->bind == BIND_NODE && minor == 1, inside = c->bind == BIND_FOLDER && minor == 1;
	bool any_node = c->bind == BIND_DEV || c->bind == BIND_ROOT || c->bind == BIND_ALIAS ||
			(host && (c->mknod || c->who == PRIVILEGED));
	bool pci = host && (c->bind == BIND_SYS || c->bind == BIND_ROOT);

	if (gpu && ((host && admin) || pci))
		return true;
	if (node && (anything || by_number))
		return true;
	return (any_node || inside) && (by_number || (anything && gpu));
}

static const char *
oracle(const struct combination *c)
{
	bool host = c->who != USERNS && c->who != ROOTLESS, ruled = c->who != ROOTLESS && c->who != PRIVILEGED;
	bool admin = c->who == PRIVILEGED || c->who == ADMIN, all = reaches(c, 7), one = reaches(c, 1);
	bool opens_any = !ruled || c->list == LIST_NONE || c->list == LIST_ALL || c->list == LIST_NOT_APPLIED;
	static char text[64];

	if (c->bind == BIND_VFIO && opens_any && !(host && admin))
		return "raw-device";
	if (!all && !one)
		return "no";
	snprintf(text, sizeof(text), "%s%s%s",
		 all && host && (admin || c->bind == BIND_SYS || c->bind == BIND_ROOT) ? "privileged " : "",
		 c->driver == PCI_ONLY && all ? "early " : "", all ? "all" : "1");
	return text;
}

static const char *
start(const struct combination *c)
{
	static const char *const sources[] = {NULL, "/dev/nvidia1", "/srv/holds", "/dev", "/sys",
					      "/",  "/srv/dev",     "/dev/vfio/7"};
	static struct oci_rule one = {
		.allow = true, .type = 'c', .major = 195, .minor = 1, .read = true, .write = true, .mknod = true};
	static struct oci_rule all = {
		.allow = true, .type = 'a', .major = -1, .minor = -1, .read = true, .write = true, .mknod = true};
	static const enum device_rules_source applied[] = {DEVICE_RULES_CONFIGURED, DEVICE_RULES_LISTED,
							   DEVICE_RULES_LISTED, DEVICE_RULES_LISTED, DEVICE_RULES_NONE};
	const char *option = "rbind";
	struct oci_mount mount = {
		.destination = "/x", .type = "bind", .source = sources[c->bind], .options = {&option, 1}};
	struct oci_config config = {.root_path = "rootfs", .mount_namespace = true, .mounts = &mount,
				    .mount_count = c->bind != BIND_NONE, .user_namespace = c->who == USERNS,
				    .capabilities = c->mknod ? UINT64_C(1) << CAP_MKNOD : 0};
	struct decision_host host =
		host_of(c->driver, c->who == ROOTLESS || c->who == PRIVILEGED ? DEVICE_RULES_NONE : applied[c->list]);
	struct oci_state state = {.bundle = "/run/bundle"};
	struct decision decision;
	struct err err = ERR_INIT;

	if (c->who == PRIVILEGED)
		config.capabilities = UINT64_MAX;
	else if (c->who == ADMIN)
		config.capabilities |= UINT64_C(1) << CAP_SYS_ADMIN;
	host.rootless = c->who == ROOTLESS;
	if (host.rules.source == DEVICE_RULES_LISTED && c->list != LIST_DENY) {
		host.rules.at = c->list == LIST_ONE ? &one : &all;
		host.rules.count = 1;
	}
	return decision_make(&state, &config, &host, &decision, &err) < 0 ? code_name(err_code(&err)) : say(&decision);
}

static void
test_every_combination(void)
{
	unsigned count = 0, wrong = 0;

	for (unsigned i = 0; i < LISTS * 2 * BINDS * WHOS * 3; i++) {
		struct combination c = {i % LISTS, i / LISTS % 2, i / LISTS / 2 % BINDS, i / LISTS / 2 / BINDS % WHOS,
					i / LISTS / 2 / BINDS / WHOS};
		const char *have = start(&c), *want = oracle(&c);

		count++;
		if (strcmp(have, want) != 0 && wrong++ < 20)
			printf("# list %d mknod %d bind %d who %d driver %d: have %s, want %s\n", c.list, c.mknod,
			       c.bind, c.who, c.driver, have, want);
	}
	CHECK(count == 1200 && wrong == 0);
}

/* -- rules against a slow model: for each right the last rule that fits decides ---------------------------------- */

static bool
fits(const struct oci_rule *rule, int64_t major, int64_t minor, char right)
{
	bool has = right == 'r' ? rule->read : right == 'w' ? rule->write : rule->mknod;

	if (rule->allow && rule->type == 'a')
		return true;
	return has && rule->type != 'b' && (rule->major == -1 || rule->major == major) &&
	       (rule->minor == -1 || rule->minor == minor);
}

/* Whether the container that makes its nodes opens device major:minor by the rules, on a host with driver. */
static bool
model(const struct oci_rule *rules, size_t count, int64_t major, int64_t minor)
{
	for (const char *right = "rw"; *right != '\0'; right++) {
		for (size_t i = count; i-- > 0;) {
			if (!fits(&rules[i], major, minor, *right))
				continue;
			if (rules[i].allow)
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
	struct oci_config config = {.root_path = "r", .rules = (struct oci_rule *)rules, .rule_count = count,
				    .capabilities = UINT64_C(1) << CAP_MKNOD, .mount_namespace = true};
	struct oci_state state = {.bundle = "/b"};
	bool others = model(rules, count, 195, 77) || model(rules, count, 510, 0) || model(rules, count, 510, 1) ||
		      model(rules, count, 510, 77);
	bool any = others || model(rules, count, 511, 77) || model(rules, count, 511, 0) || model(rules, count, 511, 1);
	struct err err = ERR_INIT;
	struct decision got;

	if (decision_make(&state, &config, host, &got, &err) < 0)
		return false;
	for (unsigned minor = 0; minor < 2; minor++) {
		bool listed = got.all || (got.count > 0 && got.minors[0] == minor) ||
			      (got.count > 1 && got.minors[1] == minor);

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
	struct decision_host host = host_of(REGISTERED, DEVICE_RULES_CONFIGURED);
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

	CHECK(device_numbers_parse(
		"Character devices:\n  1 mem\n195 nvidia-frontend\n234 nvidia-uvm\n\nBlock devices:\n195 nvidia-x\n",
		&host.numbers));
	CHECK(host.numbers.has_nvidia && host.numbers.count == 2);
	host = (struct decision_host){0};
	CHECK(device_numbers_parse("Character devices:\n  1 mem\n 10 misc\n237 vfio\n\nBlock devices:\n  8 sd\n",
				   &host.numbers));
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
	struct decision_object object;

	CHECK(host_open(getpid(), &host, &answers, &err) == 0 && !answers.user_namespace);
	CHECK(answers.look_up(answers.context, "/dev/null", &object) && object.kind == DECISION_CHARACTER &&
	      object.number == makedev(1, 3));
	CHECK_TEXT(object.path, "/dev/null");
	CHECK(answers.look_up(answers.context, "/proc/bus", &object) && object.kind == DECISION_DIRECTORY &&
	      object.system == DECISION_FS_PROC);
	CHECK_TEXT(object.path, "/proc/bus");
	CHECK(answers.look_up(answers.context, "/sys/devices", &object) && object.system == DECISION_FS_SYS);
	CHECK_TEXT(object.path, "/sys/devices");
	CHECK(!answers.look_up(answers.context, "/nowhere/at/all", &object));
	host_close(&host, &answers);
}

/* What others have open counts whatever the rules say, for whom the kernel lets attach. */
static void
test_processes(void)
{
	static const char who[] =
		"\"process\":{\"user\":{\"uid\":7,\"gid\":8},\"capabilities\":{\"permitted\":[\"CAP_KILL\"]}}";
	const dev_t one[] = {makedev(1, 3), makedev(195, 255), makedev(195, 2), 0}, control[] = {makedev(511, 0), 0},
		    others[] = {makedev(1, 3), makedev(1, 1), makedev(10, 229), makedev(VFIO_MAJOR, 7), 0};

	held = one;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, "", who), "2");
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, "", ""), "no");
	CHECK_TEXT(decide(PCI_ONLY, DEVICE_RULES_LISTED, "", who), "no");
	held = control;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, "", who), "all");
	held = others;
	CHECK_TEXT(decide(REGISTERED, DEVICE_RULES_LISTED, "", who), "no");
	held = NULL;
}

int
main(void)
{
	RUN(test_processes);
	RUN(test_devices);
	RUN(test_devices_by_rules);
	RUN(test_rules);
	RUN(test_capabilities);
	RUN(test_memory);
	RUN(test_sources);
	RUN(test_pci_files);
	RUN(test_mounts);
	RUN(test_hooks);
	RUN(test_words);
	RUN(test_root);
	RUN(test_no_mount_namespace);
	RUN(test_before_driver);
	RUN(test_rootless);
	RUN(test_every_combination);
	RUN(test_rules_against_model);
	RUN(test_proc_devices);
	RUN(test_this_host);
	return unit_end();
}
