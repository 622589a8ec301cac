/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two engines back to back: channels over a lossy wire, and a source of photons that knows
 * the engines only by their ops. Slots last 1 ns of the test's clock; each end's counter has
 * an offset of its own, and light takes rig.flight_ns. Clicks come at the rate of a 20 km link,
 * with shares of the intensities in proportion, a flip probability, and an eavesdropper who
 * measures and resends.
 */

#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H

#include <errno.h>
#include <stdio.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/sync_pattern.h"
#include "qkd-engine/engine_state.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

#define RIG_LOOKUPS   64
#define RIG_BLOCKS    64
#define RIG_GRANT     2 /* keys of each block for pads */
#define RIG_RETENTION (2 * NS_PER_S)

/*
 * Bob's card: detections wait in a ring while his engine has no room; those for which the ring has
 * none are lost, in a gap that is told in front of the next one.
 */
#define RIG_RING 16384
struct rig_card {
	struct {
		struct detection d;
		uint64_t gap_first, gap_last; /* 0: none in front of it */
	} ring[RIG_RING];
	size_t head, count;
	uint64_t gap_first, gap_last;    /* what is lost since the last one that found room */
	uint64_t made, lost, old, given; /* OLD: that waited too long */
};

/* Pads of a test's own in place of the rig's. */
struct rig_pads {
	int (*take)(void *ctx, struct auth_pad *pad);
	int (*fetch)(void *ctx, uint64_t id, struct auth_pad *pad);
	void *ctx;
};

struct rig_end {
	struct rig *rig;
	const struct rig_pads *pads, *fetch_own; /* both ways, and of the peer's alone */
	struct engine *engine;
	bool alice;
	struct key_block *blocks[RIG_BLOCKS];
	unsigned int block_count;
	uint64_t pads_taken, pads_left; /* own ids: 2 * taken + (0 Alice, 1 Bob) */
	uint64_t pad_wanted[16];
	unsigned int pads_wanted;
	uint64_t random_state;
	bool random_dry;
	unsigned int raised[ENGINE_ALARM_COUNT], cleared[ENGINE_ALARM_COUNT];
	uint64_t raised_ns[ENGINE_ALARM_COUNT], cleared_ns[ENGINE_ALARM_COUNT];
};

struct rig {
	struct lossy_pair wire;
	struct engine_config config_a, config_b;
	struct rig_end a, b;
	uint64_t state; /* of the photons */
	uint64_t offset_a, offset_b, flight_ns;
	uint64_t light_seed; /* of the transmitter that Bob sees */
	uint64_t alice_seed; /* of Alice's own: differs when fibres are crossed */
	uint64_t next_click_ns;
	uint64_t position;     /* the next that a pad of Alice's brings */
	uint32_t positions;    /* so many each */
	double dark_share;     /* clicks that have nothing to do with the light */
	double flip;           /* errors */
	double eve, eve_z;     /* share of pulses that Eve measures, of these in Z */
	double decoys_blocked; /* share of their detections that photon-number splitting costs */
	bool fibre_cut, card_stuck;
	uint64_t step_ns;
	uint64_t holdoff_ns;
	unsigned int polls; /* of each engine in a step, at most */
	/* Alice's light: the mode now and the one before */
	enum source_mode mode, mode_before;
	uint64_t mode_slot;
	struct {
		uint64_t slot[512];
		size_t n;
	} lookups[RIG_LOOKUPS];
	unsigned int lookup_count;
	uint64_t lookups_total;
	struct rig_card card;
};

static inline uint64_t rig_mix(uint64_t seed, uint64_t x)
{
	uint64_t s = seed ^ x * 0xd1342543de82ef95ULL;

	return lossy_random(&s);
}

/* Either end's share of Z in rigs that start from now on. */
static double rig_p_z = 0.6;

static inline struct choice rig_choice(uint64_t seed, uint64_t slot)
{
	uint64_t h = rig_mix(seed, slot);

	return (struct choice){
	        .basis = (double)(h & 0xff) >= 256 * rig_p_z,
	        .bit = h >> 8 & 1,
	        .intensity = (h >> 16 & 0xff) >= 77, /* signal with 0.3 */
	        .valid = 1,
	};
}

static inline double rig_uniform(struct rig *r)
{
	return (double)(lossy_random(&r->state) >> 11) * 0x1p-53;
}

static inline uint64_t rig_slot_a(const struct rig *r)
{
	return r->wire.now_ns + r->offset_a;
}

static inline enum source_mode rig_mode_at(const struct rig *r, uint64_t slot)
{
	return slot >= r->mode_slot ? r->mode : r->mode_before;
}

/* ops */

static inline int rig_source_mode(void *ctx, enum source_mode mode, uint64_t *from_slot)
{
	struct rig *r = ((struct rig_end *)ctx)->rig;

	r->mode_before = r->mode;
	r->mode = mode;
	r->mode_slot = *from_slot = rig_slot_a(r) + 5000;
	return 0;
}

static inline uint64_t rig_slot_now(void *ctx)
{
	struct rig_end *end = ctx;
	struct rig *r = end->rig;

	return r->wire.now_ns + (end->alice ? r->offset_a : r->offset_b);
}

static inline int rig_lookup(void *ctx, const uint64_t *slots, size_t n)
{
	struct rig *r = ((struct rig_end *)ctx)->rig;

	if (r->lookup_count == RIG_LOOKUPS)
		return -EAGAIN;
	memcpy(r->lookups[r->lookup_count].slot, slots, n * sizeof(slots[0]));
	r->lookups[r->lookup_count++].n = n;
	r->lookups_total++;
	return 0;
}

static inline struct auth_pad rig_pad(uint64_t id)
{
	struct auth_pad pad = {.id = id};

	put_be64(pad.bits, rig_mix(77, id));
	put_be64(pad.bits + 8, rig_mix(78, id));
	return pad;
}

/* Alice's pads bring so many positions each, one behind the other, whatever becomes of them. */
static inline uint64_t rig_positions(struct rig_end *end)
{
	uint64_t from = end->rig->position;

	end->rig->position += end->rig->positions;
	return from;
}

static inline int rig_pad_take(void *ctx, struct auth_pad *pad)
{
	struct rig_end *end = ctx;

	if (end->pads != NULL)
		return end->pads->take(end->pads->ctx, pad);
	if (end->pads_left == 0)
		return -EAGAIN;
	end->pads_left--;
	*pad = rig_pad(2 * end->pads_taken++ + !end->alice);
	if (end->alice) {
		pad->grant_base = end->pads_taken * RIG_GRANT;
		pad->grant_keys = RIG_GRANT;
		pad->grant_position = rig_positions(end);
		pad->grant_positions = end->rig->positions;
	}
	return 0;
}

static inline int rig_pad_fetch(void *ctx, uint64_t id)
{
	struct rig_end *end = ctx;

	if (end->pads_wanted == 16 || lossy_random(&end->random_state) % 4 == 0)
		return -EAGAIN;
	end->pad_wanted[end->pads_wanted++] = id;
	return 0;
}

static inline void rig_block_ready(void *ctx, struct key_block *kb)
{
	struct rig_end *end = ctx;

	/* The engine has few of them. */
	if (end->block_count < RIG_BLOCKS) {
		struct key_block *own = malloc(sizeof(*own) + kb->bits / 8);

		memcpy(own, kb, sizeof(*own) + kb->bits / 8);
		own->home = NULL;
		end->blocks[end->block_count++] = own;
	}
	key_block_free(kb);
}

static inline void rig_alarm(void *ctx, enum engine_alarm alarm, bool raised, const char *text)
{
	struct rig_end *end = ctx;

	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "%.3f s %s: %s %s: %s\n", (double)end->rig->wire.now_ns * 1e-9,
		        end->alice ? "alice" : "bob", engine_alarm_name(alarm),
		        raised ? "raised" : "cleared", text);
	if (raised) {
		end->raised[alarm]++;
		end->raised_ns[alarm] = end->rig->wire.now_ns;
	} else {
		end->cleared[alarm]++;
		end->cleared_ns[alarm] = end->rig->wire.now_ns;
	}
}

static inline int rig_fill(void *ctx, void *buf, size_t n)
{
	struct rig_end *end = ctx;

	if (end->random_dry || lossy_random(&end->random_state) % 4 == 0)
		return -EAGAIN;
	return lossy_fill(&end->random_state, buf, n);
}

/* What does the engines' jobs, of those that start from now on; NULL: they do. */
static bool (*rig_give)(void *ctx, struct job *job);

static inline bool rig_engine_start(struct rig_end *end)
{
	struct rig *r = end->rig;
	struct engine_ops ops = {
	        .source_mode = rig_source_mode,
	        .slot_now = rig_slot_now,
	        .lookup = rig_lookup,
	        .pad_take = rig_pad_take,
	        .pad_fetch = rig_pad_fetch,
	        .block_ready = rig_block_ready,
	        .alarm = rig_alarm,
	        .random = {"seeded", rig_fill, end},
	        .give = rig_give,
	};
	struct err err = {0};

	end->engine = engine_create(end->alice ? &r->config_a : &r->config_b, &ops, end,
	                            end->alice ? r->wire.a : r->wire.b, &err);
	if (end->engine == NULL)
		fprintf(stderr, "%s\n", err.text);
	return end->engine != NULL;
}

/* Kill one end and start it again: nothing but its pads survives. */
static inline bool rig_restart(struct rig_end *end)
{
	engine_destroy(end->engine);
	if (end->alice) {
		lossy_pair_restart_a(&end->rig->wire);
		end->rig->lookup_count = 0;
	} else {
		lossy_pair_restart_b(&end->rig->wire);
	}
	end->pads_wanted = 0;
	return rig_engine_start(end);
}

static inline bool rig_init(struct rig *r, uint32_t block_bits, const struct lossy_config *lossy,
                            uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	if (!getenv("RIG_VERBOSE"))
		log_level_set("*", LOG_LEVEL_ERR);
	if (secret_size() == 0 && secret_init(48 << 20, NULL) < 0)
		return false;
	if (!lossy_pair_init(&r->wire, lossy, seed))
		return false;
	r->state = seed * 5 + 1;
	r->offset_a = 7000000000ULL + lossy_random(&r->state) % 1000000000;
	r->offset_b = lossy_random(&r->state) % 1000000000;
	r->flight_ns = 97940;
	r->light_seed = r->alice_seed = lossy_random(&r->state);
	r->dark_share = 0.006;
	r->flip = 0.007;
	r->polls = 50;
	r->step_ns = 200 * NS_PER_US;
	r->holdoff_ns = NS_PER_US;
	r->config_a = (struct engine_config){
	        .role = ENGINE_ALICE,
	        .block_bits = block_bits,
	        .p_z = rig_p_z,
	        .frame_bits = 65536,
	        .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15},
	        /* The default leaves nothing of blocks as short as a quick test's. */
	        .proof = FINITE_KEY_RUSCA2018,
	        .qber_abort = 0.08,
	        .qber_alarm = 0.05,
	        .sample_interval = 32,
	        .hash_key_ab = "alice to bob 128",
	        .hash_key_ba = "bob to alice 128",
	        .link = "test",
	};
	r->config_b = r->config_a;
	r->config_b.role = ENGINE_BOB;
	r->a.rig = r->b.rig = r;
	r->a.alice = true;
	r->a.pads_left = r->b.pads_left = 1000;
	r->a.random_state = seed * 5 + 2;
	r->b.random_state = seed * 5 + 3;
	return rig_engine_start(&r->a) && rig_engine_start(&r->b);
}

static inline void rig_fini(struct rig *r)
{
	engine_destroy(r->a.engine);
	engine_destroy(r->b.engine);
	for (unsigned int i = 0; i < RIG_BLOCKS; i++) {
		free(r->a.blocks[i]);
		free(r->b.blocks[i]);
	}
	lossy_pair_fini(&r->wire);
}

/* Eve measures and sends what she found. */
static inline void rig_eve(struct rig *r, struct choice *pulse)
{
	uint8_t basis = rig_uniform(r) >= r->eve_z;

	if (rig_uniform(r) >= r->eve)
		return;
	if (pulse->basis != basis) {
		pulse->basis = basis;
		pulse->bit = lossy_random(&r->state) & 1;
	}
}

/* A click at the arrival time T, or none: the pulse was too weak, or the slot dark. */
static inline bool rig_click(struct rig *r, uint64_t t, struct detection *d)
{
	uint64_t slot = t - r->flight_ns + r->offset_a;
	enum source_mode mode = rig_mode_at(r, slot);
	struct choice pulse = rig_choice(r->light_seed, slot);
	bool dark = rig_uniform(r) < r->dark_share;

	/* The transmitter of another link makes key all the time. */
	if (r->light_seed != r->alice_seed)
		mode = SOURCE_QKD;
	if (mode == SOURCE_DARK || r->fibre_cut) {
		if (rig_uniform(r) >= 0.001)
			return false;
		dark = true;
	}
	*d = (struct detection){.slot = t + r->offset_b};
	d->basis = rig_uniform(r) >= rig_p_z;
	d->bit = lossy_random(&r->state) & 1;
	if (dark)
		return !r->fibre_cut;
	if (mode == SOURCE_SYNC) {
		if (!sync_pattern_on(slot))
			return false;
		pulse = (struct choice){.basis = 0, .bit = 0};
	} else {
		if (rig_uniform(r) >= (pulse.intensity ? 0.1 / 0.3 * (1 - r->decoys_blocked) : 1))
			return false;
		rig_eve(r, &pulse);
	}
	if (pulse.basis == d->basis)
		d->bit = pulse.bit ^ (rig_uniform(r) < r->flip);
	return true;
}

static inline void rig_card_put(struct rig_card *c, const struct detection *d)
{
	size_t at = (c->head + c->count) % RIG_RING;

	c->made++;
	if (c->count == RIG_RING) {
		c->lost++;
		c->gap_first = c->gap_last == 0 ? d->slot : c->gap_first;
		c->gap_last = d->slot;
		return;
	}
	c->ring[at].d = *d;
	c->ring[at].gap_first = c->gap_first;
	c->ring[at].gap_last = c->gap_last;
	c->gap_last = 0;
	c->count++;
}

/* As dataplane/optics_clicks.c does. */
static inline void rig_card_give(struct rig *r)
{
	uint64_t now = r->wire.now_ns + r->offset_b, old_first = 0, old_last = 0;
	struct rig_card *c = &r->card;
	struct detection d[256];
	size_t n;

	while (c->count > 0 && engine_takes(r->b.engine, 256)) {
		for (n = 0; n < 256 && c->count > 0; c->head = (c->head + 1) % RIG_RING) {
			uint64_t gap_first = c->ring[c->head].gap_first;
			uint64_t gap_last = c->ring[c->head].gap_last;

			d[n] = c->ring[c->head].d;
			c->count--;
			if (d[n].slot + ENGINE_PATIENCE_NS < now) {
				old_first = old_last == 0 ? d[n].slot : old_first;
				old_last = d[n].slot;
				c->old++;
				continue;
			}
			if (gap_last != 0 || old_last != 0) {
				struct detection next = d[n];

				engine_detections(r->b.engine, d, n, r->wire.now_ns);
				c->given += n;
				if (old_last != 0)
					engine_gap(r->b.engine, old_first, old_last);
				if (gap_last != 0)
					engine_gap(r->b.engine, gap_first, gap_last);
				old_last = 0;
				d[0] = next;
				n = 0;
			}
			n++;
		}
		engine_detections(r->b.engine, d, n, r->wire.now_ns);
		c->given += n;
	}
}

static inline void rig_photons(struct rig *r)
{
	struct detection d[512];
	size_t n = 0;

	if (r->next_click_ns + r->step_ns < r->wire.now_ns)
		r->next_click_ns = r->wire.now_ns - r->step_ns;
	while (r->next_click_ns < r->wire.now_ns && n < 512) {
		if (rig_click(r, r->next_click_ns, &d[n])) {
			n++;
			r->next_click_ns += r->holdoff_ns;
		}
		r->next_click_ns += 1 + lossy_random(&r->state) % 160;
	}
	for (size_t i = 0; i < n; i++)
		rig_card_put(&r->card, &d[i]);
	rig_card_give(r);
}

static inline void rig_answer_lookups(struct rig *r)
{
	struct choice c[512];
	unsigned int n = r->card_stuck ? 0 : r->lookup_count;

	if (n == 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		for (size_t k = 0; k < r->lookups[i].n; k++) {
			uint64_t slot = r->lookups[i].slot[k];

			c[k] = rig_choice(r->alice_seed, slot);
			c[k].valid = slot < rig_slot_a(r) && slot + RIG_RETENTION > rig_slot_a(r) &&
			             rig_mode_at(r, slot) == SOURCE_QKD;
		}
		engine_choices(r->a.engine, c, r->lookups[i].n);
	}
	r->lookup_count = 0;
}

static inline void rig_answer_pads(struct rig_end *end)
{
	unsigned int n = end->pads_wanted;

	end->pads_wanted = 0;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t id = end->pad_wanted[i];
		struct auth_pad pad = rig_pad(id);

		if (end->fetch_own != NULL) {
			end->fetch_own->fetch(end->fetch_own->ctx, id, &pad);
			engine_pad(end->engine, id, &pad);
			continue;
		}
		if (end->pads != NULL) {
			int rc = end->pads->fetch(end->pads->ctx, id, &pad);

			engine_pad(end->engine, id, rc == 0 ? &pad : NULL);
			continue;
		}

		/* The peer's pads only. */
		engine_pad(end->engine, id, (id & 1) == end->alice ? &pad : NULL);
	}
}

static inline void rig_step(struct rig *r)
{
	lossy_pair_step(&r->wire, r->step_ns);
	rig_photons(r);
	rig_answer_lookups(r);
	rig_answer_pads(&r->a);
	rig_answer_pads(&r->b);
	for (unsigned int i = 0; i < r->polls; i++) {
		bool more = engine_poll(r->a.engine, r->wire.now_ns);

		more |= engine_poll(r->b.engine, r->wire.now_ns);
		if (!more)
			break;
	}
}

static inline void rig_run(struct rig *r, uint64_t ns)
{
	for (uint64_t end = r->wire.now_ns + ns; r->wire.now_ns < end;)
		rig_step(r);
}

/* Until both ends know that they have the same parameters: from then on one may lie. */
static inline void rig_agree(struct rig *r)
{
	for (int i = 0;
	     i < 10000 && (r->a.engine->agree != AGREE_YES || r->b.engine->agree != AGREE_YES); i++)
		rig_step(r);
}

/* Until both ends have COUNT blocks; false after LIMIT_NS. */
static inline bool rig_run_blocks(struct rig *r, unsigned int count, uint64_t limit_ns)
{
	for (uint64_t end = r->wire.now_ns + limit_ns; r->wire.now_ns < end;) {
		if (r->a.block_count >= count && r->b.block_count >= count)
			return true;
		rig_step(r);
	}
	return false;
}

/* Blocks that both ends have; -1 when two of the same name differ. */
static inline int rig_common_blocks(const struct rig *r)
{
	int common = 0;

	for (unsigned int i = 0; i < r->a.block_count; i++) {
		for (unsigned int k = 0; k < r->b.block_count; k++) {
			const struct key_block *a = r->a.blocks[i], *b = r->b.blocks[k];

			if (memcmp(a->id, b->id, sizeof(a->id)) != 0)
				continue;
			if (a->bits != b->bits || a->bits == 0 || a->bits % 256 != 0 ||
			    memcmp(a->key, b->key, a->bits / 8) != 0 ||
			    a->pad_base != b->pad_base || a->pad_keys != b->pad_keys ||
			    a->hash_keys != b->hash_keys || a->computational != b->computational ||
			    a->position != b->position || a->units[0] != b->units[0] ||
			    a->units[1] != b->units[1] ||
			    memcmp(a->hash, b->hash, sizeof(a->hash)) != 0)
				return -1;
			common++;
		}
	}
	return common;
}

#endif
