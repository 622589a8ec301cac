/* SPDX-License-Identifier: BSD-3-Clause */

/* The fetcher of a stream answers its giver, and reports what was fetched; and hears reports. */

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
#define FETCHED_HEAD 7
#define REPORT_NS    (2 * NS_PER_S)

static void answer(struct kms_audit *a, enum kms_peer_kind kind, uint32_t number)
{
	a->message[0] = (uint8_t)kind;
	put_be32(a->message + 1, number);
	audit_send(a, 5);
}

/* Link and class are those of the other's stream. */
static bool others_stream(struct kms_audit *a, const uint8_t *msg, size_t len, size_t least)
{
	if (len >= least && msg[5] == a->link && msg[6] == (uint8_t)audit_others(a))
		return true;
	audit_bad(a);
	return false;
}

static void tell_differences(struct kms_audit *a, uint32_t number, const struct epoch *e)
{
	size_t len = DIFFERS_HEAD;

	a->message[0] = KMS_PEER_DIFFERS;
	put_be32(a->message + 1, number);
	put_be64(a->message + 5, e->to);
	for (unsigned int i = 0; i < e->count; i++, len += DIFFERS_EACH) {
		put_be64(a->message + len, e->segment[i].position);
		put_be16(a->message + len + 8, (uint16_t)e->segment[i].units);
		if (audit_segment_mac(a, audit_others(a), &e->segment[i], a->message + len + 10) <
		    0)
			return;
	}
	audit_send(a, len);
}

void audit_on_ask(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	struct epoch *e = &a->answer_epoch;
	uint64_t from, to;
	uint8_t mac[32];
	uint32_t number;

	if (!others_stream(a, msg, len, ASK_BYTES) || len != ASK_BYTES)
		return;
	number = get_be32(msg + 1);
	from = get_be64(msg + 7);
	to = get_be64(msg + 15);
	if (from >= to || to > KEY_UUID_POSITIONS) {
		audit_bad(a);
		return;
	}
	/* Something may be on its way from our gateway. */
	if (!a->running) {
		answer(a, KMS_PEER_WAIT, number);
		return;
	}
	if (audit_list(a, audit_others(a), from, to, AUDIT_LISTED, e) < 0)
		return;
	if (!e->more && e->count == get_be32(msg + 23) &&
	    audit_epoch_mac(a, audit_others(a), e, mac) == 0 &&
	    bytes_equal_ct(mac, msg + 27, sizeof(mac)))
		answer(a, KMS_PEER_SAME, number);
	else if (audit_young(a, e) < e->count)
		answer(a, KMS_PEER_WAIT, number);
	else
		tell_differences(a, number, e);
}

void audit_on_void(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	const struct kms_audit_store *s = &a->config.store;
	uint64_t from = 0, to = 0;
	unsigned int n = 0;
	uint32_t number;
	int voided = 0;

	if (!others_stream(a, msg, len, VOID_HEAD + VOID_EACH))
		return;
	for (size_t at = VOID_HEAD; at < len; at += VOID_EACH) {
		uint64_t position = at + VOID_EACH <= len ? get_be64(msg + at) : UINT64_MAX;

		if (position >= KEY_UUID_POSITIONS || get_be64(msg + at + 8) == 0 ||
		    get_be64(msg + at + 8) > HANDOVER_UNITS_MAX) {
			audit_bad(a);
			return;
		}
	}
	number = get_be32(msg + 1);
	for (size_t at = VOID_HEAD; at < len; at += VOID_EACH, n++) {
		uint64_t position = get_be64(msg + at), units = get_be64(msg + at + 8);
		int rc = s->void_range(s->ctx, a->link, audit_others(a), position, units);

		if (rc < 0) {
			audit_store_failed(a);
			return; /* asked again */
		}
		from = n == 0 ? position : from;
		to = position + units;
		voided += rc;
	}
	if (voided > 0 || number != a->void_number)
		audit_differs(a, audit_others(a), from, to, n, voided);
	a->void_number = number;
	answer(a, KMS_PEER_VOIDED, number);
}

bool audit_report_turn(struct kms_audit *a)
{
	const struct kms_audit_store *s = &a->config.store;
	size_t len = FETCHED_HEAD;

	if (a->report != 0) {
		if (a->now_ns - a->report_ns >= AUDIT_TIMEOUT_NS)
			a->report = 0;
		return false;
	}
	if (a->now_ns < a->next_report_ns)
		return false;
	a->next_report_ns = a->now_ns + REPORT_NS;
	a->used = s->fetched(s->ctx, a->link, audit_others(a), a->use, AUDIT_REPORTED);
	if (a->used <= 0) {
		if (a->used < 0)
			audit_store_failed(a);
		return false;
	}
	a->message[0] = KMS_PEER_FETCHED;
	put_be32(a->message + 1, ++a->number);
	a->message[5] = a->link;
	a->message[6] = (uint8_t)audit_others(a);
	for (int i = 0; i < a->used; i++) {
		const struct kms_audit_use *u = &a->use[i];

		put_be64(a->message + len, u->position);
		put_be16(a->message + len + 8, (uint16_t)u->units);
		memcpy(a->message + len + 10, u->bitmap, (u->units + 7) / 8);
		len += 10 + (u->units + 7) / 8;
	}
	if (!audit_send(a, len))
		return false;
	a->report = a->number;
	a->report_ns = a->now_ns;
	return true;
}

void audit_on_fetched_ack(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	const struct kms_audit_store *s = &a->config.store;

	if (len != 5) {
		audit_bad(a);
		return;
	}
	if (a->report == 0 || get_be32(msg + 1) != a->report)
		return;
	a->report = 0;
	if (s->reported(s->ctx, a->link, audit_others(a), a->use, a->used) < 0) {
		audit_store_failed(a);
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->stats.reported += (uint64_t)a->used;
	pthread_mutex_unlock(&a->lock);
	if (a->used == AUDIT_REPORTED)
		a->next_report_ns = a->now_ns;
}

void audit_on_fetched(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	static _Thread_local struct kms_audit_use use[AUDIT_REPORTED];
	const struct kms_audit_store *s = &a->config.store;
	size_t at = FETCHED_HEAD;
	int n = 0;

	if (len <= FETCHED_HEAD || msg[5] != a->link || msg[6] != (uint8_t)a->config.own) {
		audit_bad(a);
		return;
	}
	for (; at < len && n < AUDIT_REPORTED; n++) {
		size_t bytes;

		memset(&use[n], 0, sizeof(use[n]));
		if (len - at < 10)
			break;
		use[n].position = get_be64(msg + at);
		use[n].units = get_be16(msg + at + 8);
		bytes = (use[n].units + 7) / 8;
		if (use[n].units == 0 || use[n].units > HANDOVER_UNITS_MAX ||
		    use[n].position >= KEY_UUID_POSITIONS || len - at - 10 < bytes)
			break;
		memcpy(use[n].bitmap, msg + at + 10, bytes);
		at += 10 + bytes;
	}
	if (at != len) {
		audit_bad(a);
		return;
	}
	if (s->both(s->ctx, a->link, a->config.own, use, n) < 0) {
		audit_store_failed(a);
		return;
	}
	pthread_mutex_lock(&a->lock);
	a->stats.both += (uint64_t)n;
	pthread_mutex_unlock(&a->lock);
	answer(a, KMS_PEER_FETCHED_ACK, get_be32(msg + 1));
}
