/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from a peer that says anything, and the fields of their payloads. What was read is written back to the same
 * bytes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Number, field, text in turn, as the data say: whatever is taken lies inside the payload. */
static void
read_fields(struct bytes payload)
{
	struct cursor cursor = cursor_of(payload);
	struct bytes field;
	uint32_t number;
	char *text;

	while (frame_get_u32(&cursor, &number)) {
		if (number % 3 == 0 && frame_get_text(&cursor, &text)) {
			if (strlen(text) > payload.size)
				abort();
			free(text);
		} else if (number % 3 == 1 && frame_get_field(&cursor, &field)) {
			if (field.size > payload.size || field.data + field.size > payload.data + payload.size)
				abort();
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
	int64_t deadline = clock_boot_ms() + 10000;
	struct buf payload = {0}, copy = {0};
	struct frame_reader from = {.fd = in};
	struct err err = ERR_INIT;
	enum frame_type type;
	int rc;

	if (in < 0 || out < 0 || fs_write_fd(in, bytes_of(data, size), &err) != 0 || lseek(in, 0, SEEK_SET) != 0)
		abort();
	while ((rc = frame_read(&from, deadline, true, &type, &payload, &err)) == 0) {
		read_fields(buf_bytes(&payload));
		if (frame_write(out, deadline, type, buf_bytes(&payload), &err) != 0)
			abort();
	}
	if (rc == -1 && err.text[0] == '\0')
		abort();
	if (fs_read_fd(out, size, &copy, &err) != 0 || memcmp(copy.data ? copy.data : data, data, copy.size) != 0)
		abort();
	if (rc == 1 && copy.size != size)
		abort();
	buf_free(&payload);
	buf_free(&copy);
	close(in);
	close(out);
	return 0;
}
