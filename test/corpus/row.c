/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/corpus/corpus.h"

/* What drivers call: answers and inputs of one row. */

void
corpus_answer(struct corpus_outcome *out, const char *answer, const char *kind, const char *text)
{
	snprintf(out->answer, sizeof(out->answer), "%s", answer);
	snprintf(out->kind, sizeof(out->kind), "%s", kind);
	snprintf(out->text, sizeof(out->text), "%s", text);
}

void
corpus_accept(struct corpus_outcome *out)
{
	corpus_answer(out, "accept", "-", "");
}

void
corpus_reject(struct corpus_outcome *out, const struct err *err)
{
	corpus_answer(out, "reject", corpus_kind(err->code), err->text);
}

void
corpus_skip(struct corpus_outcome *out, const char *why)
{
	corpus_answer(out, "skip", "-", why);
}

void
corpus_case(struct corpus_outcome *out, bool ok, const char *name, const char *text)
{
	if (ok) {
		out->passed++;
		return;
	}
	out->failed++;
	printf("  case %s: %s\n", name, text);
}

void
corpus_case_skip(struct corpus_outcome *out)
{
	out->skipped++;
}

_Noreturn void
corpus_broken(const char *what, const char *name)
{
	printf("corpus: %s: %s\n", name, what);
	exit(3);
}

/* Inputs stay reachable: a driver need not free them, and the leak check sees only the product's. */
static void
keep(void *data)
{
	static void **kept;
	static size_t count;

	kept = xrealloc(kept, (count + 1) * sizeof(*kept));
	kept[count++] = data;
}

struct bytes
corpus_file(const char *path)
{
	struct buf content = {0};
	char part[65536];
	size_t size;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		corpus_broken("cannot be opened", path);
	buf_add(&content, "", 0);
	while ((size = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(&content, part, size);
	if (ferror(file))
		corpus_broken("cannot be read", path);
	fclose(file);
	keep(content.data);
	return buf_bytes(&content);
}

struct bytes
corpus_from_root(const struct corpus_row *row, const char *path)
{
	char *whole = xprintf("%s/%s", row->root, path);
	struct bytes content = corpus_file(whole);

	free(whole);
	return content;
}

struct bytes
corpus_input(const struct corpus_row *row)
{
	return corpus_from_root(row, row->path);
}

const char *
corpus_name(const struct corpus_row *row)
{
	const char *slash = strrchr(row->path, '/');

	return slash == NULL ? row->path : slash + 1;
}

struct bytes
corpus_beside(const struct corpus_row *row, const char *name)
{
	char *path = xprintf("%.*s%s", (int)(corpus_name(row) - row->path), row->path, name);
	struct bytes content = corpus_from_root(row, path);

	free(path);
	return content;
}

char *
corpus_text(const struct corpus_row *row, const char *name)
{
	char *text = (char *)corpus_beside(row, name).data;
	size_t size = strlen(text);

	while (size > 0 && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	return text;
}

void
corpus_hex(const struct corpus_row *row, const char *name, uint8_t *out, size_t size)
{
	char *text = corpus_text(row, name);

	if (!hex_decode(out, size, text, strlen(text)))
		corpus_broken("is not hex text of the wanted size", name);
	free(text);
}
