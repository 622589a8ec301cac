/* SPDX-License-Identifier: BSD-3-Clause */

/* What the store has and did. */

#include "control/kms/store_state.h"

#include "common/secret.h"

static uint64_t bytes(uint64_t units)
{
	return units * KEY_UUID_UNIT;
}

static void add_stream(struct kms_stream_stats *out, const struct stream *st)
{
	const struct counts *c = &st->now;

	out->came += bytes(c->came);
	out->available += bytes(stream_available(st));
	out->reserved += bytes(st->queue[0].ready + st->queue[1].ready);
	out->pending += bytes(st->pending);
	out->delivered += bytes(c->delivered);
	out->delivered_both += bytes(c->both);
	out->expired += bytes(c->expired);
	out->voided += bytes(c->voided);
	out->lost += bytes(c->lost);
	out->destroyed += bytes(c->delivered + c->expired + c->voided + c->lost);
	out->held += bytes(st->held);
	out->damaged += bytes(c->damaged);
	out->segments += (uint32_t)st->live_count;
	if (st->next_position > out->next)
		out->next = st->next_position;
}

void kms_store_stats_read(struct kms_store *s, struct kms_store_stats *out)
{
	const struct kms_stream_stats *own;

	store_lock(s);
	*out = s->stats;
	for (const struct stream *st = s->streams; st != NULL; st = st->next) {
		add_stream(st->class == KEY_UUID_FROM_A ? &out->from_a : &out->from_b, st);
		out->high |= bytes(st->held) > s->config.high_bytes;
	}
	own = s->config.own == KEY_UUID_FROM_A ? &out->from_a : &out->from_b;
	out->low = own->available + own->reserved < s->config.low_bytes;
	store_unlock(s);
	out->secret_bytes = secret_used();
}

uint64_t kms_store_bytes(struct kms_store *s, uint8_t link, enum key_uuid_class class)
{
	const struct stream *st;
	uint64_t units = 0;

	store_lock(s);
	st = stream_get(s, link, class);
	if (st != NULL)
		units = stream_available(st) + st->queue[0].ready + st->queue[1].ready;
	store_unlock(s);
	return bytes(units);
}

uint64_t kms_store_room(struct kms_store *s, enum key_uuid_class class)
{
	uint64_t held = 0;

	store_lock(s);
	for (const struct stream *st = s->streams; st != NULL; st = st->next)
		if (st->class == class && bytes(st->held) > held)
			held = bytes(st->held);
	store_unlock(s);
	return held < s->config.high_bytes ? s->config.high_bytes - held : 0;
}
