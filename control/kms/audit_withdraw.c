/* SPDX-License-Identifier: BSD-3-Clause */

/* Key that the giver will not give: it says so, and the fetcher has room for other key. */

#include "common/bytes.h"
#include "common/clock.h"
#include "control/kms/audit_state.h"
#include "control/kms/peer_message.h"

#define HEAD    7
#define EACH    16
#define TURN_NS (1 * NS_PER_S)

bool audit_withdraw_turn(struct kms_audit *a)
{
	const struct kms_audit_store *s = &a->config.store;

	if (a->withdrawal != 0) {
		if (a->now_ns - a->withdrawal_ns >= AUDIT_TIMEOUT_NS)
			a->withdrawal = 0;
		return false;
	}
	if (a->now_ns < a->next_withdrawal_ns)
		return false;
	a->next_withdrawal_ns = a->now_ns + TURN_NS;
	a->ranges = s->withdrawn(s->ctx, a->link, a->range, AUDIT_RANGES);
	if (a->ranges <= 0) {
		if (a->ranges < 0)
			audit_store_failed(a);
		return false;
	}
	a->message[0] = KMS_PEER_WITHDRAWN;
	put_be32(a->message + 1, ++a->number);
	a->message[5] = a->link;
	a->message[6] = (uint8_t)a->config.own;
	for (int i = 0; i < a->ranges; i++) {
		put_be64(a->message + HEAD + (size_t)i * EACH, a->range[i].position);
		put_be64(a->message + HEAD + (size_t)i * EACH + 8, a->range[i].units);
	}
	if (!audit_send(a, HEAD + (size_t)a->ranges * EACH))
		return false;
	a->withdrawal = a->number;
	a->withdrawal_ns = a->now_ns;
	return true;
}

void audit_on_withdrawn_ack(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	const struct kms_audit_store *s = &a->config.store;

	if (len != 5) {
		audit_bad(a);
		return;
	}
	if (a->withdrawal == 0 || get_be32(msg + 1) != a->withdrawal)
		return;
	a->withdrawal = 0;
	if (s->forget(s->ctx, a->range, a->ranges) < 0) {
		audit_store_failed(a);
		return; /* told again */
	}
	pthread_mutex_lock(&a->lock);
	a->stats.withdrawn += (uint64_t)a->ranges;
	pthread_mutex_unlock(&a->lock);
	if (a->ranges == AUDIT_RANGES)
		a->next_withdrawal_ns = a->now_ns;
}

void audit_on_withdrawn(struct kms_audit *a, const uint8_t *msg, size_t len)
{
	static _Thread_local struct kms_audit_range range[AUDIT_RANGES];
	const struct kms_audit_store *s = &a->config.store;
	int n = 0;

	if (len <= HEAD || (len - HEAD) % EACH != 0 || (len - HEAD) / EACH > AUDIT_RANGES ||
	    msg[5] != a->link || msg[6] != (uint8_t)audit_others(a)) {
		audit_bad(a);
		return;
	}
	for (size_t at = HEAD; at < len; at += EACH, n++) {
		range[n] = (struct kms_audit_range){.position = get_be64(msg + at),
		                                    .units = get_be64(msg + at + 8)};
		if (range[n].units == 0 || range[n].position >= KEY_UUID_POSITIONS ||
		    range[n].units > KEY_UUID_POSITIONS - range[n].position) {
			audit_bad(a);
			return;
		}
	}
	if (s->withdraw(s->ctx, a->link, audit_others(a), range, n) < 0) {
		audit_store_failed(a);
		return; /* told again */
	}
	pthread_mutex_lock(&a->lock);
	a->stats.dropped += (uint64_t)n;
	pthread_mutex_unlock(&a->lock);
	a->message[0] = KMS_PEER_WITHDRAWN_ACK;
	put_be32(a->message + 1, get_be32(msg + 1));
	audit_send(a, 5);
}
