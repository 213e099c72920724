/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spdm_measurement.h"

#define VERSION_1_1 0x11
#define GET_MEASUREMENTS 0xe0
#define MEASUREMENTS 0x60
#define REQUEST_SIZE 37
#define RESPONSE_SIZE_MIN (8 + SPDM_NONCE_SIZE + 2 + SPDM_SIGNATURE_SIZE)
#define SPECIFICATION_DMTF 1
#define VALUE_SIZE 48
#define VALUE_HEADER_SIZE 3
#define VALUE_TYPE_FIRMWARE 1 /* digest of mutable firmware, the only one that a GPU sends */

struct constant {
	const char *name;
	uint8_t want;
};

static int
take_constants(struct cursor *cursor, const struct constant *constant, size_t count, struct err *err)
{
	uint8_t have;

	for (size_t i = 0; i < count; i++) {
		if (!cursor_u8(cursor, &have))
			return err_set(err, 0, "it ends before the %s", constant[i].name);
		if (have != constant[i].want)
			return err_set(err, 0, "%s is 0x%02x, want 0x%02x", constant[i].name, have, constant[i].want);
	}
	return 0;
}

/* Everything but the nonce is what our question looks like: another byte means that another question was answered. */
static int
parse_request(struct cursor *cursor, struct spdm_measurements *out, struct err *err)
{
	static const struct constant head[] = {
		{"request's version", VERSION_1_1},
		{"request's code", GET_MEASUREMENTS},
		{"request's attributes (signature wanted)", 0x01},
		{"request's operation (all measurements)", 0xff},
	};
	static const struct constant tail[] = {{"request's slot", 0}};

	if (take_constants(cursor, head, 4, err) < 0)
		return -1;
	if (!cursor_take(cursor, SPDM_NONCE_SIZE, &out->request_nonce))
		return err_set(err, 0, "it ends inside the request's nonce");
	return take_constants(cursor, tail, 1, err);
}

static int
parse_block(struct cursor *record, struct spdm_block *block, struct err *err)
{
	uint8_t specification;
	uint16_t size, value_size;

	if (!cursor_u8(record, &block->index) || !cursor_u8(record, &specification) || !cursor_u16le(record, &size))
		return err_set(err, 0, "the record ends inside its header");
	if (specification != SPECIFICATION_DMTF)
		return err_set(err, 0, "measurement specification %u, want %d", specification, SPECIFICATION_DMTF);
	if (size != VALUE_HEADER_SIZE + VALUE_SIZE)
		return err_set(err, 0, "measurement of %u bytes, want %d", size, VALUE_HEADER_SIZE + VALUE_SIZE);
	if (!cursor_u8(record, &block->value_type) || !cursor_u16le(record, &value_size))
		return err_set(err, 0, "the record ends inside it");
	if (block->value_type != VALUE_TYPE_FIRMWARE)
		return err_set(err, 0, "value type 0x%02x, want 0x%02x", block->value_type, VALUE_TYPE_FIRMWARE);
	if (value_size != VALUE_SIZE)
		return err_set(err, 0, "value of %u bytes, want %d", value_size, VALUE_SIZE);
	if (!cursor_take(record, VALUE_SIZE, &block->value))
		return err_set(err, 0, "the record ends inside its value");
	return 0;
}

/*
 * The request asks for all measurements, so the indices are 1..blocks, each once. They come in this order on every
 * device seen; with another order, or a hole, two readers could see two different lists.
 */
static int
parse_record(struct cursor record, unsigned blocks, struct spdm_measurements *out, struct err *err)
{
	for (out->blocks = 0; out->blocks < blocks; out->blocks++) {
		struct spdm_block *block = &out->block[out->blocks];

		if (parse_block(&record, block, err) < 0)
			return err_wrap(err, 0, "measurement block %u of %u", out->blocks + 1, blocks);
		if (block->index != out->blocks + 1)
			return err_set(err, 0, "measurement block %u of %u has index %u, want 1 to %u in order",
				       out->blocks + 1, blocks, block->index, blocks);
	}
	if (record.left != 0)
		return err_set(err, 0, "%zu bytes follow %u measurement blocks", record.left, blocks);
	return 0;
}

static int
parse_response(struct cursor *cursor, struct spdm_measurements *out, struct err *err)
{
	static const struct constant head[] = {
		{"response's version", VERSION_1_1},
		{"response's code", MEASUREMENTS},
		{"response's parameter 1", 0},
		{"response's parameter 2", 0},
	};
	uint8_t blocks;
	uint32_t size;
	struct bytes record;

	if (take_constants(cursor, head, 4, err) < 0)
		return -1;
	if (!cursor_u8(cursor, &blocks) || !cursor_u24le(cursor, &size) || !cursor_take(cursor, size, &record))
		return err_set(err, 0, "it ends inside the measurement record");
	if (blocks == 0)
		return err_set(err, 0, "it has no measurement blocks");
	return parse_record(cursor_of(record), blocks, out, err);
}

static int
parse_rest(struct cursor *cursor, struct spdm_measurements *out, struct err *err)
{
	uint16_t size;

	if (!cursor_take(cursor, SPDM_NONCE_SIZE, &out->responder_nonce))
		return err_set(err, 0, "it ends inside the responder's nonce");
	if (!cursor_u16le(cursor, &size) || !cursor_take(cursor, size, &out->opaque))
		return err_set(err, 0, "it ends inside the opaque data");
	if (!cursor_take(cursor, SPDM_SIGNATURE_SIZE, &out->signature))
		return err_set(err, 0, "it ends inside the signature");
	if (cursor->left != 0)
		return err_set(err, 0, "%zu bytes follow the signature", cursor->left);
	return 0;
}

int
spdm_measurements_parse(struct bytes exchange, struct spdm_measurements *out, struct err *err)
{
	struct cursor cursor = cursor_of(exchange);

	*out = (struct spdm_measurements){0};
	if (parse_request(&cursor, out, err) < 0 || parse_response(&cursor, out, err) < 0)
		return -1;
	return parse_rest(&cursor, out, err);
}

int
spdm_measurements_split(struct bytes exchange, struct bytes *content, struct bytes *signature, struct err *err)
{
	size_t size;

	if (exchange.size <= REQUEST_SIZE + RESPONSE_SIZE_MIN)
		return err_set(err, 0, "%zu bytes, want more than %d", exchange.size, REQUEST_SIZE + RESPONSE_SIZE_MIN);
	size = exchange.size - SPDM_SIGNATURE_SIZE;
	*content = bytes_of(exchange.data, size);
	*signature = bytes_of(exchange.data + size, SPDM_SIGNATURE_SIZE);
	return 0;
}

struct bytes
spdm_measurements_value(const struct spdm_measurements *measurements, unsigned index)
{
	for (unsigned i = 0; i < measurements->blocks; i++)
		if (measurements->block[i].index == index)
			return measurements->block[i].value;
	return bytes_of(NULL, 0);
}
