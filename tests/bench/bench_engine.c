/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the key distillation, rows KIND/POINT as JSON.
 *
 *     bench_engine [--only ROW|KIND] [--qber PERCENT] [--frames N] [--frame-bits N]
 *                  [--block BITS] [--rtt MS] [--loss SHARE] [--workers N] [--seed N]
 *                  [--json FILE]
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

/* In the order in which they are printed. */
static const struct {
	const char *kind;
	void (*run)(const struct bench_options *o);
	bool has_qber; /* --qber without --only asks for these */
} kinds[] = {
        {"cascade", bench_engine_cascade, true},
        {"ldpc", bench_engine_ldpc, true},
        {"amplify", bench_engine_amplify, false},
        {"sift", bench_engine_sift, false},
        {"authenticate", bench_engine_authenticate, false},
        {"end-to-end", bench_engine_end_to_end, true},
};

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

static void parse(int argc, char **argv, struct bench_options *o, const char **json)
{
	static const struct option names[] = {{"only", required_argument, NULL, 'o'},
	                                      {"json", required_argument, NULL, 'j'},
	                                      {"qber", required_argument, NULL, 'q'},
	                                      {"frames", required_argument, NULL, 'f'},
	                                      {"block", required_argument, NULL, 'B'},
	                                      {"frame-bits", required_argument, NULL, 'b'},
	                                      {"rtt", required_argument, NULL, 'r'},
	                                      {"loss", required_argument, NULL, 'l'},
	                                      {"seed", required_argument, NULL, 's'},
	                                      {"workers", required_argument, NULL, 'w'},
	                                      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'o')
			o->only = optarg;
		else if (c == 'j')
			*json = optarg;
		else if (c == 'q')
			o->qber = atof(optarg);
		else if (c == 'f')
			o->frames = strtoul(optarg, NULL, 0);
		else if (c == 'b')
			o->frame_bits = strtoul(optarg, NULL, 0);
		else if (c == 'B')
			o->block = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			o->network = true, o->rtt_ms = atof(optarg);
		else if (c == 'l')
			o->network = true, o->loss = atof(optarg);
		else if (c == 'w')
			o->workers = (unsigned int)strtoul(optarg, NULL, 0);
		else if (c == 's')
			o->seed = strtoull(optarg, NULL, 0);
		else
			exit(2);
	}
	if (o->qber < 0 || o->qber > 50 || o->rtt_ms < 0 || o->loss < 0 || o->loss >= 1 ||
	    (o->frame_bits != 0 &&
	     (o->frame_bits < CASCADE_FRAME_MIN || o->frame_bits > CASCADE_FRAME_MAX ||
	      o->frame_bits % 64 != 0))) {
		fprintf(stderr, "bench_engine: --qber is 0 to 50 (percent), --rtt at least 0 (ms), "
		                "--loss from 0 to below 1, --frame-bits a multiple of 64 from 2^10 "
		                "to 2^20\n");
		exit(2);
	}
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
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].kind);

		if (o.only == NULL ? o.qber > 0 && !kinds[i].has_qber
		                   : strncmp(o.only, kinds[i].kind, n) != 0 ||
		                             (o.only[n] != 0 && o.only[n] != '/'))
			continue;
		kinds[i].run(&o);
	}
	fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : 1;
}
