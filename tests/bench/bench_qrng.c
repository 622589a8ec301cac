/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench qrng: what the health tests of a random source cost, on one core.
 *
 *     lane/KERNEL    all tests of one lane
 *     lanes/N        with the fastest kernel, bytes dealt to N lanes
 *     conditioned    the tests of a lane and SHA-256 of all that passes, at 0.5 bit a bit
 *
 * Figures: gbps, gigabits of raw samples a second of processor time; kernel; buffer_us, time for
 * a buffer of 4096 bytes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/random.h"
#include "common/secret.h"
#include "drivers/qrng.h"
#include "drivers/qrng_lane.h"

#define BYTES   (4u << 20)
#define BUFFER  4096
#define SAMPLES 5

static uint8_t raw[BYTES], out[BUFFER];

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_qrng: %s\n", why);
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void lane_pass(const struct qrng_kernel *kernel)
{
	static struct qrng_lane lane;
	struct qrng_limits limits;
	unsigned int ends;
	char what[96];

	qrng_limits_set(&limits, 0.5, 60);
	qrng_lane_reset(&lane);
	for (size_t i = 0; i < BYTES; i += QRNG_WINDOW_BYTES) {
		memcpy(lane.samples + QRNG_HISTORY, raw + i, QRNG_WINDOW_BYTES);
		if (qrng_lane_window(&lane, &limits, kernel, &ends, what, sizeof(what)) !=
		    QRNG_FAULT_NONE)
			fail(what);
	}
}

static void feed_pass(struct qrng *q, size_t room)
{
	for (size_t i = 0; i < BYTES; i += BUFFER)
		qrng_feed(q, raw + i, BUFFER, 1, out, room);
	if (qrng_state(q) != QRNG_OK)
		fail("a fault of a good source");
}

static void row(const char *name, const struct qrng_kernel *kernel, unsigned int lanes, size_t room)
{
	double best = 1e9, start;
	struct qrng *q = NULL;
	struct err err = {0};

	if (lanes > 0 && qrng_create(0.5, 60, &q, &err) < 0)
		fail(err.text);
	if (q != NULL)
		qrng_begin(q, lanes);
	for (int i = 0; i < SAMPLES; i++) {
		random_bytes(raw, sizeof(raw));
		start = cpu_s();
		if (q == NULL)
			lane_pass(kernel);
		else
			feed_pass(q, room);
		best = cpu_s() - start < best ? cpu_s() - start : best;
	}
	printf("{\"name\": \"%s\", \"kernel\": \"%s\", \"gbps\": %.3f, \"buffer_us\": %.2f}\n",
	       name, kernel->name, 8e-9 * BYTES / best, 1e6 * best * BUFFER / BYTES);
	qrng_destroy(q);
}

int main(int argc, char **argv)
{
	const struct qrng_kernel *avx2 = qrng_kernel_avx2(), *kernel = qrng_kernel_best();
	const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
	struct err err = {0};

	if (argc != 1 && only == NULL) {
		fputs("usage: bench_qrng [--only ROW]\n", stderr);
		return 2;
	}
	if (secret_init(1 << 20, &err) < 0)
		fail(err.text);
#define WANTED(name) (only == NULL || strcmp(only, name) == 0)
	if (WANTED("lane/portable"))
		row("lane/portable", &qrng_kernel_portable, 0, 0);
	if (avx2 != NULL && WANTED("lane/avx2"))
		row("lane/avx2", avx2, 0, 0);
	if (WANTED("lanes/1"))
		row("lanes/1", kernel, 1, 0);
	if (WANTED("lanes/4"))
		row("lanes/4", kernel, 4, 0);
	if (WANTED("conditioned"))
		row("conditioned", kernel, 1, sizeof(out));
	return 0;
}
