/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/honest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/bench/attacks/child.h"
#include "tests/bench/attacks/site.h"

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Adds SIGN times what the monitors of a site counted so far. */
static void count_crossings(const struct site_watch *w, int sign, struct honest *out)
{
	json_t *o = w->json(), *m;
	size_t i;

	json_array_foreach (json_object_get(o, "monitors"), i, m) {
		if (i == HONEST_MONITORS)
			fail("more monitors than there is room for");
		snprintf(out->monitor[i].name, sizeof(out->monitor[i].name), "%s",
		         json_string_value(json_object_get(m, "monitor")));
		out->monitor[i].crossings +=
		        (uint64_t)(sign * json_integer_value(json_object_get(m, "crossings")));
		out->monitors = (unsigned int)i + 1;
	}
	json_decref(o);
}

static void count_both(int sign, struct honest *out)
{
	count_crossings(&site_a_watch, sign, out);
	count_crossings(&site_b_watch, sign, out);
}

struct hours {
	const struct trial_params *p;
	double hours;
	unsigned int t;
};

static void honest_hours(void *ctx, void *result)
{
	const struct hours *h = ctx;
	struct honest *out = result;
	struct attacked_link *l = &rig.link;
	struct engine_stats before;
	uint64_t from, clicks, traces;
	double begun;

	memset(out, 0, sizeof(*out));
	rig_learn(h->p, h->t);
	out->learning_alarms = noted_alarms.count;
	out->hours = h->hours;
	noted_alarms_begin();
	count_both(-1, out);
	blocks_mark(&l->blocks);
	from = l->now_ns;
	before = l->engine;
	clicks = l->sim.truth.clicks;
	traces = rig.otdr.otdr.traces;
	begun = cpu_s();
	for (unsigned int hour = 1; (double)(l->now_ns - from) < h->hours * 3600 * NS_PER_S;) {
		rig_turn();
		if ((double)(l->now_ns - from) < hour * 3600.0 * NS_PER_S)
			continue;
		fprintf(stderr,
		        "honest, link %u: %u h, %u kinds of alarms, %.0f s of processor time\n",
		        h->t + 1, hour++, noted_alarms.count, cpu_s() - begun);
	}
	out->cpu_s = cpu_s() - begun;
	out->clicks = l->sim.truth.clicks - clicks;
	out->compared[0] = l->engine.sampled_z - before.sampled_z;
	out->compared[1] = l->engine.sifted_x - before.sifted_x;
	out->traces = rig.otdr.otdr.traces - traces;
	out->cells = out->traces * rig.otdr.otdr.baseline.cells;
	out->key_bits = l->blocks.released_bits;
	out->blocks = l->blocks.released_blocks;
	out->void_blocks = l->blocks.void_blocks;
	out->no_key_blocks = l->blocks.no_key_blocks;
	out->alarms = noted_alarms;
	count_both(1, out);
	rig_free();
}

/* Two links' hours together. */
static void add_honest(struct honest *sum, const struct honest *h)
{
	sum->links++;
	sum->hours += h->hours;
	sum->cpu_s += h->cpu_s;
	sum->clicks += h->clicks;
	sum->compared[0] += h->compared[0];
	sum->compared[1] += h->compared[1];
	sum->traces += h->traces;
	sum->cells += h->cells;
	sum->key_bits += h->key_bits;
	sum->blocks += h->blocks;
	sum->void_blocks += h->void_blocks;
	sum->no_key_blocks += h->no_key_blocks;
	sum->learning_alarms += h->learning_alarms;
	for (unsigned int i = 0; i < h->alarms.count; i++)
		noted_alarms_add(&sum->alarms, h->alarms.list[i].kind, h->alarms.list[i].times);
	sum->monitors = h->monitors;
	for (unsigned int i = 0; i < h->monitors; i++) {
		memcpy(sum->monitor[i].name, h->monitor[i].name, ALARMS_NAME);
		sum->monitor[i].crossings += h->monitor[i].crossings;
	}
}

void honest_run(const struct trial_params *p, double hours, struct honest *out)
{
	static struct honest each[PARALLEL_MAX];
	struct child child[PARALLEL_MAX];

	memset(out, 0, sizeof(*out));
	for (unsigned int t = 0; t < p->parallel; t++) {
		struct hours h = {p, hours / p->parallel, t};

		child[t] = child_begin(honest_hours, &h, &each[t], sizeof(each[t]));
	}
	for (unsigned int t = 0; t < p->parallel; t++) {
		child_end(&child[t]);
		add_honest(out, &each[t]);
	}
}
