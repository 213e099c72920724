/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/code.h"

void
random_bytes(void *out, size_t size)
{
	uint8_t *at = out;

	while (size > 0) {
		ssize_t got = getrandom(at, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			_exit(CODE_INTERNAL);
		at += got;
		size -= (size_t)got;
	}
}
