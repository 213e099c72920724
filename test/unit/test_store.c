/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/collateral/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "lib/code.h"
#include "lib/fs.h"
#include "test/unit/unit.h"

#define QUESTION "0123456789012345678901234567890123456789-01"
#define DRIVER "NV_GPU_DRIVER_GH100_1"
#define VBIOS "NV_GPU_VBIOS_1_2_3_96009F0001"

static char top[] = "/tmp/test-store.XXXXXX";
static char *rim, *ocsp, *chain;
static struct store store;

static void
shell(char *command)
{
	CHECK(system(command) == 0);
	free(command);
}

static void
begin(void)
{
	shell(xprintf("rm -rf %s/*", top));
	store = (struct store){rim, ocsp, chain};
}

static void
fill(struct archive *archive, const char *content)
{
	*archive = (struct archive){0};
	archive_add(archive, COLLATERAL_DRIVER_RIM, DRIVER, bytes_of_text(content), 0);
	archive_add(archive, COLLATERAL_VBIOS_RIM, VBIOS, bytes_of_text(content), 0);
	archive_add(archive, COLLATERAL_CHAIN, "c", bytes_of_text(content), 0);
	archive_add(archive, COLLATERAL_OCSP, QUESTION, bytes_of_text(content), 0);
}

static bool
holds(const char *dir, const char *name, const char *want)
{
	char *path = xprintf("%s/%s", dir, name);
	struct buf content = {0};
	struct stat status = {0};
	bool same = fs_read_file(path, 100, &content, &(struct err)ERR_INIT) == 0 &&
		    bytes_equal(buf_bytes(&content), bytes_of_text(want)) && stat(path, &status) == 0 &&
		    (status.st_mode & 07777) == 0644;

	buf_free(&content);
	free(path);
	return same;
}

static int
is_no_lock(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".cgpu-lock") != 0;
}

static unsigned
entries(const char *path)
{
	struct dirent **list;
	int count = scandir(path, &list, is_no_lock, NULL);

	for (int i = 0; i < count; i++)
		free(list[i]);
	if (count >= 0)
		free(list);
	return count < 2 ? 0 : (unsigned)count - 2;
}

static int
put(const char *content, struct steps *steps)
{
	struct archive archive;
	struct err err = ERR_INIT;
	int rc;

	*steps = (struct steps){0};
	fill(&archive, content);
	rc = store_put(&store, &archive, steps, &err);
	if (rc != 0)
		printf("# %s\n", err.text);
	CHECK(rc == 0 || err_code(&err) == CODE_COLLATERAL_STORE);
	archive_free(&archive);
	return rc;
}

static void
test_put(void)
{
	struct steps steps;
	struct stat status;

	begin();
	umask(077);
	for (int i = 0; i < 2; i++) {
		const char *content = i == 0 ? "one" : "two";

		CHECK(put(content, &steps) == 0);
		CHECK(steps.count == 4 && steps_first_failure(&steps) == NULL);
		CHECK(holds(rim, DRIVER ".xml", content) && holds(rim, VBIOS ".xml", content));
		CHECK(holds(chain, "c.pem", content) && holds(ocsp, QUESTION ".der", content));
		CHECK(entries(rim) == 2 && entries(ocsp) == 1 && entries(chain) == 1);
		steps_free(&steps);
	}
	umask(022);
	CHECK(stat(rim, &status) == 0 && (status.st_mode & 07777) == 0755);
}

static void
test_one_directory(void)
{
	struct steps steps;

	begin();
	store = (struct store){rim, rim, rim};
	CHECK(put("one", &steps) == 0);
	CHECK(entries(rim) == 4);
	steps_free(&steps);
}

/* Nothing can be renamed over a directory: what came before it is the new one, what comes after it the old one. */
static void
test_failure_in_the_middle(void)
{
	struct steps steps;

	begin();
	CHECK(put("old", &steps) == 0);
	steps_free(&steps);
	shell(xprintf("rm %s/" VBIOS ".xml && mkdir -p %s/" VBIOS ".xml/x", rim, rim));
	CHECK(put("new", &steps) != 0);
	CHECK(holds(rim, DRIVER ".xml", "new") && holds(chain, "c.pem", "old") && holds(ocsp, QUESTION ".der", "old"));
	CHECK(entries(rim) == 2 && entries(ocsp) == 1 && entries(chain) == 1);
	CHECK(steps.count == 4 && steps.list[0].status == STEP_OK && steps.list[1].status == STEP_FAIL);
	CHECK(steps.list[1].code == CODE_COLLATERAL_STORE && steps.list[2].status == STEP_SKIPPED);
	steps_free(&steps);
}

static void
test_failure_before(void)
{
	struct steps steps;
	char *file = xprintf("%s/file", top);

	begin();
	shell(xprintf("echo x >%s", file));
	store.ocsp_dir = file;
	CHECK(put("new", &steps) != 0);
	CHECK(entries(rim) == 0 && entries(chain) == 0);
	steps_free(&steps);
	store.ocsp_dir = "";
	CHECK(put("new", &steps) != 0);
	CHECK(entries(rim) == 0 && entries(chain) == 0);
	CHECK(steps.list[0].status == STEP_FAIL);
	steps_free(&steps);
	free(file);
}

/* What a killed import left goes; the file of somebody else stays. */
static void
test_leftovers(void)
{
	struct steps steps;

	begin();
	shell(xprintf("mkdir -p %s && touch %s/.cgpu-" DRIVER ".xml.new %s/.cgpu-other.xml.new %s/mine", rim, rim, rim,
		      rim));
	CHECK(put("new", &steps) == 0);
	CHECK(entries(rim) == 3);
	steps_free(&steps);
}

static void
test_two_at_once(void)
{
	struct steps steps;
	struct err err = ERR_INIT;
	int dir, lock;

	begin();
	CHECK(put("old", &steps) == 0);
	steps_free(&steps);
	dir = open(chain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	lock = fs_lock(dir, ".cgpu-lock", 1, 0, &err);
	CHECK(lock >= 0);
	CHECK(put("new", &steps) != 0);
	CHECK(holds(rim, DRIVER ".xml", "old") && holds(ocsp, QUESTION ".der", "old"));
	steps_free(&steps);
	close(lock);
	close(dir);
}

/* What anybody may do to a directory of mode 755. */
static void
test_foreign_lock(void)
{
	struct steps steps;
	struct stat status;
	int dir;

	begin();
	CHECK(put("old", &steps) == 0);
	steps_free(&steps);
	dir = open(chain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(flock(dir, LOCK_EX) == 0);
	CHECK(put("new", &steps) == 0 && holds(rim, DRIVER ".xml", "new"));
	CHECK(fstatat(dir, ".cgpu-lock", &status, 0) == 0 && (status.st_mode & 07777) == 0600);
	steps_free(&steps);
	close(dir);
}

int
main(void)
{
	if (mkdtemp(top) == NULL)
		return 1;
	rim = xprintf("%s/a/b/rim", top);
	ocsp = xprintf("%s/ocsp", top);
	chain = xprintf("%s/chain", top);
	RUN(test_put);
	RUN(test_one_directory);
	RUN(test_failure_in_the_middle);
	RUN(test_failure_before);
	RUN(test_leftovers);
	RUN(test_two_at_once);
	RUN(test_foreign_lock);
	shell(xprintf("rm -rf %s", top));
	free(rim);
	free(ocsp);
	free(chain);
	return unit_end();
}
