/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fate of sent datagrams: acknowledged; lost, when later ones were acknowledged and
 * enough of them or enough time went by (RFC 9002, section 6.1); or unknown for so long that
 * the oldest are sent again (section 6.2).
 */

#include "qkd-engine/channel_internal.h"

#define REORDER_DATAGRAMS 32 /* parallel paths and jitter reorder by more than QUIC's 3 */
#define PROBES            2
#define TOLD_WORDS        (SENT_RING / 64)

static void segment_acked(struct channel *ch, enum channel_stream stream, uint64_t seq)
{
	struct send_stream *s = &ch->tx.stream[stream];
	struct send_segment *g = &s->segments[seq % SEND_SEGMENTS];

	if (seq < s->unacked_seq || g->state == SEGMENT_ACKED)
		return;
	if (g->state == SEGMENT_LOST)
		s->lost_count--;
	g->state = SEGMENT_ACKED;
	while (s->unacked_seq < s->next_seq) {
		g = &s->segments[s->unacked_seq % SEND_SEGMENTS];
		if (g->state != SEGMENT_ACKED)
			break;
		s->tail_bytes += g->len;
		s->unacked_seq++;
	}
}

static void datagram_lost(struct channel *ch, struct sent_datagram *d)
{
	d->state = SENT_LOST;
	if (d->count == 0)
		rate_gone(&ch->tx.rate, d->bytes);
	else
		rate_lost(&ch->tx.rate, d->bytes);
	path_mtu_lost(&ch->tx.mtu, d->number, d->bytes, ch->now_ns);
	if (d->count == 0)
		return;
	for (unsigned int i = 0; i < d->count; i++) {
		struct send_stream *s = &ch->tx.stream[d->segment[i].stream];
		uint64_t seq = d->segment[i].seq;
		struct send_segment *g = &s->segments[seq % SEND_SEGMENTS];

		/* A later datagram may carry it already. */
		if (seq < s->unacked_seq || g->state != SEGMENT_IN_FLIGHT || g->number != d->number)
			continue;
		g->state = SEGMENT_LOST;
		if (s->lost_count == 0 || seq < s->lost_seq)
			s->lost_seq = seq;
		s->lost_count++;
	}
}

void loss_forget(struct channel *ch, uint64_t number)
{
	struct sent_datagram *d = &ch->tx.sent[number % SENT_RING];

	if (d->state == SENT_OUTSTANDING)
		datagram_lost(ch, d);
	d->state = SENT_NONE;
	ch->tx.told[number / 64 % TOLD_WORDS] &= ~(1ULL << (number % 64));
}

/* The record of NUMBER, or NULL when it is forgotten or was not worth one. */
static struct sent_datagram *sent_find(struct channel *ch, uint64_t number)
{
	struct sent_datagram *d = &ch->tx.sent[number % SENT_RING];

	return d->state != SENT_NONE && d->number == number ? d : NULL;
}

static void skip_settled(struct channel_sender *tx)
{
	if (tx->next_number - tx->oldest_number > SENT_RING)
		tx->oldest_number = tx->next_number - SENT_RING;
	while (tx->oldest_number < tx->next_number) {
		const struct sent_datagram *d = &tx->sent[tx->oldest_number % SENT_RING];

		if (d->state == SENT_OUTSTANDING && d->number == tx->oldest_number)
			break;
		tx->oldest_number++;
	}
}

/* True when NUMBER is newly acknowledged. */
static bool datagram_acked(struct channel *ch, uint64_t number)
{
	struct sent_datagram *d = sent_find(ch, number);

	if (d == NULL || d->state == SENT_ACKED)
		return false;
	if (d->state == SENT_OUTSTANDING)
		rate_acked(&ch->tx.rate, number, d->bytes, ch->tx.next_number);
	path_mtu_acked(&ch->tx.mtu, number, d->bytes, ch->now_ns);
	d->state = SENT_ACKED;
	for (unsigned int i = 0; i < d->count; i++)
		segment_acked(ch, d->segment[i].stream, d->segment[i].seq);
	return true;
}

void loss_detect(struct channel *ch)
{
	struct channel_sender *tx = &ch->tx;
	uint64_t delay = rate_loss_delay_ns(&tx->rate);

	tx->loss_at_ns = CHANNEL_NEVER;
	skip_settled(tx);
	for (uint64_t n = tx->oldest_number; n < tx->largest_acked; n++) {
		struct sent_datagram *d = sent_find(ch, n);

		if (d == NULL || d->state != SENT_OUTSTANDING)
			continue;
		if (n + REORDER_DATAGRAMS <= tx->largest_acked || d->time_ns + delay <= ch->now_ns)
			datagram_lost(ch, d);
		else if (d->time_ns + delay < tx->loss_at_ns)
			tx->loss_at_ns = d->time_ns + delay;
	}
}

/* Numbers far below the oldest outstanding one can still settle a loss declared too early. */
static uint64_t lowest_of(const struct channel_sender *tx, const struct wire_ack *ack)
{
	uint64_t low = ack->largest + 1 - 64ULL * ack->words;
	uint64_t kept = tx->next_number > SENT_RING ? tx->next_number - SENT_RING : 0;

	return low > kept && low <= ack->largest ? low : kept;
}

/*
 * Of the numbers FIRST ... FIRST + 63 that BITS names those that no acknowledgement has named yet:
 * each names the last few hundred, most of which are settled.
 */
static uint64_t news(struct channel_sender *tx, uint64_t first, uint64_t bits)
{
	uint64_t *low = &tx->told[first / 64 % TOLD_WORDS];
	uint64_t *high = &tx->told[(first / 64 + 1) % TOLD_WORDS];
	unsigned int shift = first % 64;

	bits &= ~(shift == 0 ? *low : *low >> shift | *high << (64 - shift));
	*low |= bits << shift;
	if (shift != 0)
		*high |= bits >> (64 - shift);
	return bits;
}

void loss_ack(struct channel *ch, const struct wire_ack *ack)
{
	struct channel_sender *tx = &ch->tx;
	struct sent_datagram *top;
	bool progress = false;
	uint64_t low;

	/* The receiver's limits only grow; an acknowledgement that comes late has old ones. */
	for (int i = 0; i < CHANNEL_STREAMS; i++)
		if (ack->limit[i] > tx->stream[i].limit_seq)
			tx->stream[i].limit_seq = ack->limit[i];
	if (ack->words == 0 || ack->largest >= tx->next_number || ack->largest < WIRE_FIRST_NUMBER)
		return;
	top = sent_find(ch, ack->largest);
	if (top != NULL && top->state != SENT_ACKED)
		rate_sample(&tx->rate, ch->now_ns - top->time_ns, ack->delay_us * NS_PER_US,
		            ch->now_ns);
	low = lowest_of(tx, ack);
	for (unsigned int w = 0; w < ack->words; w++) {
		uint64_t base = ack->largest - 64ULL * w - 63, bits = ack->word[w];

		if (base + 63 < low)
			break;
		if (base < low)
			bits &= ~0ULL << (low - base);
		for (bits = news(tx, base, bits); bits != 0; bits &= bits - 1)
			progress |= datagram_acked(ch, base + (unsigned int)__builtin_ctzll(bits));
	}
	if (ack->largest > tx->largest_acked)
		tx->largest_acked = ack->largest;
	if (!progress)
		return;
	tx->rate.backoff = 0;
	tx->timeout_from_ns = tx->acked_ns = ch->now_ns;
	loss_detect(ch);
}

uint64_t loss_timeout_at(const struct channel *ch)
{
	const struct rate *r = &ch->tx.rate;

	return r->in_flight_bytes == 0 ? CHANNEL_NEVER
	                               : ch->tx.timeout_from_ns + rate_timeout_ns(r);
}

void loss_timeout(struct channel *ch)
{
	struct channel_sender *tx = &ch->tx;
	unsigned int n = 0, most;

	rate_timeout(&tx->rate);
	/* The second time-out in a row gives all up: the path was gone, not one datagram. */
	most = tx->rate.backoff >= 2 ? SENT_RING : PROBES;
	skip_settled(tx);
	for (uint64_t i = tx->oldest_number; i < tx->next_number && n < most; i++) {
		struct sent_datagram *d = sent_find(ch, i);

		if (d == NULL || d->state != SENT_OUTSTANDING)
			continue;
		datagram_lost(ch, d);
		n++;
	}
	tx->timeout_from_ns = ch->now_ns;
	tx->probes = PROBES;
	tx->ping = true;
}
