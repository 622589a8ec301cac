/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the watch on the fibre has learnt, in a file, so that a restart need not learn it again from
 * whoever may be on the fibre by then. A file of another link, site or light, of another version,
 * that was cut or changed, that others may write, that is of the future or older than
 * WATCH_STORE_DAYS is refused, with the reason.
 */

#ifndef CONTROL_WATCH_STORE_H
#define CONTROL_WATCH_STORE_H

#include <stdint.h>

#include "common/err.h"
#include "drivers/watch/baseline.h"
#include "drivers/watch/loss.h"

#define WATCH_STORE_BASELINES 20
#define WATCH_STORE_DAYS      30

/* Where it is: for a monitor, its name and the values that make sense. */
struct watch_learnt {
	struct watch_learnt_baseline {
		const char *name;
		struct baseline *base;
		double least, most;
	} base[WATCH_STORE_BASELINES];
	unsigned int count;
	struct watch_loss *loss;
};

/*
 * IDENTITY: of what it was learnt, one line; WALL_S: now, of the epoch. In place of the file that
 * was there, at once or not at all, mode 0600.
 */
int watch_store_save(const char *path, const char *identity, const struct watch_learnt *l,
                     uint64_t wall_s, struct err *err);

/*
 * 0 and how old it is, or negative errno and ERR, and nothing is changed: ENOENT there is none,
 * EACCES others may write it, EPROTO another version or no such file, EILSEQ damaged, ESTALE of
 * another link or too old, EINVAL values that make no sense.
 */
int watch_store_load(const char *path, const char *identity, const struct watch_learnt *l,
                     uint64_t wall_s, uint64_t *age_s, struct err *err);

#endif
