/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/fibre_watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/card_watch.h"
#include "control/decoy_watch.h"
#include "drivers/watch/doubles.h"
#include "drivers/watch/errors.h"
#include "drivers/watch/loss.h"
#include "drivers/watch/monitors.h"
#include "drivers/watch/phase.h"
#include "drivers/watch/verdict.h"

#define PERIOD_NS (100 * NS_PER_MS) /* of the figures that are watched */
#define ERROR_ALARMS                                                                               \
	(1u << ENGINE_ALARM_QBER_Z | 1u << ENGINE_ALARM_QBER_X | 1u << ENGINE_ALARM_INTERCEPT)
/* Figures that come from so long apart say nothing of a rate. */
#define PAUSE_NS (2 * NS_PER_S)

/* What is counted on and on, of the turn before. */
struct figures {
	uint64_t n[2], e[2]; /* compared outcomes and errors, Z and X */
	uint64_t sampled_x;
	uint64_t clicks, doubles, slot, gap_slots;
};

static struct {
	char resource[80];
	bool bob;
	double holdoff_slots_fs; /* of the hold-off; divided by the slot's gives slots */
	struct watch_errors errors;
	struct watch_phase phase;
	struct decoy_watch decoy;
	struct watch_doubles doubles;
	struct watch_loss loss;
	struct card_watch card;
	uint32_t card_crossed; /* by its monitors since the last turn */
	bool known;            /* LAST is of this link, aligned */
	struct figures last;
	uint64_t last_ns, next_ns;
	struct watch_verdict verdict;
	const struct config *config;
} watch;

static fibre_watch_cause_fn *cause_of_rise;

void fibre_watch_cause(fibre_watch_cause_fn *fn)
{
	cause_of_rise = fn;
}

void fibre_watch_relearn(void)
{
	const struct config *c = watch.config;

	watch_errors_init(&watch.errors);
	watch_phase_init(&watch.phase);
	watch_doubles_init(&watch.doubles);
	watch_loss_init(&watch.loss);
	card_watch_relearn(&watch.card);
	if (c != NULL)
		decoy_watch_relearn(&watch.decoy, c);
	watch.known = false;
}

void fibre_watch_clear(void)
{
	watch_errors_clear(&watch.errors);
	watch_doubles_clear(&watch.doubles);
	watch_loss_clear(&watch.loss);
	card_watch_clear(&watch.card);
	decoy_watch_clear(&watch.decoy);
	/* What is still above its threshold raises its alarm again. */
	memset(watch.verdict.over_ns, 0, sizeof(watch.verdict.over_ns));
	watch.verdict.stand = watch.verdict.answered = watch.verdict.fewer = 0;
}

void fibre_watch_accept(void)
{
	watch_errors_accept(&watch.errors);
	watch_doubles_accept(&watch.doubles);
	watch_loss_accept(&watch.loss);
	card_watch_accept(&watch.card);
	decoy_watch_accept(&watch.decoy);
	fibre_watch_clear();
}

void fibre_watch_learnt(struct watch_learnt *out)
{
	*out = (struct watch_learnt){.base = {{"errors_z", &watch.errors.basis[0].base, 0, 0.5},
	                                      {"errors_x", &watch.errors.basis[1].base, 0, 0.5},
	                                      {"phase_errors", &watch.phase.base, 0, 0.5},
	                                      {"doubles_log", &watch.doubles.base, -30, 0},
	                                      {"transmission_db", &watch.loss.base, -300, 100}},
	                             .count = 5,
	                             .loss = &watch.loss};
	decoy_watch_learnt(&watch.decoy, out);
	card_watch_learnt(&watch.card, out);
}

void fibre_watch_resume(double gap_s)
{
	watch_loss_gap(&watch.loss, gap_s);
}

void fibre_watch_start(const struct config *config)
{
	memset(&watch, 0, sizeof(watch));
	watch.config = config;
	watch.bob = config->site == CONFIG_SITE_B;
	watch.holdoff_slots_fs = (double)config->qkd.holdoff_ns * 1e6;
	card_watch_init(&watch.card, 1e-9 * (double)config->qkd.holdoff_ns, 0);
	snprintf(watch.resource, sizeof(watch.resource), "link/%s", config->link);
	fibre_watch_relearn();
}

static bool above(enum watch_monitor m)
{
	switch (m) {
	case WATCH_ERRORS_Z_WEAK:
		return watch.errors.basis[0].weak.over;
	case WATCH_ERRORS_Z_STRONG:
		return watch.errors.basis[0].strong.over;
	case WATCH_ERRORS_X_WEAK:
		return watch.errors.basis[1].weak.over;
	case WATCH_ERRORS_X_STRONG:
		return watch.errors.basis[1].strong.over;
	case WATCH_DECOY:
	case WATCH_DECOY_SAMPLES:
		return decoy_watch_above(&watch.decoy, m);
	case WATCH_DOUBLES_FEW:
		return watch.doubles.few.over;
	case WATCH_DOUBLES_MANY:
		return watch.doubles.many.over;
	case WATCH_LOSS:
		return watch.loss.loss.over;
	case WATCH_GAIN:
		return watch.loss.gain.over;
	case WATCH_LOSS_DRIFT:
		return watch.loss.drifted;
	default:
		return card_watch_above(&watch.card, m);
	}
}

static void describe(enum watch_monitor m, char *text, size_t size)
{
	const struct watch_errors *e = &watch.errors;
	unsigned int b = m == WATCH_ERRORS_X_WEAK || m == WATCH_ERRORS_X_STRONG;
	char why[112] = "";
	double rate;

	if (m > WATCH_LOSS_DRIFT) {
		card_watch_describe(&watch.card, m, text, size);
		return;
	}
	switch (m) {
	case WATCH_DECOY:
	case WATCH_DECOY_SAMPLES:
		decoy_watch_describe(&watch.decoy, m, text, size);
		break;
	case WATCH_DOUBLES_FEW:
	case WATCH_DOUBLES_MANY:
		snprintf(text, size, "slots with several clicks are %s than %.3f %% of all",
		         m == WATCH_DOUBLES_FEW ? "far fewer" : "more",
		         100 * exp(watch.doubles.base.value));
		break;
	case WATCH_LOSS:
	case WATCH_GAIN:
	case WATCH_LOSS_DRIFT:
		snprintf(text, size,
		         "the link loses %+.3f dB against what it lost before, %+.3f since the "
		         "baseline was taken",
		         m == WATCH_LOSS_DRIFT ? watch.loss.base.value - watch.loss.last
		         : m == WATCH_LOSS     ? -watch.loss.loss.db
		                               : -watch.loss.gain.db,
		         watch.loss.base.reference - watch.loss.last);
		break;
	default:
		rate = watch_errors_recent(e, b);
		if (cause_of_rise != NULL)
			cause_of_rise(b, rate - e->basis[b].base.value, watch.last_ns, why,
			              sizeof(why));
		snprintf(text, size,
		         "%serrors in %s: %.2f %%, baseline %.2f %%, %.0f outcomes since", why,
		         b == 0 ? "Z" : "X", 100 * rate, 100 * e->basis[b].base.value,
		         m == WATCH_ERRORS_Z_WEAK || m == WATCH_ERRORS_X_WEAK
		                 ? e->basis[b].weak.since
		                 : e->basis[b].strong.since);
	}
}

/* A monitor of MASK raises this kind. */
static bool in_kind(uint32_t mask, const char *alarm)
{
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (mask >> m & 1 && strcmp(watch_row(m)->alarm, alarm) == 0)
			return true;
	return false;
}

static void alarms(uint32_t crossed, bool usable, uint64_t now)
{
	uint32_t over = 0, before = watch.verdict.told, tell;
	char text[160];

	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		over |= above(m) ? 1u << m : 0;
	decoy_watch_answer(&watch.decoy, &watch.verdict, &watch.loss, crossed | over, now);
	tell = watch_verdict_turn(&watch.verdict, crossed, over, usable, now);
	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		const struct watch_row *row = watch_row(m);

		/* In the quiet that follows the last words stand. */
		if (!(tell >> m & 1) || (before >> m & 1 && !((crossed | over) >> m & 1)))
			continue;
		describe(m, text, sizeof(text));
		alarm_raise(row->alarm, watch.resource,
		            row->stops_key ? ALARM_CRITICAL : ALARM_MAJOR, text);
	}
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (before >> m & 1 && !in_kind(tell, watch_row(m)->alarm))
			alarm_clear(watch_row(m)->alarm, watch.resource,
			            watch.verdict.stand >> m & 1
			                    ? "what causes it has an alarm of its own"
			                    : "as the baseline has it for 30 s");
}

static struct figures figures_of(const struct qkd_role_status *s)
{
	const struct engine_stats *e = &s->engine;
	const struct card_status *c = &s->optics.card;

	return (struct figures){.n = {e->sampled_z, e->sifted_x},
	                        .e = {e->sample_errors_z, e->errors_x},
	                        .sampled_x = e->sampled_x,
	                        .clicks = c->clicks,
	                        .doubles = c->doubles,
	                        .slot = c->last_slot,
	                        .gap_slots = c->gap_slots + c->shut_slots};
}

/* A card that was opened anew, or a gap that spans both turns, gives none. */
static double live_slots(const struct figures *f, const struct card_status *c)
{
	double slots = (double)(f->slot - watch.last.slot);

	slots -= (double)(f->gap_slots - watch.last.gap_slots);
	return slots - (double)(f->clicks - watch.last.clicks) * watch.holdoff_slots_fs /
	                       (double)c->slot_period_fs;
}

/* Mean error rate that the phase explains of N outcomes in X, SAMPLED of them at once. */
static double explained(const struct card_status *c, uint64_t n, uint64_t sampled, double seconds)
{
	double all = (double)n, at_once = sampled < n ? (double)sampled : all;

	if (!watch.bob || !c->phase)
		return -1;
	watch_phase_step(&watch.phase, 1e-6 * (double)c->phase_mrad2, seconds, at_once < all);
	if (n == 0)
		return 0;
	return (at_once * watch_phase_now(&watch.phase) +
	        (all - at_once) * watch_phase_block(&watch.phase)) /
	       all;
}

/* Of the card's records since the last turn. */
struct exposure {
	uint64_t clicks;
	double live, seconds;
};

static uint32_t take(const struct figures *f, const struct qkd_role_status *s,
                     const struct exposure *exposure, double power, double seconds)
{
	const struct figures *l = &watch.last;
	uint64_t n[2], e[2];
	uint32_t over;

	for (unsigned int b = 0; b < 2; b++) {
		n[b] = f->n[b] - l->n[b];
		e[b] = f->e[b] - l->e[b];
	}
	if ((s->engine.alarms & ERROR_ALARMS) != 0)
		watch_errors_doubt(&watch.errors);
	over = watch_errors_add(
	        &watch.errors, n, e,
	        explained(&s->optics.card, n[1], f->sampled_x - l->sampled_x, seconds), seconds);
	over |= decoy_watch_add(&watch.decoy, &s->engine, &watch.verdict, seconds, watch.last_ns);
	if (!watch.bob || f->clicks <= l->clicks || f->slot <= l->slot)
		return over;
	if (exposure->live > 0)
		watch_doubles_rate(&watch.doubles, (double)exposure->clicks / exposure->live);
	/* With records to come there is no share before the first. */
	if (!s->optics.card.monitor || exposure->live > 0 || watch.doubles.rate < 1)
		over |= watch_doubles_add(&watch.doubles, f->clicks - l->clicks,
		                          f->doubles - l->doubles, seconds);
	if (s->optics.card.monitor)
		return over | watch_loss_add(&watch.loss, exposure->clicks, exposure->live, power,
		                             exposure->seconds);
	return over | watch_loss_add(&watch.loss, f->clicks - l->clicks,
	                             live_slots(f, &s->optics.card), power, seconds);
}

/* The card has counted which slots were live; without that it follows from the hold-off. */
void fibre_watch_card(const struct card_monitor *record)
{
	watch.card_crossed |= card_watch_record(&watch.card, record);
}

void fibre_watch_counts(const struct optics_monitor_counts *counts, double seconds)
{
	watch.card_crossed |= card_watch_counts(&watch.card, counts, seconds);
}

/* How bright key light is to be follows from the configuration once the slot is known. */
static void expect_output(uint64_t slot_fs)
{
	const struct card_config c = {.mu1 = watch.config->qkd.mu1,
	                              .mu2 = watch.config->qkd.mu2,
	                              .p_mu1 = watch.config->qkd.p_mu1};

	watch.card.output_fw = watch.card.transmitter.expected_fw = card_output_fw(&c, slot_fs);
}

void fibre_watch_poll(const struct qkd_role_status *s, double peer_power, uint64_t now_ns)
{
	/* Other light than that of keys has other figures. */
	bool usable = s->optics.present && s->engine.aligned;
	struct figures f;
	struct exposure exposure;
	uint32_t crossed = 0;

	if (now_ns < watch.next_ns)
		return;
	watch.next_ns = now_ns + PERIOD_NS;
	f = figures_of(s);
	if (s->optics.present && watch.card.output_fw <= 0)
		expect_output(s->optics.card.slot_period_fs);
	card_watch_exposure(&watch.card, &exposure.clicks, &exposure.live, &exposure.seconds);
	if (usable && watch.known && now_ns - watch.last_ns < PAUSE_NS)
		crossed = take(&f, s, &exposure, peer_power,
		               (double)(now_ns - watch.last_ns) / NS_PER_S);
	else if (watch.last_ns != 0)
		watch_loss_gap(&watch.loss, (double)(now_ns - watch.last_ns) / NS_PER_S);
	decoy_watch_seen(&watch.decoy, &s->engine);
	watch.known = usable;
	watch.last = f;
	watch.last_ns = now_ns;
	alarms(crossed | watch.card_crossed, usable, now_ns);
	watch.card_crossed = 0;
}

bool fibre_watch_holds(void)
{
	return watch_verdict_stops_key(&watch.verdict);
}

static json_t *baseline_json(const struct baseline *b)
{
	return json_pack("{s:b, s:f, s:f, s:f, s:f}", "learnt", b->ready, "seconds", b->seconds,
	                 "reference", b->reference, "value", b->value, "spread", b->spread);
}

json_t *fibre_watch_json(void)
{
	json_t *monitors = json_array();

	if (watch.config == NULL)
		return NULL;
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		json_array_append_new(monitors,
		                      json_pack("{s:s, s:s, s:b, s:I, s:f, s:f, s:b}", "monitor",
		                                watch_row(m)->name, "alarm", watch_row(m)->alarm,
		                                "raised", (watch.verdict.told >> m & 1) != 0,
		                                "crossings", (json_int_t)watch.verdict.crossings[m],
		                                "threshold_nats", watch_nats(m),
		                                "false_alarms_a_year", watch_row(m)->alarms,
		                                "stops_key", watch_row(m)->stops_key));
	return json_pack("{s:b, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "holds_key",
	                 fibre_watch_holds(), "finds_loss_db", watch_loss_finds(&watch.loss),
	                 "false_alarms_a_year", watch_alarms_a_year() + WATCH_OTHERS_A_YEAR,
	                 "errors_z", baseline_json(&watch.errors.basis[0].base), "errors_x",
	                 baseline_json(&watch.errors.basis[1].base), "doubles_log",
	                 baseline_json(&watch.doubles.base), "transmission_db",
	                 baseline_json(&watch.loss.base), "card", card_watch_json(&watch.card),
	                 "monitors", monitors);
}
