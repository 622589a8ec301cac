/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/decoy_watch.h"

#include <stdio.h>

/* All decoys together are less of the clicks: by their lack no more can be lost. */
#define MOST_DB 1.0
#define CUSUM_S 30.0 /* that a sum which crossed is described by */

void decoy_watch_relearn(struct decoy_watch *w, const struct config *config)
{
	double mu = config->qkd.mu1, nu = config->qkd.mu2, p_mu = config->qkd.p_mu1;

	w->bob = config->site == CONFIG_SITE_B;
	watch_decoy_init(&w->blocks, mu, nu, p_mu, 1 - p_mu);
	watch_samples_init(&w->samples, mu, nu, p_mu, 1 - p_mu);
	w->found_s = CUSUM_S;
}

void decoy_watch_clear(struct decoy_watch *w)
{
	cusum_init(&w->blocks.few, w->blocks.few.nats);
	watch_samples_clear(&w->samples);
}

void decoy_watch_accept(struct decoy_watch *w)
{
	watch_samples_accept(&w->samples);
}

void decoy_watch_learnt(struct decoy_watch *w, struct watch_learnt *out)
{
	out->base[out->count++] =
	        (struct watch_learnt_baseline){"decoys_log", &w->samples.base, -30, 0};
}

uint32_t decoy_watch_add(struct decoy_watch *w, const struct engine_stats *e,
                         const struct watch_verdict *v, double seconds, uint64_t now_ns)
{
	bool doubt = (watch_verdict_asks(v, v->stand, now_ns) | v->fewer) != 0;
	uint32_t over = watch_decoy_add(&w->blocks, e->counted[0] - w->counted[0],
	                                e->counted[1] - w->counted[1]);

	/* A block's own test finds less than the sum is for, and has an alarm, too. */
	if (w->bob && e->aborts[ABORT_DECOYS] > w->refused)
		over |= 1u << WATCH_DECOY;
	return over | watch_samples_add(&w->samples, e->sampled_signal - w->sampled[0],
	                                e->sampled_decoy - w->sampled[1], seconds, doubt);
}

void decoy_watch_seen(struct decoy_watch *w, const struct engine_stats *e)
{
	w->counted[0] = e->counted[0];
	w->counted[1] = e->counted[1];
	w->sampled[0] = e->sampled_signal;
	w->sampled[1] = e->sampled_decoy;
	w->refused = e->aborts[ABORT_DECOYS];
}

static enum watch_samples_word say(struct decoy_watch *w, enum watch_monitor m,
                                   const struct watch_loss *loss, double seconds)
{
	const struct watch_loss_step *step = m == WATCH_GAIN ? &loss->gain : &loss->loss;
	enum watch_samples_word word;

	if (m != WATCH_DOUBLES_MANY) {
		if (step->db < -MOST_DB || step->db > MOST_DB)
			return WATCH_SAMPLES_SAME;
		/* The step is not older than what found it. */
		seconds += step->width * WATCH_LOSS_WINDOW_S;
	}
	word = watch_samples_say(&w->samples, seconds, loss->gain.over);
	if (word == WATCH_SAMPLES_FEWER)
		w->found_s = seconds;
	/* Weak splitting takes as long as it may wait. */
	return m == WATCH_DOUBLES_MANY && word == WATCH_SAMPLES_SAME ? WATCH_SAMPLES_UNSETTLED
	                                                             : word;
}

void decoy_watch_answer(struct decoy_watch *w, struct watch_verdict *v,
                        const struct watch_loss *loss, uint32_t fired, uint64_t now_ns)
{
	uint32_t asks = watch_verdict_asks(v, fired | v->stand, now_ns);

	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		enum watch_samples_word word;

		if (!(asks >> m & 1))
			continue;
		word = say(w, (enum watch_monitor)m, loss,
		           watch_verdict_since_s(v, (enum watch_monitor)m, now_ns));
		if (word != WATCH_SAMPLES_UNSETTLED)
			watch_verdict_answer(v, (enum watch_monitor)m, word == WATCH_SAMPLES_FEWER);
	}
}

bool decoy_watch_above(const struct decoy_watch *w, enum watch_monitor m)
{
	return m == WATCH_DECOY ? w->blocks.few.over : w->samples.few.over;
}

void decoy_watch_describe(const struct decoy_watch *w, enum watch_monitor m, char *text,
                          size_t size)
{
	const struct watch_samples *s = &w->samples;
	uint64_t n, k;

	if (m == WATCH_DECOY) {
		snprintf(text, size,
		         "decoys are %.2f %% of the detections, at least %.2f %% on any honest "
		         "fibre",
		         100 * w->blocks.share, 100 * w->blocks.p0);
		return;
	}
	watch_samples_recent(s, s->few.over ? CUSUM_S : w->found_s, &n, &k);
	snprintf(text, size,
	         "decoys are %.2f %% of the last %llu samples, at least %.2f %% on any honest "
	         "fibre",
	         n > 0 ? 100 * (double)k / (double)n : 0, (unsigned long long)n, 100 * s->p0);
}
