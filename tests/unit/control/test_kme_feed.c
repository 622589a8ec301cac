/* SPDX-License-Identifier: BSD-3-Clause */

/* Two feeds, A and B, each with a client and a KME that the test makes behave; messages in order.
 */

#include "control/kme_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "tests/unit/unit.h"

#define LOW    20
#define HIGH   50
#define BATCH  16
#define FULL   (HIGH / BATCH * BATCH)
#define ANSWER (20 * NS_PER_S)
#define QUEUE  64
#define BLOCKS 64
#define OTHER  0xee

/* What a KME does with a request. */
enum conduct { GIVES, FAILS, IS_SILENT, GIVES_OTHERS, GIVES_ONE_TWICE, GIVES_AGAIN, GIVES_FEWER };

struct end {
	struct kme_feed *feed;
	enum conduct conduct;
	enum kme_fault fault;
	uint32_t wait_ms;
	unsigned int failures;   /* so many times, then it gives */
	unsigned int asked;      /* requests so far */
	struct kme_message last; /* of the feed; entries are gone */
	uint8_t ids[KME_KEYS_MAX * KME_ID_BYTES];
	unsigned int closed;
	uint64_t used; /* keys taken out of the store */
	unsigned int blocks;
	struct {
		uint8_t name[KME_BLOCK_BYTES], key[KME_KEY_BYTES];
		unsigned int n;
		bool simulated;
	} block[BLOCKS];
	int add_fails; /* errno */
	char raised[4][32];
	char text[256]; /* of the last alarm raised */
};

static struct end ends[2];
static uint64_t now;
static unsigned int next_id;
static bool cut; /* the channel */
static struct {
	unsigned int to;
	uint8_t bytes[KME_PEER_MAX];
	size_t len;
} queue[QUEUE];
static unsigned int queued;
static uint8_t packet[KME_PACKET_MAX];

static void key_of(const uint8_t *id, uint8_t key[KME_KEY_BYTES])
{
	sha256(id, KME_ID_BYTES, key);
}

static void op_to_client(void *ctx, const struct kme_message *m)
{
	struct end *e = ctx;

	e->asked++;
	e->last = *m;
	if (m->type == KME_DEC)
		memcpy(e->ids, m->entries, (size_t)m->number * KME_ID_BYTES);
}

static void op_close_client(void *ctx)
{
	struct end *e = ctx;

	e->closed++;
	kme_feed_client(e->feed, false, now);
}

static int op_to_peer(void *ctx, const struct kme_peer_message *m)
{
	if (cut)
		return -EAGAIN;
	CU_ASSERT_FATAL(queued < QUEUE);
	queue[queued].to = ctx == &ends[0];
	queue[queued].len = kme_peer_encode(m, queue[queued].bytes);
	queued++;
	return 0;
}

static int op_add(void *ctx, const struct kme_batch *b, struct err *err)
{
	struct end *e = ctx;

	if (e->add_fails != 0)
		return err_set(err, e->add_fails, "the store refuses");
	CU_ASSERT_FATAL(e->blocks < BLOCKS);
	memcpy(e->block[e->blocks].name, b->block, KME_BLOCK_BYTES);
	memcpy(e->block[e->blocks].key, b->keys, KME_KEY_BYTES);
	e->block[e->blocks].n = b->n;
	e->block[e->blocks++].simulated = b->light == KME_LIGHT_SIMULATED;
	return 0;
}

static int op_mac(void *ctx, const struct kme_batch *b, uint8_t mac[16])
{
	uint8_t hash[32];

	sha256(b->keys, (size_t)b->n * KME_KEY_BYTES, hash);
	memcpy(mac, hash, 16);
	return 0;
}

static void op_drop(void *ctx, const uint8_t block[KME_BLOCK_BYTES])
{
	struct end *e = ctx;

	for (unsigned int i = 0; i < e->blocks; i++)
		if (memcmp(e->block[i].name, block, KME_BLOCK_BYTES) == 0)
			e->block[i].n = 0;
}

static uint64_t op_keys(void *ctx)
{
	struct end *e = ctx;
	uint64_t n = 0;

	for (unsigned int i = 0; i < e->blocks; i++)
		n += e->block[i].n;
	return n - e->used;
}

static void op_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	struct end *e = ctx;
	unsigned int i = 0;

	while (i < 4 && strcmp(e->raised[i], kind) != 0)
		i++;
	if (raised)
		snprintf(e->text, sizeof(e->text), "%s", text);
	if (raised && i == 4) {
		for (i = 0; e->raised[i][0] != '\0'; i++)
			;
		strcpy(e->raised[i], kind);
	}
	if (!raised && i < 4)
		e->raised[i][0] = '\0';
}

static bool raised(const struct end *e, const char *kind)
{
	for (unsigned int i = 0; i < 4; i++)
		if (strcmp(e->raised[i], kind) == 0)
			return true;
	return false;
}

static void status(struct end *e, enum kme_light light, uint16_t most)
{
	struct kme_message m = {
	        .type = KME_STATUS, .light = light, .most = most, .source = "kme", .target = "far"};

	CU_ASSERT_EQUAL(kme_feed_receive(e->feed, packet, kme_encode(&m, packet), now), 0);
}

static void begin(void)
{
	static const struct kme_feed_ops ops = {.to_client = op_to_client,
	                                        .close_client = op_close_client,
	                                        .to_peer = op_to_peer,
	                                        .add = op_add,
	                                        .mac = op_mac,
	                                        .drop = op_drop,
	                                        .keys = op_keys,
	                                        .alarm = op_alarm};
	struct kme_feed_config config = {
	        .batch = BATCH, .low = LOW, .high = HIGH, .answer_ns = ANSWER};
	struct err err;

	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	log_level_set("*", LOG_LEVEL_ERR - 1);
	memset(ends, 0, sizeof(ends));
	queued = 0;
	cut = false;
	now = 1000 * NS_PER_S;
	for (int i = 0; i < 2; i++) {
		config.site_a = i == 0;
		ends[i].feed = kme_feed_create(&config, &ops, &ends[i], &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ends[i].feed);
		kme_feed_session(ends[i].feed, now);
		kme_feed_client(ends[i].feed, true, now);
		status(&ends[i], KME_LIGHT_UNKNOWN, 128);
	}
}

static void end(void)
{
	for (int i = 0; i < 2; i++)
		kme_feed_destroy(ends[i].feed);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void fail(struct end *e, uint32_t request)
{
	struct kme_message m = {.type = KME_FAILED,
	                        .request = request,
	                        .fault = e->fault,
	                        .wait_ms = e->wait_ms,
	                        .text = "words"};

	CU_ASSERT_EQUAL(kme_feed_receive(e->feed, packet, kme_encode(&m, packet), now), 0);
}

/* The client answers what it was last asked. */
static void client(struct end *e)
{
	static uint8_t entries[KME_KEYS_MAX * KME_ENTRY_BYTES];
	struct kme_message m = {.type = KME_KEYS,
	                        .request = e->last.request,
	                        .number = e->last.number,
	                        .entries = entries};
	bool enc = e->last.type == KME_ENC;

	if (e->last.type == 0 || e->conduct == IS_SILENT)
		return;
	if (e->conduct == FAILS && e->failures > 0) {
		e->failures--;
		e->last.type = 0;
		fail(e, m.request);
		return;
	}
	for (unsigned int i = 0; i < m.number; i++) {
		uint8_t *entry = entries + (size_t)i * KME_ENTRY_BYTES;
		char id[KME_ID_BYTES + 1];

		snprintf(id, sizeof(id), "550e8400-e29b-41d4-a716-4466%08x",
		         e->conduct == GIVES_ONE_TWICE && i == 1 ? next_id - 1
		         : e->conduct == GIVES_AGAIN             ? i
		                                                 : next_id++);
		memcpy(entry, enc ? (uint8_t *)id : e->ids + (size_t)i * KME_ID_BYTES,
		       KME_ID_BYTES);
		if (!enc && e->conduct == GIVES_ONE_TWICE && i == 1)
			memcpy(entry, e->ids, KME_ID_BYTES);
		key_of(entry, entry + KME_ID_BYTES);
		if (e->conduct == GIVES_OTHERS)
			entry[KME_ENTRY_BYTES - 1] ^= 1;
	}
	if (e->conduct == GIVES_FEWER)
		m.number--;
	e->last.type = 0;
	if (kme_feed_receive(e->feed, packet, kme_encode(&m, packet), now) < 0) {
		e->closed++;
		kme_feed_client(e->feed, false, now);
	}
}

/* For SECONDS, in steps of 20 ms. */
static void run(double seconds)
{
	uint64_t until = now + (uint64_t)(seconds * NS_PER_S);

	while (now < until) {
		now += 20 * NS_PER_MS;
		for (unsigned int i = 0; i < queued; i++)
			kme_feed_peer(ends[queue[i].to].feed, queue[i].bytes, queue[i].len, now);
		queued = 0;
		for (int i = 0; i < 2; i++) {
			kme_feed_poll(ends[i].feed, !cut, now);
			client(&ends[i]);
		}
	}
}

static struct kme_feed_stats stats(int i)
{
	struct kme_feed_stats s;

	kme_feed_stats_read(ends[i].feed, &s);
	return s;
}

static void check_equal(void)
{
	CU_ASSERT_EQUAL(op_keys(&ends[0]), op_keys(&ends[1]));
	for (unsigned int a = 0, b = 0; a < ends[0].blocks; a++, b++) {
		while (b < ends[1].blocks && ends[1].block[b].n == 0)
			b++;
		CU_ASSERT_FATAL(b < ends[1].blocks);
		CU_ASSERT_EQUAL(memcmp(ends[0].block[a].name, ends[1].block[b].name, 16), 0);
		CU_ASSERT_EQUAL(memcmp(ends[0].block[a].key, ends[1].block[b].key, 32), 0);
		CU_ASSERT_EQUAL(ends[0].block[a].n, ends[1].block[b].n);
	}
}

static void test_fills_both_stores(void)
{
	begin();
	run(2);
	/* Never beyond the mark. */
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_EQUAL(ends[0].blocks, 3);
	CU_ASSERT_EQUAL(ends[0].asked, 3);
	check_equal();
	run(10);
	CU_ASSERT_EQUAL(ends[0].asked, 3);
	ends[0].used = ends[1].used = FULL - LOW;
	run(2);
	CU_ASSERT_EQUAL(ends[0].asked, 3); /* just at the mark */
	ends[0].used++;
	ends[1].used++;
	run(2);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), LOW - 1 + BATCH);
	check_equal();
	CU_ASSERT_EQUAL(stats(0).received, stats(0).stored_keys);
	CU_ASSERT_EQUAL(stats(1).stored_keys, stats(0).stored_keys);
	CU_ASSERT_EQUAL(stats(0).dropped + stats(1).dropped, 0);
	CU_ASSERT_STRING_EQUAL(stats(0).state, "ready");
	CU_ASSERT_FALSE(ends[0].block[0].simulated);
	end();
}

static void test_heeds_what_both_kmes_give(void)
{
	begin();
	status(&ends[0], KME_LIGHT_SIMULATED, 7);
	status(&ends[1], KME_LIGHT_REAL, 5);
	run(5);
	CU_ASSERT_EQUAL(ends[0].block[0].n, 5);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), HIGH);
	CU_ASSERT_TRUE(ends[0].block[0].simulated);
	CU_ASSERT_FALSE(ends[1].block[0].simulated);
	CU_ASSERT_EQUAL(stats(0).light, KME_LIGHT_SIMULATED);
	end();
}

/* Nothing is asked of a KME whose keys the other end could not fetch. */
static void test_waits_for_both_clients(void)
{
	begin();
	kme_feed_client(ends[1].feed, false, now);
	run(7);
	CU_ASSERT_EQUAL(ends[0].asked, 0);
	CU_ASSERT_TRUE(raised(&ends[1], "kme-unreachable"));
	CU_ASSERT_STRING_EQUAL(stats(0).state, "the peer's KME does not answer");
	kme_feed_client(ends[1].feed, true, now);
	run(1);
	CU_ASSERT_EQUAL(ends[0].asked, 0); /* its KME has not spoken */
	status(&ends[1], KME_LIGHT_UNKNOWN, 128);
	run(1);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_FALSE(raised(&ends[1], "kme-unreachable"));
	check_equal();
	end();
}

static void test_waits_as_told(void)
{
	begin();
	ends[0].conduct = FAILS;
	ends[0].fault = KME_BUSY;
	ends[0].wait_ms = 5000;
	ends[0].failures = 1;
	run(4.9);
	CU_ASSERT_EQUAL(ends[0].asked, 1);
	CU_ASSERT_TRUE(raised(&ends[0], "kme-refused"));
	CU_ASSERT_STRING_EQUAL(ends[0].text, "the KME has no keys now: words");
	run(1);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_FALSE(raised(&ends[0], "kme-refused"));
	CU_ASSERT_EQUAL(stats(0).faults[KME_BUSY], 1);
	end();
}

static void test_asks_less_and_less_often(void)
{
	begin();
	ends[0].conduct = FAILS;
	ends[0].fault = KME_REFUSED;
	ends[0].failures = UINT32_MAX;
	run(64); /* after 0, 1, 3, 7, 15, 31, 63 s */
	CU_ASSERT(ends[0].asked == 6 || ends[0].asked == 7);
	run(600);
	CU_ASSERT(ends[0].asked >= 15 && ends[0].asked <= 18);
	CU_ASSERT_STRING_EQUAL(stats(0).last_fault, "the KME refuses: words");
	end();
}

static void test_b_tries_again(void)
{
	begin();
	ends[1].conduct = FAILS;
	ends[1].fault = KME_REFUSED;
	ends[1].failures = 3;
	run(3); /* 0.5 + 1 + 2 s */
	CU_ASSERT_EQUAL(ends[0].blocks, 0);
	CU_ASSERT_TRUE(raised(&ends[1], "kme-refused"));
	run(3);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_EQUAL(stats(1).retries, 3);
	CU_ASSERT_EQUAL(stats(1).dropped, 0);
	CU_ASSERT_FALSE(raised(&ends[1], "kme-refused"));
	check_equal();
	end();
}

static void test_b_gives_up_and_both_drop(void)
{
	begin();
	ends[1].conduct = FAILS;
	ends[1].fault = KME_REFUSED;
	ends[1].failures = 6;
	run(30); /* 0.5 + 1 + 2 + 4 + 8 s; then A waits for one */
	CU_ASSERT_EQUAL(stats(0).dropped, 1);
	CU_ASSERT_EQUAL(stats(1).dropped, 1);
	CU_ASSERT_EQUAL(stats(0).dropped_keys, BATCH);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_EQUAL(stats(0).received, FULL + BATCH);
	check_equal();
	/* What it says is to wait for too long is refused at once. */
	ends[1].wait_ms = 60000;
	ends[1].failures = 1;
	ends[0].used = ends[1].used = FULL;
	run(0.5);
	CU_ASSERT_EQUAL(stats(1).dropped, 2);
	CU_ASSERT_TRUE(raised(&ends[0], "kme-refused"));
	CU_ASSERT_STRING_EQUAL(ends[0].text, "the peer's KME refuses: words");
	end();
}

/* Neither for a wait that is too long, nor for many that are too long together. */
static void test_b_does_not_wait_for_ever(void)
{
	begin();
	ends[1].conduct = FAILS;
	ends[1].fault = KME_BUSY;
	ends[1].failures = 1;
	ends[1].wait_ms = 31000;
	run(0.5);
	CU_ASSERT_EQUAL(stats(1).dropped, 1);
	CU_ASSERT_EQUAL(ends[1].asked, 1);
	ends[1].failures = 3;
	ends[1].wait_ms = 20000; /* after 0, 20, 40 s; 60 would be too late */
	run(42);
	CU_ASSERT_EQUAL(stats(1).dropped, 2);
	CU_ASSERT_EQUAL(ends[1].asked, 4);
	end();
}

/* What answers a request that was given up is about nothing. */
static void test_late_answers(void)
{
	begin();
	ends[0].conduct = IS_SILENT;
	run(0.5);
	CU_ASSERT_EQUAL(ends[0].last.request, 1);
	ends[0].fault = KME_REFUSED;
	fail(&ends[0], 7);
	CU_ASSERT_STRING_EQUAL(stats(0).state, "asks its KME for keys");
	CU_ASSERT_EQUAL(stats(0).faults[KME_REFUSED], 0);
	run(21);
	kme_feed_client(ends[0].feed, true, now);
	status(&ends[0], KME_LIGHT_UNKNOWN, 128);
	run(2);
	CU_ASSERT_EQUAL(ends[0].last.request, 2);
	ends[0].last.request = 1;
	ends[0].conduct = GIVES;
	client(&ends[0]);
	CU_ASSERT_STRING_EQUAL(stats(0).state, "asks its KME for keys");
	CU_ASSERT_EQUAL(stats(0).received, 0);
	end();
}

static void test_silent_clients(void)
{
	begin();
	ends[0].conduct = IS_SILENT;
	run(20.5);
	CU_ASSERT_EQUAL(ends[0].closed, 1);
	CU_ASSERT_EQUAL(stats(0).faults[KME_UNREACHABLE], 1);
	ends[0].conduct = GIVES;
	ends[0].last.type = 0;
	kme_feed_client(ends[0].feed, true, now);
	status(&ends[0], KME_LIGHT_UNKNOWN, 128);
	run(2);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	/* B's goes while it has a request, and does not come back. */
	ends[0].used = ends[1].used = FULL;
	ends[1].conduct = IS_SILENT;
	run(1);
	kme_feed_client(ends[1].feed, false, now);
	run(50);
	CU_ASSERT_EQUAL(stats(1).dropped, 1);
	CU_ASSERT_EQUAL(stats(0).dropped, 1);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), 0);
	CU_ASSERT_TRUE(raised(&ends[1], "kme-unreachable"));
	check_equal();
	end();
}

static void test_other_keys_under_the_same_names(void)
{
	begin();
	ends[1].conduct = GIVES_OTHERS;
	run(0.5);
	CU_ASSERT_EQUAL(ends[0].blocks, 0);
	CU_ASSERT_EQUAL(ends[1].blocks, 1);
	CU_ASSERT_EQUAL(ends[1].block[0].n, 0);
	CU_ASSERT_EQUAL(stats(0).divergences, 1);
	CU_ASSERT_TRUE(raised(&ends[0], "kme-divergence"));
	ends[1].conduct = GIVES;
	run(3);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	CU_ASSERT_FALSE(raised(&ends[0], "kme-divergence"));
	check_equal();
	end();
}

static void test_repeated_identifiers(void)
{
	begin();
	ends[0].conduct = GIVES_ONE_TWICE;
	run(0.5);
	CU_ASSERT_EQUAL(stats(0).repeated, 1);
	CU_ASSERT_EQUAL(ends[0].blocks + ends[1].asked, 0);
	CU_ASSERT_TRUE(raised(&ends[0], "kme-refused"));
	ends[0].conduct = GIVES_AGAIN; /* once fresh, then the same ones */
	run(1);
	CU_ASSERT_EQUAL(ends[0].blocks, 1);
	run(3);
	CU_ASSERT(stats(0).repeated >= 2);
	CU_ASSERT_EQUAL(ends[0].blocks, 1);
	ends[0].conduct = GIVES;
	run(20);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	check_equal();
	end();
}

/* An offer of identifiers that B has seen is refused without its KME being asked. */
static void test_b_refuses_repeated_offers(void)
{
	struct kme_peer_message m = {.type = KME_PEER_OFFER, .number = 1};
	uint8_t bytes[KME_PEER_MAX], upper[KME_ID_BYTES];
	unsigned int asked;

	begin();
	run(2);
	asked = ends[1].asked;
	memcpy(upper, ends[1].ids, KME_ID_BYTES);
	memcpy(upper, "550E8400-E29B", 13);
	m.ids = upper;
	kme_feed_peer(ends[1].feed, bytes, kme_peer_encode(&m, bytes), now);
	run(1);
	CU_ASSERT_EQUAL(ends[1].asked, asked);
	CU_ASSERT_EQUAL(stats(1).repeated, 1);
	end();
}

static void test_clients_that_lie(void)
{
	begin();
	ends[0].conduct = GIVES_FEWER;
	run(0.5);
	CU_ASSERT_EQUAL(ends[0].closed, 1);
	CU_ASSERT_EQUAL(ends[0].blocks, 0);
	ends[0].conduct = GIVES;
	kme_feed_client(ends[0].feed, true, now);
	status(&ends[0], KME_LIGHT_UNKNOWN, 128);
	ends[1].conduct = GIVES_ONE_TWICE; /* B: another than was asked for */
	run(2);
	CU_ASSERT_EQUAL(stats(1).faults[KME_GARBLED], 1);
	CU_ASSERT_EQUAL(stats(0).dropped, 1);
	CU_ASSERT_EQUAL(ends[1].blocks, 0);
	ends[1].conduct = GIVES;
	run(10);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	check_equal();
	end();
}

static void test_stores_that_refuse(void)
{
	begin();
	ends[0].add_fails = EIO;
	run(0.5);
	CU_ASSERT_EQUAL(ends[1].block[0].n, 0); /* taken out again */
	CU_ASSERT_EQUAL(op_keys(&ends[0]), 0);
	ends[0].add_fails = 0;
	ends[1].add_fails = ENOSPC;
	run(2);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), 0);
	CU_ASSERT(stats(0).dropped >= 2);
	ends[1].add_fails = 0;
	run(10);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	check_equal();
	end();
}

static void test_new_sessions(void)
{
	begin();
	ends[1].conduct = IS_SILENT;
	run(1); /* B's KME is asked */
	CU_ASSERT_STRING_EQUAL(stats(0).state, "waits for the peer to have the keys, too");
	cut = true;
	run(1);
	cut = false;
	for (int i = 0; i < 2; i++)
		kme_feed_session(ends[i].feed, now);
	CU_ASSERT_EQUAL(stats(0).dropped + stats(1).dropped, 2);
	ends[1].conduct = GIVES; /* its late answer is about nothing */
	run(3);
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	check_equal();
	end();
}

/* The word that B has it is lost with a session that A does not see the end of. */
static void test_lost_word(void)
{
	begin();
	ends[1].conduct = IS_SILENT;
	run(0.5);
	cut = true;
	ends[1].conduct = GIVES;
	run(0.1);
	CU_ASSERT_EQUAL(ends[1].blocks, 1);
	CU_ASSERT_EQUAL(ends[1].block[0].n, 0);
	cut = false;
	run(130); /* A gives up in two minutes, and goes on */
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	check_equal();
	end();
}

static void test_noise_of_the_peer(void)
{
	uint8_t bytes[40] = {0};

	begin();
	run(2);
	for (unsigned int type = 0; type < 256; type++) {
		for (unsigned int n = 0; n < sizeof(bytes); n++) {
			bytes[0] = (uint8_t)type;
			kme_feed_peer(ends[0].feed, bytes, n, now);
			kme_feed_peer(ends[1].feed, bytes, n, now);
			queued = 0;
		}
	}
	CU_ASSERT(stats(0).bad_messages > 10000 && stats(1).bad_messages > 10000);
	check_equal();
	CU_ASSERT_EQUAL(op_keys(&ends[0]), FULL);
	end();
}

UNIT_MAIN(UNIT(test_fills_both_stores), UNIT(test_heeds_what_both_kmes_give),
          UNIT(test_waits_for_both_clients), UNIT(test_waits_as_told),
          UNIT(test_asks_less_and_less_often), UNIT(test_b_tries_again),
          UNIT(test_b_gives_up_and_both_drop), UNIT(test_b_does_not_wait_for_ever),
          UNIT(test_late_answers), UNIT(test_silent_clients),
          UNIT(test_other_keys_under_the_same_names), UNIT(test_repeated_identifiers),
          UNIT(test_b_refuses_repeated_offers), UNIT(test_clients_that_lie),
          UNIT(test_stores_that_refuse), UNIT(test_new_sessions), UNIT(test_lost_word),
          UNIT(test_noise_of_the_peer))
