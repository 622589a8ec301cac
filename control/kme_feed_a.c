/* SPDX-License-Identifier: BSD-3-Clause */

/* Site A's side: it asks for keys, offers them, and keeps what B has as well. */

#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "control/kme_feed_state.h"

LOG_COMPONENT_DEFINE(kme_a)

#define LOOK_NS       (100 * NS_PER_MS)
#define WAIT_LEAST_NS NS_PER_S
#define WAIT_MOST_NS  (60 * NS_PER_S)
#define TOLD_MOST_MS  300000 /* of a KME's Retry-After */
/* Of a KME that gives few keys in a request: the stores' summaries have a record a block. */
#define BLOCKS_MOST 768
/* Longer than B tries. */
#define OFFER_NS (120 * NS_PER_S)

/* A KME that fails is asked again soon, then less and less often: each time may cost keys. */
static void wait(struct kme_feed *f, uint32_t told_ms, uint64_t now)
{
	uint64_t told = (told_ms < TOLD_MOST_MS ? told_ms : TOLD_MOST_MS) * NS_PER_MS;

	f->wait_ns = f->wait_ns == 0 ? WAIT_LEAST_NS : 2 * f->wait_ns;
	if (f->wait_ns > WAIT_MOST_NS)
		f->wait_ns = WAIT_MOST_NS;
	f->next_ns = now + (told > f->wait_ns ? told : f->wait_ns);
}

/* B may have it by now. */
static void give_up(struct kme_feed *f, uint32_t told_ms, uint64_t now)
{
	struct kme_peer_message m = {.type = KME_PEER_DROP};

	memcpy(m.block, f->block, sizeof(m.block));
	f->ops.to_peer(f->ctx, &m);
	kme_feed_dropped(f);
	wait(f, told_ms, now);
}

void kme_feed_a_keys(struct kme_feed *f, const struct kme_message *m, uint64_t now)
{
	struct kme_peer_message offer = {
	        .type = KME_PEER_OFFER, .number = m->number, .ids = f->ids};

	if (kme_feed_repeats(f, m->entries, m->number, KME_ENTRY_BYTES)) {
		f->stats.repeated++;
		kme_feed_fault(f, KME_REFUSED, "the KME", "it gave a key_ID that it gave before");
		kme_feed_dropped(f);
		wait(f, 0, now);
		return;
	}
	kme_feed_remember(f, m->entries, m->number, KME_ENTRY_BYTES);
	for (unsigned int i = 0; i < m->number; i++) {
		const uint8_t *entry = m->entries + (size_t)i * KME_ENTRY_BYTES;

		memcpy(f->ids + (size_t)i * KME_ID_BYTES, entry, KME_ID_BYTES);
		memcpy(f->keys + (size_t)i * KME_KEY_BYTES, entry + KME_ID_BYTES, KME_KEY_BYTES);
	}
	kme_block_name(f->ids, f->number, f->block);
	kme_feed_phase(f, KME_PHASE_OFFERED, now);
	if (f->ops.to_peer(f->ctx, &offer) < 0) {
		kme_feed_dropped(f);
		wait(f, 0, now);
	}
}

void kme_feed_a_failed(struct kme_feed *f, const struct kme_message *m, uint64_t now)
{
	kme_feed_fault(f, m->fault, "the KME", m->text);
	kme_feed_idle(f);
	wait(f, m->wait_ms, now);
}

static void take_have(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now)
{
	struct kme_batch b = kme_feed_batch(f);
	struct err err = {0};
	uint8_t mac[16];

	if (f->ops.mac(f->ctx, &b, mac) < 0 || !bytes_equal_ct(mac, m->mac, sizeof(mac))) {
		f->stats.divergences++;
		log_err("the KMEs gave different keys under the same identifiers");
		f->ops.alarm(f->ctx, "kme-divergence", true,
		             "the KMEs of both sites gave different keys under the same key_IDs");
		give_up(f, 0, now);
		return;
	}
	if (f->ops.add(f->ctx, &b, &err) < 0) {
		log_err("%s", err.text);
		give_up(f, 0, now);
		return;
	}
	kme_feed_good(f);
	kme_feed_idle(f);
	f->wait_ns = 0;
	f->next_ns = f->look_ns = now;
}

bool kme_feed_a_peer(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now)
{
	struct kme_peer_message drop = {.type = KME_PEER_DROP};
	bool ours =
	        f->phase == KME_PHASE_OFFERED && memcmp(m->block, f->block, sizeof(f->block)) == 0;

	switch (m->type) {
	case KME_PEER_READY:
		if (m->version != KME_PEER_VERSION)
			return false;
		f->stats.peer_ready = m->ready;
		f->peer_most = m->most;
		return true;
	case KME_PEER_HAVE:
		if (ours) {
			take_have(f, m, now);
			return true;
		}
		/* Given up here. */
		memcpy(drop.block, m->block, sizeof(drop.block));
		f->ops.to_peer(f->ctx, &drop);
		return true;
	case KME_PEER_REFUSED:
		if (!ours)
			return true;
		kme_feed_fault(f, m->fault, "the peer's KME", m->text);
		kme_feed_dropped(f);
		wait(f, 0, now);
		return true;
	default:
		return false;
	}
}

/* How many to ask for; 0: none. Whole batches alone, so that the store has few and large blocks. */
static unsigned int wanted(struct kme_feed *f)
{
	uint64_t have = f->ops.keys(f->ctx), high;
	unsigned int n = f->config.batch;

	if (n > f->stats.most)
		n = f->stats.most;
	if (n > f->peer_most)
		n = f->peer_most;
	high = (uint64_t)n * BLOCKS_MOST;
	if (high > f->config.high)
		high = f->config.high;
	if (have < f->config.low)
		f->filling = true;
	if (have + n > high)
		f->filling = false;
	return f->filling ? n : 0;
}

void kme_feed_a_poll(struct kme_feed *f, bool connected, uint64_t now)
{
	struct kme_message m = {.type = KME_ENC};

	if (f->phase == KME_PHASE_OFFERED && now >= f->since_ns + OFFER_NS) {
		kme_feed_fault(f, KME_UNREACHABLE, "the peer's KME", "no word within two minutes");
		give_up(f, 0, now);
	}
	if (f->phase != KME_PHASE_IDLE || !connected || !f->stats.ready || !f->stats.peer_ready ||
	    now < f->next_ns || now < f->look_ns)
		return;
	f->look_ns = now + LOOK_NS;
	m.number = (uint16_t)wanted(f);
	if (m.number == 0)
		return;
	f->request = f->request == UINT32_MAX ? 1 : f->request + 1;
	m.request = f->request;
	f->number = m.number;
	f->stats.requests++;
	kme_feed_phase(f, KME_PHASE_ASKED, now);
	f->ops.to_client(f->ctx, &m);
}
