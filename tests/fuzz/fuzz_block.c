/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The messages about a block, at an engine that has one in a stage of the input's choice: an
 * authentic peer says what the input says, pads come or do not, time passes.
 *
 * Checked beside what the sanitizers see: no block becomes key but at Bob, whose block was already
 * Alice's to decide, by COMMIT: nobody without hash key and pad makes a tag. Nothing is left of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "qkd-engine/engine_state.h"
#include "tests/fuzz/input.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY_BITS    2048
#define SECRET_BITS 1024

struct world {
	struct lossy_pair *pair;
	bool restarted;
	struct engine *engine;
	struct channel *own, *peer;
	struct input in;
	uint64_t random, position;
	bool decided, pads_there; /* the block is Alice's to decide */
	uint64_t wanted;
	unsigned int asked, delivered;
};

static int source_mode(void *ctx, enum source_mode mode, uint64_t *from_slot)
{
	(void)ctx;
	(void)mode;
	*from_slot = 1000;
	return 0;
}

static uint64_t slot_now(void *ctx)
{
	return ((struct world *)ctx)->pair->now_ns;
}

static int lookup(void *ctx, const uint64_t *slots, size_t n)
{
	(void)ctx;
	(void)slots;
	(void)n;
	return -EAGAIN;
}

static int pad_take(void *ctx, struct auth_pad *pad)
{
	struct world *w = ctx;

	if (!w->pads_there)
		return -EAGAIN;
	memset(pad, 0, sizeof(*pad));
	lossy_fill(&w->random, pad->bits, sizeof(pad->bits));
	pad->id = lossy_random(&w->random);
	pad->grant_base = 2;
	pad->grant_keys = 2;
	pad->grant_position = w->position;
	pad->grant_positions = 8;
	w->position += 8;
	return 0;
}

static int pad_fetch(void *ctx, uint64_t id)
{
	struct world *w = ctx;

	w->wanted = id;
	w->asked++;
	return 0;
}

static void block_ready(void *ctx, struct key_block *kb)
{
	struct world *w = ctx;

	if (!w->decided || ++w->delivered > 1 || kb->bits != SECRET_BITS ||
	    kb->pad_keys + kb->hash_keys + (kb->units[0] + kb->units[1]) / 4 > kb->bits / 256 ||
	    ((kb->units[0] > 0 || kb->units[1] > 0) &&
	     kb->pad_keys + kb->hash_keys + (kb->units[0] + kb->units[1]) / 4 == kb->bits / 256) ||
	    kb->position + kb->units[0] > ENGINE_POSITIONS ||
	    kb->position + kb->units[1] > ENGINE_POSITIONS)
		abort();
	key_block_free(kb);
}

static void alarm_changed(void *ctx, enum engine_alarm alarm, bool raised, const char *text)
{
	(void)ctx;
	(void)alarm;
	(void)raised;
	if (strlen(text) > 255)
		abort();
}

static void create(struct world *w, bool alice)
{
	const struct engine_ops ops = {
	        .source_mode = source_mode,
	        .slot_now = slot_now,
	        .lookup = lookup,
	        .pad_take = pad_take,
	        .pad_fetch = pad_fetch,
	        .block_ready = block_ready,
	        .alarm = alarm_changed,
	        .random = {"seeded", lossy_fill, &w->random},
	};
	const struct engine_config config = {
	        .role = alice ? ENGINE_ALICE : ENGINE_BOB,
	        .block_bits = 4096,
	        .p_z = 0.8,
	        .frame_bits = CASCADE_FRAME_MIN,
	        .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15},
	        .qber_abort = 0.08,
	        .qber_alarm = 0.05,
	        .sample_interval = 32,
	        .hash_key_ab = "alice to bob 128",
	        .hash_key_ba = "bob to alice 128",
	        .link = "fuzz",
	};

	w->own = alice ? w->pair->a : w->pair->b;
	w->peer = alice ? w->pair->b : w->pair->a;
	w->engine = engine_create(&config, &ops, w, w->own, NULL);
	if (w->engine == NULL)
		abort();
	engine_delivery(w->engine, 40, 30);
}

/* Block 1 as it would be in STAGE, with a key of the seed's making. */
static void put_block(struct world *w, enum block_stage stage, bool alice)
{
	struct engine *e = w->engine;
	struct block *b;

	if (!engine_check_session(e) || (b = block_open(e, 1, e->hash)) == NULL)
		abort();
	e->agree = AGREE_YES;
	e->open = NULL;
	b->first_batch_ns = b->last_batch_ns = w->pair->now_ns;
	b->stage = stage;
	if (stage == BLOCK_SIFT) {
		b->detections = 2 * KEY_BITS - 96; /* the last part is a short one */
		for (unsigned int i = 0; i < BLOCK_STRINGS; i++)
			lossy_fill(&w->random, b->string[i], b->detections / 8);
		return;
	}
	b->bits = KEY_BITS;
	lossy_fill(&w->random, b->key, KEY_BITS / 8);
	memcpy(b->original, b->key, KEY_BITS / 8);
	b->counts.n_z[0] = KEY_BITS / 4;
	b->counts.n_z[1] = KEY_BITS - KEY_BITS / 4;
	b->plan = (struct block_plan){
	        .method = RECONCILE_CASCADE,
	        .mode = LEAK_TWO_WAY,
	        .frames = frame_check_count(KEY_BITS, CASCADE_FRAME_MIN),
	        .errors = {KEY_BITS / 16, KEY_BITS / 16},
	        .budget = KEY_BITS,
	        .secret_bits = SECRET_BITS,
	};
	if (stage == BLOCK_RECONCILE) {
		struct message start = {.start = {.bits = KEY_BITS,
		                                  .frame_bits = CASCADE_FRAME_MIN,
		                                  .qber_ppb = 30000000}};

		/* Bob has a workspace by then; Alice takes hers when she is asked. */
		if (e->config.role == ENGINE_BOB && !block_reconcile_space(e, b))
			abort();
		if (!block_reconcile_start(e, b, &start))
			abort();
	}
	/* One frame failed, and is to be disclosed. */
	if (stage == BLOCK_REVEAL)
		b->failed[0] = b->failed_frames = 1;
	if (stage == BLOCK_COUNTS)
		verify_start(&b->verify, b->key, KEY_BITS, e->session);
	if (stage < BLOCK_SEED)
		return;
	if (stage <= BLOCK_AMPLIFY && !block_amplify_space(e, b))
		abort();
	if (stage == BLOCK_AMPLIFY) {
		memset(b->seed, 0x55, b->seed_bytes);
		b->seed_have = b->seed_bytes;
		block_amplify_start(e, b);
	}
	if (stage == BLOCK_COMMIT) {
		b->pad_keys = 2;
		b->hash_keys = 1;
		while (block_prepare(e, b) != BLOCK_JOB_DONE)
			continue;
		w->decided = b->ready;
	}
}

static void say(struct world *w)
{
	uint8_t msg[2048];
	size_t n = 0, len = (size_t)take(&w->in) << (take(&w->in) % 4);
	uint8_t type = take(&w->in);

	/* Mostly about the block that is there. */
	if (type < 240) {
		msg[n++] = (uint8_t)(type % (MESSAGE_TYPES + 1));
		put_be64(msg + n, type < 200 ? 1 : take(&w->in));
		n += 8;
	}
	for (; len > 0 && n < sizeof(msg) && w->in.left > 0; len--)
		msg[n++] = take(&w->in);
	channel_send(w->peer, CHANNEL_QKD, msg, n);
}

static void act(struct world *w)
{
	struct auth_pad pad = {.id = w->wanted};
	uint8_t op = take(&w->in);

	switch (op % 8) {
	case 0:
	case 1:
	case 2:
		say(w);
		break;
	case 3:
		if (w->asked == 0)
			break;
		lossy_fill(&w->random, pad.bits, sizeof(pad.bits));
		engine_pad(w->engine, op & 8 ? w->wanted : take(&w->in), op & 16 ? &pad : NULL);
		break;
	case 4:
		w->pads_there = op & 8;
		break;
	case 5:
		lossy_pair_step(w->pair, (uint64_t)take(&w->in) << (op >> 3));
		break;
	case 6:
		engine_thresholds(w->engine, op & 8 ? 0.2 : 0.08, op & 16 ? 0.2 : 0.05);
		break;
	default:
		/* The peer starts anew; its channel alone, the engine keeps a pointer to its own.
		 */
		if (op != 255)
			break;
		w->restarted = true;
		if (w->peer == w->pair->b) {
			lossy_pair_restart_b(w->pair);
			w->peer = w->pair->b;
		} else {
			lossy_pair_restart_a(w->pair);
			w->peer = w->pair->a;
		}
		break;
	}
	lossy_pair_step(w->pair, NS_PER_MS);
	for (int i = 0; i < 20 && engine_poll(w->engine, w->pair->now_ns); i++)
		continue;
}

/*
 * The two channels stay from input to input, as making them takes longer than all else: what the
 * last one left in them is taken out. A restart of one makes both anew.
 */
static void set_up(struct world *w, const uint8_t *data, size_t size)
{
	static const struct lossy_config good = {.send_buffer_bytes = 1};
	static struct lossy_pair pair;
	static bool there;
	size_t len;

	if (secret_size() == 0 && secret_init(32 << 20, NULL) < 0)
		abort();
	if (there && w->restarted) {
		lossy_pair_fini(&pair);
		there = false;
	}
	if (!there && (!lossy_pair_init(&pair, &good, 1) || !lossy_pair_connect(&pair, NS_PER_S)))
		abort();
	there = true;
	memset(w, 0, sizeof(*w));
	w->pair = &pair;
	w->in = (struct input){data, size};
	w->random = 5;
	for (int i = 0; i < 100; i++) {
		while (channel_receive(pair.a, CHANNEL_QKD, &len) != NULL ||
		       channel_receive(pair.b, CHANNEL_QKD, &len) != NULL)
			i = 0;
		lossy_pair_step(&pair, NS_PER_MS);
		if (channel_unacked(pair.a, CHANNEL_QKD) + channel_unacked(pair.b, CHANNEL_QKD) ==
		    0)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct engine_stats s;
	enum block_stage stage;
	size_t secret;
	bool alice;

	log_level_set("*", LOG_LEVEL_ERR);
	set_up(&w, data, size);
	secret = secret_used();
	alice = take(&w.in) & 1;
	stage = BLOCK_SIFT + take(&w.in) % (BLOCK_COMMIT - BLOCK_SIFT + 1);
	if (alice && stage == BLOCK_COMMIT)
		stage = BLOCK_HOLD;
	if (!alice && stage == BLOCK_TAG)
		stage = BLOCK_AMPLIFY;
	create(&w, alice);
	/* Alice's block that is held has passed Bob's tag; Bob's sends his own. */
	put_block(&w, stage, alice);
	w.decided |= stage == BLOCK_HOLD;
	for (int i = 0; w.in.left > 0 && i < 200; i++)
		act(&w);
	engine_stats_read(w.engine, &s);
	if (s.blocks_ok != w.delivered)
		abort();
	engine_destroy(w.engine);
	if (!w.restarted && secret_used() != secret)
		abort();
	return 0;
}
