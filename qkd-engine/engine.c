/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/engine_state.h"

LOG_COMPONENT_DEFINE(engine)

#define MESSAGES_PER_POLL 4
/*
 * Secret memory that stays free, bytes for each detection of a block: amplification takes one for
 * each bit, and its result an eighth, of two blocks.
 */
#define SECRET_KEPT          2
#define BLOCK_BITS_MIN       4096
#define BLOCK_BITS_MAX       16000000
#define BLOCK_DETECTIONS_MAX (4u * BLOCK_BITS_MAX)

static int check_config(const struct engine_config *c, struct err *err)
{
	const struct finite_key_source *s = &c->source;
	const struct finite_key_input nothing = {.source = *s};
	struct finite_key_result bound;

	if (c->block_bits < BLOCK_BITS_MIN || c->block_bits > BLOCK_BITS_MAX)
		return err_set(err, EINVAL, "block-bits: %u is not within %u to %u", c->block_bits,
		               BLOCK_BITS_MIN, BLOCK_BITS_MAX);
	if (c->frame_bits < CASCADE_FRAME_MIN || c->frame_bits > CASCADE_FRAME_MAX)
		return err_set(err, EINVAL, "frame-bits: %u is not within %u to %u", c->frame_bits,
		               CASCADE_FRAME_MIN, CASCADE_FRAME_MAX);
	if (!(s->mu[1] > 0 && s->mu[0] > s->mu[1] && s->mu[0] <= 1))
		return err_set(err, EINVAL,
		               "intensities: %g and %g are not 1 >= signal > decoy > 0", s->mu[0],
		               s->mu[1]);
	if (!(s->p[0] > 0 && s->p[1] > 0 && s->p[0] + s->p[1] <= 1.000001))
		return err_set(err, EINVAL, "intensities: probabilities %g and %g do not add to 1",
		               s->p[0], s->p[1]);
	if (!(c->p_z > 0 && c->p_z <= 1 && engine_block_detections(c) <= BLOCK_DETECTIONS_MAX))
		return err_set(err, EINVAL,
		               "p-z: with %g a block of %u bits takes more than %u detections",
		               c->p_z, c->block_bits, BLOCK_DETECTIONS_MAX);
	if (!(s->eps_sec > 0 && s->eps_sec < 1 && s->eps_cor > 0 && s->eps_cor < 1))
		return err_set(err, EINVAL, "epsilons: %g and %g are not within 0 to 1", s->eps_sec,
		               s->eps_cor);
	if (c->proof >= FINITE_KEY_PROOFS || finite_key_intensities(c->proof) != 2)
		return err_set(err, EINVAL, "proof: %s is not for one decoy",
		               finite_key_proof_name(c->proof));
	if (finite_key_bound(c->proof, &nothing, &bound) < 0)
		return err_set(err, EINVAL, "%s", bound.reason);
	if (c->leak_mode >= LEAK_MODES || c->leak_mode == LEAK_ERROR_PATTERN)
		return err_set(err, EINVAL,
		               "leak-mode: %s needs a proof that grants the eavesdropper the error "
		               "pattern, and there is none for this protocol",
		               leak_mode_name(c->leak_mode));
	if (c->reconciliation >= RECONCILE_METHODS)
		return err_set(err, EINVAL, "reconciliation: there is no such method");
	if (c->leak_mode == LEAK_ONE_WAY && c->reconciliation == RECONCILE_CASCADE)
		return err_set(err, EINVAL,
		               "leak-mode: one-way is not for cascade, whose questions tell of "
		               "the receiver's bits");
	if (c->reconciliation == RECONCILE_LDPC && c->leak_mode != LEAK_AUTO &&
	    c->leak_mode != LEAK_ONE_WAY)
		return err_set(err, EINVAL, "leak-mode: %s is not for ldpc, which is one-way",
		               leak_mode_name(c->leak_mode));
	if (!(c->qber_abort > 0 && c->qber_abort < 0.5))
		return err_set(err, EINVAL, "qber-abort: %g is not within 0 to 0.5", c->qber_abort);
	if (!(c->qber_alarm > 0 && c->qber_alarm < 0.25))
		return err_set(err, EINVAL, "qber-alarm: %g is not within 0 to 0.25",
		               c->qber_alarm);
	if (c->sample_interval < 2)
		return err_set(err, EINVAL, "sample-interval: %u is below 2", c->sample_interval);
	return engine_memory_check(c, err);
}

/* As many workspaces as there is secret memory for, beside what the rest of the engine takes. */
static int allocate_spaces(struct engine *e)
{
	struct engine_memory *m = &e->stats.memory;
	unsigned int wanted = m->reconciling;

	if (workspace_pool_init(&e->spaces, 1, wanted, &m->space,
	                        SECRET_KEPT * e->block_detections) < 0)
		return -ENOMEM;
	m->reconciling = e->spaces.count;
	m->all.secret -= (wanted - m->reconciling) * m->space.secret;
	m->all.plain -= (wanted - m->reconciling) * m->space.plain;
	if (m->reconciling < wanted)
		log_warn("%s: secret memory for the reconciliation of %u blocks at a time, not %u",
		         e->config.link, m->reconciling, wanted);
	return 0;
}

static int allocate(struct engine *e)
{
	uint8_t hash_key[2 * AUTH_TAG_BYTES];

	for (unsigned int i = 0; i < e->block_count; i++)
		if (block_init(&e->blocks[i], e->block_detections) < 0)
			return -ENOMEM;
	if (allocate_spaces(e) < 0)
		return -ENOMEM;
	memcpy(hash_key, e->config.hash_key_ab, AUTH_TAG_BYTES);
	memcpy(hash_key + AUTH_TAG_BYTES, e->config.hash_key_ba, AUTH_TAG_BYTES);
	e->preshared_hash = hash_keys_create(hash_key, true);
	secret_wipe(hash_key, sizeof(hash_key));
	if (e->preshared_hash == NULL)
		return -ENOMEM;
	e->hash = hash_keys_hold(e->preshared_hash);
	if (e->config.role == ENGINE_ALICE)
		return alice_init(e);
	e->bob.pending = secret_alloc(sizeof(*e->bob.pending));
	e->bob.samples = calloc(BATCHES_MAX, sizeof(e->bob.samples[0]));
	return e->bob.pending == NULL || e->bob.samples == NULL ? -ENOMEM : 0;
}

struct engine *engine_create(const struct engine_config *config, const struct engine_ops *ops,
                             void *ctx, struct channel *channel, struct err *err)
{
	struct engine *e;

	if (check_config(config, err) < 0)
		return NULL;
	e = secret_alloc(sizeof(*e));
	if (e == NULL) {
		err_set(err, ENOMEM, "qkd engine: secret memory is full");
		return NULL;
	}
	e->config = *config;
	e->block_detections = (size_t)engine_block_detections(config);
	e->block_count = engine_block_count(config);
	engine_memory(config, &e->stats.memory);
	e->ops = *ops;
	e->random_until_ns = UINT64_MAX;
	e->ctx = ctx;
	e->channel = channel;
	e->stats.role = config->role;
	outbox_clear(e);
	monitor_init(&e->monitor, config->qber_alarm);
	if (allocate(e) < 0) {
		err_set(err, ENOMEM,
		        "qkd engine: %u blocks of %u bits take %zu KiB of secret memory, of which "
		        "%zu KiB are in use",
		        e->block_count, config->block_bits, e->stats.memory.all.secret >> 10,
		        secret_used() >> 10);
		engine_destroy(e);
		return NULL;
	}
	return e;
}

/* Drop all that is under way; nobody is told. */
static void drop_session(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_FILLING) {
			enum abort_reason reason =
			        b->stage == BLOCK_COMMIT ? ABORT_DOUBT : ABORT_SESSION;

			e->stats.blocks_aborted++;
			e->stats.aborts[reason]++;
			snprintf(e->stats.last_abort, sizeof(e->stats.last_abort), "%s",
			         abort_reason_name(reason));
			e->stats.blocks_in_doubt += b->stage == BLOCK_COMMIT;
		}
		if (b->secret != NULL)
			block_release(e, b);
	}
	/* Whether the peer has those that were renewed is not known: begin where both did. */
	if (e->hash != e->preshared_hash && e->preshared_hash != NULL) {
		hash_keys_release(e->hash);
		e->hash = hash_keys_hold(e->preshared_hash);
	}
	e->open = NULL;
	e->last_number = 0;
	e->pads_wait_ns = 0;
	outbox_clear(e);
	monitor_reset(&e->monitor);
	if (e->config.role == ENGINE_ALICE && e->alice.batches != NULL)
		alice_reset(e);
	if (e->config.role == ENGINE_BOB && e->bob.samples != NULL)
		bob_reset(e);
	e->session_up = false;
}

void engine_destroy(struct engine *e)
{
	if (e == NULL)
		return;
	/* Who had them has stopped. */
	for (unsigned int i = 0; i < e->block_count; i++)
		e->blocks[i].job.given = false;
	drop_session(e);
	for (unsigned int i = 0; i < e->block_count; i++)
		block_fini(&e->blocks[i]);
	workspace_pool_fini(&e->spaces);
	hash_keys_release(e->hash);
	hash_keys_release(e->preshared_hash);
	free(e->alice.batches);
	secret_free(e->bob.pending);
	free(e->bob.samples);
	secret_free(e);
}

struct block *engine_block(struct engine *e, uint64_t number)
{
	for (unsigned int i = 0; i < e->block_count; i++)
		if (e->blocks[i].stage > BLOCK_ENDING && e->blocks[i].number == number)
			return &e->blocks[i];
	return NULL;
}

/*
 * The peer holds the link's secret but breaks the rules: whatever is under way may differ
 * at the two ends. A block whose fate is the peer's alone to decide stays.
 */
void engine_protocol_error(struct engine *e, const char *what)
{
	e->stats.protocol_errors++;
	if (e->warned_ns == 0 || e->now_ns - e->warned_ns >= NS_PER_S) {
		e->warned_ns = e->now_ns;
		log_warn("%s: protocol error: %s", e->config.link, what);
	}
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_ENDING && b->stage != BLOCK_COMMIT)
			block_abort(e, b, ABORT_PROTOCOL, true);
	}
}

static void about_block(struct engine *e, const struct message *m, const uint8_t *msg, size_t len)
{
	struct block *b = engine_block(e, m->block);

	if (b == NULL) {
		/* On its way when the block was aborted here. */
		if (m->block > e->last_number && m->type != MESSAGE_ABORT)
			engine_protocol_error(e, "a message about an unknown block");
		return;
	}
	if (m->type == MESSAGE_ABORT)
		block_abort(e, b, (enum abort_reason)m->reason, false);
	else
		block_message(e, b, m, msg, len);
}

static void dispatch(struct engine *e, const uint8_t *msg, size_t len)
{
	int type = message_type(msg, len);
	struct message m;

	if (type == MESSAGE_PARAMETERS) {
		agree_take(e, msg, len);
		return;
	}
	if (!agree_holds(e))
		return;
	if (type == MESSAGE_ANNOUNCE && e->config.role == ENGINE_ALICE) {
		alice_message(e, type, msg, len);
		return;
	}
	if (type == MESSAGE_REPLY && e->config.role == ENGINE_BOB) {
		bob_reply(e, msg, len);
		return;
	}
	if (type < 0 || message_decode(msg, len, &m) < 0)
		engine_protocol_error(e, "a malformed message");
	else if (type >= MESSAGE_START)
		about_block(e, &m, msg, len);
	else if (e->config.role == ENGINE_ALICE)
		alice_message(e, type, msg, len);
	else
		bob_message(e, &m);
}

bool engine_check_session(struct engine *e)
{
	uint8_t id[16];
	bool up = channel_session(e->channel, id);

	if (e->session_up && (!up || memcmp(id, e->session, sizeof(id)) != 0))
		drop_session(e);
	if (!up || e->session_up)
		return up;
	memcpy(e->session, id, sizeof(id));
	e->session_up = true;
	agree_state(e);
	if (e->config.role == ENGINE_BOB)
		bob_session(e);
	return true;
}

/*
 * Released blocks that another core still works on, for a step at most. The peer may have used
 * their places already: its messages wait.
 */
static bool blocks_end(struct engine *e)
{
	bool some = false;

	for (unsigned int i = 0; i < e->block_count; i++) {
		if (e->blocks[i].stage == BLOCK_ENDING)
			block_release(e, &e->blocks[i]);
		some |= e->blocks[i].stage == BLOCK_ENDING;
	}
	return some;
}

static void receive(struct engine *e)
{
	for (int i = 0; i < MESSAGES_PER_POLL; i++) {
		const uint8_t *msg;
		size_t len;

		/* Answers need room; the peer waits when we do. */
		if (outbox_full(e))
			return;
		msg = channel_receive(e->channel, CHANNEL_QKD, &len);
		if (msg == NULL)
			return;
		dispatch(e, msg, len);
		e->worked = true;
	}
}

static void step_blocks(struct engine *e)
{
	for (unsigned int i = 0; i < e->block_count && !outbox_full(e); i++) {
		struct block *b = &e->blocks[(e->step_next + i) % e->block_count];

		if (b->stage <= BLOCK_FILLING)
			continue;
		if (block_step(e, b)) {
			e->step_next = (e->step_next + i + 1) % e->block_count;
			e->worked = true;
			return;
		}
	}
}

bool engine_poll(struct engine *e, uint64_t now_ns)
{
	e->now_ns = now_ns;
	e->worked = false;
	if (!engine_check_session(e))
		return false;
	outbox_flush(e);
	if (!blocks_end(e))
		receive(e);
	if (e->config.role == ENGINE_ALICE)
		alice_tick(e);
	else
		bob_tick(e);
	step_blocks(e);
	e->worked |= workspace_pool_wipe(&e->spaces);
	return e->worked;
}

void engine_pad(struct engine *e, uint64_t id, const struct auth_pad *pad)
{
	engine_check_session(e);
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage <= BLOCK_ENDING || !b->peer_pad_asked || b->peer_pad ||
		    b->peer_pad_id != id)
			continue;
		block_peer_pad(e, b, pad);
		return;
	}
}

void engine_count_sifted(struct engine *e, unsigned int stale, size_t keys,
                         const struct monitor_counts *c)
{
	e->stats.stale_choices += stale;
	e->stats.sifted_z += keys;
	e->stats.sampled_z += c->n[0];
	e->stats.sample_errors_z += c->e[0];
	e->stats.sifted_x += c->n[1];
	e->stats.errors_x += c->e[1];
}

int engine_random(struct engine *e, void *buf, size_t n)
{
	int rc = e->ops.random.fill(e->ops.random.ctx, buf, n);

	if (rc == 0)
		e->stats.random_card += n;
	return rc;
}

void engine_random_any(struct engine *e, void *buf, size_t n)
{
	if (engine_random(e, buf, n) == 0)
		return;
	random_bytes(buf, n);
	e->stats.random_kernel += n;
}

void engine_random_failed(struct engine *e)
{
	e->random_until_ns = 0;
	engine_check_session(e);
	for (unsigned int i = 0; i < e->block_count; i++) {
		struct block *b = &e->blocks[i];

		if (b->stage > BLOCK_ENDING && b->stage != BLOCK_COMMIT)
			block_abort(e, b, ABORT_RANDOM, true);
	}
}

void engine_random_tested(struct engine *e, uint64_t until_ns)
{
	e->random_until_ns = until_ns;
}

void engine_thresholds(struct engine *e, double qber_abort, double qber_alarm)
{
	e->config.qber_abort = qber_abort;
	e->config.qber_alarm = qber_alarm;
	monitor_threshold(&e->monitor, qber_alarm);
}

void engine_stats_read(const struct engine *e, struct engine_stats *out)
{
	*out = e->stats;
	if (e->config.role == ENGINE_BOB)
		out->aligned = e->bob.sync == SYNC_ALIGNED;
	else
		out->aligned = e->session_up && e->alice.next_slot <= SIFT_SLOT_MAX;
	out->blocks_reconciling = e->spaces.count - e->spaces.clean_count - e->spaces.dirty_count;
	out->hash_keys_preshared = e->hash->preshared;
	out->hash_key_uses = e->hash->uses;
	out->qber_z = monitor_qber(&e->monitor, 0, e->now_ns);
	out->qber_x = monitor_qber(&e->monitor, 1, e->now_ns);
}
