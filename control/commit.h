/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From one configuration to the next while the gateway runs. A commit is checked whole, then what
 * differs is applied, all of it or nothing; it is in the history then, and in force, but not in the
 * file that the gateway starts with before it is saved. A commit that is to be confirmed is taken
 * back when nobody does in time: who has cut himself off gets in again.
 *
 * What needs a restart is refused, unless that is accepted: then nothing of the commit is applied,
 * and all of it is in the file at once, for the next start.
 *
 * Control thread; time is injected.
 */

#ifndef CONTROL_COMMIT_H
#define CONTROL_COMMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config_doc.h"
#include "control/commit_history.h"

#define COMMIT_CONFIRM_MAX_S 86400

/*
 * TEXT, which is valid and with which the gateway starts, came from FILE. It becomes the newest of
 * the history, unless it is that already.
 */
int commit_start(const char *text, const char *file, uint64_t wall_ns, struct err *err);
void commit_stop(void);

/* NULL before commit_start(). */
const struct config_doc *commit_running(void);
/* The running one, or the one that waits for the next start. */
const struct config_doc *commit_newest(void);
/* The file that the gateway was started with; NULL as above. */
const char *commit_file(void);

struct commit_request {
	uid_t uid;
	const char *comment; /* NULL: none */
	uint64_t confirm_s;  /* 0: holds at once */
	bool restart_accepted;
};

struct commit_result {
	uint64_t commit; /* its number in the history; 0: nothing differed */
	bool restart;    /* it waits for the next start */
	char warning[256];
};

/* -EINVAL, -ENOENT, -EPERM (a restart), or what applying it gave; nothing has changed then. */
int commit_document(const struct config_doc *doc, const struct commit_request *request,
                    uint64_t mono_ns, uint64_t wall_ns, struct commit_result *out, struct err *err);

/* -ENOENT: no commit waits for it. */
int commit_confirm(struct err *err);
/* The newest into the file. -EBUSY: a commit is to be confirmed before. */
int commit_save(struct err *err);

/* A few times a second: takes back what nobody confirmed in time. */
void commit_poll(uint64_t mono_ns, uint64_t wall_ns);

struct commit_state {
	uint64_t unconfirmed; /* number of the commit that is to be confirmed; 0: none */
	uint64_t confirm_left_s;
	bool restart; /* a commit waits for the next start */
	bool saved;   /* the newest is what was last read from, or written to, the file */
};
void commit_state_read(uint64_t mono_ns, struct commit_state *out);

#endif
