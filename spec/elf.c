/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/elf.h"

#include <elf.h>
#include <string.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

/* A struct of the file, by value: offsets are of the file's choosing and need not be aligned. */
static bool
copy(struct bytes file, uint64_t offset, void *out, size_t size)
{
	if (offset > file.size || size > file.size - offset)
		return false;
	memcpy(out, file.data + offset, size);
	return true;
}

static bool
program_header(struct bytes file, const Elf64_Ehdr *head, unsigned index, Elf64_Phdr *out)
{
	return head->e_phentsize == sizeof(*out) && index < head->e_phnum && head->e_phoff <= file.size &&
	       copy(file, head->e_phoff + (uint64_t)index * sizeof(*out), out, sizeof(*out));
}

/* Where in the file an address of the loaded library lies. */
static bool
file_offset(struct bytes file, const Elf64_Ehdr *head, uint64_t address, uint64_t *out)
{
	Elf64_Phdr part;

	for (unsigned i = 0; program_header(file, head, i, &part); i++) {
		if (part.p_type == PT_LOAD && address >= part.p_vaddr && address - part.p_vaddr < part.p_filesz) {
			*out = part.p_offset + (address - part.p_vaddr);
			return true;
		}
	}
	return false;
}

/* Address of the string table and offset of the name in it; both stay 0 where they are not told. */
static bool
find_name(struct bytes file, const Elf64_Phdr *part, uint64_t *table, uint64_t *name)
{
	Elf64_Dyn entry;

	if (part->p_offset > file.size)
		return false;
	for (uint64_t at = 0; at + sizeof(entry) <= part->p_filesz; at += sizeof(entry)) {
		if (!copy(file, part->p_offset + at, &entry, sizeof(entry)) || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_STRTAB)
			*table = entry.d_un.d_ptr;
		else if (entry.d_tag == DT_SONAME)
			*name = entry.d_un.d_val;
	}
	return *table != 0 && *name != 0;
}

static char *
take_name(struct bytes file, uint64_t at)
{
	const char *text;
	size_t size;

	if (at >= file.size)
		return NULL;
	text = (const char *)file.data + at;
	size = strnlen(text, file.size - at);
	if (size == 0 || size == file.size - at || size > 255 || text[0] == '.' || memchr(text, '/', size) != NULL)
		return NULL;
	return xstrdup(text);
}

char *
elf_soname(struct bytes file)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	uint64_t table = 0, name = 0, at;

	if (!copy(file, 0, &head, sizeof(head)) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_type != ET_DYN ||
	    head.e_machine != MACHINE)
		return NULL;
	for (unsigned i = 0; program_header(file, &head, i, &part); i++) {
		if (part.p_type != PT_DYNAMIC)
			continue;
		if (!find_name(file, &part, &table, &name) || !file_offset(file, &head, table, &at) ||
		    __builtin_add_overflow(at, name, &at))
			return NULL;
		return take_name(file, at);
	}
	return NULL;
}
