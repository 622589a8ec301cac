/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A gzipped tar archive of files that are made while it is written: ustar (POSIX.1-1988, as in
 * POSIX.1-2017 pax, "ustar Interchange Format"). Not more of it than is needed: regular files,
 * names below 100 bytes.
 */

#ifndef CONTROL_BUNDLE_TAR_H
#define CONTROL_BUNDLE_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct bundle_tar;

/*
 * A new file PATH, mode 0600; -EEXIST when there is one. All entries get the modification time
 * TIME_S and a name below FOLDER, which is kept.
 */
int bundle_tar_create(const char *path, const char *folder, uint64_t time_s,
                      struct bundle_tar **out, struct err *err);
/* Another file; after an error nothing more is written, and closing tells it. */
void bundle_tar_add(struct bundle_tar *t, const char *name, const void *data, size_t len);
/* Bytes that went in so far, and files. */
uint64_t bundle_tar_bytes(const struct bundle_tar *t);
unsigned int bundle_tar_files(const struct bundle_tar *t);
/* Ends it on the disk; when that fails, or an earlier step did, there is no file any more. */
int bundle_tar_close(struct bundle_tar *t, struct err *err);

#endif
