/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the key distillation, rows KIND/POINT as JSON.
 *
 *     bench_engine [--only ROW|KIND] [--qber PERCENT] [--frames N] [--frame-bits N]
 *                  [--block BITS] [--rtt MS] [--loss SHARE] [--turns N] [--workers N]
 *                  [--method NAME] [--seed N] [--json FILE]
 *
 * Both parties run in this thread; rates are of processor time, since the machine has other
 * work to do, and the time on the wall is given beside it.
 */

#include "bench_engine.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/cascade.h"

/* Options that a kind of rows may look at. */
enum {
	QBER = 1 << 0,
	FRAMES = 1 << 1,
	FRAME_BITS = 1 << 2,
	BLOCK = 1 << 3,
	RTT = 1 << 4,
	LOSS = 1 << 5,
	WORKERS = 1 << 6,
	METHOD = 1 << 7,
	TURNS = 1 << 8,
};

/* In the order in which they are printed. */
static const struct {
	const char *kind;
	void (*run)(const struct bench_options *o);
	unsigned int uses; /* --qber without --only asks for those that have it */
} kinds[] = {
        {"cascade", bench_engine_cascade, QBER | FRAMES | FRAME_BITS | BLOCK | RTT | LOSS | TURNS},
        {"ldpc", bench_engine_ldpc, QBER | FRAMES | FRAME_BITS | BLOCK},
        {"amplify", bench_engine_amplify, BLOCK},
        {"sift", bench_engine_sift, QBER},
        {"authenticate", bench_engine_authenticate, BLOCK},
        {"end-to-end", bench_engine_end_to_end,
         QBER | FRAME_BITS | BLOCK | RTT | LOSS | WORKERS | METHOD},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static FILE *out;
static const char *separator = "";

bool bench_wanted(const struct bench_options *o, const char *row)
{
	size_t n;

	if (o->only == NULL)
		return true;
	n = strlen(o->only);
	return strncmp(o->only, row, n) == 0 && (row[n] == 0 || row[n] == '/');
}

void bench_emit(const char *row, const char *format, ...)
{
	va_list args;

	fprintf(out, "%s\n  {\"name\": \"%s\", ", separator, row);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fprintf(out, "}");
	fflush(out);
	separator = ",";
}

void bench_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "bench_engine: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_cpu_s(void)
{
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_wall_s(void)
{
	return seconds(CLOCK_MONOTONIC);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), ascending);
	return samples[(n - 1) / 2];
}

static _Noreturn void refuse(const char *option, const char *value, const char *reason)
{
	fprintf(stderr, "bench_engine: --%s %s: %s\n", option, value, reason);
	exit(2);
}

static double real(const char *option, double least, double most, const char *range)
{
	char *end;
	double v = strtod(optarg, &end);

	if (end == optarg || *end != 0 || !(v >= least && v <= most))
		refuse(option, optarg, range);
	return v;
}

static uint64_t whole(const char *option, uint64_t least, uint64_t most, const char *range)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(optarg, &end, 0);
	if (*optarg < '0' || *optarg > '9' || *end != 0 || errno != 0 || v < least || v > most)
		refuse(option, optarg, range);
	return v;
}

static bool of_kind(const char *row, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(row, kind, n) == 0 && (row[n] == 0 || row[n] == '/');
}

/* An option that the row does not look at must not seem to have changed its figures. */
static void say_unused(const char *only, unsigned int given, const struct option *names)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (!of_kind(only, kinds[i].kind))
			continue;
		for (unsigned int o = 0; names[o].name != NULL; o++)
			if (names[o].val < 'A' &&
			    (given & ~kinds[i].uses & 1u << names[o].val) != 0)
				fprintf(stderr, "bench_engine: --%s changes nothing of %s\n",
				        names[o].name, kinds[i].kind);
		return;
	}
	fprintf(stderr,
	        "bench_engine: --only: no row %s; there are cascade, ldpc, amplify, sift, "
	        "authenticate and end-to-end, with / and a point those that have any\n",
	        only);
	exit(2);
}

static void parse(int argc, char **argv, struct bench_options *o, const char **json)
{
	static const struct option names[] = {{"qber", required_argument, NULL, 0},
	                                      {"frames", required_argument, NULL, 1},
	                                      {"frame-bits", required_argument, NULL, 2},
	                                      {"block", required_argument, NULL, 3},
	                                      {"rtt", required_argument, NULL, 4},
	                                      {"loss", required_argument, NULL, 5},
	                                      {"workers", required_argument, NULL, 6},
	                                      {"method", required_argument, NULL, 7},
	                                      {"turns", required_argument, NULL, 8},
	                                      {"only", required_argument, NULL, 'o'},
	                                      {"json", required_argument, NULL, 'j'},
	                                      {"seed", required_argument, NULL, 's'},
	                                      {NULL, 0, NULL, 0}};
	static const char frame_range[] = "is no multiple of 64 from 1024 to 1048576";
	unsigned int given = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c < 'A')
			given |= 1u << c;
		if (c == 'o')
			o->only = optarg;
		else if (c == 'j')
			*json = optarg;
		else if (c == 's')
			o->seed = whole("seed", 0, UINT64_MAX, "is no whole number below 2^64");
		else if (c == 0)
			o->qber = real("qber", 1e-9, 50, "is no percentage above 0, up to 50");
		else if (c == 1)
			o->frames =
			        whole("frames", 1, 1u << 30, "is no whole number from 1 to 2^30");
		else if (c == 2)
			o->frame_bits = whole("frame-bits", CASCADE_FRAME_MIN, CASCADE_FRAME_MAX,
			                      frame_range);
		else if (c == 3)
			o->block = whole("block", 1, UINT32_MAX,
			                 "is no whole number from 1 to 2^32 - 1");
		else if (c == 4)
			o->rtt_ms = real("rtt", 0, 1e6, "is no number of ms from 0 to 10^6");
		else if (c == 5)
			o->loss = real("loss", 0, 0.9, "is no share from 0 to 0.9");
		else if (c == 6)
			o->workers = (unsigned int)whole("workers", 0, BENCH_WORKERS_MAX,
			                                 "is no whole number from 0 to 8");
		else if (c == 7 && reconcile_method_find(optarg, &o->method) < 0)
			refuse("method", optarg, "is not auto, cascade or ldpc");
		else if (c == 8)
			o->turns = whole("turns", 2, 4096, "is no whole number from 2 to 4096");
		else if (c != 7)
			exit(2);
	}
	if (optind < argc) {
		fprintf(stderr, "bench_engine: %s: is no option\n", argv[optind]);
		exit(2);
	}
	if (o->frame_bits % 64 != 0) {
		fprintf(stderr, "bench_engine: --frame-bits %zu: %s\n", o->frame_bits, frame_range);
		exit(2);
	}
	o->network = (given & (RTT | LOSS)) != 0;
	if (o->only != NULL)
		say_unused(o->only, given, names);
}

/* What the figures depend on besides the machine, which scripts/bench describes. */
static void print_build(void)
{
	fprintf(out, "\"compiler\": \"%s %s\", \"flags\": \"%s\", \"cpu\": \"%s%s%s%s%s\", ",
#ifdef __clang__
	        "clang", __clang_version__,
#else
	        "gcc", __VERSION__,
#endif
	        BENCH_FLAGS, __builtin_cpu_supports("pclmul") ? "pclmul" : "",
	        __builtin_cpu_supports("avx2") ? " avx2" : "",
	        __builtin_cpu_supports("bmi2") ? " bmi2" : "",
	        __builtin_cpu_supports("vpclmulqdq") ? " vpclmulqdq" : "",
	        __builtin_cpu_supports("avx512f") ? " avx512f" : "");
}

int main(int argc, char **argv)
{
	struct bench_options o = {.seed = 1};
	const char *json = NULL;
	struct err err;

	parse(argc, argv, &o, &json);
	if (secret_init(64 << 20, &err) < 0) {
		fprintf(stderr, "bench_engine: %s\n", err.text);
		return 1;
	}
	out = json == NULL ? stdout : fopen(json, "w");
	if (out == NULL) {
		fprintf(stderr, "bench_engine: --json %s: %s\n", json, strerror(errno));
		return 2;
	}
	fprintf(out, "{\"bench\": \"engine\", ");
	print_build();
	fprintf(out, "\"rows\": [");
	for (size_t i = 0; i < KINDS; i++) {
		if (o.only == NULL ? o.qber > 0 && (kinds[i].uses & QBER) == 0
		                   : !of_kind(o.only, kinds[i].kind))
			continue;
		kinds[i].run(&o);
	}
	fprintf(out, "\n]}\n");
	if (*separator == 0)
		refuse("only", o.only, "is no point of these rows, --qber apart");
	return fclose(out) == 0 ? 0 : 1;
}
