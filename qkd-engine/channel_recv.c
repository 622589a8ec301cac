/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Replay window (after RFC 6479), acknowledgements out of the same bits, and reassembly:
 * a ring of slots per stream that the advertised limit never lets overflow.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/channel_internal.h"

#define ACK_EVERY        4
#define ACK_DELAY_NS     (2 * NS_PER_MS)
#define REPLAY_WORDS     (REPLAY_BITS / 64)
#define MESSAGE_SEGMENTS ((CHANNEL_MESSAGE_MAX + WIRE_SEGMENT_LEAST - 1) / WIRE_SEGMENT_LEAST)

_Static_assert(RECV_SLOTS - WIRE_INITIAL_LIMIT >= MESSAGE_SEGMENTS,
               "a message that is still read must leave room for the initial limit");

int receiver_create(struct channel *ch)
{
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct recv_stream *s = &ch->rx.stream[i];

		s->bytes = malloc((size_t)RECV_SLOTS * WIRE_SEGMENT_BYTES);
		s->slots = calloc(RECV_SLOTS, sizeof(*s->slots));
		s->joined = malloc(CHANNEL_MESSAGE_MAX);
		if (s->bytes == NULL || s->slots == NULL || s->joined == NULL)
			return -ENOMEM;
	}
	return 0;
}

void receiver_destroy(struct channel *ch)
{
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		free(ch->rx.stream[i].bytes);
		free(ch->rx.stream[i].slots);
		free(ch->rx.stream[i].joined);
	}
}

void receiver_reset(struct channel *ch)
{
	struct channel_receiver *rx = &ch->rx;

	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct recv_stream *s = &rx->stream[i];

		/* A message that the reader still looks at stays where it is. */
		memset(s->slots, 0, RECV_SLOTS * sizeof(*s->slots));
		s->base = (s->base + s->read_seq) % RECV_SLOTS;
		s->read_seq = s->next_seq = s->complete = s->open_segments = 0;
		s->advertised_seq = WIRE_INITIAL_LIMIT;
	}
	memset(rx->seen, 0, sizeof(rx->seen));
	rx->largest = WIRE_FIRST_NUMBER - 1;
	rx->any = rx->ack_now = false;
	rx->elicited = 0;
	rx->ack_at_ns = CHANNEL_NEVER;
}

bool receiver_is_new(const struct channel_receiver *rx, uint64_t number)
{
	if (number > rx->largest)
		return true;
	if (number < WIRE_FIRST_NUMBER || rx->largest - number >= REPLAY_WINDOW)
		return false;
	return !(rx->seen[number / 64 % REPLAY_WORDS] >> (number % 64) & 1);
}

static void mark_seen(struct channel *ch, uint64_t number)
{
	struct channel_receiver *rx = &ch->rx;

	if (number > rx->largest) {
		uint64_t from = rx->largest / 64 + 1, to = number / 64;

		if (to >= from + REPLAY_WORDS)
			from = to - REPLAY_WORDS + 1;
		for (uint64_t w = from; w <= to; w++)
			rx->seen[w % REPLAY_WORDS] = 0;
		rx->largest = number;
		rx->largest_ns = ch->now_ns;
	}
	rx->seen[number / 64 % REPLAY_WORDS] |= 1ULL << (number % 64);
	rx->any = true;
}

/* Bits FIRST ... FIRST + 63 of the window. */
static uint64_t seen_bits(const struct channel_receiver *rx, uint64_t first)
{
	uint64_t low = rx->seen[first / 64 % REPLAY_WORDS];
	uint64_t high = rx->seen[(first / 64 + 1) % REPLAY_WORDS];

	return first % 64 == 0 ? low : low >> (first % 64) | high << (64 - first % 64);
}

static uint64_t limit_of(const struct recv_stream *s)
{
	return s->read_seq - s->held + RECV_SLOTS;
}

void receiver_ack(struct channel *ch, struct wire_ack *ack, unsigned int words_max)
{
	struct channel_receiver *rx = &ch->rx;
	uint64_t words = (rx->largest - WIRE_FIRST_NUMBER) / 64 + 1;

	ack->largest = rx->largest;
	ack->delay_us = (uint32_t)((ch->now_ns - rx->largest_ns) / NS_PER_US);
	ack->words = words < words_max ? (unsigned int)words : words_max;
	for (unsigned int i = 0; i < ack->words; i++)
		ack->word[i] = seen_bits(rx, rx->largest - 64ULL * i - 63);
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct recv_stream *s = &rx->stream[i];

		/* Not below the initial limit, when an old message is still held. */
		ack->limit[i] = limit_of(s);
		if (s->advertised_seq < ack->limit[i])
			s->advertised_seq = ack->limit[i];
	}
	rx->ack_now = false;
	rx->elicited = 0;
	rx->ack_at_ns = CHANNEL_NEVER;
}

static size_t slot_of(const struct recv_stream *s, uint64_t seq)
{
	return (size_t)((seq + s->base) % RECV_SLOTS);
}

/* Count what became whole; false when the peer broke the rules of messages. */
static bool advance(struct recv_stream *s)
{
	while (s->next_seq - s->read_seq + s->held < RECV_SLOTS) {
		const struct recv_slot *slot = &s->slots[slot_of(s, s->next_seq)];

		if (!slot->present)
			return true;
		if (!(slot->flags & WIRE_SEGMENT_FIRST) != (s->open_segments > 0))
			return false;
		if (s->open_segments++ == 0) {
			s->segment_bytes = slot->len;
			s->open_bytes = 0;
		}
		if (slot->len > s->segment_bytes ||
		    (slot->len < s->segment_bytes && !(slot->flags & WIRE_SEGMENT_LAST)))
			return false;
		s->open_bytes += slot->len;
		if (s->open_bytes > CHANNEL_MESSAGE_MAX)
			return false;
		if (slot->flags & WIRE_SEGMENT_LAST) {
			s->open_segments = 0;
			s->complete++;
		}
		s->next_seq++;
	}
	return true;
}

static bool take_segment(struct channel *ch, const struct wire_segment *g)
{
	struct recv_stream *s = &ch->rx.stream[g->stream];
	struct recv_slot *slot;
	size_t at;

	if (g->seq < s->next_seq) {
		ch->stats.duplicate_segments++;
		return true;
	}
	if (g->seq >= limit_of(s))
		return false;
	at = slot_of(s, g->seq);
	slot = &s->slots[at];
	if (slot->present) {
		ch->stats.duplicate_segments++;
		return true;
	}
	*slot = (struct recv_slot){.len = g->len, .flags = g->flags, .present = true};
	memcpy(s->bytes + at * WIRE_SEGMENT_BYTES, g->data, g->len);
	return g->seq != s->next_seq || advance(s);
}

/* All frames or none: a datagram that breaks the format has no effect. */
static bool frames_valid(const struct wire_datagram *d, bool *eliciting)
{
	const uint8_t *pos = d->frames;
	struct wire_frame f;
	int ret;

	*eliciting = false;
	while ((ret = wire_frame_next(&pos, d->frames_end, &f)) > 0)
		*eliciting |= f.type != WIRE_FRAME_ACK && f.type != WIRE_FRAME_PAD;
	return ret == 0;
}

void receiver_data(struct channel *ch, const struct wire_datagram *d)
{
	struct channel_receiver *rx = &ch->rx;
	const uint8_t *pos = d->frames;
	struct wire_frame f;
	bool eliciting, in_order = d->number == rx->largest + 1;

	if (!frames_valid(d, &eliciting)) {
		ch->stats.protocol_errors++;
		channel_drop(ch);
		return;
	}
	mark_seen(ch, d->number);
	if (eliciting) {
		if (++rx->elicited >= ACK_EVERY || !in_order)
			rx->ack_now = true;
		else if (rx->ack_at_ns == CHANNEL_NEVER)
			rx->ack_at_ns = ch->now_ns + ACK_DELAY_NS;
	}
	while (wire_frame_next(&pos, d->frames_end, &f) > 0) {
		if (f.type == WIRE_FRAME_ACK) {
			loss_ack(ch, &f.ack);
		} else if (f.type == WIRE_FRAME_STREAM && !take_segment(ch, &f.segment)) {
			ch->stats.protocol_errors++;
			channel_drop(ch);
			return;
		}
	}
}

/* A message in segments that leave gaps in their slots. */
static void join(struct recv_stream *s, size_t at, uint64_t count)
{
	uint8_t *to = s->joined;

	for (uint64_t i = 0; i < count; i++) {
		size_t slot = (at + i) % RECV_SLOTS;

		memcpy(to, s->bytes + slot * WIRE_SEGMENT_BYTES, s->slots[slot].len);
		to += s->slots[slot].len;
	}
}

const uint8_t *channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	struct recv_stream *s = &ch->rx.stream[stream];
	size_t at, total = 0, first;
	uint64_t count = 0;
	bool last = false, whole = true;
	uint8_t *out;

	s->held = 0;
	/*
	 * Tell a sender that waits for room; a PING, so that the news is not lost. One that was not
	 * heard yet does not wait: the answer to its first datagram has the limit, and before that
	 * there is no ACK to put it in.
	 */
	if (ch->current.valid && ch->rx.any && limit_of(s) >= s->advertised_seq + RECV_SLOTS / 4)
		ch->tx.ping = ch->dirty = true;
	if (s->complete == 0)
		return NULL;
	at = slot_of(s, s->read_seq);
	while (!last) {
		struct recv_slot *slot = &s->slots[(at + count++) % RECV_SLOTS];

		total += slot->len;
		last = slot->flags & WIRE_SEGMENT_LAST;
		whole &= last || slot->len == WIRE_SEGMENT_BYTES;
		slot->present = false;
	}
	out = s->bytes + at * WIRE_SEGMENT_BYTES;
	first = (RECV_SLOTS - at) * WIRE_SEGMENT_BYTES;
	if (!whole) {
		join(s, at, count);
		out = s->joined;
	} else if (first < total) {
		memcpy(s->joined, out, first);
		memcpy(s->joined + first, s->bytes, total - first);
		out = s->joined;
	} else {
		s->held = count;
	}
	s->read_seq += count;
	s->complete--;
	ch->stats.messages_received++;
	*len = total;
	return out;
}
