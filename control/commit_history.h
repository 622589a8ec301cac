/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configurations that were committed, the last COMMITS_MAX of them: a file each in a folder
 * that outlives the gateway, or, where that cannot be written, in memory until it ends. Control
 * thread.
 */

#ifndef CONTROL_COMMIT_HISTORY_H
#define CONTROL_COMMIT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define COMMITS_MAX        100
#define COMMIT_USER_MAX    32
#define COMMIT_COMMENT_MAX 128 /* bytes */

struct commit_entry {
	uint64_t commit;  /* from 1 on, never another */
	uint64_t time_ns; /* wall clock */
	uid_t uid;
	char user[COMMIT_USER_MAX + 1];
	char comment[COMMIT_COMMENT_MAX + 1];
	bool restart; /* it was to hold from the next start on */
};

/*
 * Read what is in FOLDER, which is made when it is missing (its parent is not). On failure ERR says
 * why, and commits are kept in memory.
 */
int commit_history_open(const char *folder, struct err *err);
void commit_history_close(void);

/*
 * Keep TEXT, JSON, with ENTRY, whose number is set here. On failure it is kept in memory, and ERR
 * says why it is not in the folder.
 */
int commit_history_add(struct commit_entry *entry, const char *text, struct err *err);

/* The N-th newest, from 0 on; NULL past the oldest. */
const struct commit_entry *commit_history_at(size_t n);
/* Its text, to be freed. -ENOENT: there is none; or the file cannot be read. */
int commit_history_text(size_t n, char **text, struct err *err);

#endif
