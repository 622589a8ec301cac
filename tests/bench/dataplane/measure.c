/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/measure.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "common/clock.h"

#define SAMPLES_MIN 31
#define SAMPLES_MAX 65536
#define WARM_UP     5 /* rounds */
#define SETTLE_NS   (250 * NS_PER_MS)
#define PATIENCE_NS (30 * NS_PER_S)

/* Cycles per packet, in the order of their taking. */
struct samples {
	double cycles[SAMPLES_MAX];
	unsigned int n, preempted, incomplete;
};

static long preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static uint64_t sent(const struct measure_body *b)
{
	struct rte_eth_stats stats = {0};

	rte_eth_stats_get(b->out, &stats);
	return stats.opackets;
}

static void sample(const struct measure *m, const struct measure_body *b, struct samples *out)
{
	uint64_t from, to, before = sent(b), want = (uint64_t)m->bursts * MEASURE_BURST;
	long interrupted = preemptions();

	from = rte_rdtsc_precise();
	for (unsigned int i = 0; i < m->bursts; i++)
		b->burst(b->ctx);
	to = rte_rdtsc_precise();
	if (preemptions() != interrupted)
		out->preempted++;
	else if (sent(b) - before != want)
		out->incomplete++;
	else if (out->n < SAMPLES_MAX)
		out->cycles[out->n++] = (double)(to - from) / (double)want;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* One turn of each body, beginning with another one each round. */
static int take_turns(const struct measure *m, unsigned int round, struct samples *s,
                      struct err *err)
{
	for (unsigned int k = 0; k < m->bodies; k++) {
		unsigned int b = (k + round) % m->bodies;

		if (m->prepare != NULL && m->prepare(m->ctx, err) < 0)
			return -EIO;
		for (unsigned int i = 0; i < m->batch; i++)
			sample(m, &m->body[b], &s[b]);
	}
	return 0;
}

static void sum_up(const struct measure *m, struct samples *s, struct measured *out)
{
	unsigned int all = 0, left_out = 0;

	memset(out, 0, sizeof(*out));
	out->samples = UINT32_MAX;
	for (unsigned int b = 0; b < m->bodies; b++) {
		if (s[b].n > 0)
			out->cycles[b] = measure_median(s[b].cycles, s[b].n);
		if (s[b].n < out->samples)
			out->samples = s[b].n;
		left_out += s[b].preempted + s[b].incomplete;
		all += s[b].n + s[b].preempted + s[b].incomplete;
	}
	out->left_out = all == 0 ? 0 : (double)left_out / all;
}

static bool enough(const struct measure *m, const struct samples *s)
{
	for (unsigned int b = 0; b < m->bodies; b++)
		if (s[b].n < SAMPLES_MIN)
			return false;
	return true;
}

int measure_run(const struct measure *m, double seconds, struct measured *out, struct err *err)
{
	struct samples *s = calloc(m->bodies, sizeof(*s));
	uint64_t until = clock_mono_ns() + (uint64_t)(seconds * NS_PER_S), settled = 0;
	unsigned int incomplete = 0;
	int rc = 0;

	if (s == NULL)
		return err_set(err, ENOMEM, "no memory for samples");
	for (unsigned int round = 0; !enough(m, s) || clock_mono_ns() < until; round++) {
		if (m->settle != NULL && clock_mono_ns() - settled > SETTLE_NS) {
			m->settle(m->ctx);
			settled = clock_mono_ns();
		}
		rc = take_turns(m, round, s, err);
		if (rc < 0)
			break;
		if (round == WARM_UP)
			for (unsigned int b = 0; b < m->bodies; b++)
				s[b].n = s[b].preempted = s[b].incomplete = 0;
		if (clock_mono_ns() > until + PATIENCE_NS) {
			for (unsigned int b = 0; b < m->bodies; b++)
				incomplete += s[b].incomplete;
			rc = incomplete > 0 ? err_set(err, EIO, "packets do not come through")
			                    : err_set(err, EBUSY,
			                              "the CPU is too busy: nearly every sample "
			                              "was interrupted");
			break;
		}
	}
	if (rc == 0)
		sum_up(m, s, out);
	free(s);
	return rc;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int measure_rate(const struct measure *m, unsigned int b, double seconds, double *mpps,
                 struct err *err)
{
	const struct measure_body *body = &m->body[b];
	uint64_t from, before, until;

	if (m->settle != NULL)
		m->settle(m->ctx);
	before = sent(body);
	from = cpu_ns();
	until = clock_mono_ns() + (uint64_t)(seconds * NS_PER_S);
	do {
		for (unsigned int i = 0; i < m->bursts; i++)
			body->burst(body->ctx);
	} while (clock_mono_ns() < until);
	*mpps = (double)(sent(body) - before) / (double)(cpu_ns() - from) * 1e3;
	return *mpps > 0 ? 0 : err_set(err, EIO, "packets do not come through");
}
