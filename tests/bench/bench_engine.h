/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the kinds of rows of bench_engine share. A kind is a file bench_engine_KIND.c with one
 * function in the table of bench_engine.c; it measures the rows that bench_wanted() names.
 */

#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/reconcile.h"

#define BENCH_WORKERS_MAX 8

struct bench_options {
	const char *only;          /* a row, or a kind of rows; NULL: all */
	double qber;               /* percent; 0: each kind's own list */
	size_t frames, frame_bits; /* 0: the kind's own choice */
	size_t block;              /* bits of a block; 0: the kind's own choice */
	double rtt_ms, loss;       /* of the classical channel; loss is a share, 0 to 1 */
	bool network;              /* either was asked for */
	unsigned int workers;      /* further cores of an end */
	size_t turns;              /* blocks that take turns; 0: not measured */
	enum reconcile_method method;
	uint64_t seed;
};

/* Whether --only asks for this row: NULL, its name, or the name up to the slash. */
bool bench_wanted(const struct bench_options *o, const char *row);

/* One row; FORMAT and what follows give its other members, as JSON without braces. */
void bench_emit(const char *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the program: a figure that could not be measured is not printed. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds: processor time of this program, and time on the wall. */
double bench_cpu_s(void);
double bench_wall_s(void);

/* Splitmix64 (Steele, Lea and Flood, OOPSLA 2014); not a source of keys. */
static inline uint64_t bench_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Uniform in (0, 1). */
static inline double bench_uniform(uint64_t *state)
{
	return ((double)(bench_random(state) >> 11) + 0.5) * 0x1p-53;
}

/* The binary entropy of Q. */
static inline double bench_entropy(double q)
{
	return q <= 0 || q >= 1 ? 0 : -q * log2(q) - (1 - q) * log2(1 - q);
}

/*
 * A key of BITS random bits for Alice, and Bob's with each bit wrong with probability QBER;
 * returns the number of errors. Both have BITS_WORDS(bits) words.
 */
size_t bench_keys(uint64_t *state, size_t bits, double qber, uint64_t *alice, uint64_t *bob);

/* The middle of N samples (of even N: the lower one), which it sorts. */
double bench_median(double *samples, size_t n);

/*
 * The times of the calls of a block. It is run several times with the same input, and of each call
 * the least time counts, since the others have what the machine did meanwhile in them.
 *
 *     for each run: bench_steps_again(s), then after each call: bench_steps_add(s), or, when what
 *     was done is no call to be timed, bench_steps_skip(s);
 *     bench_steps_end(s, &longest_us, &most_us)
 */
struct bench_steps {
	double *s, since;
	size_t at, count, cap;
	unsigned int runs;
};

#define BENCH_STEPS_RUNS 5

void bench_steps_again(struct bench_steps *s);
/* S may be NULL: nothing is timed. */
void bench_steps_add(struct bench_steps *s);
void bench_steps_skip(struct bench_steps *s);
/* The longest, and what 99.9 % of the calls do not exceed; S is empty then. */
void bench_steps_end(struct bench_steps *s, double *longest_us, double *most_us);

void bench_engine_amplify(const struct bench_options *o);
void bench_engine_authenticate(const struct bench_options *o);
void bench_engine_cascade(const struct bench_options *o);
void bench_engine_ldpc(const struct bench_options *o);
void bench_engine_end_to_end(const struct bench_options *o);
void bench_engine_sift(const struct bench_options *o);

#endif
