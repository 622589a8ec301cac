/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Round-trip time and the window of bytes in flight.
 *
 * Round trip: RFC 6298 smoothing, with the peer's delay taken off (RFC 9002, section 5).
 *
 * Window: the channel shares the fibre with the site's traffic and must carry its load
 * through random loss that would shrink a loss-driven window to nothing. So it looks, once
 * a round trip, at the delay above the path's base and at the share of lost datagrams, and
 * backs off on a standing queue or heavy loss only.
 *
 * Pacing: what the window lets out leaves at 5/4 of window a round trip (2 while it still
 * doubles; RFC 9002, section 7.7), in bursts that do not fill a router's queue and push
 * the site's traffic out of it.
 */

#ifndef QKD_ENGINE_CHANNEL_RATE_H
#define QKD_ENGINE_CHANNEL_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t srtt_ns, rttvar_ns, latest_ns;
	uint64_t min_ns;  /* of the session */
	uint64_t base_ns; /* of the last while: the path without queues */
	uint64_t base_until_ns;
	unsigned int backoff; /* time-outs in a row */
	uint64_t window_bytes, in_flight_bytes;
	bool slow_start;
	/* the round under way: until a datagram sent after its start is acknowledged */
	uint64_t round_end_number, round_min_ns, round_acked, round_lost;
	bool round_limited;   /* the window, not the sender, is the limit */
	bool was_limited;     /* in the round before */
	int64_t credit_bytes; /* of pacing: may leave at credit_ns */
	uint64_t credit_ns;
};

void rate_init(struct rate *r);

/* A datagram of BYTES was acknowledged; NEXT_NUMBER is the one that will be sent next. */
void rate_acked(struct rate *r, uint64_t number, uint64_t bytes, uint64_t next_number);
void rate_lost(struct rate *r, uint64_t bytes);
/* Lost, and no sign of congestion: it was longer than others, or nothing waits for it. */
void rate_gone(struct rate *r, uint64_t bytes);

/* Pacing: BYTES leave. When more may: NOW_NS or before means at once. */
void rate_sent(struct rate *r, uint64_t bytes, uint64_t now_ns);
uint64_t rate_pace_at(const struct rate *r, uint64_t now_ns);

/* A measured round trip; the peer held its answer for DELAY_NS. */
void rate_sample(struct rate *r, uint64_t rtt_ns, uint64_t delay_ns, uint64_t now_ns);

/* No acknowledgement came in time. */
void rate_timeout(struct rate *r);

/* How long to wait for an acknowledgement before sending again, with back-off. */
uint64_t rate_timeout_ns(const struct rate *r);

/* Age at which a datagram is lost when a later one was acknowledged (RFC 9002, section 6.1.2). */
uint64_t rate_loss_delay_ns(const struct rate *r);

#endif
