/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_JSON_MEMORY_H
#define LIB_JSON_MEMORY_H

#include <stdlib.h>
#include <yajl/yajl_common.h>

#include "lib/buf.h"

/* For lib/json*.c. yajl writes through what its allocator returned without a look: ours does not return NULL. */

static inline void *
json_memory_get(void *context, size_t size)
{
	(void)context;
	return xrealloc(NULL, size);
}

static inline void *
json_memory_resize(void *context, void *old, size_t size)
{
	(void)context;
	return xrealloc(old, size);
}

static inline void
json_memory_free(void *context, void *memory)
{
	(void)context;
	free(memory);
}

#define JSON_MEMORY (&(yajl_alloc_funcs){json_memory_get, json_memory_resize, json_memory_free, NULL})

#endif
