/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the runtime's state and as config.json: the only foreign texts that the hook reads as root. */
/* Seeds: oci oci/detect */
#include <stdlib.h>
#include <string.h>

#include "spec/oci_config.h"
#include "spec/oci_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_state(const struct oci_state *state)
{
	if (state->pid < 2 || state->bundle[0] != '/' || strstr(state->bundle, "/../") != NULL)
		abort();
	if (strlen(state->id) == 0 || strlen(state->id) > OCI_ID_MAX || strchr(state->id, '/') != NULL)
		abort();
}

static void
check_config(const struct oci_config *config)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (strchr("cubp", config->devices[i].type) == NULL || config->devices[i].major < 0)
			abort();
	for (size_t i = 0; i < config->rule_count; i++)
		if (strchr("abc", config->rules[i].type) == NULL || config->rules[i].major < OCI_ANY)
			abort();
	for (size_t i = 0; i < config->mount_count; i++)
		if (config->mounts[i].destination == NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_config config;
	struct oci_state state;
	struct err err = ERR_INIT;

	if (oci_state_parse(bytes_of(data, size), &state, &err) == 0)
		check_state(&state);
	else if (err.code == 0 || err.text[0] == '\0')
		abort();
	oci_state_free(&state);
	if (oci_config_parse(bytes_of(data, size), &config, &err) == 0)
		check_config(&config);
	else if (err.code == 0 || err.text[0] == '\0')
		abort();
	oci_config_free(&config);
	return 0;
}
