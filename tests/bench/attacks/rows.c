/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/attacks/interval.h"

static struct {
	const struct cell *cell;
	unsigned int cells, trials;
	const struct trial *results; /* by trial, then by cell */
} table;

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

/* Rows are apart by a comma. */
void rows_begin(void)
{
	static bool more;

	printf(more ? ",\n" : "\n");
	more = true;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread {
	double list[TRIALS_MAX];
	unsigned int n;
};

static void add(struct spread *s, double x)
{
	s->list[s->n++] = x;
}

static void print_spread(const char *name, const char *unit, struct spread *s)
{
	if (s->n == 0) {
		printf(",\"%s%s\":null,\"worst_%s%s\":null", name, unit, name, unit);
		return;
	}
	qsort(s->list, s->n, sizeof(s->list[0]), ascending);
	printf(",\"%s%s\":%.4g,\"worst_%s%s\":%.4g", name, unit, s->list[(s->n - 1) / 2], name,
	       unit, s->list[s->n - 1]);
}

/* Compared bits of the basis that the first alarm speaks of, else of the one with more. */
static double bits_of(const struct trial *t)
{
	const char *kind = t->alarm[0].kind;
	size_t n = strlen(kind);
	uint64_t most = t->bits[0] > t->bits[1] ? t->bits[0] : t->bits[1];

	if (n > 2 && strcmp(kind + n - 2, "-z") == 0)
		return (double)t->bits[0];
	return n > 2 && strcmp(kind + n - 2, "-x") == 0 ? (double)t->bits[1] : (double)most;
}

static const struct trial *result(unsigned int trial, unsigned int cell)
{
	return &table.results[trial * table.cells + cell];
}

struct raised {
	char kind[ALARMS_NAME];
	unsigned int first; /* trials in which it was the first */
	struct spread times;
};

/* Every kind of alarm in any of the trials, the most frequent first. */
static unsigned int collect(unsigned int cell, struct raised *list, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int t = 0; t < table.trials; t++)
		for (unsigned int a = 0; a < result(t, cell)->alarms; a++) {
			const char *kind = result(t, cell)->alarm[a].kind;
			unsigned int i = 0;

			while (i < n && strcmp(list[i].kind, kind) != 0)
				i++;
			if (i == max)
				fail("more kinds of alarms than there is room for");
			if (i == n) {
				memcpy(list[i].kind, kind, ALARMS_NAME);
				list[i].first = list[i].times.n = 0;
				n++;
			}
			list[i].first += a == 0;
			add(&list[i].times, result(t, cell)->alarm[a].time_s);
		}
	return n;
}

static void print_alarms(unsigned int cell)
{
	static struct raised list[ALARMS_MAX];
	unsigned int n = collect(cell, list, ALARMS_MAX), most = 0;

	if (n == 0) {
		printf(",\"alarm\":null,\"alarms\":[]");
		return;
	}
	for (unsigned int i = 1; i < n; i++)
		if (list[i].first > list[most].first)
			most = i;
	printf(",\"alarm\":\"%s\",\"alarms\":[", list[most].kind);
	for (unsigned int i = 0; i < n; i++) {
		printf("%s{\"kind\":\"%s\",\"trials\":%u,\"first\":%u", i > 0 ? "," : "",
		       list[i].kind, list[i].times.n, list[i].first);
		print_spread("time", "_s", &list[i].times);
		printf(",\"right\":%s}",
		       plan_right(table.cell[cell].attack.kind, list[i].kind) ? "true" : "false");
	}
	printf("]");
}

static void print_cell(unsigned int cell)
{
	static struct spread times, bits, released, exposed;
	const struct cell *c = &table.cell[cell];
	unsigned int found = 0, right = 0, held = 0, voided = 0;
	bool random = c->attack.kind == ATTACK_QRNG_STUCK || c->attack.kind == ATTACK_QRNG_BIASED ||
	              c->attack.kind == ATTACK_QRNG_PERIODIC;
	double low, high, after = 0;

	times.n = bits.n = released.n = exposed.n = 0;
	for (unsigned int t = 0; t < table.trials; t++) {
		const struct trial *r = result(t, cell);

		add(&released, (double)r->released);
		add(&exposed, 1e3 * r->exposed_s);
		after += (double)r->after / table.trials;
		voided += r->void_blocks > 0;
		if (!r->found)
			continue;
		found++;
		held += r->held;
		right += plan_right(c->attack.kind, r->alarm[0].kind);
		add(&times, r->time_s);
		add(&bits, bits_of(r));
	}
	interval_95(found, table.trials, &low, &high);
	rows_begin();
	printf("{\"name\":\"%s\",\"detected\":%.4g,\"at_least\":%.3f,\"at_most\":%.3f,"
	       "\"trials\":%u",
	       c->name, (double)found / table.trials, low, high, table.trials);
	print_spread("time", "_s", &times);
	print_spread("compared", "_bits", &bits);
	if (found > 0)
		printf(",\"right\":%.4g,\"held\":%.4g", (double)right / found,
		       (double)held / found);
	else
		printf(",\"right\":null,\"held\":null");
	if (random)
		print_spread("exposed", "_ms", &exposed);
	else {
		print_spread("released", "_bits", &released);
		printf(",\"released_after_bits\":%.4g,\"void\":%.4g", after,
		       (double)voided / table.trials);
	}
	print_alarms(cell);
	if (c->within != NULL)
		printf(",\"asked\":\"%s\"}", c->within);
	else
		printf(",\"asked\":null}");
}

void rows_attacks(const struct cell *cells, unsigned int n, unsigned int trials,
                  const struct trial *results)
{
	table.cell = cells;
	table.cells = n;
	table.trials = trials;
	table.results = results;
	for (unsigned int i = 0; i < n; i++)
		print_cell(i);
}
