/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPEC_ELF_H
#define SPEC_ELF_H

#include "lib/buf.h"

/*
 * The name by which programs ask for a shared library (DT_SONAME) of a 64-bit little-endian ELF file for this machine,
 * in new memory; its file name is not looked at. NULL if the file is another, or its name is no plain file name.
 */
char *elf_soname(struct bytes file);

#endif
