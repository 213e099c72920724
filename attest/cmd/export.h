/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTEST_CMD_EXPORT_H
#define ATTEST_CMD_EXPORT_H

#include "lib/err.h"

/*
 * `cgpu status` for machines, to standard output. A driver that gives no answer is part of what is told: the exit code
 * is that of the configuration, or of a document that could not be written.
 */

/* Text format of Prometheus, for the textfile collector of node_exporter. */
int export_prometheus(struct err *err);
/* A feature file of Node Feature Discovery's local source; labels end with the token lifetime after the last pass. */
int export_features(struct err *err);
/*
 * One of these, to the file at path: readers see the old document or the new one, and no symlink is followed, for
 * others may own the directory. path NULL: to standard output.
 */
int export_write(int (*print)(struct err *err), const char *path, struct err *err);

#endif
