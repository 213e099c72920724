/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/frame.h"

#include <string.h>

#include "lib/fs.h"

#define KIB 1024u

/* Ceilings of the payloads; what is not in the table is no frame. */
static const struct frame_kind {
	const char *name;
	uint32_t ceiling;
} kinds[] = {
	[FRAME_HELLO] = {"HELLO", 256},
	[FRAME_FAILURE] = {"FAILURE", 2 * KIB},
	[FRAME_DONE] = {"DONE", 4},
	[FRAME_STATES] = {"STATES", 4 * KIB},
	[FRAME_IDENTITY] = {"IDENTITY", KIB},
	[FRAME_REPORTS] = {"REPORTS", 48},
	[FRAME_EVIDENCE] = {"EVIDENCE",
			    32 * KIB}, /* NVML: report at most 8 KiB, chain 4 KiB; ten certificates as PEM fit */
	[FRAME_RECHECK] = {"RECHECK", 0},
	[FRAME_PARAMETERS] = {"PARAMETERS", 1088 * KIB}, /* roots of some KiB, a pinned key set like a fetched one */
	[FRAME_NEED] = {"NEED", 8 * KIB},
	[FRAME_COLLATERAL] = {"COLLATERAL", 1024 * KIB + 64}, /* a manifest of 1 MiB and what stands before it */
	[FRAME_STEP] = {"STEP", 4 * KIB},
	[FRAME_CLAIMS] = {"CLAIMS", 256 * KIB},
	[FRAME_FILE] = {"FILE", 4096 * KIB},
	[FRAME_FACTS] = {"FACTS", 16 * KIB},
	[FRAME_VERDICT] = {"VERDICT", 4 * KIB},
	[FRAME_KEEP] = {"KEEP", KIB},
	[FRAME_NETWORK] = {"NETWORK", 1024 * KIB}, /* a bundle of CA certificates: 220 KiB on Debian */
	[FRAME_REQUEST] = {"REQUEST", 1024 * KIB}, /* evidence of 16 GPUs in base64: 350 KiB */
	[FRAME_RESPONSE] = {"RESPONSE", 1024 * KIB + 64}, /* what COLLATERAL passes on */
	[FRAME_READY] = {"READY", 4},
};

static const struct frame_kind *
find_kind(uint32_t type)
{
	if (type >= sizeof(kinds) / sizeof(*kinds) || kinds[type].name == NULL)
		return NULL;
	return &kinds[type];
}

static int
check_size(uint32_t type, size_t size, struct err *err)
{
	const struct frame_kind *kind = find_kind(type);

	if (kind == NULL)
		return err_set(err, 0, "frame type %u is unknown", type);
	if (size > kind->ceiling)
		return err_set(err, 0, "frame %s has %zu bytes, ceiling is %u", kind->name, size, kind->ceiling);
	return 0;
}

const char *
frame_name(uint32_t type)
{
	const struct frame_kind *kind = find_kind(type);

	return kind != NULL ? kind->name : "of unknown type";
}

/* Adds a whole frame. */
static int
add_whole_frame(enum frame_type type, struct bytes payload, struct buf *out, struct err *err)
{
	if (check_size(type, payload.size, err) != 0)
		return -1;
	buf_reserve(out, FRAME_HEADER + payload.size);
	frame_put_u32(out, type);
	frame_put_u32(out, (uint32_t)payload.size);
	buf_add(out, payload.data, payload.size);
	return 0;
}

int
frame_write(int fd, int64_t deadline, enum frame_type type, struct bytes payload, struct err *err)
{
	struct buf frame = {0};
	int rc;

	if (add_whole_frame(type, payload, &frame, err) != 0)
		return -1;
	rc = fs_write_stream(fd, buf_bytes(&frame), deadline, err);
	buf_free(&frame);
	return rc == 0 ? 0 : err_wrap(err, 0, "frame %s", frame_name(type));
}

int
frame_add(struct frame_writer *writer, enum frame_type type, struct buf *payload, struct err *err)
{
	int rc = add_whole_frame(type, buf_bytes(payload), &writer->waiting, err);

	payload->size = 0;
	return rc;
}

static struct bytes
unsent(const struct frame_writer *writer)
{
	return bytes_of(writer->waiting.data + writer->sent, writer->waiting.size - writer->sent);
}

/* What was sent may hold a key. */
static void
forget_sent(struct frame_writer *writer)
{
	if (writer->waiting.size > 0)
		explicit_bzero(writer->waiting.data, writer->waiting.size);
	writer->waiting.size = writer->sent = 0;
}

int
frame_flush(struct frame_writer *writer, int64_t deadline, struct err *err)
{
	if (writer->waiting.size == 0)
		return 0;
	if (fs_write_stream(writer->fd, unsent(writer), deadline, err) != 0)
		return -1;
	forget_sent(writer);
	return 0;
}

int
frame_push(struct frame_writer *writer, struct err *err)
{
	ssize_t put;

	if (writer->waiting.size == 0)
		return 0;
	put = fs_write_some(writer->fd, unsent(writer), err);
	if (put < 0)
		return -1;
	writer->sent += (size_t)put;
	if (writer->sent == writer->waiting.size)
		forget_sent(writer);
	return 0;
}

void
frame_discard(struct frame_writer *writer)
{
	forget_sent(writer);
	buf_free(&writer->waiting);
}

bool
frame_waits(const struct frame_reader *reader)
{
	return reader->begin < reader->end;
}

static ssize_t
take_ahead(struct frame_reader *reader, void *data, size_t size)
{
	size_t left = reader->end - reader->begin, taken = left < size ? left : size;

	memcpy(data, reader->ahead + reader->begin, taken);
	reader->begin += taken;
	return (ssize_t)taken;
}

/* As fs_read_some. Small frames come many at once; the middle of a large one goes where it belongs. */
static ssize_t
read_some(struct frame_reader *reader, int64_t deadline, void *data, size_t size, struct err *err)
{
	ssize_t got;

	if (frame_waits(reader))
		return take_ahead(reader, data, size);
	if (size >= sizeof(reader->ahead))
		return fs_read_some(reader->fd, data, size, deadline, err);
	got = fs_read_some(reader->fd, reader->ahead, sizeof(reader->ahead), deadline, err);
	if (got <= 0)
		return got;
	reader->begin = 0;
	reader->end = (size_t)got;
	return take_ahead(reader, data, size);
}

/* Adds exactly size bytes to out. 1 = end of file before the first one. */
static int
read_exactly(struct frame_reader *reader, int64_t deadline, size_t size, struct buf *out, struct err *err)
{
	size_t left = size;

	buf_reserve(out, size);
	out->data[out->size] = '\0';
	while (left > 0) {
		ssize_t got = read_some(reader, deadline, out->data + out->size, left, err);

		if (got < 0)
			return -1;
		if (got == 0 && left == size)
			return 1;
		if (got == 0)
			return err_set(err, 0, "end of file, %zu of %zu bytes are missing", left, size);
		out->size += (size_t)got;
		out->data[out->size] = '\0';
		left -= (size_t)got;
	}
	return 0;
}

int
frame_read(struct frame_reader *reader, int64_t deadline, bool end_ok, enum frame_type *type, struct buf *payload,
	   struct err *err)
{
	uint32_t header[2];
	int rc;

	payload->size = 0;
	rc = read_exactly(reader, deadline, sizeof(header), payload, err);
	if (rc == 1)
		return end_ok ? 1 : err_set(err, 0, "end of file instead of a frame");
	if (rc != 0)
		return err_wrap(err, 0, "frame header");
	memcpy(header, payload->data, sizeof(header));
	payload->size = 0;
	if (check_size(header[0], header[1], err) != 0)
		return -1;
	rc = read_exactly(reader, deadline, header[1], payload, err);
	if (rc == 1)
		err_set(err, 0, "end of file, all of %u bytes are missing", header[1]);
	if (rc != 0)
		return err_wrap(err, 0, "frame %s", frame_name(header[0]));
	*type = header[0];
	return 0;
}

void
frame_put_u32(struct buf *payload, uint32_t value)
{
	buf_add(payload, &value, sizeof(value));
}

void
frame_put_i64(struct buf *payload, int64_t value)
{
	buf_add(payload, &value, sizeof(value));
}

void
frame_put_field(struct buf *payload, struct bytes value)
{
	frame_put_u32(payload, (uint32_t)value.size);
	buf_add(payload, value.data, value.size);
}

void
frame_put_text(struct buf *payload, const char *text)
{
	frame_put_field(payload, bytes_of_text(text));
}

bool
frame_get_u32(struct cursor *payload, uint32_t *value)
{
	struct bytes taken;

	if (!cursor_take(payload, sizeof(*value), &taken))
		return false;
	memcpy(value, taken.data, sizeof(*value));
	return true;
}

bool
frame_get_i64(struct cursor *payload, int64_t *value)
{
	struct bytes taken;

	if (!cursor_take(payload, sizeof(*value), &taken))
		return false;
	memcpy(value, taken.data, sizeof(*value));
	return true;
}

bool
frame_get_field(struct cursor *payload, struct bytes *value)
{
	struct cursor ahead = *payload;
	uint32_t size;

	if (!frame_get_u32(&ahead, &size) || !cursor_take(&ahead, size, value))
		return false;
	*payload = ahead;
	return true;
}

bool
frame_get_text(struct cursor *payload, char **text)
{
	struct cursor ahead = *payload;
	struct bytes value;

	if (!frame_get_field(&ahead, &value) || (value.size > 0 && memchr(value.data, '\0', value.size) != NULL))
		return false;
	*text = xprintf("%.*s", (int)value.size, value.size > 0 ? (const char *)value.data : "");
	*payload = ahead;
	return true;
}
