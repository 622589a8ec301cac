/* SPDX-License-Identifier: BSD-3-Clause */

/* The key delivery's end of the socket: the test is the gateway, the disk, and those who hear. */

#include "control/kms/handover.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static struct kms_handover *h;
static uint8_t packet[HANDOVER_PACKET_MAX], bytes[HANDOVER_UNITS_MAX * KEY_UUID_UNIT];
static struct {
	unsigned int hellos, segments, peers, links, wakes;
	int refuse; /* of hello() and segment() */
	char site, state[HANDOVER_TEXT_MAX + 1];
	uint64_t ticket[64], room[2], next[2];
	size_t peer_len;
	bool up;
} seen;

static int on_hello(void *ctx, const struct handover_message *m)
{
	seen.hellos++;
	seen.site = m->hello.site;
	return seen.refuse;
}

static int on_segment(void *ctx, const struct handover_message *m, uint64_t ticket)
{
	if (seen.refuse == 0)
		seen.ticket[seen.segments++ % 64] = ticket;
	return seen.refuse;
}

static void on_peer(void *ctx, const uint8_t *msg, size_t len)
{
	seen.peers++;
	seen.peer_len = len;
}

static void on_link(void *ctx, bool up, bool making, const char *state)
{
	seen.links++;
	seen.up = up;
	strcpy(seen.state, state);
}

static void on_room(void *ctx, enum key_uuid_class class, uint64_t *room, uint64_t *next)
{
	*room = seen.room[class == KEY_UUID_FROM_B];
	*next = seen.next[class == KEY_UUID_FROM_B];
}

static void on_wake(void *ctx)
{
	__atomic_fetch_add(&seen.wakes, 1, __ATOMIC_RELAXED);
}

static void start(void)
{
	static const struct kms_handover_ops ops = {.hello = on_hello,
	                                            .segment = on_segment,
	                                            .peer = on_peer,
	                                            .link = on_link,
	                                            .room = on_room,
	                                            .wake = on_wake};
	struct err err;

	memset(&seen, 0, sizeof(seen));
	CU_ASSERT_EQUAL_FATAL(kms_handover_new(&ops, &h, &err), 0);
}

static int say(const struct handover_message *m)
{
	int len = handover_encode(m, packet, sizeof(packet));

	CU_ASSERT_FATAL(len > 0);
	return kms_handover_receive(h, packet, (size_t)len);
}

static int say_hello(void)
{
	return say(&(struct handover_message){.type = HANDOVER_HELLO,
	                                      .hello = {.site = 'B', .name = "demo"}});
}

static int say_segment(uint64_t position)
{
	return say(&(struct handover_message){.type = HANDOVER_SEGMENT,
	                                      .segment = {.block = "a block of 16 by",
	                                                  .class = KEY_UUID_FROM_B,
	                                                  .position = position,
	                                                  .units = 100,
	                                                  .bytes = bytes}});
}

static int say_link(bool up, const char *state)
{
	struct handover_message m = {.type = HANDOVER_LINK, .link = {.up = up}};

	strcpy(m.link.state, state);
	return say(&m);
}

/* The next packet to the gateway; false: none. */
static bool hear(struct handover_message *m)
{
	size_t len = kms_handover_next(h, packet);

	if (len == 0)
		return false;
	CU_ASSERT_EQUAL_FATAL(handover_decode(packet, len, false, m), 0);
	kms_handover_sent(h);
	return true;
}

static void join(void)
{
	struct handover_message m;

	kms_handover_opened(h);
	CU_ASSERT_FALSE(kms_handover_joined(h));
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.type, HANDOVER_KMS_HELLO);
	CU_ASSERT_EQUAL(say_hello(), 0);
	CU_ASSERT_TRUE(kms_handover_joined(h));
}

static struct kms_handover_stats stats_of(void)
{
	struct kms_handover_stats s;

	kms_handover_stats_read(h, &s);
	return s;
}

/* Each segment has its answer, in the order in which the disk was done. */
static void test_segments(void)
{
	struct handover_message m;

	start();
	join();
	CU_ASSERT_EQUAL(seen.site, 'B');
	for (uint64_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(say_segment(100 * i), 0);
	CU_ASSERT_FALSE(hear(&m)); /* none before it is durable */
	kms_handover_stored(h, seen.ticket[2], KMS_HANDOVER_REFUSED);
	kms_handover_stored(h, seen.ticket[0], KMS_HANDOVER_STORED);
	kms_handover_stored(h, seen.ticket[1], KMS_HANDOVER_AGAIN);
	CU_ASSERT_EQUAL(seen.wakes, 3);
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.type, HANDOVER_ACK);
	CU_ASSERT_EQUAL(m.ack.position, 200);
	CU_ASSERT_EQUAL(m.ack.verdict, HANDOVER_REFUSED);
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.ack.position, 0);
	CU_ASSERT_EQUAL(m.ack.class, KEY_UUID_FROM_B);
	CU_ASSERT_EQUAL(memcmp(m.ack.block, "a block of 16 by", 16), 0);
	CU_ASSERT_EQUAL(m.ack.verdict, HANDOVER_STORED);
	CU_ASSERT_FALSE(hear(&m)); /* the gateway keeps the other */
	/* An answer that comes twice, or of a connection that is over, is none. */
	kms_handover_stored(h, seen.ticket[0], KMS_HANDOVER_STORED);
	CU_ASSERT_EQUAL(say_segment(700), 0);
	kms_handover_closed(h);
	join();
	kms_handover_stored(h, seen.ticket[3], KMS_HANDOVER_STORED);
	CU_ASSERT_FALSE(hear(&m));
	/* So many at a time, and no more are read. */
	for (uint64_t i = 0; !kms_handover_busy(h); i++) {
		CU_ASSERT_FATAL(i < 64);
		CU_ASSERT_EQUAL(say_segment(1000 + 100 * i), 0);
	}
	kms_handover_stored(h, seen.ticket[10], KMS_HANDOVER_STORED);
	CU_ASSERT_FALSE(kms_handover_busy(h));
	/* What cannot be taken just now has no answer. */
	kms_handover_closed(h);
	join();
	seen.refuse = -ENOMEM;
	CU_ASSERT_EQUAL(say_segment(9000), 0);
	CU_ASSERT_FALSE(hear(&m));
	CU_ASSERT_FALSE(kms_handover_busy(h));
	kms_handover_free(h);
}

static void test_messages_go_with_the_session(void)
{
	struct handover_message m;

	start();
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, 10));
	join();
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, 10));
	CU_ASSERT_EQUAL(say_link(true, "up"), 0);
	CU_ASSERT_TRUE(seen.up);
	CU_ASSERT_TRUE(kms_handover_peer(h, bytes, 10));
	CU_ASSERT_TRUE(kms_handover_peer(h, bytes, HANDOVER_PEER_MAX));
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.type, HANDOVER_KMS_PEER);
	CU_ASSERT_EQUAL(m.peer.len, 10);
	CU_ASSERT_EQUAL(say(&(struct handover_message){.type = HANDOVER_PEER, .peer = {bytes, 77}}),
	                0);
	CU_ASSERT_EQUAL(seen.peer_len, 77);
	/* What waits when it ends is lost; acknowledgements are not. */
	CU_ASSERT_EQUAL(say_segment(5), 0);
	kms_handover_stored(h, seen.ticket[0], KMS_HANDOVER_STORED);
	CU_ASSERT_EQUAL(say_link(false, "no session"), 0);
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.type, HANDOVER_ACK);
	CU_ASSERT_FALSE(hear(&m));
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, 10));
	CU_ASSERT_EQUAL(say_link(true, "up"), 0);
	/* Bounded, while the gateway reads nothing. */
	for (int i = 0; i < 31; i++)
		CU_ASSERT_TRUE(kms_handover_peer(h, bytes, HANDOVER_PEER_MAX));
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, HANDOVER_PEER_MAX));
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, HANDOVER_PEER_MAX + 1));
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, 0));
	/* The gateway goes: there is no session, and it is said. */
	kms_handover_closed(h);
	CU_ASSERT_FALSE(seen.up);
	CU_ASSERT_STRING_EQUAL(seen.state, "the gateway is away");
	CU_ASSERT_FALSE(kms_handover_peer(h, bytes, 10));
	CU_ASSERT_EQUAL(stats_of().peer_lost, 1 + 31 + 7);
	kms_handover_free(h);
}

/* Each second, and at once when it matters. */
static void test_room(void)
{
	uint64_t now = 100 * NS_PER_S;
	struct handover_message m;

	start();
	seen.room[0] = 1000;
	seen.next[1] = 77;
	kms_handover_opened(h);
	CU_ASSERT_TRUE(hear(&m));
	kms_handover_tick(h, now);
	CU_ASSERT_FALSE(hear(&m)); /* not before the gateway's HELLO */
	CU_ASSERT_EQUAL(say_hello(), 0);
	kms_handover_tick(h, now);
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.type, HANDOVER_ROOM);
	CU_ASSERT_EQUAL(m.room.from_a, 1000);
	CU_ASSERT_EQUAL(m.room.from_b, 0);
	CU_ASSERT_EQUAL(m.room.next_b, 77);
	seen.room[0] = 900;
	kms_handover_tick(h, now + 500 * NS_PER_MS);
	CU_ASSERT_FALSE(hear(&m));
	seen.room[0] = 700;
	kms_handover_tick(h, now + 600 * NS_PER_MS);
	CU_ASSERT_TRUE(hear(&m));
	CU_ASSERT_EQUAL(m.room.from_a, 700);
	seen.room[1] = 5;
	kms_handover_tick(h, now + 650 * NS_PER_MS);
	CU_ASSERT_FALSE(hear(&m)); /* not ten times in a tenth */
	kms_handover_tick(h, now + 700 * NS_PER_MS);
	CU_ASSERT_TRUE(hear(&m));
	kms_handover_tick(h, now + 1700 * NS_PER_MS);
	CU_ASSERT_TRUE(hear(&m));
	kms_handover_free(h);
}

static void test_a_gateway_that_errs(void)
{
	start();
	kms_handover_opened(h);
	CU_ASSERT_EQUAL(say_segment(5), -EPROTO);
	CU_ASSERT_EQUAL(say_hello(), 0);
	CU_ASSERT_EQUAL(say_hello(), -EPROTO);
	CU_ASSERT_EQUAL(kms_handover_receive(h, (const uint8_t *)"\x11", 1), -EPROTO);
	kms_handover_closed(h);
	kms_handover_opened(h);
	seen.refuse = -EPROTO;
	CU_ASSERT_EQUAL(say_hello(), -EPROTO);
	CU_ASSERT_FALSE(kms_handover_joined(h));
	CU_ASSERT_EQUAL(kms_handover_receive(h, (const uint8_t *)"\x01\0\x02", 3),
	                -EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(stats_of().bad_packets, 4);
	CU_ASSERT_EQUAL(seen.segments, 0);
	kms_handover_free(h);
}

static void *talk(void *arg)
{
	for (int i = 0; i < 20000; i++)
		kms_handover_peer(h, bytes, 100 + (size_t)i % 50);
	return arg;
}

static void *finish(void *arg)
{
	for (uint64_t ticket = 1; ticket <= 2000; ticket++)
		kms_handover_stored(h, ticket, KMS_HANDOVER_STORED);
	return arg;
}

/* Others talk while the gateway comes and goes: a sanitizer looks on. */
static void test_threads(void)
{
	struct handover_message m;
	pthread_t thread[3];

	start();
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, i < 2 ? talk : finish, NULL),
		                      0);
	for (int i = 0; i < 300; i++) {
		kms_handover_opened(h);
		say_hello();
		say_link(true, "up");
		for (int k = 0; k < 5; k++)
			say_segment((uint64_t)(5 * i + k));
		while (dice(20) > 0 && hear(&m))
			continue;
		kms_handover_closed(h);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	CU_ASSERT_EQUAL(stats_of().segments, 1500);
	CU_ASSERT(stats_of().peer_sent + stats_of().peer_lost >= 40000);
	CU_ASSERT_EQUAL(kms_handover_next(h, packet), 0);
	kms_handover_free(h);
}

UNIT_MAIN(UNIT(test_segments), UNIT(test_messages_go_with_the_session), UNIT(test_room),
          UNIT(test_a_gateway_that_errs), UNIT(test_threads))
