/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SANDBOX_BUILD_H
#define LIB_SANDBOX_BUILD_H

/*
 * For lib/sandbox*.c and its test: whether this is a build with AddressSanitizer, whose runtime needs more than a
 * worker.
 */
#ifdef __SANITIZE_ADDRESS__
#define SANDBOX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_ASAN 1
#endif
#endif
#ifndef SANDBOX_ASAN
#define SANDBOX_ASAN 0
#endif

#endif
