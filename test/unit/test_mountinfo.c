/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/PID/mountinfo, as the kernel writes them, and others. */
#include "spec/mountinfo.h"

#include <sys/sysmacros.h>

#include "test/unit/unit.h"

static char line[512];
static struct mountinfo mount;

static bool
parse(const char *text)
{
	snprintf(line, sizeof(line), "%s", text);
	return mountinfo_parse(line, &mount);
}

static void
test_lines(void)
{
	CHECK(parse("36 35 98:4095 /a\\040b /mnt\\134x\\011\\012 rw,noatime shared:1 master:2 - ext3 /dev/root "
		    "rw,errors=continue\n"));
	CHECK(mount.id == 36 && mount.parent == 35 && mount.device == makedev(98, 4095) && mount.shared);
	CHECK_TEXT(mount.root, "/a b");
	CHECK_TEXT(mount.target, "/mnt\\x\t\n");
	CHECK_TEXT(mount.type, "ext3");
	CHECK_TEXT(mount.options, "rw,errors=continue");
	/* No tags, other tags, no source, and no newline. */
	CHECK(parse("31 30 0:28 /.. /sys/fs/cgroup/cpu rw - cgroup  rw,cpu") && !mount.shared);
	CHECK_TEXT(mount.root, "/..");
	CHECK_TEXT(mount.options, "rw,cpu");
	CHECK(parse("31 30 0:28 / /x rw master:3 unbindable - tmpfs none rw") && !mount.shared);
	/* No escapes of the kernel's. */
	CHECK(parse("31 30 0:28 / /x\\40\\4x\\ rw - tmpfs none rw"));
	CHECK_TEXT(mount.target, "/x\\40\\4x\\");
}

static void
test_others(void)
{
	static const char *const lines[] = {
		"",
		"\n",
		"31",
		"31 30 0:28 / /x rw",
		"31 30 0:28 / /x rw shared:1",
		"31 30 0:28 / /x rw -",
		"31 30 0:28 / /x rw - tmpfs",
		"31 30 0:28 / /x rw - tmpfs none",
		"x 30 0:28 / /x rw - tmpfs none rw",
		"31 y 0:28 / /x rw - tmpfs none rw",
		"31 30 0 / /x rw - tmpfs none rw",
		"31 30 0:z / /x rw - tmpfs none rw",
		"31 30 0:28:1 / /x rw - tmpfs none rw",
		"31  0:28 / /x rw - tmpfs none rw",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		CHECK(!parse(lines[i]));
}

static void
test_members(void)
{
	CHECK(mountinfo_lists("rw,cpu,devices", "devices") && mountinfo_lists("devices", "devices"));
	CHECK(mountinfo_lists("devices,rw", "devices"));
	CHECK(!mountinfo_lists("", "devices") && !mountinfo_lists("rw,devices2", "devices") &&
	      !mountinfo_lists("rw,name=devices", "devices") && !mountinfo_lists(",,", "devices"));
}

int
main(void)
{
	RUN(test_lines);
	RUN(test_others);
	RUN(test_members);
	return unit_end();
}
