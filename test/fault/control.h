/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FAULT_CONTROL_H
#define TEST_FAULT_CONTROL_H

#include <stdint.h>

/*
 * What passes between the campaign and the library in the programs under test: a file that both map, because the
 * programs start each other with a fixed environment and confine themselves. It lies beside the library, named
 * LIBRARY.control.
 */

enum fault_kind { FAULT_ALLOC, FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_POLL, FAULT_RANDOM, FAULT_FORK, FAULT_KINDS };

struct fault_control {
	char program[32];     /* argv[0] without folders; others are left alone */
	uint32_t kind;        /* enum fault_kind */
	uint32_t fail_at;     /* the call of that kind that fails, from 1; 0 = none */
	int32_t number;       /* its errno */
	uint32_t count;       /* calls of that kind so far */
};

#endif
