/* SPDX-License-Identifier: BSD-3-Clause */

/* Giving keys of the own stream, from what was reserved. */

#include "control/kms/store_state.h"

#include <errno.h>

static uint32_t units_in(uint32_t bytes)
{
	return (bytes + KEY_UUID_UNIT - 1) / KEY_UUID_UNIT;
}

/* Keys of UNITS that are reserved in Q, counted up to ENOUGH. */
static uint32_t keys_ready(const struct queue *q, uint32_t units, uint32_t enough)
{
	const struct segment *seg;
	uint64_t n = 0;

	TAILQ_FOREACH (seg, &q->segments, queued) {
		if (seg == q->unreserved && seg->reserved == seg->given)
			break;
		if (!seg->shut)
			n += (seg->reserved - seg->given) / units;
		if (n >= enough || seg == q->unreserved)
			break;
	}
	return n < enough ? (uint32_t)n : enough;
}

static void note_dirty(struct kms_store *s, struct segment *seg)
{
	if (seg->is_dirty)
		return;
	seg->is_dirty = true;
	TAILQ_INSERT_TAIL(&s->dirty, seg, dirty);
}

/* UNITS more are given: they are wiped, and chunks of which all is given take no more room. */
static void pass(struct stream *st, struct queue *q, struct segment *seg, uint32_t units)
{
	uint32_t c = seg->given / CHUNK_UNITS, freed = 0;

	bytes_wipe(seg, seg->given, units);
	seg->given += units;
	q->ready -= units;
	for (; c < seg->given / CHUNK_UNITS; c++)
		freed += bytes_free(seg, c);
	if (seg->given == seg->units && c < segment_words(seg->units))
		freed += bytes_free(seg, c);
	seg->held -= freed;
	st->held -= freed;
}

/* The rest of a segment that is reserved whole and too short for a key is no use to anybody. */
static void cut_end(struct kms_store *s, struct stream *st, struct queue *q, struct segment *seg)
{
	uint32_t left = seg->units - seg->given;

	pass(st, q, seg, left);
	seg->cut += left;
	st->now.voided += left;
	note_dirty(s, seg);
	queue_drop(st, seg);
}

static void take_key(struct stream *st, struct queue *q, struct segment *seg, uint32_t units,
                     uint32_t bytes, struct key_uuid_place *place, uint8_t *key)
{
	*place = (struct key_uuid_place){.link = st->link,
	                                 .route = seg->route,
	                                 .class = st->class,
	                                 .position = seg->position + seg->given,
	                                 .length = (uint16_t)bytes};
	bytes_copy(seg, seg->given, bytes, key);
	pass(st, q, seg, units);
	st->now.delivered += units;
}

/* N keys, which are there. */
static void take_keys(struct kms_store *s, struct stream *st, struct queue *q, uint32_t n,
                      uint32_t bytes, struct key_uuid_place *place, uint8_t *keys)
{
	struct segment *seg = TAILQ_FIRST(&q->segments), *next;
	uint32_t units = units_in(bytes);

	for (; n > 0; seg = next) {
		next = TAILQ_NEXT(seg, queued);
		if (seg->shut)
			continue;
		for (; n > 0 && seg->reserved - seg->given >= units; n--, place++, keys += bytes) {
			take_key(st, q, seg, units, bytes, place, keys);
			note_dirty(s, seg);
		}
		if (n > 0 && seg->given < seg->units && seg->reserved == seg->units)
			cut_end(s, st, q, seg);
		else if (seg->given == seg->units)
			queue_drop(st, seg);
	}
}

int kms_store_give(struct kms_store *s, const struct kms_take *take, struct key_uuid_place *place,
                   uint8_t *keys)
{
	uint32_t units = units_in(take->key_bytes), found[2] = {0, 0};
	bool want[2] = {!take->want_simulated, !take->want_real};
	struct stream *st;
	int rc = -EAGAIN;

	if (take->number == 0 || take->number > KMS_STORE_BATCH || take->key_bytes == 0 ||
	    take->key_bytes > KEY_UUID_LENGTH)
		return -EAGAIN;
	store_lock(s);
	st = stream_get(s, take->link, s->config.own);
	for (int i = 0; st != NULL && i < 2; i++)
		if (want[i])
			found[i] = keys_ready(&st->queue[i], units, take->number - found[0]);
	if (st != NULL && found[0] + found[1] == take->number) {
		take_keys(s, st, &st->queue[0], found[0], take->key_bytes, place, keys);
		take_keys(s, st, &st->queue[1], found[1], take->key_bytes, place + found[0],
		          keys + (size_t)found[0] * take->key_bytes);
		rc = 0;
	} else if (st != NULL) {
		for (int i = 0; i < 2; i++)
			if (want[i])
				st->queue[i].want =
				        (uint64_t)take->number * units + KMS_SEGMENT_UNITS;
		s->stats.refused++;
	}
	if (s->wake != NULL && reserve_wanted(s))
		s->wake(s->wake_ctx);
	store_unlock(s);
	return rc;
}
