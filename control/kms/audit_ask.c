/* SPDX-License-Identifier: BSD-3-Clause */

/* The giver of a stream asks whether the fetcher has the same, epoch by epoch. */

#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "control/kms/audit_state.h"
#include "control/kms/handover_wire.h"
#include "control/kms/peer_message.h"

#define ASK_BYTES    59
#define DIFFERS_HEAD 13
#define DIFFERS_EACH 26
#define VOID_HEAD    7
#define VOID_EACH    16
#define VOID_MAX     ((sizeof(((struct kms_audit *)0)->voids) - VOID_HEAD) / VOID_EACH)
#define RETRY_NS     (1 * NS_PER_S)

static void idle(struct kms_audit *a, uint64_t wait_ns)
{
	a->ask = ASK_IDLE;
	a->next_ask_ns = a->now_ns + wait_ns;
}

/* Where the audit goes on: after a while, and at first, at the oldest segment that has key. */
static bool find_start(struct kms_audit *a)
{
	const struct kms_audit_store *s = &a->config.store;
	uint64_t oldest;

	if (a->again_ns != 0 && a->now_ns < a->again_ns)
		return true;
	if (s->oldest(s->ctx, a->link, a->config.own, &oldest) < 0) {
		audit_store_failed(a);
		return false;
	}
	a->again_ns = a->now_ns + a->config.again_ns;
	if (oldest < a->cursor || a->cursor == 0)
		a->cursor = oldest == UINT64_MAX ? a->cursor : oldest;
	return true;
}

static bool ask(struct kms_audit *a)
{
	struct epoch *e = &a->epoch;
	unsigned int young;
	uint8_t *out = a->message;

	if (!find_start(a) ||
	    audit_list(a, a->config.own, a->cursor, KEY_UUID_POSITIONS, AUDIT_ASKED, e) < 0)
		return false;
	young = audit_young(a, e);
	if (young < e->count) {
		/* What is under way is compared later. */
		e->to = e->segment[young].position;
		e->count = young;
		e->more = true;
		if (e->to == e->from)
			return false; /* nothing else is there */
	}
	a->asked = ++a->number;
	out[0] = KMS_PEER_ASK;
	put_be32(out + 1, a->asked);
	out[5] = a->link;
	out[6] = (uint8_t)a->config.own;
	put_be64(out + 7, e->from);
	put_be64(out + 15, e->to);
	put_be32(out + 23, e->count);
	if (audit_epoch_mac(a, a->config.own, e, out + 27) < 0 || !audit_send(a, ASK_BYTES))
		return false;
	a->ask = ASK_SENT;
	a->deadline_ns = a->now_ns + AUDIT_TIMEOUT_NS;
	return true;
}

static bool send_void(struct kms_audit *a)
{
	a->deadline_ns = a->now_ns + AUDIT_TIMEOUT_NS;
	memcpy(a->message, a->voids, a->voids_len);
	return audit_send(a, a->voids_len);
}

bool audit_ask_turn(struct kms_audit *a)
{
	if (a->ask != ASK_IDLE && a->now_ns < a->deadline_ns)
		return false;
	if (a->ask == ASK_VOIDING)
		return send_void(a);
	if (a->ask == ASK_SENT) {
		idle(a, RETRY_NS);
		return false;
	}
	if (a->now_ns < a->next_ask_ns)
		return false;
	if (ask(a))
		return true;
	idle(a, RETRY_NS);
	return false;
}

/* The number of an answer is that of the question that waits for one. */
static bool awaited(struct kms_audit *a, const uint8_t *msg, size_t len, size_t least)
{
	if (len < least) {
		audit_bad(a);
		return false;
	}
	return get_be32(msg + 1) == a->asked;
}

void audit_on_same(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	struct epoch *e = &a->epoch;

	if (len != 5)
		audit_bad(a);
	else if (a->ask == ASK_SENT && awaited(a, msg, len, 5)) {
		bool further = e->more && e->count > 0;

		a->cursor = e->more ? e->to : e->end;
		pthread_mutex_lock(&a->lock);
		a->stats.epochs++;
		a->stats.segments += e->count;
		a->stats.position = a->cursor;
		pthread_mutex_unlock(&a->lock);
		idle(a, further ? 0 : a->config.grace_ns / 4);
	}
}

void audit_on_wait(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	if (len != 5)
		audit_bad(a);
	else if (a->ask == ASK_SENT && awaited(a, msg, len, 5))
		idle(a, RETRY_NS);
}

/* Ranges that the ends do not share, in VOID's form behind its head; their number. */
static unsigned int compare(struct kms_audit *a, const struct epoch *own, const uint8_t *theirs,
                            unsigned int count, uint8_t *out)
{
	unsigned int i = 0, k = 0, n = 0;
	uint8_t mac[AUDIT_MAC_BYTES];

	while ((i < own->count || k < count) && n + 2 <= VOID_MAX) {
		const struct kms_audit_segment *s = &own->segment[i];
		const uint8_t *t = theirs + (size_t)k * DIFFERS_EACH;
		uint64_t mine = i < own->count ? s->position : UINT64_MAX;
		uint64_t other = k < count ? get_be64(t) : UINT64_MAX;
		uint64_t units_here = mine <= other ? s->units : 0;
		uint64_t units_there = other <= mine ? get_be16(t + 8) : 0;
		bool same = mine == other && units_here == units_there &&
		            audit_segment_mac(a, a->config.own, s, mac) == 0 &&
		            memcmp(mac, t + 10, sizeof(mac)) == 0;

		if (!same) {
			uint8_t *range = out + (size_t)n++ * VOID_EACH;

			put_be64(range, mine < other ? mine : other);
			put_be64(range + 8, units_here > units_there ? units_here : units_there);
		}
		i += mine <= other;
		k += other <= mine;
	}
	return n;
}

/* Here first: what the other end voids must not be given any more. */
static int void_here(struct kms_audit *a, const uint8_t *ranges, unsigned int n)
{
	const struct kms_audit_store *s = &a->config.store;
	int voided = 0;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *range = ranges + (size_t)i * VOID_EACH;
		int rc = s->void_range(s->ctx, a->link, a->config.own, get_be64(range),
		                       get_be64(range + 8));

		if (rc < 0) {
			audit_store_failed(a);
			return rc;
		}
		voided += rc;
	}
	return voided;
}

/* In order, within the range that was asked for. */
static bool differs_valid(const struct epoch *e, const uint8_t *msg, size_t len)
{
	uint64_t to = len >= DIFFERS_HEAD ? get_be64(msg + 5) : 0, next = e->from;

	if (len < DIFFERS_HEAD || (len - DIFFERS_HEAD) % DIFFERS_EACH != 0 || to > e->to ||
	    to <= e->from)
		return false;
	for (size_t at = DIFFERS_HEAD; at < len; at += DIFFERS_EACH) {
		uint64_t position = get_be64(msg + at), units = get_be16(msg + at + 8);

		if (position < next || position >= to || units == 0 || units > HANDOVER_UNITS_MAX)
			return false;
		next = position + 1;
	}
	return true;
}

void audit_on_differs(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	struct epoch *e = &a->epoch;
	uint64_t from = e->from, to;
	unsigned int n;
	int voided;

	if (a->ask != ASK_SENT || !awaited(a, msg, len, DIFFERS_HEAD))
		return;
	if (!differs_valid(e, msg, len)) {
		audit_bad(a);
		idle(a, RETRY_NS);
		return;
	}
	to = get_be64(msg + 5);
	/* As it is here now: something may have come since. */
	if (audit_list(a, a->config.own, from, to, AUDIT_LISTED, e) < 0) {
		idle(a, RETRY_NS);
		return;
	}
	/* What does not fit this time is found in the next epoch. */
	if (e->more) {
		idle(a, RETRY_NS);
		return;
	}
	n = compare(a, e, msg + DIFFERS_HEAD, (unsigned int)((len - DIFFERS_HEAD) / DIFFERS_EACH),
	            a->voids + VOID_HEAD);
	if (n == 0) {
		idle(a, RETRY_NS);
		return;
	}
	voided = void_here(a, a->voids + VOID_HEAD, n);
	if (voided < 0) {
		idle(a, RETRY_NS);
		return;
	}
	audit_differs(a, a->config.own, from, to, n, voided);
	a->asked = ++a->number;
	a->voids[0] = KMS_PEER_VOID;
	put_be32(a->voids + 1, a->asked);
	a->voids[5] = a->link;
	a->voids[6] = (uint8_t)a->config.own;
	a->voids_len = VOID_HEAD + (size_t)n * VOID_EACH;
	a->ask = ASK_VOIDING;
	send_void(a);
}

void audit_on_voided(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	if (len != 5)
		audit_bad(a);
	else if (a->ask == ASK_VOIDING && awaited(a, msg, len, 5))
		idle(a, 0);
}
