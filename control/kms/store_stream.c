/* SPDX-License-Identifier: BSD-3-Clause */

/* The live segments of a stream, and the ranges that are gone: sorted, found by halving. */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct stream *stream_get(const struct kms_store *s, uint8_t link, enum key_uuid_class class)
{
	if (class != KEY_UUID_FROM_A && class != KEY_UUID_FROM_B)
		return NULL;
	return s->by_link[link][class == KEY_UUID_FROM_B];
}

struct stream *stream_make(struct kms_store *s, uint8_t link, enum key_uuid_class class)
{
	struct stream *st = stream_get(s, link, class);

	if (st != NULL)
		return st;
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return NULL;
	st->link = link;
	st->class = class;
	st->own = class == s->config.own;
	for (int i = 0; i < 2; i++)
		TAILQ_INIT(&st->queue[i].segments);
	store_lock(s);
	st->next = s->streams;
	s->streams = st;
	s->by_link[link][class == KEY_UUID_FROM_B] = st;
	store_unlock(s);
	return st;
}

static int grow(struct kms_store *s, void **array, size_t *room, size_t need, size_t each)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *p, *old;

	if (*room >= need)
		return 0;
	if (more < need)
		more = need;
	p = malloc(more * each);
	if (p == NULL)
		return -ENOMEM;
	store_lock(s);
	old = *array;
	if (*room > 0)
		memcpy(p, old, *room * each);
	*array = p;
	*room = more;
	store_unlock(s);
	free(old);
	return 0;
}

/* Those that the open transaction added are not in the array yet. */
int stream_reserve(struct kms_store *s, struct stream *st)
{
	size_t added = 1;

	for (const struct segment *seg = s->effects.added; seg != NULL; seg = seg->next_added)
		added++;
	for (const struct tombstone *t = s->effects.tombstones; t != NULL; t = t->next)
		added++;
	if (grow(s, (void **)&st->live, &st->live_room, st->live_count + added, sizeof(*st->live)) <
	    0)
		return -ENOMEM;
	return grow(s, (void **)&st->gone, &st->gone_room,
	            st->gone_count + GONE_RUNS * (st->live_count + added), sizeof(*st->gone));
}

size_t live_after(const struct stream *st, uint64_t position)
{
	size_t low = 0, high = st->live_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (st->live[mid]->position + st->live[mid]->units > position)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

size_t gone_after(const struct stream *st, uint64_t position)
{
	size_t low = 0, high = st->gone_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (st->gone[mid].position + st->gone[mid].units > position)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

void live_put(struct stream *st, struct segment *seg)
{
	size_t at = live_after(st, seg->position);
	struct queue *q = &st->queue[seg->simulated];

	memmove(st->live + at + 1, st->live + at, (st->live_count - at) * sizeof(*st->live));
	st->live[at] = seg;
	st->live_count++;
	st->held += seg->held;
	if (seg->position + seg->units > st->next_position)
		st->next_position = seg->position + seg->units;
	if (st->own && seg->given < seg->units) {
		TAILQ_INSERT_TAIL(&q->segments, seg, queued);
		seg->is_queued = true;
		if (q->unreserved == NULL && seg->reserved < seg->units)
			q->unreserved = seg;
	}
}

void queue_drop(struct stream *st, struct segment *seg)
{
	struct queue *q = &st->queue[seg->simulated];

	if (!seg->is_queued)
		return;
	if (q->unreserved == seg)
		q->unreserved = TAILQ_NEXT(seg, queued);
	TAILQ_REMOVE(&q->segments, seg, queued);
	seg->is_queued = false;
}

void live_drop(struct stream *st, struct segment *seg)
{
	size_t at = live_after(st, seg->position);

	queue_drop(st, seg);
	memmove(st->live + at, st->live + at + 1, (st->live_count - at - 1) * sizeof(*st->live));
	st->live_count--;
	st->held -= seg->held;
}

bool gone_joins(const struct gone *before, const struct gone *g, bool coarse)
{
	return before->units > 0 && before->position + before->units == g->position &&
	       (coarse || before->state == g->state);
}

/* Entries AT to AT + N - 1 go. */
static void gone_remove(struct stream *st, size_t at, size_t n)
{
	memmove(st->gone + at, st->gone + at + n, (st->gone_count - at - n) * sizeof(*st->gone));
	st->gone_count -= n;
}

/* With the one behind it, where they are alike. */
static void gone_join_next(struct stream *st, size_t at)
{
	if (at + 1 < st->gone_count && gone_joins(&st->gone[at], &st->gone[at + 1], false)) {
		st->gone[at].units += st->gone[at + 1].units;
		gone_remove(st, at + 1, 1);
	}
}

void gone_put(struct stream *st, const struct gone *g)
{
	size_t at = gone_after(st, g->position);

	if (at > 0 && gone_joins(&st->gone[at - 1], g, false)) {
		at--;
		st->gone[at].units += g->units;
	} else {
		memmove(st->gone + at + 1, st->gone + at,
		        (st->gone_count - at) * sizeof(*st->gone));
		st->gone[at] = *g;
		st->gone_count++;
	}
	gone_join_next(st, at);
}

static enum kms_segment_state state_at(const struct gone *g, const uint64_t *had, uint32_t unit)
{
	return had[unit / CHUNK_UNITS] >> (unit % CHUNK_UNITS) & 1 ? KMS_SEGMENT_SPENT : g->state;
}

void gone_put_segment(struct stream *st, const struct gone *g, const uint64_t *had)
{
	uint32_t runs = 1, from = 0;

	for (uint32_t i = 1; had != NULL && i < g->units; i++)
		runs += state_at(g, had, i) != state_at(g, had, i - 1);
	if (had == NULL || g->state == KMS_SEGMENT_SPENT || runs > GONE_RUNS) {
		gone_put(st, g);
		return;
	}
	for (uint32_t i = 1; i <= g->units; i++)
		if (i == g->units || state_at(g, had, i) != state_at(g, had, from)) {
			const struct gone run = {g->position + from, i - from,
			                         state_at(g, had, from)};

			gone_put(st, &run);
			from = i;
		}
}

void gone_coarsen(struct stream *st, const struct gone *g)
{
	size_t first = gone_after(st, g->position), last = first;
	uint64_t end = g->position + g->units;
	struct gone *f;

	if (first == st->gone_count || st->gone[first].position > g->position)
		return;
	if (first > 0 && st->gone[first].position == g->position &&
	    gone_joins(&st->gone[first - 1], &st->gone[first], true))
		first--;
	while (last + 1 < st->gone_count && st->gone[last + 1].position < end)
		last++;
	if (first == last)
		return;
	f = &st->gone[first];
	f->state = KMS_SEGMENT_EXPIRED;
	f->units = end - f->position;
	/* Of the last one there may be more, which is not so old. */
	if (st->gone[last].position + st->gone[last].units > end) {
		st->gone[last].units -= end - st->gone[last].position;
		st->gone[last].position = end;
		last--;
	}
	gone_remove(st, first + 1, last - first);
	gone_join_next(st, first);
}

struct segment *segment_new(struct stream *st, uint32_t units)
{
	uint32_t words = segment_words(units);
	struct segment *seg;

	seg = calloc(1, sizeof(*seg) + (st->own ? 1 : 5) * words * sizeof(uint64_t));
	if (seg == NULL)
		return NULL;
	seg->stream = st;
	seg->units = units;
	seg->chunk = (uint8_t **)seg->tail;
	if (!st->own) {
		seg->live = seg->tail + words;
		seg->invalid = seg->tail + 2 * words;
		seg->kept = seg->tail + 3 * words;
		seg->had = seg->tail + 4 * words;
	}
	return seg;
}

void segment_free(struct segment *seg)
{
	for (uint32_t c = 0; c < segment_words(seg->units); c++)
		bytes_free(seg, c);
	free(seg);
}

uint64_t stream_available(const struct stream *st)
{
	const struct counts *c = &st->now;

	return c->came - c->delivered - c->expired - c->voided - c->lost - st->pending -
	       st->queue[0].ready - st->queue[1].ready;
}

void streams_free(struct kms_store *s)
{
	while (s->streams != NULL) {
		struct stream *st = s->streams;

		s->streams = st->next;
		for (size_t i = 0; i < st->live_count; i++)
			segment_free(st->live[i]);
		free(st->live);
		free(st->gone);
		free(st);
	}
}
