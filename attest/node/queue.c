/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/node/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/code.h"
#include "lib/fs.h"

#define PLACES_MIN 4
#define PLACES_MAX 16

unsigned
queue_places(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors < PLACES_MIN ? PLACES_MIN : processors > PLACES_MAX ? PLACES_MAX : (unsigned)processors;
}

int
queue_enter(const char *path, unsigned places, int64_t deadline, struct err *err)
{
	int fd = fs_lock(AT_FDCWD, path, places, clock_boot_ms() + clock_left_ms(deadline) / 4 * 3, err);

	if (fd >= 0)
		return fd;
	if (errno == ETIMEDOUT)
		return err_set(err, CODE_DEADLINE,
			       "%u other attestations were running, or others waiting before, all the time", places);
	return err_wrap(err, CODE_WORKER, "queue");
}
