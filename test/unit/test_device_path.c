/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/device_path.h"

#include <stdlib.h>

#include "lib/path.h"
#include "spec/device_numbers.h"
#include "spec/driver_info.h"
#include "test/unit/unit.h"

static void
test_clean(void)
{
	static const char *const rows[][2] = {
		{"/a/./b//c/", "/a/b/c"}, {"a", "/base/a"}, {"../x", "/x"}, {"/..", "/"}, {"", "/base"},
		{"/a/../..", "/"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *have = path_clean("/base", rows[i][0]);

		CHECK_TEXT(have, rows[i][1]);
		free(have);
	}
	CHECK(path_below("/a/b", "/a") && path_below("/a", "/a") && !path_below("/ab", "/a") && path_below("/a", "/"));
}

static void
test_kinds(void)
{
	static const struct {
		const char *path;
		enum device_path_kind kind;
		int64_t major, minor;
	} rows[] = {
		{"/dev/nvidia0", DEVICE_PATH_GPU, -1, 0},
		{"/dev/nvidia253", DEVICE_PATH_GPU, -1, 253},
		{"/dev/nvidia254", DEVICE_PATH_NVIDIA, -1, -1},
		{"/dev/nvidiactl", DEVICE_PATH_SHARED, -1, -1},
		{"/dev/nvidia-uvm", DEVICE_PATH_SHARED, -1, -1},
		{"/dev/nvidia-uvm-x", DEVICE_PATH_NVIDIA, -1, -1},
		{"/dev/nvidia-caps", DEVICE_PATH_NODES, -1, -1},
		{"/dev/nvidia-caps/nvidia-cap1", DEVICE_PATH_NVIDIA, -1, -1},
		{"/dev/dxg", DEVICE_PATH_NVIDIA, -1, -1},
		{"/dev/char/195:4", DEVICE_PATH_NUMBER, 195, 4},
		{"/dev/char/195", DEVICE_PATH_OTHER, -1, -1},
		{"/dev/char/:4", DEVICE_PATH_OTHER, -1, -1},
		{"/dev/char", DEVICE_PATH_NODES, -1, -1},
		{"/dev/dri/renderD128", DEVICE_PATH_DRM, DEVICE_DRM_MAJOR, 128},
		{"/dev/dri/by-path", DEVICE_PATH_DRM, DEVICE_DRM_MAJOR, -1},
		{"/dev/vfio/3", DEVICE_PATH_VFIO, -1, -1},
		{"/dev/vfio", DEVICE_PATH_VFIO, -1, -1},
		{"/dev/vfio/vfio", DEVICE_PATH_OTHER, -1, -1},
		{"/dev/port", DEVICE_PATH_MEMORY, -1, -1},
		{"/", DEVICE_PATH_NODES, -1, -1},
		{"/dev", DEVICE_PATH_NODES, -1, -1},
		{"/devices", DEVICE_PATH_OTHER, -1, -1},
		{"/dev/shm", DEVICE_PATH_OTHER, -1, -1},
		{"/proc/1/root", DEVICE_PATH_NODES, -1, -1},
		{"/proc/1/root/proc/self/root/dev/nvidia5", DEVICE_PATH_GPU, -1, 5},
		{"/proc/1/rooted", DEVICE_PATH_OTHER, -1, -1},
		{"/proc/bus/pci/00", DEVICE_PATH_PROC_PCI, -1, -1},
		{"/proc/driver/nvidia/gpus", DEVICE_PATH_OTHER, -1, -1},
		{"/run/nvidia-persistenced/socket", DEVICE_PATH_OTHER, -1, -1},
		{"/sys", DEVICE_PATH_FUNCTIONS, -1, -1},
		{"/sys/devices", DEVICE_PATH_FUNCTIONS, -1, -1},
		{"/sys/devices/pci0000:00", DEVICE_PATH_FUNCTIONS, -1, -1},
		{"/sys/devices/pci0000:00/0000:00:01.0", DEVICE_PATH_FUNCTION, -1, -1},
		{"/sys/bus/pci/devices/0000:41:00.0/resource0", DEVICE_PATH_FUNCTION, -1, -1},
		{"/sys/bus/pci/drivers", DEVICE_PATH_FUNCTIONS, -1, -1},
		{"/sys/fs/cgroup", DEVICE_PATH_OTHER, -1, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct device_path have = device_path_of(rows[i].path);

		CHECK(have.kind == rows[i].kind && have.major == rows[i].major && have.minor == rows[i].minor);
		if (have.kind != rows[i].kind || have.minor != rows[i].minor)
			printf("# %s: kind %d, minor %lld\n", rows[i].path, have.kind, (long long)have.minor);
	}
	CHECK(device_path_is_function("0000:41:00.0") && device_path_is_function("10de:41:1f.7/resource0"));
	CHECK(!device_path_is_function("0000:41:00") && !device_path_is_function("000:41:00.0") &&
	      !device_path_is_function("0000:41:00.0x"));
}

static void
test_information(void)
{
	static const char text[] = "Model: \t\t NVIDIA H100\nGPU UUID: \t GPU-1\nDevice Minor: \t 3\n";
	struct bytes uuid = driver_info_value(bytes_of_text(text), "GPU UUID");

	CHECK(bytes_equal(uuid, bytes_of_text("GPU-1")) && driver_info_minor(bytes_of_text(text)) == 3);
	CHECK(driver_info_value(bytes_of_text(text), "GPU").data == NULL);
	CHECK(driver_info_minor(bytes_of_text("Device Minor: 3\nDevice Minor: 3\n")) == -1);
	CHECK(driver_info_minor(bytes_of_text("Device Minor: -3\n")) == -1);
	CHECK(driver_info_minor(bytes_of_text("Device Minor: 3x\n")) == -1);
	CHECK(driver_info_minor(bytes_of_text("Device Minor:")) == -1 && driver_info_minor(bytes_of_text("")) == -1);
	CHECK(driver_info_minor(bytes_of_text("Old Device Minor: 3")) == -1);
}

static int
caps_gpu(const char *text, int64_t minor)
{
	return driver_info_caps_gpu(bytes_of_text(text), minor);
}

/* The file of a driver with MIG: a few of its lines are enough. */
static void
test_caps(void)
{
	static const char text[] = "config 1\nmonitor 2\ngpu0/gi0/access 3\ngpu0/gi0/ci0/access 4\ngpu0/gi1/access 12\n"
				   "gpu1/gi0/access 138\ngpu7/gi14/ci7/access 1081\ngpu31/gi14/ci7/access 4321\n";

	CHECK(caps_gpu(text, 3) == 0 && caps_gpu(text, 4) == 0 && caps_gpu(text, 12) == 0);
	CHECK(caps_gpu(text, 138) == 1 && caps_gpu(text, 1081) == 7 && caps_gpu(text, 4321) == 31);
	CHECK(caps_gpu(text, 1) == -1 && caps_gpu(text, 2) == -1 && caps_gpu(text, 5) == -1);
	CHECK(caps_gpu("", 1) == -1 && caps_gpu("\n\n", 0) == -1 && caps_gpu("gpu0/gi0/access\n3\n", 3) == -1);
	CHECK(caps_gpu("gpu0/gi0/access 3\ngpu1/gi0/access 3\n", 3) == -1);
	CHECK(caps_gpu("gpu/gi0/access 3\n", 3) == -1 && caps_gpu("gpu-1/gi0/access 3\n", 3) == -1);
	CHECK(caps_gpu("gpu1 3\n", 3) == -1 && caps_gpu("gpu1/gi0 3x\n", 3) == -1);
}

int
main(void)
{
	RUN(test_clean);
	RUN(test_kinds);
	RUN(test_information);
	RUN(test_caps);
	return unit_end();
}
