/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads between the run and its workers, either of which may have been taken over. The first byte chooses the
 * reader.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/appraise/wire.h"
#include "attest/collect/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_states(struct bytes payload)
{
	struct collect_states states;
	struct err err = ERR_INIT;

	if (collect_get_states(payload, &states, &err) == 0 &&
	    (states.gpus > GPU_MAX || strlen(states.driver_version) >= sizeof(states.driver_version)))
		abort();
}

static void
read_identity(struct bytes payload)
{
	struct collect_identity identity;
	struct err err = ERR_INIT;

	if (collect_get_identity(payload, &identity, &err) == 0 &&
	    (strlen(identity.uuid) >= sizeof(identity.uuid) || strlen(identity.pci) >= sizeof(identity.pci)))
		abort();
}

static void
read_parameters(struct bytes payload)
{
	static struct appraise_input input;
	struct buf back = {0};

	memset(&input, 0, sizeof(input));
	if (appraise_get_parameters(payload, &input)) {
		if (input.gpus > GPU_MAX)
			abort();
		appraise_put_parameters(&back, &input);
		if (!bytes_equal(buf_bytes(&back), payload))
			abort();
		appraise_free_parameters(&input);
	}
	buf_free(&back);
}

static void
read_evidence(struct bytes payload)
{
	struct evidence_raw raw = {0};
	struct buf back = {0};

	if (appraise_get_evidence(payload, &raw)) {
		appraise_put_evidence(&back, &raw);
		if (!bytes_equal(buf_bytes(&back), payload))
			abort();
	}
	buf_free(&back);
}

static void
read_need(struct bytes payload)
{
	struct collateral need = {0};
	struct buf back = {0};

	if (appraise_get_need(payload, &need)) {
		appraise_put_need(&back, &need);
		if (!bytes_equal(buf_bytes(&back), payload))
			abort();
		appraise_free_need(&need);
	}
	buf_free(&back);
}

static void
read_keep(struct bytes payload)
{
	struct keep keep;
	struct buf back = {0};

	if (appraise_get_keep(payload, &keep)) {
		appraise_put_keep(&back, &keep);
		if (!bytes_equal(buf_bytes(&back), payload))
			abort();
		free(keep.name);
	}
	buf_free(&back);
}

static void
read_collateral(struct bytes payload)
{
	struct collateral need = {.kind = COLLATERAL_OCSP};

	if (appraise_get_collateral(payload, &need) && need.err.code == 0 && need.answer.size > payload.size)
		abort();
	buf_free(&need.answer);
}

static void
read_step(struct bytes payload)
{
	struct steps steps = {0};

	appraise_get_step(payload, 2, &steps);
	steps_free(&steps);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(struct bytes) = {read_states, read_identity,   read_parameters, read_evidence,
							read_need,   read_collateral, read_step,       read_keep};

	if (size > 0)
		readers[data[0] % (sizeof(readers) / sizeof(*readers))](bytes_of(data + 1, size - 1));
	return 0;
}
