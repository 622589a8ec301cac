/* SPDX-License-Identifier: BSD-3-Clause */

/* Two gateways' deliveries, a wire between them, and what a key delivery at each would get. */

#include "control/delivery.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/secret.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#define BLOCK_BYTES ((size_t)128 << 10)
#define QUEUE_BYTES (4 * BLOCK_BYTES)
#define GOT_MAX     256
#define WIRE_MAX    256

struct got {
	uint8_t block[16];
	enum key_uuid_class class;
	uint64_t position;
	uint16_t units;
	uint8_t hash[32];
	bool simulated;
	uint8_t *bytes;
};

struct end {
	struct delivery *d;
	struct end *other;
	uint8_t *packet;
	/* what its key delivery got in this connection */
	struct got got[GOT_MAX];
	unsigned int got_count, hellos, links, peers;
	struct handover_message hello, link;
	uint8_t peer[64];
	size_t peer_len;
	/* its messages to the other gateway */
	struct {
		enum delivery_message kind;
		size_t len;
		uint8_t bytes[HANDOVER_PEER_MAX];
	} * wire;
	unsigned int wire_count;
	bool deaf; /* the wire takes nothing */
};

static struct end a, b;
static uint64_t now;
static const uint8_t secret[32] = "a secret that both ends have....";

static bool wire_send(void *ctx, enum delivery_message kind, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	if (e->deaf || e->wire_count == WIRE_MAX)
		return false;
	e->wire[e->wire_count].kind = kind;
	e->wire[e->wire_count].len = len;
	memcpy(e->wire[e->wire_count++].bytes, msg, len);
	return true;
}

static void wire_flow(void)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = i == 0 ? &a : &b;

		for (unsigned int k = 0; k < e->wire_count; k++)
			CU_ASSERT_TRUE(delivery_message(e->other->d, e->wire[k].kind,
			                                e->wire[k].bytes, e->wire[k].len));
		e->wire_count = 0;
	}
}

static void end_start(struct end *e, bool site_a)
{
	const struct delivery_config c = {.site_a = site_a,
	                                  .link_number = 9,
	                                  .secret = secret,
	                                  .link = "demo",
	                                  .protocol = "four-state one-decoy BB84",
	                                  .block_bytes = BLOCK_BYTES,
	                                  .queue_bytes = QUEUE_BYTES};
	const struct delivery_ops ops = {wire_send, e};
	struct err err = {0};

	e->d = delivery_create(&c, &ops, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e->d);
	e->wire = calloc(WIRE_MAX, sizeof(*e->wire));
	e->packet = secret_alloc(HANDOVER_PACKET_MAX);
}

static void start(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, NULL), 0);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.other = &b;
	b.other = &a;
	end_start(&a, true);
	end_start(&b, false);
	now = NS_PER_S;
}

static void forget(struct end *e)
{
	while (e->got_count > 0)
		free(e->got[--e->got_count].bytes);
	e->hellos = e->links = e->peers = 0;
}

static void stop(void)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = i == 0 ? &a : &b;

		delivery_destroy(e->d);
		forget(e);
		free(e->wire);
		secret_free(e->packet);
	}
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

/* The key delivery reads up to MAX packets. */
static unsigned int client_read(struct end *e, unsigned int max)
{
	unsigned int n = 0;
	size_t len;

	while (n < max && (len = delivery_next(e->d, e->packet)) > 0) {
		struct handover_message m;
		struct got *g = &e->got[e->got_count];

		CU_ASSERT_EQUAL_FATAL(handover_decode(e->packet, len, true, &m), 0);
		switch (m.type) {
		case HANDOVER_HELLO:
			e->hello = m;
			e->hellos++;
			break;
		case HANDOVER_LINK:
			e->link = m;
			e->links++;
			break;
		case HANDOVER_PEER:
			memcpy(e->peer, m.peer.bytes, m.peer.len < 64 ? m.peer.len : 64);
			e->peer_len = m.peer.len;
			e->peers++;
			break;
		default:
			CU_ASSERT_EQUAL(m.type, HANDOVER_SEGMENT);
			CU_ASSERT_FATAL(e->got_count < GOT_MAX);
			*g = (struct got){.class = m.segment.class,
			                  .position = m.segment.position,
			                  .units = m.segment.units,
			                  .simulated = m.segment.simulated,
			                  .bytes = malloc((size_t)m.segment.units * 8)};
			memcpy(g->block, m.segment.block, 16);
			memcpy(g->hash, m.segment.hash, 32);
			memcpy(g->bytes, m.segment.bytes, (size_t)m.segment.units * 8);
			e->got_count++;
			break;
		}
		delivery_sent(e->d);
		n++;
	}
	return n;
}

static int client_say(struct end *e, const struct handover_message *m)
{
	static uint8_t out[HANDOVER_PACKET_MAX];
	int len = handover_encode(m, out, sizeof(out));

	CU_ASSERT_FATAL(len > 0);
	return delivery_receive(e->d, out, (size_t)len);
}

static void client_room(struct end *e, uint64_t from_a, uint64_t from_b)
{
	CU_ASSERT_EQUAL(client_say(e, &(struct handover_message){.type = HANDOVER_ROOM,
	                                                         .room = {from_a, from_b}}),
	                0);
}

static void client_join(struct end *e)
{
	forget(e);
	delivery_joined(e->d);
	client_read(e, 100);
	CU_ASSERT_EQUAL(e->hellos, 1);
	CU_ASSERT_EQUAL(e->got_count + e->links + e->peers, 0);
	CU_ASSERT_FALSE(delivery_connected(e->d));
	CU_ASSERT_EQUAL(client_say(e, &(struct handover_message){.type = HANDOVER_KMS_HELLO}), 0);
	CU_ASSERT_TRUE(delivery_connected(e->d));
}

static void client_ack(struct end *e, unsigned int i, enum handover_verdict verdict)
{
	struct handover_message m = {.type = HANDOVER_ACK,
	                             .ack = {.class = e->got[i].class,
	                                     .position = e->got[i].position,
	                                     .verdict = verdict}};

	memcpy(m.ack.block, e->got[i].block, 16);
	CU_ASSERT_EQUAL(client_say(e, &m), 0);
}

static void session(bool up)
{
	a.wire_count = b.wire_count = 0;
	delivery_session(a.d, up);
	delivery_session(b.d, up);
}

static void tick(void)
{
	now += 100 * NS_PER_MS;
	delivery_tick(a.d, now);
	delivery_tick(b.d, now);
	wire_flow();
}

static struct delivery_stats stats_of(const struct end *e)
{
	struct delivery_stats s;

	delivery_stats_read(e->d, &s);
	return s;
}

/* Blocks are made of NUMBER alone, so that both ends have the same. */
static struct key_block *block(uint64_t number, uint64_t position, uint32_t from_a, uint32_t from_b)
{
	size_t own = 320, bytes = own + 8 * ((size_t)from_a + from_b);
	struct key_block *kb = calloc(1, sizeof(*kb) + bytes);
	uint64_t state = number;

	memset(kb->id, (int)number, sizeof(kb->id));
	kb->bits = (uint32_t)bytes * 8;
	kb->position = position;
	kb->units[0] = from_a;
	kb->units[1] = from_b;
	kb->simulated = number % 2 == 1;
	for (size_t i = 0; i < bytes; i++)
		kb->key[i] =
		        (uint8_t)((state = state * 6364136223846793005u + 1442695040888963407u) >>
		                  33);
	return kb;
}

static void commit(struct end *e, uint64_t number, uint64_t position, uint32_t from_a,
                   uint32_t from_b)
{
	struct key_block *kb = block(number, position, from_a, from_b);

	delivery_block(e->d, kb);
	free(kb);
}

static void start_joined(void)
{
	start();
	client_join(&a);
	client_join(&b);
	session(true);
	client_room(&a, 10 * BLOCK_BYTES, 10 * BLOCK_BYTES);
	client_room(&b, 10 * BLOCK_BYTES, 10 * BLOCK_BYTES);
	tick();
	CU_ASSERT_EQUAL(client_read(&a, 100), 1); /* how the link is */
	CU_ASSERT_EQUAL(client_read(&b, 100), 1);
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OPEN);
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_OPEN);
}

/* Both get the same segments of the block's end, whole, and hear of what both share. */
static void test_the_same_at_both_ends(void)
{
	struct key_block *kb = block(3, 5000, 9000, 4096);
	uint8_t hash[32];
	unsigned int at = 0;
	uint64_t next[2] = {5000, 5000};

	start_joined();
	CU_ASSERT_EQUAL(a.hello.hello.site, 'A');
	CU_ASSERT_EQUAL(b.hello.hello.site, 'B');
	CU_ASSERT_EQUAL(a.hello.hello.link, 9);
	CU_ASSERT_STRING_EQUAL(a.hello.hello.name, "demo");
	CU_ASSERT_EQUAL(memcmp(a.hello.hello.secret, secret, 32), 0);
	commit(&a, 3, 5000, 9000, 4096);
	commit(&b, 3, 5000, 9000, 4096);
	wire_flow();
	client_read(&a, 100);
	client_read(&b, 100);
	CU_ASSERT_EQUAL_FATAL(a.got_count, 4);
	CU_ASSERT_EQUAL_FATAL(b.got_count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		const struct got *g = &a.got[i], *h = &b.got[i];
		unsigned int stream = g->class == KEY_UUID_FROM_B;
		const uint8_t *from = kb->key + 320 + (stream == 1 ? (size_t)9000 * 8 : 0);

		CU_ASSERT_EQUAL(memcmp(g->block, kb->id, 16), 0);
		CU_ASSERT_TRUE(g->simulated);
		CU_ASSERT_EQUAL(g->position, next[stream]);
		next[stream] += g->units;
		CU_ASSERT_EQUAL(
		        memcmp(g->bytes, from + (g->position - 5000) * 8, (size_t)g->units * 8), 0);
		SHA256(g->bytes, (size_t)g->units * 8, hash);
		CU_ASSERT_EQUAL(memcmp(g->hash, hash, 32), 0);
		CU_ASSERT(g->class == h->class && g->position == h->position &&
		          g->units == h->units && memcmp(g->hash, h->hash, 32) == 0);
		at += g->units;
	}
	CU_ASSERT_EQUAL(at, 9000 + 4096);
	CU_ASSERT_EQUAL(next[0], 5000 + 9000);
	CU_ASSERT_EQUAL(next[1], 5000 + 4096);
	CU_ASSERT_EQUAL(stats_of(&a).queued_bytes, 8 * (9000 + 4096));
	for (unsigned int i = 0; i < 4; i++) {
		client_ack(&a, i, HANDOVER_STORED);
		client_ack(&a, i, HANDOVER_STORED); /* twice is once */
		client_ack(&b, i, i == 2 ? HANDOVER_REFUSED : HANDOVER_STORED);
	}
	CU_ASSERT_EQUAL(stats_of(&a).queued_bytes, 0);
	CU_ASSERT_EQUAL(stats_of(&a).acked, 4);
	CU_ASSERT_EQUAL(stats_of(&b).acked, 3);
	CU_ASSERT_EQUAL(stats_of(&b).refused, 1);
	CU_ASSERT_EQUAL(client_read(&a, 100), 0);
	free(kb);
	stop();
}

/* What has no answer is said again to the next client, in order; nothing is said before HELLO. */
static void test_a_client_that_comes_again(void)
{
	uint64_t first;

	start_joined();
	for (unsigned int i = 1; i <= 3; i++) {
		commit(&b, i, 1000 * i, 400, 200);
	}
	client_read(&b, 100);
	CU_ASSERT_EQUAL_FATAL(b.got_count, 6);
	client_ack(&b, 0, HANDOVER_STORED);
	client_ack(&b, 3, HANDOVER_STORED);
	first = b.got[1].position;
	delivery_left(b.d);
	CU_ASSERT_FALSE(delivery_connected(b.d));
	CU_ASSERT_EQUAL(client_read(&b, 100), 0);
	commit(&b, 4, 4000, 400, 0);
	client_join(&b);
	client_read(&b, 100);
	CU_ASSERT_EQUAL_FATAL(b.got_count, 5);
	CU_ASSERT_EQUAL(b.got[0].position, first);
	for (unsigned int i = 0; i < 5; i++)
		client_ack(&b, i, HANDOVER_STORED);
	CU_ASSERT_EQUAL(stats_of(&b).queued_bytes, 0);
	/* An answer to what this client was not told is none. */
	commit(&b, 5, 5000, 400, 0);
	forget(&b);
	b.got[0] = (struct got){.class = KEY_UUID_FROM_A, .position = 5000};
	memset(b.got[0].block, 5, 16);
	client_ack(&b, 0, HANDOVER_STORED);
	CU_ASSERT_EQUAL(stats_of(&b).queued_bytes, 3200);
	stop();
}

/* A gives nothing of a block until B says that it has it, or the stores' comparison shows it. */
static bool has_block;

static bool has(void *ctx, const uint8_t id[16])
{
	(void)ctx;
	(void)id;
	return has_block;
}

static void test_a_block_that_only_one_has(void)
{
	struct key_block *kb;

	start_joined();
	commit(&a, 1, 0, 100, 100);
	CU_ASSERT_EQUAL(client_read(&a, 100), 0);
	CU_ASSERT_EQUAL(stats_of(&a).held_bytes, 1600);
	commit(&b, 1, 0, 100, 100);
	wire_flow();
	CU_ASSERT_EQUAL(stats_of(&a).held_bytes, 0);
	CU_ASSERT_EQUAL(client_read(&a, 100), 2);
	client_ack(&a, 0, HANDOVER_STORED);
	client_ack(&a, 1, HANDOVER_STORED);
	/* B's word was lost with the session, B has it; then it does not have it. */
	for (int there = 1; there >= 0; there--) {
		forget(&a);
		commit(&a, 2, 200, 100, 0);
		session(false);
		session(true);
		CU_ASSERT_EQUAL(client_read(&a, 100), 0);
		has_block = there == 1;
		delivery_compared(a.d, has, NULL);
		CU_ASSERT_EQUAL(client_read(&a, 100), (unsigned int)there);
		CU_ASSERT_EQUAL(stats_of(&a).unsure, there == 1 ? 0 : 1);
		if (there)
			client_ack(&a, 0, HANDOVER_STORED);
	}
	CU_ASSERT_EQUAL(stats_of(&a).queued_bytes, 0);
	/* B's store could not take it. */
	commit(&a, 3, 400, 100, 0);
	kb = block(3, 400, 100, 0);
	delivery_refused(b.d, kb);
	free(kb);
	wire_flow();
	CU_ASSERT_EQUAL(client_read(&a, 100), 0);
	CU_ASSERT_EQUAL(stats_of(&a).unsure, 2);
	CU_ASSERT_EQUAL(stats_of(&a).queued_bytes, 0);
	stop();
}

/* Nothing is delivered without a key delivery and room for a block at both ends. */
static void test_back_pressure(void)
{
	static const uint8_t other[27] = {1, 1, [7] = 4, [15] = 4, [26] = 10};

	start();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_SESSION);
	session(true);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_KMS);
	client_join(&a);
	client_room(&a, BLOCK_BYTES, 10 * BLOCK_BYTES);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_PEER_KMS);
	client_join(&b);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_PEER_ROOM);
	client_room(&b, BLOCK_BYTES, BLOCK_BYTES - 1);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OPEN);
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_NO_PEER_ROOM);
	CU_ASSERT_EQUAL(delivery_why(b.d, 1), DELIVERY_NO_ROOM);
	/* What is on its way counts. */
	client_room(&b, BLOCK_BYTES, BLOCK_BYTES);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_OPEN);
	commit(&b, 1, 0, 0, 8);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OPEN);
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_NO_PEER_ROOM);
	/* The key delivery goes, and comes again: told at once, without waiting for the second. */
	delivery_left(b.d);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_PEER_KMS);
	client_join(&b);
	client_room(&b, BLOCK_BYTES, BLOCK_BYTES);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OPEN);
	/* Positions that came at either, of either stream, now or once: known to both. */
	CU_ASSERT_EQUAL(client_say(&b, &(struct handover_message){.type = HANDOVER_ROOM,
	                                                          .room = {BLOCK_BYTES, BLOCK_BYTES,
	                                                                   70, 9}}),
	                0);
	CU_ASSERT_EQUAL(client_say(&a, &(struct handover_message){.type = HANDOVER_ROOM,
	                                                          .room = {BLOCK_BYTES, BLOCK_BYTES,
	                                                                   5, 60}}),
	                0);
	for (int i = 0; i < 10; i++)
		tick();
	CU_ASSERT_EQUAL(stats_of(&a).next, 70);
	CU_ASSERT_EQUAL(stats_of(&b).next, 70);
	/* Another link's number: what one site issues the other would not know. */
	CU_ASSERT_TRUE(delivery_message(a.d, DELIVERY_OWN, other, sizeof(other)));
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OTHER_NUMBER);
	/* A new session knows nothing of the last one's. */
	session(true);
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_NO_PEER_KMS);
	a.deaf = b.deaf = true;
	tick();
	a.deaf = b.deaf = false;
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 0), DELIVERY_OPEN);
	stop();
}

/* The queue is bounded: what does not fit is counted, at most so much secret memory is used. */
static void test_a_client_that_does_not_read(void)
{
	size_t before;
	struct delivery_stats s;

	start_joined();
	before = secret_used();
	for (unsigned int i = 1; i <= 40; i++)
		commit(&b, i, 10000 * i, 4096, 4096);
	s = stats_of(&b);
	CU_ASSERT(s.queued_bytes <= QUEUE_BYTES && s.queued_bytes > QUEUE_BYTES - (64 << 10));
	CU_ASSERT_EQUAL(s.queued_bytes + s.dropped_bytes, s.bytes);
	CU_ASSERT_EQUAL(s.bytes, 40 * 2 * 4096 * 8);
	CU_ASSERT(secret_used() - before <= QUEUE_BYTES / 4 * 5);
	CU_ASSERT_EQUAL(delivery_why(b.d, 0), DELIVERY_NO_ROOM);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_NO_PEER_ROOM);
	CU_ASSERT_EQUAL(stats_of(&b).unacked_since, 0);
	client_read(&b, 3);
	tick();
	tick();
	CU_ASSERT_EQUAL(stats_of(&b).unacked_since, 2);
	client_read(&b, 1000);
	CU_ASSERT_EQUAL(b.got_count * 4096 * 8, s.queued_bytes);
	for (unsigned int i = 0; i < b.got_count; i++)
		client_ack(&b, i, HANDOVER_STORED);
	CU_ASSERT_EQUAL(secret_used(), before);
	tick();
	CU_ASSERT_EQUAL(delivery_why(a.d, 1), DELIVERY_OPEN);
	stop();
}

/* The key deliveries talk to each other, before segments, and not beyond a session. */
static void test_messages_between_key_deliveries(void)
{
	static const uint8_t hello[] = "hello, other key delivery", big[HANDOVER_PEER_MAX];
	const struct handover_message m = {.type = HANDOVER_KMS_PEER,
	                                   .peer = {hello, sizeof(hello)}};
	struct delivery_stats s;

	start_joined();
	commit(&b, 1, 0, 400, 0);
	CU_ASSERT_EQUAL(client_say(&a, &m), 0);
	wire_flow();
	CU_ASSERT_EQUAL(client_read(&b, 1), 1);
	CU_ASSERT_EQUAL(b.peers, 1);
	CU_ASSERT_EQUAL(b.peer_len, sizeof(hello));
	CU_ASSERT_EQUAL(memcmp(b.peer, hello, sizeof(hello)), 0);
	CU_ASSERT_EQUAL(client_read(&b, 100), 1);
	/* What waits when the session ends is lost. */
	CU_ASSERT_EQUAL(client_say(&a, &m), 0);
	wire_flow();
	session(true);
	CU_ASSERT_EQUAL(client_read(&b, 100), 0);
	CU_ASSERT_EQUAL(stats_of(&b).peer_lost, 1);
	session(false);
	CU_ASSERT_EQUAL(client_say(&a, &m), 0);
	CU_ASSERT_EQUAL(a.wire_count, 0);
	CU_ASSERT_EQUAL(stats_of(&a).peer_lost, 1);
	/* A client that does not read costs a mebibyte at the most. */
	session(true);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_TRUE(delivery_message(b.d, DELIVERY_PEER, big, sizeof(big)));
	CU_ASSERT_EQUAL(client_read(&b, 1000), 32);
	s = stats_of(&b);
	CU_ASSERT_EQUAL(s.peer_lost, 1 + 68);
	CU_ASSERT_EQUAL(s.peer_received, 1 + 32);
	delivery_left(b.d);
	CU_ASSERT_TRUE(delivery_message(b.d, DELIVERY_PEER, big, 10));
	CU_ASSERT_EQUAL(stats_of(&b).peer_lost, 1 + 69);
	stop();
}

static void test_the_link_in_words(void)
{
	start_joined();
	CU_ASSERT_EQUAL(a.links, 1);
	CU_ASSERT_FALSE(a.link.link.up);
	delivery_link(a.d, true, false, true, "no key: qber-z");
	delivery_link(a.d, true, false, true, "no key: qber-z");
	CU_ASSERT_EQUAL(client_read(&a, 100), 1);
	CU_ASSERT_TRUE(a.link.link.up);
	CU_ASSERT_FALSE(a.link.link.making);
	CU_ASSERT_STRING_EQUAL(a.link.link.state, "no key: qber-z");
	CU_ASSERT_EQUAL(client_read(&a, 100), 0);
	delivery_left(a.d);
	client_join(&a);
	CU_ASSERT_TRUE(a.hello.hello.simulated);
	CU_ASSERT_EQUAL(client_read(&a, 100), 1);
	CU_ASSERT_STRING_EQUAL(a.link.link.state, "no key: qber-z");
	stop();
}

/* Clients and gateways that do not keep to the protocol: refused, counted, no more. */
static void test_malformed(void)
{
	static const uint8_t unknown[] = {3, 0}, none[1], role[27] = {2}, room[27] = {1, 2};
	const struct handover_message hello = {.type = HANDOVER_KMS_HELLO};

	start_joined();
	CU_ASSERT_EQUAL(client_say(&a, &hello), -EPROTO);
	CU_ASSERT_EQUAL(delivery_receive(a.d, (const uint8_t *)"\x07xx", 3), -EPROTO);
	CU_ASSERT_EQUAL(delivery_receive(a.d, a.packet, 0), -EPROTO);
	delivery_left(a.d);
	delivery_joined(a.d);
	CU_ASSERT_EQUAL(client_say(&a, &(struct handover_message){.type = HANDOVER_ROOM}), -EPROTO);
	CU_ASSERT_EQUAL(delivery_receive(a.d, (const uint8_t *)"\x10\0\x02", 3), -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(stats_of(&a).bad_packets, 5);
	CU_ASSERT_FALSE(delivery_message(a.d, DELIVERY_OWN, unknown, 2));
	CU_ASSERT_FALSE(delivery_message(a.d, DELIVERY_OWN, none, 0));
	CU_ASSERT_FALSE(delivery_message(a.d, DELIVERY_OWN, role, 27));
	CU_ASSERT_FALSE(delivery_message(a.d, DELIVERY_OWN, room, 27));
	CU_ASSERT_FALSE(delivery_message(b.d, DELIVERY_OWN, role, 17)); /* not to B */
	CU_ASSERT_FALSE(delivery_message(a.d, DELIVERY_PEER, none, 0));
	CU_ASSERT_EQUAL(stats_of(&a).bad_messages, 5);
	stop();
}

/* Clients, sessions and blocks as they come: at the end each segment has had one fate. */
static void test_any_order(void)
{
	uint64_t position = 0;

	start_joined();
	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t n = 4 * (1 + dice(3000)), m = 4 * dice(3000);
		struct delivery_stats s;

		switch (dice(12)) {
		case 0:
			delivery_left(b.d);
			client_join(&b);
			break;
		case 1:
			session(dice(4) > 0);
			delivery_compared(a.d, has, NULL);
			break;
		case 2:
		case 3:
			has_block = dice(2);
			commit(&a, 1 + i % 250, position, n, m);
			if (dice(10) > 0)
				commit(&b, 1 + i % 250, position, n, m);
			position += n > m ? n : m;
			break;
		case 4:
			delivery_left(a.d);
			client_join(&a);
			break;
		default:
			wire_flow();
			client_read(dice(2) ? &a : &b, dice(20));
			break;
		}
		for (int k = 0; k < 2; k++) {
			struct end *e = k == 0 ? &a : &b;

			while (e->got_count > 0 && (dice(4) > 0 || e->got_count > 200)) {
				client_ack(e, e->got_count - 1,
				           dice(9) ? HANDOVER_STORED : HANDOVER_REFUSED);
				free(e->got[--e->got_count].bytes);
			}
			s = stats_of(e);
			CU_ASSERT_EQUAL(s.bytes, s.acked_bytes + s.refused_bytes + s.dropped_bytes +
			                                 s.unsure_bytes + s.queued_bytes);
			CU_ASSERT(s.held_bytes <= s.queued_bytes);
		}
	}
	CU_ASSERT(stats_of(&a).acked > 200 && stats_of(&b).acked > 200);
	CU_ASSERT(stats_of(&a).unsure > 0);
	stop();
}

UNIT_MAIN(UNIT(test_the_same_at_both_ends), UNIT(test_a_client_that_comes_again),
          UNIT(test_a_block_that_only_one_has), UNIT(test_back_pressure),
          UNIT(test_a_client_that_does_not_read), UNIT(test_messages_between_key_deliveries),
          UNIT(test_the_link_in_words), UNIT(test_malformed), UNIT(test_any_order))
