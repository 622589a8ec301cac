/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "tests/bench/attacks/fibre.h"
#include "tests/bench/attacks/random.h"
#include "tests/bench/attacks/site.h"

#define AFTER_S 10  /* watched on after the first alarm */
#define OTDR_S  145 /* traces of a fibre that was touched: two at least */
/* Seeds of the same trial that shall not be the same dice. */
#define OF_ORDER(seed, t) (OF_LINK(seed, t) ^ 0x6f72646572ULL << 20)
#define OF_LINK(seed, t)  ((seed)*1000003 + (t))
#define OF_TRIAL(seed, t) (OF_LINK(seed, t) ^ 0x747269616cULL << 20)
#define OF_FIBRE(seed, t) (OF_LINK(seed, t) ^ 0x6669627265ULL << 20)

/* All of one process. */
static struct {
	struct attacked_link link;
	struct fibre_otdr otdr;
	struct config config[SITES];
	const char *engine_alarm;
} all;

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(1);
}

static void engine_alarms(void)
{
	const char *now = blocks_alarm(&all.link.blocks);

	if (all.engine_alarm != NULL && (now == NULL || strcmp(now, all.engine_alarm) != 0))
		alarm_clear(all.engine_alarm, "engine", "");
	if (now != NULL)
		alarm_raise(now, "engine", ALARM_MAJOR, "");
	all.engine_alarm = now;
	if (link_is_dark(&all.link))
		alarm_raise("no-light", "engine", ALARM_MAJOR, "");
	else
		alarm_clear("no-light", "engine", "");
}

static void turn(void)
{
	static const struct site_watch *const watch[SITES] = {&site_a_watch, &site_b_watch};
	static struct optics_monitor_counts counts;
	struct attacked_link *l = &all.link;
	struct card_monitor record;
	struct qkd_role_status s;
	bool held = false;

	link_turn(l);
	noted_alarms.now_ns = l->now_ns;
	for (unsigned int i = 0; i < SITES; i++) {
		while (optics_monitor_take(l->monitor[i], &record))
			watch[i]->card(&record);
		optics_monitor_counts(l->monitor[i], &counts);
		watch[i]->counts(&counts, LINK_TURN_S);
		link_status(l, i, &s);
		watch[i]->poll(&s, i == SITE_B ? l->power : 0, l->now_ns);
		held |= watch[i]->holds();
	}
	blocks_hold(&l->blocks, held, l->now_ns);
	engine_alarms();
	fibre_otdr_poll(&all.otdr, &l->sim.fibre, l->now_ns);
}

static void configure(enum config_site site, const struct link_params *p, struct config *c)
{
	memset(c, 0, sizeof(*c));
	c->site = site;
	snprintf(c->link, sizeof(c->link), "%s", site == CONFIG_SITE_A ? "a" : "b");
	c->qkd.mu1 = p->source.mu[0];
	c->qkd.mu2 = p->source.mu[1];
	c->qkd.p_mu1 = p->source.p[0];
	c->qkd.p_z = p->p_z;
	c->qkd.holdoff_ns = (uint32_t)p->holdoff_ns;
}

static void learn(const struct trial_params *p, unsigned int t)
{
	link_open(&all.link, &p->link, OF_LINK(p->seed, t));
	fibre_otdr_init(&all.otdr, &all.link.sim.fibre_laid, 0, OF_FIBRE(p->seed, t));
	fibre_otdr_begin(&all.otdr, all.link.now_ns, OF_FIBRE(p->seed, t) + 1);
	configure(CONFIG_SITE_A, &p->link, &all.config[SITE_A]);
	configure(CONFIG_SITE_B, &p->link, &all.config[SITE_B]);
	site_a_watch.start(&all.config[SITE_A]);
	site_b_watch.start(&all.config[SITE_B]);
	while ((double)(all.link.now_ns - all.link.start_ns) < p->learn_s * NS_PER_S)
		turn();
}

static void free_all(void)
{
	fibre_otdr_free(&all.otdr);
	link_close(&all.link);
}

static void take_alarms(struct trial *out, uint64_t from_ns)
{
	const struct noted_alarms *n = &noted_alarms;

	for (unsigned int i = 0; i < n->count && i < sizeof(out->alarm) / sizeof(out->alarm[0]);
	     i++) {
		memcpy(out->alarm[i].kind, n->list[i].kind, ALARMS_NAME);
		out->alarm[i].time_s = (double)(n->list[i].first_ns - from_ns) / NS_PER_S;
		out->alarms = i + 1;
	}
}

static bool touches_fibre(const struct attack *attack)
{
	struct otdr_point point[ATTACK_POINTS];

	return attack_fibre(attack, all.link.params.optics.distance_km, point) > 0;
}

/* After what clicks tell: the OTDR's traces up to then, without light. */
static void more_traces(uint64_t until_ns)
{
	struct attacked_link *l = &all.link;

	for (; l->now_ns < until_ns; l->now_ns += LINK_TURN_NS) {
		noted_alarms.now_ns = l->now_ns;
		fibre_otdr_poll(&all.otdr, &l->sim.fibre, l->now_ns);
	}
}

static void attacked(const struct trial_params *p, const struct attack *attack, uint64_t seed,
                     struct trial *out)
{
	struct attacked_link *l = &all.link;
	uint64_t from = l->now_ns, until;

	memset(out, 0, sizeof(*out));
	noted_alarms_begin();
	link_attack(l, attack, seed);
	fibre_otdr_begin(&all.otdr, from, seed + 1);
	until = from + (uint64_t)(p->trial_s * NS_PER_S);
	while (l->now_ns < until) {
		turn();
		if (out->found || noted_alarms.count == 0)
			continue;
		out->found = true;
		out->time_s = (double)(l->now_ns - from) / NS_PER_S;
		memcpy(out->bits, l->disturbed, sizeof(out->bits));
		out->released = l->blocks.released_attacked_bits;
		out->blocks = l->blocks.released_blocks;
		until = l->now_ns + AFTER_S * NS_PER_S;
	}
	if (!out->found) {
		out->time_s = p->trial_s;
		memcpy(out->bits, l->disturbed, sizeof(out->bits));
		out->released = l->blocks.released_attacked_bits;
	}
	out->after = l->blocks.released_attacked_bits - out->released;
	out->void_blocks = l->blocks.void_attacked_blocks;
	if (touches_fibre(attack))
		more_traces(from + OTDR_S * NS_PER_S);
	out->held = l->blocks.held || monitor_blocks_key(&l->blocks.monitor);
	take_alarms(out, from);
}

/* A process that makes SIZE bytes, for OUT. */
struct child {
	int fd;
	pid_t pid;
	uint8_t *out;
	size_t size;
};

static struct child begin(void (*do_it)(void *ctx, void *out), void *ctx, void *out, size_t size)
{
	uint8_t *to = out;
	int fds[2];
	pid_t pid;

	fflush(NULL);
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		fail("no process for a trial");
	if (pid > 0) {
		close(fds[1]);
		return (struct child){fds[0], pid, out, size};
	}
	close(fds[0]);
	do_it(ctx, out);
	while (size > 0) {
		ssize_t n = write(fds[1], to, size);

		if (n <= 0)
			_exit(1);
		to += n;
		size -= (size_t)n;
	}
	_exit(0);
}

static void end(struct child *c)
{
	int status;

	while (c->size > 0) {
		ssize_t n = read(c->fd, c->out, c->size);

		if (n <= 0)
			break;
		c->out += n;
		c->size -= (size_t)n;
	}
	close(c->fd);
	if (waitpid(c->pid, &status, 0) < 0 || status != 0 || c->size > 0)
		fail("a trial ended without a result");
}

static void in_child(void (*do_it)(void *ctx, void *out), void *ctx, void *out, size_t size)
{
	struct child c = begin(do_it, ctx, out, size);

	end(&c);
}

struct one {
	const struct trial_params *p;
	const struct attack *attack;
	uint64_t seed;
};

static void one_trial(void *ctx, void *out)
{
	const struct one *o = ctx;

	attacked(o->p, o->attack, o->seed, out);
}

struct many {
	const struct trial_params *p;
	unsigned int t, n;
	const struct cell *cells;
	const unsigned int *order;
};

static bool is_random(const struct attack *a)
{
	return a->kind == ATTACK_QRNG_STUCK || a->kind == ATTACK_QRNG_BIASED ||
	       a->kind == ATTACK_QRNG_PERIODIC;
}

/* FNV-1a: a row's dice are its own, whichever other rows there are. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3ULL;
	return h;
}

static void link_trials(void *ctx, void *out)
{
	const struct many *m = ctx;
	struct trial *trials = out;
	bool learnt = false;

	for (unsigned int i = 0; i < m->n; i++) {
		const struct cell *cell = &m->cells[m->order[i]];
		const struct attack *attack = &cell->attack;
		struct one one = {m->p, attack, OF_TRIAL(m->p->seed, m->t) ^ hash(cell->text)};

		if (is_random(attack)) {
			random_trial(attack, &m->p->link, one.seed, &trials[m->order[i]]);
			continue;
		}
		if (!learnt)
			learn(m->p, m->t);
		learnt = true;
		in_child(one_trial, &one, &trials[m->order[i]], sizeof(*trials));
	}
	if (learnt)
		free_all();
}

/* Where the trials of a link have their order. */
static void shuffle(const struct trial_params *p, unsigned int t, unsigned int n,
                    unsigned int *order)
{
	struct rng rng;

	rng_init_seed(&rng, OF_ORDER(p->seed, t));
	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = (unsigned int)(rng_uniform(&rng) * (i + 1));

		order[i] = order[k];
		order[k] = i;
	}
}

void trial_links(const struct trial_params *p, unsigned int trials, const struct cell *cells,
                 unsigned int n, struct trial *out)
{
	struct child child[PARALLEL_MAX];
	unsigned int order[PLAN_CELLS], begun = 0;

	for (unsigned int ended = 0; ended < trials; ended++) {
		for (; begun < trials && begun < ended + p->parallel; begun++) {
			struct many m = {p, begun, n, cells, order};

			shuffle(p, begun, n, order);
			child[begun % p->parallel] =
			        begin(link_trials, &m, &out[begun * n], n * sizeof(*out));
		}
		end(&child[ended % p->parallel]);
		fprintf(stderr, "link %u of %u\n", ended + 1, trials);
	}
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
	struct attacked_link *l = &all.link;
	struct engine_stats before;
	uint64_t from, clicks, traces;
	double begun;

	memset(out, 0, sizeof(*out));
	learn(h->p, h->t);
	out->learning_alarms = noted_alarms.count;
	out->hours = h->hours;
	noted_alarms_begin();
	count_both(-1, out);
	blocks_mark(&l->blocks);
	from = l->now_ns;
	before = l->engine;
	clicks = l->sim.truth.clicks;
	traces = all.otdr.otdr.traces;
	begun = cpu_s();
	for (unsigned int hour = 1; (double)(l->now_ns - from) < h->hours * 3600 * NS_PER_S;) {
		turn();
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
	out->traces = all.otdr.otdr.traces - traces;
	out->cells = out->traces * all.otdr.otdr.baseline.cells;
	out->key_bits = l->blocks.released_bits;
	out->blocks = l->blocks.released_blocks;
	out->void_blocks = l->blocks.void_blocks;
	out->no_key_blocks = l->blocks.no_key_blocks;
	out->alarms = noted_alarms;
	count_both(1, out);
	free_all();
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

void trial_honest(const struct trial_params *p, double hours, struct honest *out)
{
	static struct honest each[PARALLEL_MAX];
	struct child child[PARALLEL_MAX];

	memset(out, 0, sizeof(*out));
	for (unsigned int t = 0; t < p->parallel; t++) {
		struct hours h = {p, hours / p->parallel, t};

		child[t] = begin(honest_hours, &h, &each[t], sizeof(each[t]));
	}
	for (unsigned int t = 0; t < p->parallel; t++) {
		end(&child[t]);
		add_honest(out, &each[t]);
	}
}
