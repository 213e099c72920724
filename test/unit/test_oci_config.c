/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/oci_config.h"

#include <linux/capability.h>

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static bool
takes(const char *members)
{
	char *text = xprintf("{\"ociVersion\":\"1.2.0\"%s%s}", members[0] ? "," : "", members);
	struct err err = ERR_INIT;
	struct oci_config config;
	bool ok = oci_config_parse(bytes_of_text(text), &config, &err) == 0;

	CHECK(ok || (err_code(&err) == CODE_CONFIG && config.json == NULL));
	oci_config_free(&config);
	free(text);
	return ok;
}

static void
test_types(void)
{
	static const char *const good[] = {
		"",
		"\"linux\":null",
		"\"linux\":{\"devices\":null,\"resources\":{}}",
		"\"process\":null,\"Process\":7",
		"\"linux\":{\"devices\":[{\"path\":\"/dev/f\",\"type\":\"p\"}]}",
		"\"mounts\":[{\"destination\":\"/x\"}]",
		"\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":-1,\"minor\":-1}]}}",
	};
	static const char *const bad[] = {
		"\"linux\":[]",
		"\"linux\":{\"devices\":{}}",
		"\"linux\":{\"devices\":[7]}",
		"\"process\":[]",
		"\"root\":{}",
		"\"root\":{\"path\":\"\"}",
		"\"root\":{\"path\":\"a\\u0000\"}",
		"\"root\":{\"path\":\"r\",\"readonly\":1}",
		"\"mounts\":[{}]",
		"\"mounts\":[{\"destination\":\"/x\",\"options\":[1]}]",
		"\"annotations\":{\"a\":1}",
		"\"hooks\":{\"prestart\":{}}",
		"\"hooks\":{\"prestart\":[{}]}",
		"\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"args\":[1]}]}",
		"\"process\":{\"env\":[1]}",
		"\"process\":{\"user\":{\"uid\":-1}}",
		"\"process\":{\"capabilities\":{\"bounding\":7}}",
		"\"linux\":{\"namespaces\":[{}]}",
		"\"a\":1,\"a\":2",
		"\"linux\":{\"mountLabel\":7}",
		"\"linux\":{\"resources\":{\"devices\":[{\"allow\":1}]}}",
		"\"linux\":{\"resources\":{\"devices\":[{\"type\":\"x\"}]}}",
		"\"linux\":{\"resources\":{\"devices\":[{\"major\":-2}]}}",
		"\"linux\":{\"resources\":{\"devices\":[{\"access\":\"rx\"}]}}",
		"\"linux\":{\"resources\":{\"devices\":[{\"major\":1.0}]}}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(takes(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (takes(bad[i])) {
			printf("# taken: %s\n", bad[i]);
			CHECK(false);
		}
	}
}

static bool
takes_device(const char *numbers)
{
	char *text = xprintf("\"linux\":{\"devices\":[{\"path\":\"/dev/x\",%s}]}", numbers);
	bool ok = takes(text);

	free(text);
	return ok;
}

static void
test_device_numbers(void)
{
	CHECK(takes_device("\"type\":\"c\",\"major\":4095,\"minor\":1048575"));
	CHECK(!takes_device("\"type\":\"c\",\"major\":4291,\"minor\":0")); /* 4096 + 195: Linux would make 195 of it */
	CHECK(!takes_device("\"type\":\"c\",\"major\":195,\"minor\":1048576"));
	CHECK(!takes_device("\"type\":\"c\",\"major\":-1,\"minor\":0"));
	CHECK(!takes_device("\"type\":\"c\",\"major\":195"));
	CHECK(!takes_device("\"type\":\"c\",\"major\":\"195\",\"minor\":0"));
	CHECK(!takes_device("\"type\":\"cc\",\"major\":195,\"minor\":0"));
	CHECK(!takes_device("\"type\":\"a\",\"major\":195,\"minor\":0"));
	CHECK(!takes_device("\"major\":195,\"minor\":0"));
}

static void
test_content(void)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"process\":{\"user\":{"
		"\"uid\":7,\"gid\":8},"
		"\"env\":[\"A=B\"],\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"inheritable\":[\"CAP_MKNOD\"]}},"
		"\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/"
		"s\",\"options\":[\"rbind\",\"ro\"]}],"
		"\"hooks\":{\"createRuntime\":[{\"path\":\"/"
		"h\",\"args\":[\"h\",\"--cdi\"],\"env\":[\"P=1\"],\"timeout\":7}],\"poststop\":[{\"path\":\"/p\"}]},"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],\"mountLabel\":\"l\","
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],\"resources\":{\"devices\":[{"
		"\"allow\":false}]}}}";
	struct err err = ERR_INIT;
	struct oci_config config;

	CHECK(oci_config_parse(bytes_of_text(text), &config, &err) == 0);
	CHECK_TEXT(config.root_path, "rootfs");
	CHECK(config.uid == 7 && config.gid == 8 &&
	      config.capabilities == (UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_CHOWN));
	CHECK(config.mount_count == 1 && config.mounts[0].options.count == 2);
	CHECK(config.hook_count == 2 && config.hooks[0].stage == OCI_CREATE_RUNTIME &&
	      config.hooks[1].stage == OCI_POSTSTOP);
	CHECK_TEXT(config.hooks[0].args.at[1], "--cdi");
	CHECK(config.hooks[0].timeout == 7 && config.hooks[1].timeout == INT64_MAX);
	CHECK(config.mount_namespace && config.user_namespace && config.user_namespace_path == NULL);
	CHECK(config.uid_mappings.count == 1 && config.uid_mappings.at[0].host == 100000 &&
	      config.gid_mappings.count == 0);
	CHECK(config.rule_count == 1 && config.rules[0].type == 'a' && config.rules[0].major == OCI_ANY &&
	      config.rules[0].read && config.rules[0].mknod);
	CHECK(config.devices == NULL && !config.has_vm && config.device_like == NULL);
	oci_config_free(&config);
}

static bool
is_device_like(const char *linux_members)
{
	char *text = xprintf("{\"ociVersion\":\"1.2.0\",\"linux\":{%s}}", linux_members);
	struct err err = ERR_INIT;
	struct oci_config config;
	bool found = oci_config_parse(bytes_of_text(text), &config, &err) == 0 && config.device_like != NULL;

	oci_config_free(&config);
	free(text);
	return found;
}

static void
test_unknown_members(void)
{
	CHECK(is_device_like("\"hotDevices\":[\"x\"]"));
	CHECK(is_device_like("\"allDevices\":true") && !is_device_like("\"allDevices\":false"));
	CHECK(is_device_like("\"newThing\":[{\"nodes\":[{\"major\":195}]}]"));
	CHECK(is_device_like("\"newThing\":{\"a\":\"/dev/nvidia0\"}"));
	CHECK(is_device_like("\"newThing\":\"nvidia.com/gpu=0\""));
	CHECK(is_device_like("\"resources\":{\"deviceRules\":[{\"major\":1}]}"));
	CHECK(!is_device_like("\"hotDevices\":[]") && !is_device_like("\"hotDevices\":null"));
	CHECK(!is_device_like("\"netDevices\":{\"eth0\":{}},\"seccomp\":{\"x\":\"/dev/x\"}"));
	CHECK(!is_device_like("\"newThing\":{\"a\":1}"));
}

int
main(void)
{
	RUN(test_types);
	RUN(test_device_numbers);
	RUN(test_content);
	RUN(test_unknown_members);
	return unit_end();
}
