/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Error monitoring per basis from the disclosed outcomes. A cumulative-sum test (Page,
 * Biometrika 41, 1954) of the error rates 0.6 q against 1.6 q, q the alarm threshold, detects a
 * change as soon as the evidence is there: its sum drifts up above about q, down below. The
 * decision threshold of 32 nats gives at most one false alarm in e^32 = 8x10^13 outcomes at a
 * true rate of 0.6 q or less (70 years at 3.5x10^4 outcomes a second), while intercept-resend
 * of every pulse is found within 160 outcomes at 25 % and 70 at 50 % on average.
 *
 * Outcomes come in two sequences, each in the order of the light and each with a test of its own:
 * those of samples, at once, and those of blocks, when all their light is through. Since when a
 * sum that crosses has not been zero is the likeliest begin of the change (Page 1954), and what
 * light is suspect follows from it.
 *
 * The first crossing makes the light suspect at once; which alarm it is, is said after a
 * short settling, when both bases' rates are known.
 */

#ifndef QKD_ENGINE_MONITOR_H
#define QKD_ENGINE_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

/* Disclosed outcomes that matched and errors among them; index 0: Z, 1: X. */
struct monitor_counts {
	uint32_t n[2], e[2];
};

#define MONITOR_Z 1
#define MONITOR_X 2

#define MONITOR_BUCKETS 10 /* of 100 ms */

enum monitor_sequence { MONITOR_SAMPLES, MONITOR_BLOCKS, MONITOR_SEQUENCES };

/* A moment of the light: outcomes of each sequence and basis that came before. */
struct monitor_mark {
	uint64_t n[MONITOR_SEQUENCES][2];
};

struct monitor {
	double qber_alarm;
	double step_error, step_right; /* log-likelihood ratios of one outcome */
	double sum[MONITOR_SEQUENCES][2];
	struct monitor_mark seen;        /* so far */
	struct monitor_mark quiet, anew; /* when the sums were zero last; when they were reset */
	uint32_t find_one, find_both;    /* monitor_found_since() */
	unsigned int crossed;            /* MONITOR_*, since the light became suspect */
	enum { MONITOR_CLEAN, MONITOR_SETTLING, MONITOR_ALARM } state;
	unsigned int kind;      /* MONITOR_*: bases of the alarm */
	unsigned int next_kind; /* what the last window showed, when it differs from kind */
	uint64_t window_ns;     /* start of the window under way */
	uint64_t clean_ns;      /* start of the clean windows before it; 0: none */
	struct monitor_counts window;
	struct monitor_counts lost; /* outcomes of the check for lost alignment */
	bool verified;              /* that check passed since the reset */
	double rate[2];             /* of the window that was judged last */
	uint32_t judged[2];         /* outcomes in it */
	/* figures of the last second */
	struct monitor_counts bucket[MONITOR_BUCKETS];
	uint64_t bucket_index;
};

enum monitor_event {
	MONITOR_NOTHING,
	MONITOR_SUSPECT, /* a first crossing: what was sifted lately is void */
	MONITOR_LOST,    /* 40 % or more in both bases: slots are not aligned */
	MONITOR_RAISED,  /* kind, rate and judged hold the alarm; also when its kind changes */
	MONITOR_CLEARED,
};

void monitor_init(struct monitor *m, double qber_alarm);

/* A new threshold; evidence gathered so far is dropped. */
void monitor_threshold(struct monitor *m, double qber_alarm);

/*
 * Alignment was lost or found: outcomes seen so far say nothing about the coming ones. An
 * alarm stays until clean windows clear it; one that is settling is dropped.
 */
void monitor_reset(struct monitor *m);

/* Take outcomes that are the next of their sequence. */
enum monitor_event monitor_add(struct monitor *m, enum monitor_sequence s,
                               const struct monitor_counts *c, uint64_t now_ns);

/*
 * Whether intercept-resend of every pulse that had begun before MARK and went on would have been
 * found by now but for a probability of 10^-4, in whichever basis Eve measures: half of the other
 * one's outcomes err then; or a quarter of both, when she draws it. Never so where the threshold is
 * above what such an attack shows.
 */
bool monitor_found_since(const struct monitor *m, const struct monitor_mark *mark);

/*
 * A sum is above the decision threshold, and what it shows may have begun before MARK: but for a
 * probability of 2x10^-4 where a quarter of the outcomes errs, less where more do.
 */
bool monitor_suspects(const struct monitor *m, const struct monitor_mark *mark);

/* No block may become key: suspect or alarmed. */
static inline bool monitor_blocks_key(const struct monitor *m)
{
	return m->state != MONITOR_CLEAN;
}

/* Error rate of the last second; BASIS 0: Z, 1: X. */
double monitor_qber(const struct monitor *m, unsigned int basis, uint64_t now_ns);

#endif
