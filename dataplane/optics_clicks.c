/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics_clicks.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"

LOG_COMPONENT_DEFINE(optics_clicks)

#define DARK_NS    (50 * NS_PER_MS)
#define CLICKS_MAX 256

void optics_clicks_lost(struct optics_clicks *c)
{
	phase_track_init(&c->track);
	c->epoch = 0;
	c->old = false;
}

/* The numbers of another epoch have another constant: the engine aligns anew. */
static void check_epoch(struct optics_clicks *c, struct engine *engine)
{
	if (c->track.epoch == c->epoch)
		return;
	if (c->epoch != 0) {
		log_warn("the transmitter's clock was lost and found again");
		engine_slots_restarted(engine);
	}
	c->epoch = c->track.epoch;
	c->last_slot = 0;
	c->old = false;
}

/* A click that waited at the card for too long, at SLOT of the grid: of no use but to the clock. */
static void pass_over(struct optics_clicks *c, uint64_t slot)
{
	c->too_old++;
	if (!c->old)
		c->old_first = slot;
	c->old = true;
	c->old_last = slot;
}

/* Those that were passed over came before all that follows. */
static void tell_old(struct optics_clicks *c, struct engine *engine)
{
	if (c->old)
		engine_gap(engine, c->old_first, c->old_last);
	c->old = false;
}

/* True: the click is D, in its slot of the grid. OLDEST: the card's slot that is young enough. */
static bool take(struct optics_clicks *c, const struct optics_clicks_ends *ends,
                 const struct card_click *k, uint64_t slot, uint64_t oldest, struct detection *d)
{
	double late;

	/* A slot is announced once; neighbours can only meet below the hold-off. */
	if (slot <= c->last_slot) {
		c->same_slot++;
		return false;
	}
	c->last_slot = slot;
	if (phase_track_late(&c->track, k->slot, k->sub, &late)) {
		optics_monitor_arrival(ends->monitor, k->detectors, late);
		steer_gate_click(&ends->gate->gate, late);
	}
	if (k->slot < oldest) {
		pass_over(c, slot);
		return false;
	}
	d->slot = slot;
	optics_coins_detect(&c->coins, ends->card, k->detectors, d);
	return true;
}

static void gap(struct optics_clicks *c, struct engine *engine, const struct card_click *k)
{
	tell_old(c, engine);
	if (c->track.locked)
		engine_gap(engine, phase_track_slot(&c->track, k->slot),
		           phase_track_slot(&c->track, k->gap_last));
}

static size_t receive(struct optics_clicks *c, const struct optics_clicks_ends *ends,
                      struct engine *engine, uint64_t now_ns)
{
	struct card_click clicks[CLICKS_MAX];
	struct detection found[CLICKS_MAX];
	size_t n = card_clicks(ends->card, clicks, CLICKS_MAX), used = 0;
	uint64_t oldest = n > 0 ? card_slot_before(ends->card, ENGINE_PATIENCE_NS) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct card_click *k = &clicks[i];
		uint64_t slot;

		if (k->gap) {
			engine_detections(engine, found, used, now_ns);
			used = 0;
			gap(c, engine, k);
			continue;
		}
		if (!phase_track_click(&c->track, k->slot, k->sub, &slot)) {
			c->no_phase++;
			continue;
		}
		if (c->track.epoch != c->epoch) {
			c->no_phase += used; /* their numbers mean nothing any more */
			used = 0;
			check_epoch(c, engine);
		}
		if (!take(c, ends, k, slot, oldest, &found[used]))
			continue;
		tell_old(c, engine);
		used++;
	}
	engine_detections(engine, found, used, now_ns);
	/* Who clicked says which bit it is. */
	secret_wipe(clicks, n * sizeof(clicks[0]));
	secret_wipe(found, n * sizeof(found[0]));
	return n;
}

/* Whether the engine has room for what may be read in this turn. */
static bool takes(struct optics_clicks *c, struct engine *engine, uint64_t now_ns)
{
	bool held = !engine_takes(engine, CLICKS_MAX);

	if (held && c->held)
		c->held_ns += now_ns - c->looked_ns;
	c->holds += held && !c->held;
	c->held = held;
	c->looked_ns = now_ns;
	return !held;
}

unsigned int optics_clicks_poll(struct optics_clicks *c, const struct optics_clicks_ends *ends,
                                struct engine *engine, uint64_t now_ns)
{
	size_t n;

	if (!takes(c, engine, now_ns)) {
		c->last_click_ns = now_ns;
		return 0;
	}
	n = receive(c, ends, engine, now_ns);
	/* The counter may be ahead of tags that are still on their way to us. */
	if (n > 0)
		c->last_click_ns = now_ns;
	else if (now_ns - c->last_click_ns > DARK_NS)
		phase_track_idle(&c->track, card_slot_now(ends->card));
	return (unsigned int)n;
}
