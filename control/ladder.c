/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/ladder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

#define PHASE_MRAD 300.0 /* 2 % of errors in X */

static bool held(const struct card_status *c, enum card_loop loop)
{
	return c->loop_state[loop] == STEER_HELD || c->loop_state[loop] == STEER_OFF;
}

static bool card_done(const struct qkd_role_status *s)
{
	return s->optics.present && s->optics.card.armed;
}

static bool temperature_done(const struct qkd_role_status *s)
{
	return held(&s->optics.card, CARD_LOOP_LASER) && held(&s->optics.card, CARD_LOOP_DETECTORS);
}

static bool bias_done(const struct qkd_role_status *s)
{
	return held(&s->optics.card, CARD_LOOP_BIAS);
}

static bool delay_done(const struct qkd_role_status *s)
{
	return s->optics.phase_locked;
}

static bool offset_done(const struct qkd_role_status *s)
{
	return s->engine.aligned;
}

static bool power_done(const struct qkd_role_status *s)
{
	return held(&s->optics.card, CARD_LOOP_ATTENUATOR);
}

static bool phase_done(const struct qkd_role_status *s)
{
	return !s->optics.card.phase ||
	       s->optics.card.phase_mrad2 <= (uint32_t)(PHASE_MRAD * PHASE_MRAD);
}

static void card_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	snprintf(out, n, "%s",
	         s->optics.present ? "open but dark: its random source has failed" : "no card");
}

static void temperature_why(const struct ladder *l, const struct qkd_role_status *s, char *out,
                            size_t n)
{
	unsigned int i = l->site_a ? CARD_ANALOG_LASER_MC : CARD_ANALOG_DETECTOR_MC;

	snprintf(out, n, "%.1f of %.1f C", s->optics.card.analog_actual[i] * 1e-3,
	         s->optics.card.analog_set[i] * 1e-3);
}

static void bias_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	snprintf(out, n, "extinction of %.1f dB at %d mV", s->optics.card.extinction_mdb * 1e-3,
	         (int)s->optics.card.loop_set[CARD_LOOP_BIAS]);
}

static void delay_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	uint64_t clicks = s->optics.card.clicks - l->clicks;

	if (s->channel.state != CHANNEL_UP)
		snprintf(out, n, "no channel by which light could be asked for");
	else if (clicks == 0)
		snprintf(out, n, "no click: there is no light, or no fibre");
	else
		snprintf(out, n,
		         "arrivals of %llu clicks have no common place in the slot (coherence "
		         "%.2f): other light, or clocks more than 1.2 ppm apart",
		         (unsigned long long)clicks, s->optics.coherence);
}

static void offset_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	if (s->channel.state != CHANNEL_UP)
		snprintf(out, n, "no channel: the sites cannot agree on the pattern");
	else if (l->site_a)
		snprintf(out, n, "site b has not found the pattern");
	else
		snprintf(out, n, "%llu detections, and the pattern is in none of the offsets yet",
		         (unsigned long long)s->engine.unaligned);
}

static void power_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	const struct card_status *c = &s->optics.card;

	if (c->output_fw == 0 || c->target_fw == 0)
		snprintf(out, n, "no reading of the power monitor yet");
	else
		snprintf(out, n, "%+.2f dB off, attenuator at %.2f dB (%s)",
		         10 * log10((double)c->output_fw / c->target_fw),
		         c->loop_set[CARD_LOOP_ATTENUATOR] * 1e-3,
		         steer_state_name((enum steer_state)c->loop_state[CARD_LOOP_ATTENUATOR]));
}

static void phase_why(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n)
{
	snprintf(out, n, "the interferometer misses its point by %.0f mrad",
	         sqrt(s->optics.card.phase_mrad2));
}

struct rung {
	const char *name;
	unsigned int within_s; /* else it is late */
	bool (*done)(const struct qkd_role_status *s);
	void (*why)(const struct ladder *l, const struct qkd_role_status *s, char *out, size_t n);
};

static const struct rung rungs[2][LADDER_RUNGS] = {
        {{"card", 10, card_done, card_why},
         {"temperature", 60, temperature_done, temperature_why},
         {"delay", 10, delay_done, delay_why},
         {"offset", 30, offset_done, offset_why},
         {"phase", 10, phase_done, phase_why}},
        {{"card", 10, card_done, card_why},
         {"temperature", 60, temperature_done, temperature_why},
         {"bias", 5, bias_done, bias_why},
         {"offset", 60, offset_done, offset_why},
         {"power", 60, power_done, power_why}}};

const char *ladder_rung_name(bool site_a, unsigned int i)
{
	return i < LADDER_RUNGS ? rungs[site_a][i].name : "";
}

static void stand(struct ladder *l, unsigned int at, const struct qkd_role_status *s,
                  uint64_t now_ns)
{
	l->at = at;
	l->since_ns = now_ns;
	l->late = false;
	l->starts += at == 0;
	l->clicks = s != NULL ? s->optics.card.clicks : 0;
}

void ladder_reset(struct ladder *l, bool site_a, uint64_t now_ns)
{
	*l = (struct ladder){.site_a = site_a};
	stand(l, 0, NULL, now_ns);
	snprintf(l->reason, sizeof(l->reason), "no card");
}

void ladder_poll(struct ladder *l, const struct qkd_role_status *s, const char *card_reason,
                 uint64_t now_ns)
{
	const struct rung *all = rungs[l->site_a], *r;
	unsigned int first = 0;

	while (first < LADDER_RUNGS && all[first].done(s))
		first++;
	/* What was done may be undone: a card lost, a clock lost. */
	if (first < l->at)
		stand(l, first, s, now_ns);
	while (l->at < first) {
		l->took_ms[l->at] = (now_ns - l->since_ns) / NS_PER_MS;
		stand(l, l->at + 1, s, now_ns);
	}
	l->reason[0] = '\0';
	if (l->at == LADDER_RUNGS)
		return;
	r = &all[l->at];
	if (l->at == 0 && card_reason[0] != '\0')
		snprintf(l->reason, sizeof(l->reason), "%s", card_reason);
	else
		r->why(l, s, l->reason, sizeof(l->reason));
	if (!l->late && now_ns - l->since_ns > r->within_s * NS_PER_S) {
		l->late = true;
		l->lates++;
		snprintf(l->late_reason, sizeof(l->late_reason), "%s: %s", r->name, l->reason);
	}
}

bool ladder_alarms(const struct ladder *l, const struct qkd_role_status *s)
{
	const char *name = ladder_rung_name(l->site_a, l->at);
	bool dark = strcmp(name, "delay") == 0 && s->optics.card.clicks == l->clicks;
	bool far = strcmp(name, "offset") == 0 && l->site_a; /* the other site knows why */

	return l->late && l->at > 0 && s->channel.state == CHANNEL_UP && !dark && !far;
}

enum ladder_state ladder_rung_state(const struct ladder *l, unsigned int i)
{
	if (i != l->at)
		return i < l->at ? LADDER_DONE : LADDER_WAITING;
	return l->late ? LADDER_LATE : LADDER_RUNNING;
}

json_t *ladder_json(const struct ladder *l, uint64_t now_ns)
{
	static const char *const states[] = {"waiting", "running", "done", "late"};
	json_t *list = json_array();

	for (unsigned int i = 0; i < LADDER_RUNGS; i++) {
		enum ladder_state state = ladder_rung_state(l, i);
		uint64_t ms = state == LADDER_DONE      ? l->took_ms[i]
		              : state == LADDER_WAITING ? 0
		                                        : (now_ns - l->since_ns) / NS_PER_MS;

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:i, s:s}", "rung",
		                                      rungs[l->site_a][i].name, "state",
		                                      states[state], "ms", (json_int_t)ms,
		                                      "within_s", (int)rungs[l->site_a][i].within_s,
		                                      "reason", i == l->at ? l->reason : ""));
	}
	return json_pack("{s:b, s:s, s:I, s:I, s:o}", "done", l->at == LADDER_RUNGS, "rung",
	                 ladder_rung_name(l->site_a, l->at), "starts", (json_int_t)l->starts,
	                 "lates", (json_int_t)l->lates, "rungs", list);
}
