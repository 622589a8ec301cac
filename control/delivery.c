/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/delivery.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/delivery_state.h"

LOG_COMPONENT_DEFINE(delivery)

#define TELL_NS (1 * NS_PER_S)

size_t delivery_secret_bytes(const struct delivery_config *config)
{
	/* Pieces take a quarter more at the most; a packet; the secret. */
	return config->queue_bytes / 4 * 5 + 2 * HANDOVER_PACKET_MAX + 4096;
}

struct delivery *delivery_create(const struct delivery_config *config,
                                 const struct delivery_ops *ops, struct err *err)
{
	struct delivery *d = calloc(1, sizeof(*d));
	struct handover_message hello = {
	        .type = HANDOVER_HELLO,
	        .hello = {.site = config->site_a ? 'A' : 'B', .link = config->link_number}};
	int rc;

	if (d == NULL) {
		err_set(err, ENOMEM, "delivery: out of memory");
		return NULL;
	}
	d->config = *config;
	d->ops = *ops;
	d->last = &d->first;
	d->relay_last = &d->relay_first;
	d->hello = secret_alloc(HELLO_BYTES);
	strncpy(hello.hello.name, config->link, sizeof(hello.hello.name) - 1);
	strncpy(hello.hello.protocol, config->protocol, sizeof(hello.hello.protocol) - 1);
	memcpy(hello.hello.secret, config->secret, HANDOVER_SECRET_BYTES);
	rc = d->hello == NULL ? -ENOMEM : handover_encode(&hello, d->hello, HELLO_BYTES);
	secret_wipe(&hello, sizeof(hello));
	if (rc < 0) {
		err_set(err, -rc,
		        rc == -ENOMEM ? "delivery: secret memory is full"
		                      : "delivery: the link's name does not fit a message");
		delivery_destroy(d);
		return NULL;
	}
	d->hello_len = (size_t)rc;
	return d;
}

static void segment_free(struct segment *s)
{
	if (s == NULL)
		return;
	secret_free(s->bytes);
	free(s);
}

static size_t bytes_of(const struct segment *s)
{
	return (size_t)s->units * KEY_UUID_UNIT;
}

/* Take *AT out of the queue. */
static void take_out(struct delivery *d, struct segment **at)
{
	struct segment *s = *at;

	*at = s->next;
	if (d->last == &s->next)
		d->last = at;
	d->queued[s->stream] -= bytes_of(s);
	if (s->held)
		d->stats.held_bytes -= bytes_of(s);
	segment_free(s);
}

void delivery_destroy(struct delivery *d)
{
	if (d == NULL)
		return;
	while (d->first != NULL)
		take_out(d, &d->first);
	delivery_relay_clear(d);
	secret_free(d->hello);
	free(d);
}

static struct segment *cut(const struct key_block *kb, unsigned int stream, uint32_t from,
                           const uint8_t *bytes, uint16_t units)
{
	struct segment *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct segment){.stream = stream,
	                      .position = kb->position + from,
	                      .units = units,
	                      .simulated = kb->simulated,
	                      .time_wall_ns = kb->time_wall_ns,
	                      .bytes = secret_alloc((size_t)units * KEY_UUID_UNIT)};
	memcpy(s->block, kb->id, sizeof(s->block));
	if (s->bytes != NULL)
		memcpy(s->bytes, bytes, bytes_of(s));
	if (s->bytes == NULL ||
	    EVP_Digest(bytes, bytes_of(s), s->hash, NULL, EVP_sha256(), NULL) != 1) {
		segment_free(s);
		return NULL;
	}
	return s;
}

/* As few segments as there can be, of like size: 4097 units make no piece of one unit. */
static void cut_stream(struct delivery *d, const struct key_block *kb, unsigned int stream,
                       const uint8_t *bytes)
{
	uint32_t units = kb->units[stream], count, at = 0;

	count = (units + HANDOVER_UNITS_MAX - 1) / HANDOVER_UNITS_MAX;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t end = (uint32_t)((uint64_t)units * (i + 1) / count);
		size_t n = (size_t)(end - at) * KEY_UUID_UNIT;
		struct segment *s = NULL;

		if (d->queued[0] + d->queued[1] + n <= d->config.queue_bytes)
			s = cut(kb, stream, at, bytes + (size_t)at * KEY_UUID_UNIT,
			        (uint16_t)(end - at));
		at = end;
		d->stats.segments++;
		d->stats.bytes += n;
		if (s == NULL) {
			d->stats.dropped++;
			d->stats.dropped_bytes += n;
			continue;
		}
		s->held = d->config.site_a;
		d->stats.held_bytes += s->held ? n : 0;
		d->queued[stream] += n;
		*d->last = s;
		d->last = &s->next;
	}
}

void delivery_block(struct delivery *d, const struct key_block *kb)
{
	size_t a = (size_t)kb->units[0] * KEY_UUID_UNIT, b = (size_t)kb->units[1] * KEY_UUID_UNIT;
	const uint8_t *end = kb->key + kb->bits / 8;

	if (a + b == 0)
		return;
	cut_stream(d, kb, 0, end - b - a);
	cut_stream(d, kb, 1, end - b);
	if (!d->config.site_a)
		delivery_tell_taken(d, kb->id, true);
}

void delivery_refused(struct delivery *d, const struct key_block *kb)
{
	if (kb->units[0] + kb->units[1] > 0 && !d->config.site_a)
		delivery_tell_taken(d, kb->id, false);
}

/* Held segments of BLOCK, NULL: of all: let go where HAS says so, or is NULL; else dropped. */
static void decide(struct delivery *d, const uint8_t *block,
                   bool (*has)(void *ctx, const uint8_t block[16]), void *ctx)
{
	struct segment **at = &d->first;

	while (*at != NULL) {
		struct segment *s = *at;
		bool ours = s->held && (block == NULL || memcmp(s->block, block, 16) == 0);

		if (ours && has != NULL && !has(ctx, s->block)) {
			d->stats.unsure++;
			d->stats.unsure_bytes += bytes_of(s);
			take_out(d, at);
			continue;
		}
		if (ours) {
			s->held = false;
			d->stats.held_bytes -= bytes_of(s);
		}
		at = &s->next;
	}
}

void delivery_compared(struct delivery *d, bool (*has)(void *ctx, const uint8_t block[16]),
                       void *ctx)
{
	decide(d, NULL, has, ctx);
}

static bool has_none(void *ctx, const uint8_t block[16])
{
	(void)ctx;
	(void)block;
	return false;
}

void delivery_taken(struct delivery *d, const uint8_t block[16], bool taken)
{
	decide(d, block, taken ? NULL : has_none, NULL);
}

void delivery_ack(struct delivery *d, const struct handover_message *m)
{
	struct segment **at = &d->first;
	unsigned int stream = m->ack.class == KEY_UUID_FROM_B;

	while (*at != NULL && ((*at)->stream != stream || (*at)->position != m->ack.position ||
	                       !(*at)->sent || memcmp((*at)->block, m->ack.block, 16) != 0))
		at = &(*at)->next;
	if (*at == NULL)
		return; /* of an earlier connection */
	if (m->ack.verdict == HANDOVER_STORED) {
		d->stats.acked++;
		d->stats.acked_bytes += bytes_of(*at);
	} else {
		d->stats.refused++;
		d->stats.refused_bytes += bytes_of(*at);
	}
	take_out(d, at);
}

void delivery_unsend(struct delivery *d)
{
	for (struct segment *s = d->first; s != NULL; s = s->next)
		s->sent = false;
}

struct segment *delivery_next_segment(const struct delivery *d)
{
	struct segment *s = d->first;

	while (s != NULL && (s->sent || s->held))
		s = s->next;
	return s;
}

/* Room. */

/* Bytes of STREAM that this site can take. */
static uint64_t room_here(const struct delivery *d, unsigned int stream)
{
	uint64_t queued = d->queued[0] + d->queued[1], room = d->kms_room[stream];

	if (!d->connected || queued >= d->config.queue_bytes)
		return 0;
	room = room > d->queued[stream] ? room - d->queued[stream] : 0;
	return room < d->config.queue_bytes - queued ? room : d->config.queue_bytes - queued;
}

enum delivery_why delivery_why(const struct delivery *d, unsigned int stream)
{
	if (!d->session)
		return DELIVERY_NO_SESSION;
	if (!d->connected)
		return DELIVERY_NO_KMS;
	if (!d->peer_connected)
		return DELIVERY_NO_PEER_KMS;
	if (d->peer_number != d->config.link_number)
		return DELIVERY_OTHER_NUMBER;
	if (room_here(d, stream) < d->config.block_bytes)
		return DELIVERY_NO_ROOM;
	if (d->peer_room[stream] < d->config.block_bytes)
		return DELIVERY_NO_PEER_ROOM;
	return DELIVERY_OPEN;
}

const char *delivery_why_text(enum delivery_why why)
{
	static const char *const text[] = {
	        [DELIVERY_OPEN] = "open",
	        [DELIVERY_NO_SESSION] = "no session with the other gateway",
	        [DELIVERY_NO_KMS] = "no key delivery is connected here",
	        [DELIVERY_NO_PEER_KMS] = "no key delivery is connected at the other site",
	        [DELIVERY_OTHER_NUMBER] = "the other site has another link-number",
	        [DELIVERY_NO_ROOM] = "no room here",
	        [DELIVERY_NO_PEER_ROOM] = "no room at the other site",
	};

	return text[why];
}

void delivery_tick(struct delivery *d, uint64_t now_ns)
{
	uint64_t room[2] = {room_here(d, 0), room_here(d, 1)};
	uint64_t least = d->config.block_bytes;
	bool turned = d->connected != d->told_connected ||
	              (room[0] < least) != (d->told_room[0] < least) ||
	              (room[1] < least) != (d->told_room[1] < least);

	if (d->first != NULL && d->first->sent)
		d->stats.unacked_since++;
	else
		d->stats.unacked_since = 0;
	if (!d->session || (!turned && d->told && now_ns - d->told_ns < TELL_NS))
		return;
	if (!delivery_tell_room(d, d->connected, room))
		return;
	d->told = true;
	d->told_ns = now_ns;
	d->told_connected = d->connected;
	memcpy(d->told_room, room, sizeof(room));
}

void delivery_stats_read(const struct delivery *d, struct delivery_stats *out)
{
	*out = d->stats;
	out->connected = d->connected;
	out->peer_connected = d->session && d->peer_connected;
	out->next = d->kms_next > d->peer_next ? d->kms_next : d->peer_next;
	for (unsigned int i = 0; i < 2; i++) {
		out->room[i] = room_here(d, i);
		out->peer_room[i] = d->peer_room[i];
	}
	out->queued_bytes = d->queued[0] + d->queued[1];
	out->queue_bytes = d->config.queue_bytes;
}
