/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench attacks [--hours H] [--seed N] [--trials N] [--attack "NAME=NUMBERS"] [--only ROW]
 *
 * How soon the gateway's monitors find each eavesdropper of the device model, and how often they
 * cry wolf: clicks of the model on a link that drifts, counted as card and engine count them, into
 * the monitors of drivers/watch/. The attacks are those of the model's table, in shuffled order;
 * what counts the clicks and watches them is told neither name nor strength.
 *
 *     ATTACK/NUMBERS   detected: share of the trials that a monitor found within 90 s; time_s and
 *                      compared_bits (of the basis with more errors) until then, medians of those
 *                      found; alarm: the kind raised most often
 *     honest           false_alarms in so many hours of the link, and what they were
 *
 * Where the attack shows on the cards' other monitors alone (light sent into Alice, photocurrent,
 * a new event on the OTDR's trace), clicks do not tell of it: detected is 0.
 */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card_regs.h"
#include "drivers/model/clicks.h"
#include "drivers/watch/decoy.h"
#include "drivers/watch/doubles.h"
#include "drivers/watch/errors.h"
#include "drivers/watch/loss.h"
#include "drivers/watch/monitors.h"
#include "drivers/watch/phase.h"

#define USAGE       2
#define TICK_S      0.1
#define LEARN_S     700
#define TRIAL_S     90
#define HOLDOFF_NS  10000.0
#define SAMPLE      64      /* of so many outcomes in Z one is compared, as by default */
#define BLOCK       1000000 /* detections that are counted at a time */
#define ROWS_MAX    64
#define TRIALS_MAX  1000
#define NUMBERS_MAX 48

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.7, .p_z = 0.8};

/* Of attacks that the table of requirements names; others get numbers that they take.
 */
static const char *const asked[] = {"intercept-resend 0.1 0.5",  "intercept-resend 0.1 0",
                                    "intercept-resend 0.02 0.5", "intercept-resend 0.02 0",
                                    "photon-number-splitting 1", "minus-to-plus 0.2",
                                    "fibre-bend 10 0.05",        "tap 10 0.1",
                                    "tap-compensated 10 0.1"};

struct watcher {
	struct watch_errors errors;
	struct watch_phase phase;
	struct watch_decoy decoy;
	struct watch_doubles doubles;
	struct watch_loss loss;
	uint64_t counted[2], compared[2];
};

struct link {
	struct clicks clicks;
	uint64_t z;       /* outcomes in Z, for the sample */
	struct rng noise; /* of the card's reading of its phase */
};

struct result {
	double detected, time_s, bits;
	unsigned int by[WATCH_MONITORS];
};

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(USAGE);
}

static void watcher_init(struct watcher *w)
{
	memset(w, 0, sizeof(*w));
	watch_errors_init(&w->errors);
	watch_phase_init(&w->phase);
	watch_decoy_init(&w->decoy, source.mu1, source.mu2, source.p_mu1, 1 - source.p_mu1);
	watch_doubles_init(&w->doubles);
	watch_loss_init(&w->loss);
}

static void light(struct link *l, const struct attack *attack)
{
	struct light now = {.from = l->clicks.n + 1,
	                    .mode = CARD_TX_MODE_QKD,
	                    .source = source,
	                    .attack = *attack};

	if (clicks_set_light(&l->clicks, &now) < 0)
		fail("the light is refused");
}

static void link_init(struct link *l, uint64_t seed)
{
	struct optics_link optics = optics_link_default;
	struct attack none = {.kind = ATTACK_NONE};
	struct rng rng;

	memset(l, 0, sizeof(*l));
	optics.distance_km = 50;
	optics.drift = drift_buried;
	optics.drift.intensity = 0.03;
	rng_init_seed(&rng, seed);
	rng_init_seed(&l->noise, seed + 1);
	clicks_init(&l->clicks, &optics, &rng);
	clicks_set_receiver(&l->clicks, true, HOLDOFF_NS * 1e6 / optics.slot_fs, 0, 256);
	light(l, &none);
}

struct counts {
	uint64_t clicks, doubles, n[2], e[2], counted[2];
};

/* As sifting does: single detections in the transmitter's basis. */
static void count(struct link *l, const struct click *k, struct counts *c)
{
	unsigned int d = k->detectors, basis = d >= 1u << CARD_DETECTOR_X0;
	bool one = d == 1u << CARD_DETECTOR_Z1 || d == 1u << CARD_DETECTOR_X1, wrong;

	c->clicks++;
	if (d & (d - 1)) {
		c->doubles++;
		return;
	}
	if (!k->has_choice) { /* half of what has no pulse errs, in half of the slots it counts */
		if (rng_uniform(&l->clicks.rng) < 0.5)
			return;
		wrong = rng_uniform(&l->clicks.rng) < 0.5;
	} else if (basis != (k->choice & CHOICE_BASIS_X)) {
		return;
	} else {
		wrong = one != ((k->choice & CHOICE_BIT) != 0);
	}
	if (k->has_choice && CHOICE_INTENSITY(k->choice) < 2)
		c->counted[CHOICE_INTENSITY(k->choice)]++;
	if (basis == 0 && l->z++ % SAMPLE != 0)
		return;
	c->n[basis]++;
	c->e[basis] += wrong;
}

static uint32_t tick(struct link *l, struct watcher *w)
{
	static struct click batch[1024];
	double slots = TICK_S * 1e15 / l->clicks.link.slot_fs;
	uint64_t until = l->clicks.n + (uint64_t)slots;
	struct counts c = {0};
	uint32_t over;

	while (l->clicks.n < until) {
		size_t n = clicks_run(&l->clicks, until, batch, 1024);

		for (size_t i = 0; i < n; i++)
			count(l, &batch[i], &c);
	}
	watch_phase_step(&w->phase, pow(l->clicks.drift.phase + 0.005 * rng_gauss(&l->noise), 2),
	                 TICK_S, false);
	over = watch_errors_add(&w->errors, c.n, c.e, watch_phase_now(&w->phase), TICK_S);
	over |= watch_doubles_add(&w->doubles, c.clicks, c.doubles, TICK_S);
	over |= watch_loss_add(&w->loss, c.clicks,
	                       slots - (double)c.clicks * HOLDOFF_NS * 1e6 / l->clicks.link.slot_fs,
	                       1 + l->clicks.drift.intensity, TICK_S);
	for (unsigned int k = 0; k < 2; k++) {
		w->counted[k] += c.counted[k];
		w->compared[k] += c.n[k];
	}
	if (w->counted[0] + w->counted[1] >= BLOCK) {
		over |= watch_decoy_add(&w->decoy, w->counted[0], w->counted[1]);
		w->counted[0] = w->counted[1] = 0;
	}
	return over;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *list, unsigned int n)
{
	qsort(list, n, sizeof(*list), ascending);
	return n > 0 ? list[n / 2] : 0;
}

static void attack_trials(const struct link *honest, const struct watcher *learnt,
                          const struct attack *attack, unsigned int trials, uint64_t seed,
                          struct result *out)
{
	static double times[TRIALS_MAX], bits[TRIALS_MAX];
	unsigned int found = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned int t = 0; t < trials; t++) {
		struct link l = *honest;
		struct watcher w = *learnt;
		uint32_t over = 0;
		unsigned int ticks = 0;

		rng_init_seed(&l.clicks.rng, seed + t);
		light(&l, attack);
		w.compared[0] = w.compared[1] = 0;
		w.counted[0] = w.counted[1] = 0;
		for (; over == 0 && ticks < TRIAL_S / TICK_S; ticks++)
			over = tick(&l, &w);
		if (over == 0)
			continue;
		times[found] = ticks * TICK_S;
		/* X unless a monitor of Z was first. */
		bits[found++] = (double)w.compared[over & (1u << WATCH_ERRORS_Z_WEAK |
		                                           1u << WATCH_ERRORS_Z_STRONG)
		                                           ? 0
		                                           : 1];
		for (unsigned int m = 0; m < WATCH_MONITORS; m++)
			out->by[m] += over >> m & 1;
	}
	out->detected = (double)found / trials;
	out->time_s = median(times, found);
	out->bits = median(bits, found);
}

static void print_attack(const char *name, const struct result *r, unsigned int trials)
{
	unsigned int most = 0;

	for (unsigned int m = 1; m < WATCH_MONITORS; m++)
		if (r->by[m] > r->by[most])
			most = m;
	printf("{\"name\":\"%s\",\"detected\":%.4g,\"trials\":%u", name, r->detected, trials);
	if (r->by[most] > 0)
		printf(",\"time_s\":%.4g,\"compared_bits\":%.0f,\"alarm\":\"%s\"", r->time_s,
		       r->bits, watch_row(most)->alarm);
	printf("}\n");
	fflush(stdout);
}

static void honest_hours(struct link *l, struct watcher *w, double hours)
{
	uint64_t alarms[WATCH_MONITORS] = {0}, all = 0;

	for (double s = 0; s < hours * 3600; s += TICK_S) {
		uint32_t over = tick(l, w);

		for (unsigned int m = 0; m < WATCH_MONITORS; m++)
			alarms[m] += over >> m & 1;
		all += over != 0;
	}
	printf("{\"name\":\"honest\",\"hours\":%g,\"false_alarms\":%llu", hours,
	       (unsigned long long)all);
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (alarms[m] > 0)
			printf(",\"%s\":%llu", watch_row(m)->name, (unsigned long long)alarms[m]);
	printf("}\n");
}

/* "NAME 1 2 3" is the row NAME/1,2,3. */
static void row_name(const char *text, char *out, size_t n)
{
	char *space;

	snprintf(out, n, "%s", text);
	space = strchr(out, ' ');
	if (space == NULL)
		return;
	*space = '/';
	while ((space = strchr(space, ' ')) != NULL)
		*space = ',';
}

static unsigned int listed(char rows[ROWS_MAX][NUMBERS_MAX])
{
	static const char *const values[] = {" 1", " 0.5", " 0.1", " 10", " 100"};
	unsigned int n = 0;

	for (unsigned int k = ATTACK_NONE + 1; k < ATTACK_KINDS; k++) {
		const char *name = attack_name(k);
		char usage[NUMBERS_MAX * 2];
		unsigned int before = n;

		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
			if (strncmp(asked[i], name, strlen(name)) == 0 &&
			    asked[i][strlen(name)] == ' ')
				snprintf(rows[n++], NUMBERS_MAX, "%s", asked[i]);
		if (n > before || n >= ROWS_MAX)
			continue;
		/* A new one: the largest of these for all its numbers that it takes. */
		attack_usage(k, usage, sizeof(usage));
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			struct attack parsed;
			struct err err = {0};

			snprintf(rows[n], NUMBERS_MAX, "%s", name);
			for (const char *c = usage; (c = strchr(c, ' ')) != NULL; c++)
				strncat(rows[n], values[i], NUMBERS_MAX - strlen(rows[n]) - 1);
			if (attack_parse(rows[n], &parsed, &err) == 0)
				break;
		}
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	static char rows[ROWS_MAX][NUMBERS_MAX];
	static struct link honest;
	static struct watcher learnt;
	const char *only = NULL;
	double hours = 24;
	unsigned int trials = 10, n = 0, order[ROWS_MAX];
	uint64_t seed = 1;
	struct rng shuffle;
	struct err err = {0};

	for (int i = 1; i < argc; i += 2) {
		const char *value = argv[i + 1];

		if (value == NULL)
			fail("an option lacks its value");
		if (strcmp(argv[i], "--hours") == 0)
			hours = atof(value);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--trials") == 0)
			trials = (unsigned int)atoi(value);
		else if (strcmp(argv[i], "--only") == 0)
			only = value;
		else if (strcmp(argv[i], "--attack") == 0 && n < ROWS_MAX)
			snprintf(rows[n++], NUMBERS_MAX, "%s", value);
		else
			fail("options: --hours H, --seed N, --trials N, --attack NAME=NUMBERS, "
			     "--only ROW");
	}
	if (trials < 1 || trials > TRIALS_MAX || !(hours >= 0))
		fail("trials are 1 to 1000, hours are not negative");
	for (unsigned int i = 0; i < n; i++)
		for (char *c = rows[i]; *c != '\0'; c++)
			*c = *c == '=' || *c == ',' ? ' ' : *c;
	if (n == 0)
		n = listed(rows);
	rng_init_seed(&shuffle, seed);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int k = (unsigned int)(rng_uniform(&shuffle) * (i + 1));

		order[i] = order[k];
		order[k] = i;
	}
	link_init(&honest, seed);
	watcher_init(&learnt);
	for (double s = 0; s < LEARN_S; s += TICK_S)
		tick(&honest, &learnt);
	for (unsigned int i = 0; i < n; i++) {
		char name[NUMBERS_MAX];
		struct attack attack;
		struct result r;

		row_name(rows[order[i]], name, sizeof(name));
		if (only != NULL && strncmp(name, only, strlen(only)) != 0)
			continue;
		if (attack_parse(rows[order[i]], &attack, &err) < 0)
			fail(err.text);
		attack_trials(&honest, &learnt, &attack, trials, seed + 1000, &r);
		print_attack(name, &r, trials);
	}
	if (hours > 0 && (only == NULL || strcmp(only, "honest") == 0))
		honest_hours(&honest, &learnt, hours);
	return 0;
}
