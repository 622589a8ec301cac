/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's monitors of decoys: of samples, at both sites, and of blocks, where they are
 * counted; and whether decoys explain what other monitors saw.
 */

#ifndef CONTROL_DECOY_WATCH_H
#define CONTROL_DECOY_WATCH_H

#include "config/config.h"
#include "control/watch_store.h"
#include "dataplane/qkd_role.h"
#include "drivers/watch/decoy.h"
#include "drivers/watch/samples.h"
#include "drivers/watch/verdict.h"

struct decoy_watch {
	struct watch_decoy blocks;
	struct watch_samples samples;
	bool bob;
	/* of the turn before; REFUSED: blocks, for want of decoys */
	uint64_t counted[2], sampled[2], refused;
	double found_s; /* over which the samples told last */
};

void decoy_watch_relearn(struct decoy_watch *w, const struct config *config);
void decoy_watch_clear(struct decoy_watch *w);
void decoy_watch_accept(struct decoy_watch *w);
void decoy_watch_learnt(struct decoy_watch *w, struct watch_learnt *out);

/*
 * The engine's counts SECONDS after those that were seen; where V has somebody wait for the decoys'
 * word, or hear that they are fewer, nothing is learnt of them.
 */
uint32_t decoy_watch_add(struct decoy_watch *w, const struct engine_stats *e,
                         const struct watch_verdict *v, double seconds, uint64_t now_ns);
/* The next ones are to be compared with these. */
void decoy_watch_seen(struct decoy_watch *w, const struct engine_stats *e);

/*
 * Answers what waits for the decoys' word among those that FIRED or stand; of a step of the loss
 * with its LOSS.
 */
void decoy_watch_answer(struct decoy_watch *w, struct watch_verdict *v,
                        const struct watch_loss *loss, uint32_t fired, uint64_t now_ns);

bool decoy_watch_above(const struct decoy_watch *w, enum watch_monitor m);
void decoy_watch_describe(const struct decoy_watch *w, enum watch_monitor m, char *text,
                          size_t size);

#endif
