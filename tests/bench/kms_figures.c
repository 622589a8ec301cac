/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/kms_figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void kms_figures_latency(struct kms_figures *f, uint64_t ns)
{
	uint64_t us = ns / 1000;

	if (f->latencies == f->room) {
		f->room = f->room == 0 ? 1 << 16 : f->room * 2;
		f->latency_us = realloc(f->latency_us, f->room * sizeof(uint32_t));
		if (f->latency_us == NULL) {
			fprintf(stderr, "kms_load: no memory\n");
			exit(1);
		}
	}
	f->latency_us[f->latencies++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double percentile_ms(const struct kms_figures *f, double p)
{
	if (f->latencies == 0)
		return 0;
	return f->latency_us[(size_t)(p * (double)(f->latencies - 1))] / 1000.0;
}

void kms_figures_print(struct kms_figures *f, double seconds)
{
	const char *comma = "";

	if (f->latencies > 0)
		qsort(f->latency_us, f->latencies, sizeof(uint32_t), by_size);
	printf("{\"requests\": %" PRIu64 ", \"seconds\": %.3f, \"per_s\": %.1f, \"p50_ms\": %.3f, "
	       "\"p99_ms\": %.3f, \"max_ms\": %.3f, \"keys\": %" PRIu64 ", \"keys_per_s\": %.1f, "
	       "\"handshakes\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"status\": {",
	       f->answered, seconds, (double)f->answered / seconds, percentile_ms(f, 0.5),
	       percentile_ms(f, 0.99), percentile_ms(f, 1), f->keys, (double)f->keys / seconds,
	       f->handshakes, f->errors);
	for (int i = 0; i < KMS_FIGURES_STATUS; i++) {
		if (f->status[i] == 0)
			continue;
		printf("%s\"%d\": %" PRIu64, comma, i, f->status[i]);
		comma = ", ";
	}
	printf("}}\n");
}
