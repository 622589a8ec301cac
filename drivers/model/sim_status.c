/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/sim_link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"

struct text {
	char *buf;
	size_t n, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->used, t->n - t->used, fmt, ap);
	va_end(ap);
	t->used += n > 0 ? (size_t)n : 0;
	if (t->used >= t->n)
		t->used = t->n - 1;
}

static void add_truth(struct text *t, const char *name, const struct sim_truth *v)
{
	add(t,
	    "\"%s\":{\"clicks\":%" PRIu64 ",\"doubles\":%" PRIu64 ",\"dark\":%" PRIu64
	    ",\"afterpulses\":%" PRIu64 ",\"sifted_z\":%" PRIu64 ",\"errors_z\":%" PRIu64
	    ",\"sifted_x\":%" PRIu64 ",\"errors_x\":%" PRIu64 "},",
	    name, v->clicks, v->doubles, v->dark, v->afterpulses, v->sifted[0], v->errors[0],
	    v->sifted[1], v->errors[1]);
}

static void add_attack(struct text *t, const char *name, const struct sim_attack *a)
{
	char values[160];

	attack_values(&a->attack, values, sizeof(values));
	add(t, "\"%s\":{\"kind\":\"%s\"%s,\"alice_slot\":%" PRIu64 ",\"bob_slot\":%" PRIu64 "},",
	    name, attack_name(a->attack.kind), values, a->alice_slot, a->bob_slot);
}

static void add_card(struct text *t, const char *name, const struct shm_card *card)
{
	add(t, "\"%s\":{\"armed\":%s,\"fault\":%u,\"slot\":%" PRIu64 "},", name,
	    card->armed ? "true" : "false",
	    card->faulted ? shm_card_get(card, CARD_FAULT_CODE) : CARD_FAULT_NONE, card->slot);
}

size_t sim_link_status(const struct sim_link *s, uint64_t now_ns, char *buf, size_t n)
{
	static const char *const modes[] = {"dark", "qkd", "sync"};
	const struct light *light = &s->clicks.light[0];
	struct text t = {.buf = buf, .n = n};
	const struct drift *d = &s->clicks.drift;
	struct optics_source source = light->source;
	struct optics_link link = s->clicks.link;
	struct physics_expect e = {0};

	physics_drifted(d, &link, &source);
	if (light->mode == CARD_TX_MODE_QKD)
		physics_expect(&link, &source, s->clicks.holdoff * s->clicks.link.slot_fs * 1e-15,
		               &e);
	add(&t, "{\"running_ms\":%" PRIu64 ",\"light\":\"%s\",",
	    (uint64_t)((now_ns - s->start_ns) / NS_PER_MS), modes[light->mode]);
	add_truth(&t, "total", &s->truth);
	add_truth(&t, "since_attack_change", &s->phase);
	add_attack(&t, "attack", &s->attack);
	add_attack(&t, "attack_before", &s->attack_before);
	add_card(&t, "alice", &s->alice.card);
	add_card(&t, "bob", &s->bob.card);
	add(&t, "\"dropped_tags\":%" PRIu64 ",", s->bob.card.ring[CARD_RING_TAGS].dropped);
	add(&t, "\"honest\":{\"clicks_per_second\":%.6g,\"qber_z\":%.6g,\"qber_x\":%.6g},",
	    e.clicks_s, e.qber_z, e.qber_x);
	add(&t,
	    "\"drift\":{\"intensity\":%.6g,\"ratio\":%.6g,\"phase_mrad\":%.5g,\"loss_db\":%.5g,"
	    "\"fibre_k\":%.5g,\"path_ps\":%.6g,\"board_k\":%.5g,\"clock_ppb\":%.6g},",
	    d->intensity, d->ratio, d->phase * 1e3, d->loss_db, d->fibre_k,
	    drift_path_ps(d, link.distance_km), d->board_k, s->clicks.frequency * 1e9);
	add(&t, "\"lit\":{\"channels\":%u,\"counts_per_slot\":%.6g,\"photons_per_s\":%.6g},",
	    s->lit.channels, s->clicks.link.noise, s->lit_noise.total);
	add(&t, "\"behind_ms\":%" PRIu64 ",\"skips\":%" PRIu64 ",\"skipped_ms\":%" PRIu64 "}",
	    s->behind_ms, s->skips, s->skipped_ms);
	return t.used;
}
