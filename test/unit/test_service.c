/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/service.h"

#include <stdlib.h>

#include "lib/code.h"
#include "test/unit/unit.h"

static struct conf
conf_of(const char *text)
{
	struct err err = ERR_INIT;
	struct conf conf;

	conf_defaults(&conf);
	CHECK(conf_parse(&conf, "test", bytes_of_text(text), &err) == 0);
	return conf;
}

static void
check_url(const char *text, enum collateral_kind kind, const char *name, const char *want)
{
	struct conf conf = conf_of(text);
	char *url = service_url(&conf, kind, name);

	if (want == NULL)
		CHECK(url == NULL);
	else
		CHECK_TEXT(url, want);
	free(url);
	conf_free(&conf);
}

static void
test_addresses(void)
{
	check_url("", COLLATERAL_DRIVER_RIM, "NV_GPU_DRIVER_GH100_550.90.07",
		  "https://rim.attestation.nvidia.com/v1/rim/NV_GPU_DRIVER_GH100_550.90.07");
	check_url("", COLLATERAL_OCSP, "00-01", "https://ocsp.ndis.nvidia.com/");
	check_url("", COLLATERAL_TOKENS, "", "https://nras.attestation.nvidia.com/v4/attest/gpu");
	check_url("", COLLATERAL_KEY_SET, "", "https://nras.attestation.nvidia.com/.well-known/jwks.json");
	/* Both forms of the address that the reference tools take, and a mirror that has both behind a path. */
	check_url("[collateral]\nrim-url = https://a.example/v1/rim/\n", COLLATERAL_VBIOS_RIM, "X",
		  "https://a.example/v1/rim/X");
	check_url("[collateral]\nrim-url = https://a.example/nvidia\n", COLLATERAL_VBIOS_RIM, "X",
		  "https://a.example/nvidia/v1/rim/X");
	check_url("[collateral]\nocsp-url = https://a.example/nvidia/ocsp/\n", COLLATERAL_OCSP, "X",
		  "https://a.example/nvidia/ocsp/");
	check_url("[collateral]\nrim-store = dir\n", COLLATERAL_DRIVER_RIM, "X", NULL);
	check_url("[collateral]\nrim-url =\nocsp-url =\n", COLLATERAL_DRIVER_RIM, "X", NULL);
	check_url("[collateral]\nrim-url =\nocsp-url =\n", COLLATERAL_OCSP, "X", NULL);
}

static void
check_key(const char *text, const char *url, bool want)
{
	struct conf conf = conf_of(text);

	CHECK(service_takes_key(&conf, url) == want);
	conf_free(&conf);
}

static void
test_key_goes_to_its_origins(void)
{
	static const char mirror[] =
		"[collateral]\nrim-url = https://mirror.example\n[remote]\nnras-url = https://nras.example:8443/x\n";
	static const char listed[] = "[network]\nservice-key-origins = https://mirror.example, https://b.example:444\n";

	check_key("", "https://rim.attestation.nvidia.com/v1/rim/X", true);
	check_key("", "https://ocsp.ndis.nvidia.com/", true);
	check_key("", "https://nras.attestation.nvidia.com/.well-known/jwks.json", true);
	check_key("", "https://nras.attestation.nvidia.com:444/", false);
	check_key("", "https://nras.attestation.nvidia.com.evil.example/", false);
	check_key(mirror, "https://mirror.example/v1/rim/X", false);
	check_key(mirror, "https://nras.example:8443/x/v4/attest/gpu", true);
	check_key(mirror, "https://nras.example/x/v4/attest/gpu", false);
	/* A list replaces the rule. */
	check_key(listed, "https://mirror.example:443/v1/rim/X", true);
	check_key(listed, "https://b.example:444/", true);
	check_key(listed, "https://nras.attestation.nvidia.com/", false);
	check_key("[network]\nservice-key-origins = http://localhost\n", "http://localhost/v1/rim/X", false);
}

static void
test_files(void)
{
	struct conf conf = conf_of("[network]\nca-file = /nonexistent/ca.pem\n");
	struct err err = ERR_INIT;

	CHECK(service_start(&conf, INT64_MAX, &err) == NULL);
	CHECK(err.code == CODE_USAGE);
	CHECK_TEXT(err.text, "ca-file: /nonexistent: open: ENOENT");
	conf_free(&conf);
}

int
main(void)
{
	RUN(test_addresses);
	RUN(test_key_goes_to_its_origins);
	RUN(test_files);
	return unit_end();
}
