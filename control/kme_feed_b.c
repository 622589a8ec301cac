/* SPDX-License-Identifier: BSD-3-Clause */

/* Site B's side: it fetches what A offers, within bounds, and says so or says why not. */

#include <string.h>

#include "common/log.h"
#include "control/kme_feed_state.h"

LOG_COMPONENT_DEFINE(kme_b)

/* The KMEs speak with each other meanwhile: a key that B's does not know yet may come. */
#define ATTEMPTS       6
#define AGAIN_LEAST_NS (500 * NS_PER_MS)
#define AGAIN_MOST_NS  (8 * NS_PER_S)
#define TRY_NS         (45 * NS_PER_S) /* after the offer no attempt begins */
#define TOLD_MOST_MS   30000           /* of a KME's Retry-After; longer: refused */

static void refuse(struct kme_feed *f, enum kme_fault fault, const char *text)
{
	struct kme_peer_message m = {.type = KME_PEER_REFUSED, .fault = fault};

	memcpy(m.block, f->block, sizeof(m.block));
	kme_text_copy(m.text, text, strnlen(text, KME_TEXT_MAX));
	f->ops.to_peer(f->ctx, &m);
	kme_feed_dropped(f);
}

static void ask(struct kme_feed *f, uint64_t now)
{
	struct kme_message m = {.type = KME_DEC, .number = f->number, .entries = f->ids};

	f->request = f->request == UINT32_MAX ? 1 : f->request + 1;
	m.request = f->request;
	f->stats.requests++;
	f->stats.retries += f->attempts > 0;
	f->attempts++;
	kme_feed_phase(f, KME_PHASE_ASKED, now);
	f->ops.to_client(f->ctx, &m);
}

static void take_offer(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now)
{
	/* A has forgotten what was under way, or it would not offer. */
	if (f->phase != KME_PHASE_IDLE)
		kme_feed_dropped(f);
	f->number = m->number;
	memcpy(f->ids, m->ids, (size_t)m->number * KME_ID_BYTES);
	kme_block_name(f->ids, f->number, f->block);
	f->offered_ns = now;
	f->attempts = 0;
	if (kme_feed_repeats(f, f->ids, f->number, KME_ID_BYTES)) {
		f->stats.repeated++;
		refuse(f, KME_REFUSED, "a key_ID was offered before");
		return;
	}
	f->again_ns = now;
	kme_feed_phase(f, KME_PHASE_AGAIN, now);
}

bool kme_feed_b_peer(struct kme_feed *f, const struct kme_peer_message *m, uint64_t now)
{
	switch (m->type) {
	case KME_PEER_OFFER:
		take_offer(f, m, now);
		return true;
	case KME_PEER_DROP:
		if (f->phase != KME_PHASE_IDLE &&
		    memcmp(m->block, f->block, sizeof(f->block)) == 0) {
			kme_feed_dropped(f);
			return true;
		}
		f->stats.dropped++;
		f->ops.drop(f->ctx, m->block);
		return true;
	default:
		return false;
	}
}

void kme_feed_b_keys(struct kme_feed *f, const struct kme_message *m, uint64_t now)
{
	struct kme_peer_message have = {.type = KME_PEER_HAVE};
	struct kme_batch b;
	struct err err = {0};

	for (unsigned int i = 0; i < m->number; i++) {
		const uint8_t *entry = m->entries + (size_t)i * KME_ENTRY_BYTES;

		if (memcmp(entry, f->ids + (size_t)i * KME_ID_BYTES, KME_ID_BYTES) != 0) {
			kme_feed_fault(f, KME_GARBLED, "the KME", "other keys than asked for");
			refuse(f, KME_GARBLED, "other keys than asked for");
			return;
		}
		memcpy(f->keys + (size_t)i * KME_KEY_BYTES, entry + KME_ID_BYTES, KME_KEY_BYTES);
	}
	b = kme_feed_batch(f);
	memcpy(have.block, f->block, sizeof(have.block));
	kme_feed_remember(f, f->ids, f->number, KME_ID_BYTES);
	if (f->ops.mac(f->ctx, &b, have.mac) < 0 || f->ops.add(f->ctx, &b, &err) < 0) {
		log_err("%s", err.text);
		refuse(f, KME_REFUSED, err.text[0] != '\0' ? err.text : "the store takes no key");
		return;
	}
	kme_feed_good(f);
	kme_feed_idle(f);
	/* Not sent: A gives up in time, and what it has not goes with the next session. */
	if (f->ops.to_peer(f->ctx, &have) < 0)
		f->ops.drop(f->ctx, have.block);
}

void kme_feed_b_failed(struct kme_feed *f, const struct kme_message *m, uint64_t now)
{
	uint64_t again = AGAIN_LEAST_NS << (f->attempts > 0 ? f->attempts - 1 : 0);

	kme_feed_fault(f, m->fault, "the KME", m->text);
	if (again > AGAIN_MOST_NS)
		again = AGAIN_MOST_NS;
	if (again < m->wait_ms * NS_PER_MS)
		again = m->wait_ms * NS_PER_MS;
	if (f->attempts >= ATTEMPTS || m->wait_ms > TOLD_MOST_MS ||
	    now + again >= f->offered_ns + TRY_NS) {
		refuse(f, m->fault, m->text);
		return;
	}
	f->again_ns = now + again;
	kme_feed_phase(f, KME_PHASE_AGAIN, now);
}

static void tell_ready(struct kme_feed *f)
{
	struct kme_peer_message m = {.type = KME_PEER_READY,
	                             .version = KME_PEER_VERSION,
	                             .ready = f->stats.ready,
	                             .most = f->stats.most};

	if (f->told && f->told_ready == m.ready && f->told_most == m.most)
		return;
	f->told = f->ops.to_peer(f->ctx, &m) == 0;
	f->told_ready = m.ready;
	f->told_most = m.most;
}

void kme_feed_b_poll(struct kme_feed *f, bool connected, uint64_t now)
{
	if (!connected)
		return;
	tell_ready(f);
	if (f->phase != KME_PHASE_AGAIN || now < f->again_ns)
		return;
	if (f->stats.client)
		ask(f, now);
	else if (now >= f->offered_ns + TRY_NS)
		refuse(f, KME_UNREACHABLE, "its client is not connected");
}
