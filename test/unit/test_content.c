/* SPDX-License-Identifier: Apache-2.0 */
/* Results that follow each other in one directory, with what a container's root user may put in their way. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hook/content.h"
#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

static char folder[] = "/tmp/test-content-XXXXXX";
static const struct content_owner owner = {false, 0, 0};

/* A result of files a and b, or of a and c. */
static int
put(const char *text, const char *second)
{
	const struct attach_file files[] = {{"a", bytes_of_text(text)}, {second, bytes_of_text(text)}};
	struct err err = ERR_INIT;
	int root = open(folder, O_RDONLY | O_DIRECTORY), code;

	code = content_put(root, &owner, files, 2, &err) == 0 ? 0 : err_code(&err);
	if (code != 0)
		printf("# %s\n", err.text);
	close(root);
	return code;
}

static const char *
seen(const char *name)
{
	static char text[64];
	char path[128];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[size > 0 ? size : 0] = '\0';
	close(fd);
	return text;
}

/* Entries whose name begins so, dot and dot-dot apart. */
static unsigned
count(const char *prefix)
{
	DIR *list = opendir(folder);
	struct dirent *entry;
	unsigned number = 0;

	while ((entry = readdir(list)) != NULL)
		number += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			  strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(list);
	return number;
}

static void
shell(const char *script)
{
	char command[512];

	snprintf(command, sizeof(command), "cd '%s' && %s", folder, script);
	if (system(command) != 0)
		abort();
}

static void
test_follow(void)
{
	char before[128], path[192];
	struct stat st;
	int fd;

	CHECK(put("one", "b") == 0);
	CHECK_TEXT(seen("a"), "one");
	CHECK_TEXT(seen("..data/b"), "one");
	snprintf(path, sizeof(path), "%s/..data/b", folder);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0444);
	snprintf(path, sizeof(path), "%s/..data/", folder);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(count("") == 4 && count("..") == 2);
	/* Who went into the first directory finds it whole while the second is there. */
	fd = open(path, O_PATH | O_DIRECTORY);
	CHECK(put("two", "b") == 0);
	CHECK_TEXT(seen("a"), "two");
	snprintf(before, sizeof(before), "/proc/self/fd/%d/b", fd);
	CHECK(access(before, R_OK) == 0 && count("..") == 3);
	CHECK(put("three", "c") == 0);
	CHECK_TEXT(seen("c"), "three");
	CHECK(access(before, R_OK) != 0);
	close(fd);
	/* What is not of the new result is gone. */
	CHECK_TEXT(seen("b"), "");
	CHECK(count("b") == 0 && count("..") == 3);
}

static void
test_obstacles(void)
{
	CHECK(put("one", "b") == 0);
	/* Bent links are put right, and not followed. */
	shell("mkdir there && rm ..data && ln -s there ..data && rm b && ln -s /etc/passwd b");
	CHECK(put("two", "b") == 0);
	CHECK_TEXT(seen("a"), "two");
	/* Leftovers go, with what is in them; what lies deeper is the container's own. */
	shell("mkdir -p ..old stray/deep && : >..old/x && : >stray/y && mkfifo fifo");
	CHECK(put("three", "b") == 0);
	CHECK_TEXT(seen("a"), "three");
	CHECK(count("..old") == 0 && count("fifo") == 0 && count("stray") == 1);
	/* Files and directories in the place of links do not stay. */
	shell("rm a b && echo forged >a && mkdir b && : >b/x");
	CHECK(put("again", "b") == 0);
	CHECK_TEXT(seen("a"), "again");
	CHECK_TEXT(seen("b"), "again");
	/* What cannot be taken away is no success. */
	shell("rm b && mkdir -p b/deep/er");
	CHECK(put("never", "b") == CODE_ATTACH);
	shell("rm -r b");
	/* Where the link cannot be replaced, nothing of the new result stays. */
	shell("rm ..data && mkdir ..data && : >..data/x");
	CHECK(put("four", "b") == CODE_ATTACH);
	CHECK_TEXT(seen("..data/a"), "");
	CHECK(count("..") == 3);
	shell("rm -r ..data");
	CHECK(put("five", "b") == 0);
	CHECK_TEXT(seen("a"), "five");
}

int
main(void)
{
	char command[128];

	if (mkdtemp(folder) == NULL)
		return 1;
	RUN(test_follow);
	RUN(test_obstacles);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) != 0 || unit_end();
}
