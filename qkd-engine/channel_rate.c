/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_rate.h"

#include "common/clock.h"
#include "qkd-engine/channel.h"

#define WINDOW_INITIAL   (96ULL * CHANNEL_DATAGRAM_MAX) /* 6.7 MB/s at 20 ms */
#define WINDOW_MIN       (32ULL * CHANNEL_DATAGRAM_MAX)
#define WINDOW_MAX       (1536ULL * CHANNEL_DATAGRAM_MAX)
#define WINDOW_STEP      (8ULL * CHANNEL_DATAGRAM_MAX) /* growth a round trip */
#define LOSS_PERCENT     15                            /* above it, loss means congestion */
#define LOSS_LEAST       8                             /* datagrams, to call it a share */
#define QUEUE_LEAST_NS   (10 * NS_PER_MS)
#define BASE_LIFE_NS     (20 * NS_PER_S)
#define TIMEOUT_FIRST_NS (200 * NS_PER_MS)
#define TIMEOUT_LEAST_NS (20 * NS_PER_MS)
#define TIMEOUT_SLACK_NS (10 * NS_PER_MS) /* the peer's delay and its polling */
#define TIMEOUT_MOST_NS  (1 * NS_PER_S)
#define TIMEOUT_COLLAPSE 2 /* in a row: the path is gone, start small when it returns */
#define LOSS_DELAY_LEAST (2 * NS_PER_MS)
#define PACE_BURST       (32ULL * CHANNEL_DATAGRAM_MAX)
#define PACE_BURST_NS    (2 * NS_PER_MS) /* the channel is polled every millisecond or so */

void rate_init(struct rate *r)
{
	*r = (struct rate){
	        .window_bytes = WINDOW_INITIAL, .slow_start = true, .round_min_ns = UINT64_MAX};
}

/* Bytes that pacing lets out in NS. */
static uint64_t paced_bytes(const struct rate *r, uint64_t ns)
{
	uint64_t window = r->slow_start ? 2 * r->window_bytes : r->window_bytes / 4 * 5;

	/* Below 2^23 bytes times 2^33 ns; longer waits fill the burst anyway. */
	return ns > NS_PER_S || r->srtt_ns == 0 ? WINDOW_MAX : window * ns / r->srtt_ns;
}

static int64_t credit_now(const struct rate *r, uint64_t now_ns)
{
	uint64_t burst = paced_bytes(r, PACE_BURST_NS);
	int64_t credit;

	if (burst < PACE_BURST)
		burst = PACE_BURST;
	credit = r->credit_bytes + (int64_t)paced_bytes(r, now_ns - r->credit_ns);
	return credit < (int64_t)burst ? credit : (int64_t)burst;
}

void rate_sent(struct rate *r, uint64_t bytes, uint64_t now_ns)
{
	r->credit_bytes = credit_now(r, now_ns) - (int64_t)bytes;
	r->credit_ns = now_ns;
	r->in_flight_bytes += bytes;
}

uint64_t rate_pace_at(const struct rate *r, uint64_t now_ns)
{
	int64_t credit = credit_now(r, now_ns);
	uint64_t a_us = paced_bytes(r, 1000);

	if (credit > 0 || r->srtt_ns == 0)
		return now_ns;
	return now_ns + 1000 * (1 + (uint64_t)-credit / (a_us > 0 ? a_us : 1));
}

static void shrink(struct rate *r, uint64_t percent)
{
	r->window_bytes = r->window_bytes * percent / 100;
	if (r->window_bytes < WINDOW_MIN)
		r->window_bytes = WINDOW_MIN;
	r->slow_start = false;
}

static void end_round(struct rate *r, uint64_t next_number)
{
	uint64_t queue = r->base_ns / 2 > QUEUE_LEAST_NS ? r->base_ns / 2 : QUEUE_LEAST_NS;
	uint64_t all = r->round_acked + r->round_lost;

	if (r->round_lost >= LOSS_LEAST && r->round_lost * 100 > all * LOSS_PERCENT)
		shrink(r, 70);
	else if (r->round_min_ns != UINT64_MAX && r->round_min_ns > r->base_ns + queue)
		shrink(r, 85);
	else if (!r->slow_start && r->round_limited)
		r->window_bytes += WINDOW_STEP;
	if (r->window_bytes > WINDOW_MAX)
		r->window_bytes = WINDOW_MAX;
	r->round_end_number = next_number;
	r->round_min_ns = UINT64_MAX;
	r->round_acked = r->round_lost = 0;
	r->was_limited = r->round_limited;
	r->round_limited = false;
}

void rate_acked(struct rate *r, uint64_t number, uint64_t bytes, uint64_t next_number)
{
	r->in_flight_bytes -= bytes;
	r->round_acked++;
	if (r->slow_start && (r->round_limited || r->was_limited) && r->window_bytes < WINDOW_MAX)
		r->window_bytes += bytes;
	if (number >= r->round_end_number)
		end_round(r, next_number);
}

void rate_lost(struct rate *r, uint64_t bytes)
{
	r->in_flight_bytes -= bytes;
	r->round_lost++;
}

void rate_gone(struct rate *r, uint64_t bytes)
{
	r->in_flight_bytes -= bytes;
}

void rate_sample(struct rate *r, uint64_t rtt_ns, uint64_t delay_ns, uint64_t now_ns)
{
	uint64_t adjusted = rtt_ns, deviation;

	r->backoff = 0;
	if (r->min_ns == 0 || rtt_ns < r->min_ns)
		r->min_ns = rtt_ns;
	if (adjusted > r->min_ns + delay_ns)
		adjusted -= delay_ns;
	r->latest_ns = adjusted;
	if (r->base_ns == 0 || adjusted < r->base_ns || now_ns >= r->base_until_ns) {
		r->base_ns = adjusted;
		r->base_until_ns = now_ns + BASE_LIFE_NS;
	}
	if (adjusted < r->round_min_ns)
		r->round_min_ns = adjusted;
	if (r->srtt_ns == 0) {
		r->srtt_ns = adjusted;
		r->rttvar_ns = adjusted / 2;
		return;
	}
	deviation = r->srtt_ns > adjusted ? r->srtt_ns - adjusted : adjusted - r->srtt_ns;
	r->rttvar_ns = (3 * r->rttvar_ns + deviation) / 4;
	r->srtt_ns = (7 * r->srtt_ns + adjusted) / 8;
}

void rate_timeout(struct rate *r)
{
	r->backoff++;
	if (r->backoff >= TIMEOUT_COLLAPSE) {
		r->window_bytes = WINDOW_MIN;
		r->slow_start = true;
	}
}

uint64_t rate_timeout_ns(const struct rate *r)
{
	uint64_t t = r->srtt_ns == 0 ? TIMEOUT_FIRST_NS
	                             : r->srtt_ns + 4 * r->rttvar_ns + TIMEOUT_SLACK_NS;
	/* A path slower than the cap must not be timed out before it can answer. */
	uint64_t most = 2 * r->srtt_ns > TIMEOUT_MOST_NS ? 2 * r->srtt_ns : TIMEOUT_MOST_NS;

	if (t < TIMEOUT_LEAST_NS)
		t = TIMEOUT_LEAST_NS;
	for (unsigned int i = 0; i < r->backoff && t < most; i++)
		t *= 2;
	return t < most ? t : most;
}

uint64_t rate_loss_delay_ns(const struct rate *r)
{
	uint64_t t = r->latest_ns > r->srtt_ns ? r->latest_ns : r->srtt_ns;

	t += t / 8;
	return t < LOSS_DELAY_LEAST ? LOSS_DELAY_LEAST : t;
}
