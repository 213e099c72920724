/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/provider.h"
#include "test/corpus/corpus.h"

#define ROW_SECONDS 60

/* The first prefix that fits. */
static const struct {
	const char *prefix;
	corpus_driver *drive;
} drivers[] = {
	{"json/nst/", drive_json},
	{"json/own/", drive_oci_state},
	{"oci/detect/", drive_detect},
	{"x509/device/", drive_device},
	{"x509/limbo/", drive_limbo},
	{"spdm/", drive_spdm},
	{"ecdsa/wycheproof/", drive_ecdsa},
	{"xml/rim/", drive_rim},
	{"xml/", drive_xml_foreign},
	{"appraisal/", drive_appraisal},
	{"ocsp/", drive_ocsp},
	{"jose/jwt/", drive_jwt},
	{"jose/jwks/", drive_jwks},
	{"jose/wycheproof/", drive_jose},
};

static unsigned passed, failed, skipped;
static struct corpus_outcome *shared; /* written by the row's process */

static corpus_driver *
find_driver(const char *path)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		if (strncmp(path, drivers[i].prefix, strlen(drivers[i].prefix)) == 0)
			return drivers[i].drive;
	}
	return NULL;
}

/* The answer that is right: of policy rows the recommended one, which in parentheses is a word of detection. */
static char *
wanted_answer(const struct corpus_row *row)
{
	size_t word = strcspn(row->why, " :");
	const char *open = row->why + word;

	if (strcmp(row->expect, "policy") != 0)
		return xstrdup(row->expect);
	if (strncmp(open, " (", 2) == 0)
		return xprintf("%.*s", (int)strcspn(open + 2, ")"), open + 2);
	return xprintf("%.*s", (int)word, row->why);
}

static bool
kind_fits(const char *kinds, const char *kind)
{
	size_t size = strlen(kind);

	if (strcmp(kinds, "-") == 0)
		return true;
	for (; *kinds != '\0'; kinds += strcspn(kinds, "|"), kinds += *kinds == '|') {
		if (strcspn(kinds, "|") == size && strncmp(kinds, kind, size) == 0)
			return true;
	}
	return false;
}

static void
disagree(const struct corpus_row *row, const char *want, const struct corpus_outcome *out)
{
	failed++;
	printf("FAIL %s: want %s%s%s, have %s (%s) %s [%s]\n", row->path, want, strcmp(row->kind, "-") ? " for " : "",
	       strcmp(row->kind, "-") ? row->kind : "", out->answer, out->kind, out->text, row->why);
}

static void
skip(const struct corpus_row *row, unsigned count, const char *why)
{
	skipped += count;
	printf("skip %s: %s (%u)\n", row->path, why, count);
}

static void
judge(const struct corpus_row *row, const struct corpus_outcome *out)
{
	char *want = wanted_answer(row);
	bool refusal = strcmp(want, "reject") == 0 || strcmp(want, "refuse") == 0 || strcmp(want, "error") == 0;

	if (strcmp(out->answer, "skip") == 0) {
		skip(row, 1, out->text);
	} else if (strcmp(want, "per-case") == 0) {
		passed += out->passed;
		failed += out->failed;
		if (out->skipped > 0)
			skip(row, out->skipped, "cases that cannot be put to this verifier");
		if (out->passed + out->failed + out->skipped == 0)
			disagree(row, want, out);
	} else if (strcmp(want, "no-crash") == 0) {
		passed++;
	} else if (strcmp(want, out->answer) == 0 && (!refusal || kind_fits(row->kind, out->kind))) {
		passed++;
	} else {
		disagree(row, want, out);
	}
	free(want);
}

static void
run_row(const struct corpus_row *row)
{
	corpus_driver *drive = find_driver(row->path);
	pid_t child;
	int status;

	if (drive == NULL) {
		skip(row, 1, "nothing here reads such files");
		return;
	}
	*shared = (struct corpus_outcome){0};
	fflush(NULL);
	child = fork();
	if (child < 0) {
		perror("corpus: fork");
		exit(2);
	}
	if (child == 0) {
		alarm(ROW_SECONDS);
		drive(row, shared);
		exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		failed++;
		printf("FAIL %s: its process ended with status 0x%x [%s]\n", row->path, status, row->why);
		return;
	}
	judge(row, shared);
}

static bool
below(const char *path, const char *folder)
{
	size_t size = strlen(folder);

	return size == 0 || (strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0'));
}

/* Columns path, expect, why and, in the manifest of the own samples, kind; the first line names them. */
static void
run_line(const char *root, char *line, const char *folder)
{
	struct corpus_row row = {.root = root};

	row.path = strsep(&line, "\t");
	row.expect = line ? strsep(&line, "\t") : "";
	row.why = line ? strsep(&line, "\t") : "";
	row.kind = line ? strsep(&line, "\t") : "-";
	if (row.path[0] != '\0' && strcmp(row.path, "path") != 0 && below(row.path, folder))
		run_row(&row);
}

static bool
run_manifest(const char *root, const char *name, const char *folder)
{
	char *path = xprintf("%s/%s", root, name);
	bool found = access(path, R_OK) == 0;

	if (found) {
		/* Read whole before any fork: a child that exits would set back the offset of an open stream. */
		struct bytes manifest = corpus_file(path);
		char *text = (char *)manifest.data;

		for (char *rest = text; rest != NULL;)
			run_line(root, strsep(&rest, "\r\n"), folder);
		free(text);
	}
	free(path);
	return found;
}

/* The manifests lie in DIR or above it; then only the rows below DIR count. */
static bool
run_folder(const char *dir)
{
	char root[PATH_MAX], folder[PATH_MAX] = "";
	bool found = false;

	if (realpath(dir, root) == NULL)
		return false;
	for (;;) {
		char *slash, *joined;

		found = run_manifest(root, "MANIFEST-own.tsv", folder);
		found |= run_manifest(root, "MANIFEST-public.tsv", folder);
		slash = strrchr(root, '/');
		if (found || slash == NULL || slash == root)
			return found;
		joined = xprintf("%s%s%s", slash + 1, folder[0] ? "/" : "", folder);
		snprintf(folder, sizeof(folder), "%s", joined);
		free(joined);
		*slash = '\0';
	}
}

int
main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc != 2) {
		fprintf(stderr, "usage: corpus DIR\n");
		return 2;
	}
	if (provider_init(&err) < 0) {
		err_print(&err, "corpus");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("corpus: mmap");
		return 2;
	}
	if (!run_folder(argv[1]))
		fprintf(stderr, "corpus: no manifest in or above %s\n", argv[1]);
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0 || passed + skipped == 0;
}
