/* SPDX-License-Identifier: BSD-3-Clause */

/* Queues of segments, and the datagrams that carry them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/channel_internal.h"

#define SEND_BUFFER_DEFAULT (8u << 20)
/* CONTROL goes beyond the window by this much: a rekey does not wait for bulk. */
#define CONTROL_EXTRA_BYTES (64u << 10)

int sender_create(struct channel *ch)
{
	uint64_t want = ch->config.send_buffer_bytes, size = 2 * CHANNEL_MESSAGE_MAX;

	if (want == 0)
		want = SEND_BUFFER_DEFAULT;
	while (size < want)
		size *= 2;
	path_mtu_init(&ch->tx.mtu);
	ch->tx.sent = calloc(SENT_RING, sizeof(*ch->tx.sent));
	if (ch->tx.sent == NULL)
		return -ENOMEM;
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct send_stream *s = &ch->tx.stream[i];

		s->ring_mask = size - 1;
		s->ring = malloc(size);
		s->segments = calloc(SEND_SEGMENTS, sizeof(*s->segments));
		if (s->ring == NULL || s->segments == NULL)
			return -ENOMEM;
	}
	return 0;
}

void sender_destroy(struct channel *ch)
{
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		free(ch->tx.stream[i].ring);
		free(ch->tx.stream[i].segments);
	}
	free(ch->tx.sent);
}

void sender_reset(struct channel *ch)
{
	struct channel_sender *tx = &ch->tx;
	uint64_t used =
	        tx->next_number < WIRE_FIRST_NUMBER ? 0 : tx->next_number - WIRE_FIRST_NUMBER;

	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct send_stream *s = &tx->stream[i];

		*s = (struct send_stream){.ring = s->ring,
		                          .segments = s->segments,
		                          .ring_mask = s->ring_mask,
		                          .limit_seq = WIRE_INITIAL_LIMIT};
	}
	/* Only what a session touched: a channel that never came up costs no pages. */
	for (uint64_t i = 0; i < used && i < SENT_RING; i++)
		tx->sent[(WIRE_FIRST_NUMBER + i) % SENT_RING] = (struct sent_datagram){0};
	rate_init(&tx->rate);
	path_mtu_session(&tx->mtu, ch->now_ns);
	memset(tx->told, 0, sizeof(tx->told));
	tx->next_number = tx->oldest_number = WIRE_FIRST_NUMBER;
	tx->largest_acked = 0;
	tx->loss_at_ns = CHANNEL_NEVER;
	tx->timeout_from_ns = tx->asked_ns = tx->acked_ns = ch->now_ns;
	tx->ping = false;
	tx->probes = 0;
}

static void ring_write(struct send_stream *s, const uint8_t *data, size_t len)
{
	uint64_t pos = s->head_bytes & s->ring_mask, first = s->ring_mask + 1 - pos;

	if (first > len)
		first = len;
	if (len == 0)
		return;
	memcpy(s->ring + pos, data, first);
	memcpy(s->ring, data + first, len - first);
	s->head_bytes += len;
}

int channel_send_pieces(struct channel *ch, enum channel_stream stream,
                        const struct channel_piece *pieces, size_t count)
{
	struct send_stream *s = &ch->tx.stream[stream];
	uint64_t total = 0, pos = s->head_bytes, segments;
	uint64_t cut = WIRE_SEGMENT_BYTES - CHANNEL_DATAGRAM_MAX + ch->tx.mtu.size;

	if (!ch->current.valid)
		return -ENOTCONN;
	for (size_t i = 0; i < count; i++) {
		if (pieces[i].len > CHANNEL_MESSAGE_MAX - total)
			return -EMSGSIZE;
		total += pieces[i].len;
	}
	segments = total == 0 ? 1 : (total + cut - 1) / cut;
	if (s->head_bytes - s->tail_bytes + total > s->ring_mask + 1 ||
	    s->end_seq - s->unacked_seq + segments > SEND_SEGMENTS)
		return -EAGAIN;
	for (size_t i = 0; i < count; i++)
		ring_write(s, pieces[i].data, pieces[i].len);
	for (uint64_t i = 0; i < segments; i++) {
		struct send_segment *g = &s->segments[s->end_seq++ % SEND_SEGMENTS];
		uint64_t left = total - i * cut;

		*g = (struct send_segment){
		        .pos = (uint32_t)((pos + i * cut) & s->ring_mask),
		        .len = (uint16_t)(left < cut ? left : cut),
		        .flags = (uint8_t)((i == 0 ? WIRE_SEGMENT_FIRST : 0) |
		                           (i + 1 == segments ? WIRE_SEGMENT_LAST : 0)),
		        .state = SEGMENT_QUEUED};
	}
	ch->stats.messages_sent++;
	ch->dirty = true;
	return 0;
}

int channel_send(struct channel *ch, enum channel_stream stream, const void *msg, size_t len)
{
	return channel_send_pieces(ch, stream, &(struct channel_piece){msg, len}, 1);
}

size_t channel_unacked(const struct channel *ch, enum channel_stream stream)
{
	const struct send_stream *s = &ch->tx.stream[stream];

	return (size_t)(s->head_bytes - s->tail_bytes);
}

/* The next segment to send: lost ones first, in order. False: none, or beyond the limit. */
static bool next_segment(struct send_stream *s, uint64_t *seq)
{
	if (s->lost_count > 0) {
		if (s->lost_seq < s->unacked_seq)
			s->lost_seq = s->unacked_seq;
		while (s->segments[s->lost_seq % SEND_SEGMENTS].state != SEGMENT_LOST)
			s->lost_seq++;
		*seq = s->lost_seq;
		return true;
	}
	*seq = s->next_seq;
	return s->next_seq < s->end_seq && s->next_seq < s->limit_seq;
}

static size_t put_segment(struct channel *ch, enum channel_stream stream, uint64_t seq,
                          uint8_t *out)
{
	struct send_stream *s = &ch->tx.stream[stream];
	struct send_segment *g = &s->segments[seq % SEND_SEGMENTS];
	uint64_t first = s->ring_mask + 1 - g->pos;
	struct wire_segment head = {.stream = stream, .flags = g->flags, .seq = seq, .len = g->len};
	size_t n = wire_put_segment_head(out, &head);

	if (first > g->len)
		first = g->len;
	memcpy(out + n, s->ring + g->pos, first);
	memcpy(out + n + first, s->ring, g->len - first);
	if (g->state == SEGMENT_LOST) {
		s->lost_count--;
		ch->stats.retransmitted++;
	} else {
		s->next_seq++;
	}
	g->state = SEGMENT_IN_FLIGHT;
	g->number = ch->tx.next_number;
	return n + g->len;
}

/* What the window lets out: CONTROL alone may pass a little beyond it. */
static bool window_open(const struct channel *ch, enum channel_stream stream)
{
	const struct rate *r = &ch->tx.rate;
	uint64_t extra = stream == CHANNEL_CONTROL ? CONTROL_EXTRA_BYTES : 0;

	return ch->tx.probes > 0 || r->in_flight_bytes < r->window_bytes + extra;
}

/* And when: CONTROL does not wait. */
static bool may_leave(const struct channel *ch, enum channel_stream stream)
{
	return window_open(ch, stream) && (stream == CHANNEL_CONTROL || ch->tx.probes > 0 ||
	                                   rate_pace_at(&ch->tx.rate, ch->now_ns) <= ch->now_ns);
}

static bool segments_ready(struct channel *ch)
{
	uint64_t seq;

	ch->tx.paced = false;
	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		if (!next_segment(&ch->tx.stream[i], &seq))
			continue;
		if (may_leave(ch, i))
			return true;
		if (window_open(ch, i))
			ch->tx.paced = true;
		else
			ch->tx.rate.round_limited = true;
	}
	return false;
}

static size_t put_segments(struct channel *ch, struct sent_datagram *d, uint8_t *buf, size_t n)
{
	size_t end = ch->tx.mtu.size - WIRE_TAG_BYTES - 1; /* a PING may follow */

	for (int i = 0; i < CHANNEL_STREAMS; i++) {
		struct send_stream *s = &ch->tx.stream[i];
		uint64_t seq;

		while (d->count < SENT_SEGMENTS && may_leave(ch, i) && next_segment(s, &seq)) {
			uint16_t len = s->segments[seq % SEND_SEGMENTS].len;

			if (n + WIRE_STREAM_HEAD + len > end)
				return n;
			n += put_segment(ch, i, seq, buf + n);
			d->segment[d->count].seq = seq;
			d->segment[d->count++].stream = (unsigned int)i;
		}
	}
	return n;
}

/* Remember a datagram whose loss matters. */
static void sent_remember(struct channel *ch, struct sent_datagram *d, size_t bytes)
{
	struct channel_sender *tx = &ch->tx;
	struct sent_datagram *slot = &tx->sent[d->number % SENT_RING];

	d->state = SENT_OUTSTANDING;
	d->time_ns = ch->now_ns;
	d->bytes = (uint16_t)bytes;
	*slot = *d;
	if (tx->rate.in_flight_bytes == 0)
		tx->timeout_from_ns = ch->now_ns;
	rate_sent(&tx->rate, bytes, ch->now_ns);
	tx->asked_ns = ch->now_ns;
	if (tx->probes > 0)
		tx->probes--;
}

/* A PING by itself, padded to BYTES: what of it is lost is not the path's congestion. */
static size_t put_ping(struct channel *ch, uint8_t *buf, size_t bytes)
{
	struct sent_datagram d = {.number = ch->tx.next_number};
	size_t n = wire_put_data_head(buf, ch->current.id, d.number);

	loss_forget(ch, d.number);
	buf[n++] = WIRE_FRAME_PING;
	if (bytes > n + WIRE_TAG_BYTES) {
		memset(buf + n, WIRE_FRAME_PAD, bytes - WIRE_TAG_BYTES - n);
		n = bytes - WIRE_TAG_BYTES;
	}
	n = session_seal_data(ch, &ch->current, buf, n, d.number);
	sent_remember(ch, &d, n);
	ch->tx.next_number++;
	return n;
}

size_t sender_output(struct channel *ch, uint8_t *buf)
{
	struct channel_sender *tx = &ch->tx;
	struct channel_receiver *rx = &ch->rx;
	unsigned int ping;
	struct sent_datagram d = {.number = tx->next_number};
	bool ack_due, data;
	size_t n;

	if (ch->now_ns >= tx->loss_at_ns)
		loss_detect(ch);
	if (ch->now_ns >= loss_timeout_at(ch))
		loss_timeout(ch);
	if (path_mtu_black_hole(&tx->mtu, ch->now_ns)) {
		ch->stats.mtu_reductions++;
		channel_drop(ch);
		return 0;
	}
	ping = path_mtu_ping(&tx->mtu, tx->next_number, ch->now_ns);
	if (ping > 0)
		return put_ping(ch, buf, ping);
	if (ch->now_ns >= tx->asked_ns + CHANNEL_KEEPALIVE_NS)
		tx->ping = true;
	ack_due = rx->ack_now || ch->now_ns >= rx->ack_at_ns;
	data = segments_ready(ch);
	if (!ack_due && !data && !tx->ping)
		return 0;

	loss_forget(ch, d.number);
	n = wire_put_data_head(buf, ch->current.id, d.number);
	if (rx->any) {
		struct wire_ack ack;

		receiver_ack(ch, &ack, data ? WIRE_ACK_WORDS_BESIDE : WIRE_ACK_WORDS_MAX / 2);
		n += wire_put_ack(buf + n, &ack);
	}
	if (data)
		n = put_segments(ch, &d, buf, n);
	if (tx->ping)
		buf[n++] = WIRE_FRAME_PING;
	n = session_seal_data(ch, &ch->current, buf, n, d.number);
	if (d.count > 0 || tx->ping)
		sent_remember(ch, &d, n);
	tx->ping = false;
	tx->next_number++;
	return n;
}

uint64_t sender_wake(const struct channel *ch)
{
	const struct channel_sender *tx = &ch->tx;
	uint64_t at = tx->asked_ns + CHANNEL_KEEPALIVE_NS;

	if (tx->loss_at_ns < at)
		at = tx->loss_at_ns;
	if (loss_timeout_at(ch) < at)
		at = loss_timeout_at(ch);
	if (ch->rx.ack_at_ns < at)
		at = ch->rx.ack_at_ns;
	if (tx->paced && rate_pace_at(&tx->rate, ch->now_ns) < at)
		at = rate_pace_at(&tx->rate, ch->now_ns);
	if (path_mtu_wake(&tx->mtu) < at)
		at = path_mtu_wake(&tx->mtu);
	return at;
}
