/* SPDX-License-Identifier: BSD-3-Clause */

/* How long single calls take. */

#include <stdlib.h>

#include "bench_engine.h"

void bench_steps_again(struct bench_steps *s)
{
	s->runs++;
	s->at = 0;
	s->since = bench_cpu_s();
}

void bench_steps_skip(struct bench_steps *s)
{
	if (s != NULL)
		s->since = bench_cpu_s();
}

void bench_steps_add(struct bench_steps *s)
{
	double at, took;

	if (s == NULL)
		return;
	at = bench_cpu_s();
	took = at - s->since;
	if (s->at == s->cap) {
		s->cap = s->cap == 0 ? 4096 : 2 * s->cap;
		s->s = realloc(s->s, s->cap * sizeof(*s->s));
		if (s->s == NULL)
			bench_fail("no memory for the times of calls");
	}
	/* A run has as many calls as the one before. */
	if (s->at == s->count) {
		if (s->runs > 1)
			bench_fail("a block took another course when it was run again");
		s->s[s->count++] = took;
	} else if (took < s->s[s->at]) {
		s->s[s->at] = took;
	}
	s->at++;
	s->since = bench_cpu_s();
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_steps_end(struct bench_steps *s, double *longest_us, double *most_us)
{
	if (s->count == 0)
		bench_fail("no calls were timed");
	qsort(s->s, s->count, sizeof(*s->s), ascending);
	*longest_us = 1e6 * s->s[s->count - 1];
	*most_us = 1e6 * s->s[(size_t)((double)(s->count - 1) * 0.999)];
	free(s->s);
	*s = (struct bench_steps){0};
}
