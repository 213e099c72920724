/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_PROGRESS_H
#define ATTEST_PROGRESS_H

/* Told to a person who waits: which step has begun, and which host it waits for (NULL: none). Hooks have none. */
struct progress {
	void (*tell)(void *context, const char *step, const char *host);
	void *context;
};

#endif
