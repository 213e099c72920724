/* SPDX-License-Identifier: Apache-2.0 */
/* GPUs that the kernel's driver or /dev shows and the library does not give. */
#include "attest/collect/missing.h"

#include <sys/sysmacros.h>

#include "test/unit/folder.h"
#include "test/unit/unit.h"

static const struct collect_identity seen[] = {{.uuid = "GPU-0", .pci = "00000000:41:00.0", .minor = 0},
					       {.uuid = "GPU-2", .pci = "00000000:43:00.0", .minor = 2}};

static struct collect_states
find(unsigned count, unsigned lost)
{
	struct collect_states states = {.gpus = count, .lost = lost, .missing = 7, .missing_names = "stale"};

	missing_read(folder, seen, count, &states);
	return states;
}

static void
kernel_shows(const char *address, const char *minor)
{
	char *name = xprintf("proc/driver/nvidia/gpus/%s/information", address);
	char *text = xprintf("GPU UUID: \t GPU-x\nDevice Minor: \t %s\n", minor);

	put_text(name, text);
	free(name);
	free(text);
}

static bool
make_node(const char *name, unsigned major, unsigned minor)
{
	return mknod(at(name), S_IFCHR | 0600, makedev(major, minor)) == 0;
}

static void
test_nothing(void)
{
	struct collect_states states = find(2, 0);

	CHECK(states.missing == 0);
	CHECK_TEXT(states.missing_names, "");
	states = find(2, 1);
	CHECK(states.missing == 1);
	CHECK_TEXT(states.missing_names, "unnamed");
	states = find(2, 2);
	CHECK(states.missing == 2);
	CHECK_TEXT(states.missing_names, "unnamed,unnamed");
}

static void
test_kernel(void)
{
	struct collect_states states;

	kernel_shows("0000:41:00.0", "0");
	kernel_shows("0000:43:00.0", "2");
	states = find(2, 0);
	CHECK(states.missing == 0);
	kernel_shows("0000:42:00.0", "1");
	states = find(2, 0);
	CHECK(states.missing == 1);
	CHECK_TEXT(states.missing_names, "0000:42:00.0");
	/* The lost one is the one that the kernel names. */
	states = find(2, 1);
	CHECK(states.missing == 1);
	/* Of a GPU without a minor number nothing can be told here. */
	put_text("proc/driver/nvidia/gpus/0000:44:00.0/information", "GPU UUID: \t GPU-x\n");
	states = find(2, 0);
	CHECK(states.missing == 1);
	states = find(1, 0);
	CHECK(states.missing == 2);
}

static void
test_nodes(void)
{
	struct collect_states states;

	if (!make_node("dev/nvidia3", 195, 3)) {
		printf("# nodes are not tried: mknod needs root\n");
		return;
	}
	CHECK(make_node("dev/nvidia0", 195, 0) && make_node("dev/nvidiactl", 195, 255));
	CHECK(make_node("dev/nvidia4", 195, 5) && make_node("dev/nvidia6", 1, 6));
	put_text("dev/nvidia7", "no node");
	states = find(2, 0);
	CHECK(states.missing == 2);
	CHECK_TEXT(states.missing_names, "0000:42:00.0,/dev/nvidia3");
	/* One GPU, shown by both. */
	CHECK(make_node("dev/nvidia1", 195, 1));
	states = find(2, 0);
	CHECK(states.missing == 2);
}

static void
test_room(void)
{
	struct collect_states states;

	for (unsigned i = 10; i < 40; i++) {
		char address[32], minor[8];

		snprintf(address, sizeof(address), "0000:%02x:00.1", i);
		snprintf(minor, sizeof(minor), "%u", i);
		kernel_shows(address, minor);
	}
	states = find(2, 0);
	CHECK(states.missing >= 31);
	CHECK(strlen(states.missing_names) < sizeof(states.missing_names));
	CHECK(states.missing_names[strlen(states.missing_names) - 1] != ',');
}

int
main(void)
{
	folder_make();
	RUN(test_nothing);
	RUN(test_kernel);
	RUN(test_nodes);
	RUN(test_room);
	folder_remove();
	return unit_end();
}
