/* SPDX-License-Identifier: BSD-3-Clause */

/* Two stores in memory, their audits, and a wire that loses what it is told to. */

#include "control/kms/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/kms/peer_message.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#define LINK     3
#define SEGMENTS 4096
#define WIRE_MAX 256
#define GRACE_NS (10 * NS_PER_S)

struct piece {
	struct kms_audit_segment s;
	bool there, dead; /* dead: a tombstone without a segment */
	uint8_t fetched[512], told[512], both[512];
};

/* Of one stream; in order of positions. */
struct stream {
	struct piece piece[SEGMENTS];
	int count;
};

#define RANGES 3000

struct end {
	struct kms_audit *audit;
	struct kms_audit_range withdrawn[RANGES], dropped[RANGES];
	int withdrawn_count, dropped_count;
	struct end *other;
	struct stream stream[2]; /* from A, from B */
	int fail;                /* of every call */
	unsigned int writes;
	bool up;
	struct {
		size_t len;
		uint8_t bytes[32768];
	} wire[WIRE_MAX];
	unsigned int first, next;
};

static struct end a, b;
static uint64_t now, wall;
static const uint8_t secret[32] = "shared by both sites............";

static struct stream *stream_of(void *ctx, enum key_uuid_class class)
{
	return &((struct end *)ctx)->stream[class == KEY_UUID_FROM_B];
}

static int fake_oldest(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t *position)
{
	const struct stream *st = stream_of(ctx, class);

	*position = UINT64_MAX;
	for (int i = st->count - 1; i >= 0; i--)
		if (st->piece[i].there && !st->piece[i].s.voided)
			*position = st->piece[i].s.position;
	CU_ASSERT_EQUAL(link, LINK);
	return ((struct end *)ctx)->fail;
}

static int fake_list(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t from,
                     struct kms_audit_segment *out, int max)
{
	const struct stream *st = stream_of(ctx, class);
	int n = 0;

	if (((struct end *)ctx)->fail != 0)
		return ((struct end *)ctx)->fail;
	for (int i = 0; i < st->count && n < max; i++)
		if (st->piece[i].there && st->piece[i].s.position >= from)
			out[n++] = st->piece[i].s;
	return n;
}

/* A new one at POSITION, in its place. */
static struct piece *insert(struct stream *st, uint64_t position)
{
	int i = st->count++;

	CU_ASSERT_FATAL(i < SEGMENTS);
	for (; i > 0 && st->piece[i - 1].s.position > position; i--)
		st->piece[i] = st->piece[i - 1];
	memset(&st->piece[i], 0, sizeof(st->piece[i]));
	st->piece[i].s.position = position;
	return &st->piece[i];
}

static int fake_void(void *ctx, uint8_t link, enum key_uuid_class class, uint64_t position,
                     uint64_t units)
{
	struct end *e = ctx;
	struct stream *st = stream_of(ctx, class);
	bool known = false;
	int n = 0;

	if (e->fail != 0)
		return e->fail;
	e->writes++;
	for (int i = 0; i < st->count; i++) {
		struct piece *p = &st->piece[i];

		if (p->s.position < position || p->s.position >= position + units)
			continue;
		n += p->there && !p->s.voided;
		p->s.voided = true;
		known |= p->s.position == position;
	}
	if (!known)
		insert(st, position)->dead = true;
	return n;
}

static int fake_fetched(void *ctx, uint8_t link, enum key_uuid_class class,
                        struct kms_audit_use *out, int max)
{
	struct stream *st = stream_of(ctx, class);
	int n = 0;

	for (int i = 0; i < st->count && n < max; i++) {
		struct piece *p = &st->piece[i];

		if (!p->there || memcmp(p->fetched, p->told, sizeof(p->told)) == 0)
			continue;
		out[n].position = p->s.position;
		out[n].units = p->s.units;
		memcpy(out[n++].bitmap, p->fetched, sizeof(p->fetched));
	}
	return n;
}

static struct piece *find(struct stream *st, uint64_t position)
{
	for (int i = 0; i < st->count; i++)
		if (st->piece[i].there && st->piece[i].s.position == position)
			return &st->piece[i];
	return NULL;
}

static int fake_reported(void *ctx, uint8_t link, enum key_uuid_class class,
                         const struct kms_audit_use *use, int n)
{
	for (int i = 0; i < n; i++) {
		struct piece *p = find(stream_of(ctx, class), use[i].position);

		if (p != NULL)
			memcpy(p->told, use[i].bitmap, sizeof(p->told));
	}
	return 0;
}

static int fake_both(void *ctx, uint8_t link, enum key_uuid_class class,
                     const struct kms_audit_use *use, int n)
{
	if (((struct end *)ctx)->fail != 0)
		return ((struct end *)ctx)->fail;
	for (int i = 0; i < n; i++) {
		struct piece *p = find(stream_of(ctx, class), use[i].position);

		if (p != NULL)
			memcpy(p->both, use[i].bitmap, sizeof(p->both));
	}
	return 0;
}

static int fake_withdrawn(void *ctx, uint8_t link, struct kms_audit_range *out, int max)
{
	const struct end *e = ctx;
	int n = e->withdrawn_count < max ? e->withdrawn_count : max;

	memcpy(out, e->withdrawn, (size_t)n * sizeof(*out));
	return e->fail != 0 ? e->fail : n;
}

static int fake_forget(void *ctx, const struct kms_audit_range *range, int n)
{
	struct end *e = ctx;
	int kept = 0;

	for (int i = 0; i < e->withdrawn_count; i++) {
		bool told = false;

		for (int k = 0; k < n; k++)
			told |= range[k].id == e->withdrawn[i].id;
		if (!told)
			e->withdrawn[kept++] = e->withdrawn[i];
	}
	e->withdrawn_count = kept;
	return e->fail;
}

static int fake_withdraw(void *ctx, uint8_t link, enum key_uuid_class class,
                         const struct kms_audit_range *range, int n)
{
	struct end *e = ctx;

	CU_ASSERT_EQUAL(class, e == &b ? KEY_UUID_FROM_A : KEY_UUID_FROM_B);
	if (e->fail != 0)
		return e->fail;
	for (int i = 0; i < n && e->dropped_count < RANGES; i++)
		e->dropped[e->dropped_count++] = range[i];
	return 0;
}

static bool end_send(void *ctx, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	if (!e->up || e->next - e->first == WIRE_MAX)
		return false;
	CU_ASSERT_FATAL(len <= 32768);
	memcpy(e->wire[e->next % WIRE_MAX].bytes, msg, len);
	e->wire[e->next++ % WIRE_MAX].len = len;
	return true;
}

static void open_audit(struct end *e)
{
	const struct kms_audit_config config = {
	        .store = {fake_oldest, fake_list, fake_void, fake_fetched, fake_reported, fake_both,
	                  fake_withdrawn, fake_forget, fake_withdraw, e},
	        .own = e == &a ? KEY_UUID_FROM_A : KEY_UUID_FROM_B,
	        .send = end_send,
	        .ctx = e,
	        .grace_ns = GRACE_NS};
	struct err err;

	CU_ASSERT_EQUAL_FATAL(kms_audit_new(&config, &e->audit, &err), 0);
	CU_ASSERT_EQUAL(kms_audit_link(e->audit, LINK, secret, &err), 0);
	kms_audit_session(e->audit, e->up, now);
}

static void session(bool up)
{
	a.first = a.next = b.first = b.next = 0;
	a.up = b.up = up;
	kms_audit_session(a.audit, up, now);
	kms_audit_session(b.audit, up, now);
}

static void start(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 16, NULL), 0);
	log_level_set("*", LOG_LEVEL_ERR);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.other = &b;
	b.other = &a;
	now = 1000 * NS_PER_S;
	wall = UINT64_C(1800000000) * NS_PER_S;
	open_audit(&a);
	open_audit(&b);
	session(true);
}

static void stop(void)
{
	kms_audit_free(a.audit);
	kms_audit_free(b.audit);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static void deliver(struct end *from, unsigned int lose)
{
	while (from->first != from->next) {
		unsigned int i = from->first++ % WIRE_MAX;

		if (dice(100) >= lose)
			kms_audit_receive(from->other->audit, from->wire[i].bytes,
			                  from->wire[i].len);
	}
}

/* A tenth of a second, and messages until there are none; LOSE of 100 are lost. */
static void turn(unsigned int lose)
{
	now += 100 * NS_PER_MS;
	wall += 100 * NS_PER_MS;
	for (int i = 0; i < 50; i++) {
		bool did = kms_audit_work(a.audit, now, wall);

		did |= kms_audit_work(b.audit, now, wall);
		deliver(&a, lose);
		deliver(&b, lose);
		if (!did)
			break;
	}
}

static void run(unsigned int seconds)
{
	for (unsigned int i = 0; i < 10 * seconds; i++)
		turn(0);
}

static void add(struct end *e, enum key_uuid_class class, uint64_t position, uint32_t units,
                uint8_t tint)
{
	struct stream *st = stream_of(e, class);
	struct piece *p = NULL;

	for (int i = 0; i < st->count; i++)
		if (st->piece[i].s.position == position)
			p = &st->piece[i];
	if (p != NULL)
		return; /* a tombstone, or it is there */
	p = insert(st, position);
	p->there = true;
	p->s.units = units;
	p->s.added_wall_ns = wall;
	memset(p->s.hash, tint, 32);
	put_be64(p->s.hash, position);
}

static void add_both(enum key_uuid_class class, uint64_t position, uint32_t units)
{
	add(&a, class, position, units, 1);
	add(&b, class, position, units, 1);
}

static struct kms_audit_stats stats_of(struct end *e)
{
	struct kms_audit_stats s;

	kms_audit_stats_read(e->audit, &s);
	return s;
}

static bool is_void(struct end *e, enum key_uuid_class class, uint64_t position)
{
	const struct stream *st = stream_of(e, class);

	for (int i = 0; i < st->count; i++)
		if (st->piece[i].s.position == position)
			return st->piece[i].s.voided || st->piece[i].dead;
	return false;
}

/* What is the same is found to be the same, all of it, both streams, and nothing is voided. */
static void test_the_same(void)
{
	start();
	for (uint64_t i = 0; i < 1000; i++) {
		add_both(KEY_UUID_FROM_A, 5000 * i, 4096);
		if (i < 300)
			add_both(KEY_UUID_FROM_B, 7000 * i, 100);
	}
	run(9);
	CU_ASSERT_EQUAL(stats_of(&a).epochs, 0);
	run(4);
	CU_ASSERT(stats_of(&a).segments >= 1000);
	CU_ASSERT(stats_of(&a).epochs >= 4);
	CU_ASSERT_EQUAL(stats_of(&a).position, 5000 * 999 + 4096);
	CU_ASSERT_EQUAL(stats_of(&b).segments, 300);
	CU_ASSERT_EQUAL(stats_of(&a).differences + stats_of(&b).differences, 0);
	/* What comes later is looked at when it is no longer new. */
	add_both(KEY_UUID_FROM_A, 6000000, 4096);
	run(9);
	CU_ASSERT(stats_of(&a).position <= 6000000);
	run(5);
	CU_ASSERT_EQUAL(stats_of(&a).position, 6000000 + 4096);
	CU_ASSERT_EQUAL(a.writes + b.writes, 0);
	CU_ASSERT_EQUAL(stats_of(&a).bad_messages + stats_of(&b).bad_messages, 0);
	stop();
}

/* One end has more, the other end has more, bytes differ, lengths differ: void at both, and on. */
static void test_differences(void)
{
	static const enum key_uuid_class streams[] = {KEY_UUID_FROM_A, KEY_UUID_FROM_B};

	for (int k = 0; k < 2; k++) {
		enum key_uuid_class class = streams[k];
		struct end *giver = k == 0 ? &a : &b;

		start();
		for (uint64_t i = 0; i < 600; i++)
			if (i != 10 && i != 20 && i != 300 && i != 310 && i != 599)
				add_both(class, 5000 * i, 4096);
		add(&a, class, 5000 * 10, 4096, 1);
		add(&b, class, 5000 * 20, 4096, 1);
		add(&a, class, 5000 * 300, 4096, 1);
		add(&b, class, 5000 * 300, 4096, 2);
		add(&a, class, 5000 * 310, 4096, 1);
		add(&b, class, 5000 * 310, 4000, 1);
		add(&b, class, 5000 * 599, 4096, 1); /* behind all that the other has */
		run(20);
		for (uint64_t i = 0; i < 600; i++) {
			bool differs = i == 10 || i == 20 || i == 300 || i == 310 || i == 599;

			CU_ASSERT_EQUAL(is_void(&a, class, 5000 * i), differs);
			CU_ASSERT_EQUAL(is_void(&b, class, 5000 * i), differs);
		}
		CU_ASSERT(stats_of(&a).differences >= 2);
		CU_ASSERT(stats_of(&b).differences >= 2);
		CU_ASSERT_EQUAL(stats_of(&a).voided, 3);
		CU_ASSERT_EQUAL(stats_of(&b).voided, 4);
		CU_ASSERT(stats_of(&a).last_difference[0] != '\0');
		CU_ASSERT(stats_of(giver).segments >= 595);
		/* The tombstone: what comes late is nothing any more. */
		add(&b, class, 5000 * 10, 4096, 1);
		CU_ASSERT_TRUE(is_void(&b, class, 5000 * 10));
		run(20);
		CU_ASSERT_EQUAL(stats_of(&a).voided + stats_of(&b).voided, 7);
		stop();
	}
}

/* A segment that comes a little later at one end is no difference. */
static void test_what_is_under_way(void)
{
	start();
	run(12);
	for (uint64_t i = 0; i < 200; i++) {
		add(i % 2 ? &a : &b, KEY_UUID_FROM_A, 5000 * i, 4096, 1);
		for (unsigned int k = dice(60); k > 0; k--)
			turn(0);
		add(i % 2 ? &b : &a, KEY_UUID_FROM_A, 5000 * i, 4096, 1);
		for (unsigned int k = dice(5); k > 0; k--)
			turn(0);
	}
	run(20);
	CU_ASSERT_EQUAL(stats_of(&a).position, 5000 * 199 + 4096);
	CU_ASSERT_EQUAL(a.writes + b.writes, 0);
	/* An end that was away for a minute gets what its gateway kept. */
	session(false);
	for (uint64_t i = 200; i < 220; i++)
		add(&a, KEY_UUID_FROM_A, 5000 * i, 4096, 1);
	run(60);
	session(true);
	run(5);
	for (uint64_t i = 200; i < 220; i++)
		add(&b, KEY_UUID_FROM_A, 5000 * i, 4096, 1);
	run(20);
	CU_ASSERT_EQUAL(stats_of(&a).position, 5000 * 219 + 4096);
	CU_ASSERT_EQUAL(a.writes + b.writes, 0);
	stop();
}

/* What is lost later (a damaged page) is found when the audit begins anew. */
static void test_again(void)
{
	start();
	for (uint64_t i = 0; i < 50; i++)
		add_both(KEY_UUID_FROM_B, 5000 * i, 4096);
	run(15);
	CU_ASSERT(stats_of(&b).segments >= 50);
	find(&a.stream[1], 5000 * 7)->s.voided = true;
	run(60);
	CU_ASSERT_FALSE(is_void(&b, KEY_UUID_FROM_B, 5000 * 7));
	run(600);
	CU_ASSERT_TRUE(is_void(&b, KEY_UUID_FROM_B, 5000 * 7));
	CU_ASSERT_EQUAL(stats_of(&a).voided, 0);
	CU_ASSERT_EQUAL(stats_of(&b).voided, 1);
	/* And after a restart of one. */
	find(&b.stream[1], 5000 * 9)->s.voided = true;
	kms_audit_free(b.audit);
	open_audit(&b);
	run(20);
	CU_ASSERT_TRUE(is_void(&a, KEY_UUID_FROM_B, 5000 * 9));
	stop();
}

/* What the fetcher's SAEs took, the giver hears of; once, unless it was lost. */
static void test_what_was_fetched(void)
{
	start();
	for (uint64_t i = 0; i < 120; i++)
		add_both(KEY_UUID_FROM_A, 5000 * i, 4096);
	run(12);
	for (uint64_t i = 0; i < 120; i++)
		memset(find(&b.stream[0], 5000 * i)->fetched, (int)(i + 1), 300);
	b.up = false; /* what B says is lost for a while */
	run(3);
	b.up = true;
	run(12);
	for (uint64_t i = 0; i < 120; i++)
		CU_ASSERT_EQUAL(memcmp(find(&a.stream[0], 5000 * i)->both,
		                       find(&b.stream[0], 5000 * i)->fetched, 512),
		                0);
	CU_ASSERT_EQUAL(stats_of(&a).both, 120);
	CU_ASSERT_EQUAL(stats_of(&b).reported, 120);
	memset(find(&b.stream[0], 5000)->fetched, 0xff, 512);
	a.fail = -EIO;
	run(8);
	CU_ASSERT_EQUAL(stats_of(&b).reported, 120);
	a.fail = 0;
	run(8);
	CU_ASSERT_EQUAL(stats_of(&b).reported, 121);
	CU_ASSERT_EQUAL(find(&a.stream[0], 5000)->both[511], 0xff);
	stop();
}

/* What the giver will not give the fetcher drops; told until it has heard it. */
static void test_what_is_withdrawn(void)
{
	start();
	for (int i = 0; i < 2500; i++)
		a.withdrawn[i] = (struct kms_audit_range){i + 1, 1000 * (uint64_t)i, 7};
	a.withdrawn_count = 2500;
	run(9);
	CU_ASSERT_EQUAL(b.dropped_count, 0);
	b.fail = -ENOSPC;
	run(10);
	CU_ASSERT_EQUAL(a.withdrawn_count, 2500);
	b.fail = 0;
	run(10);
	CU_ASSERT_EQUAL(a.withdrawn_count, 0);
	CU_ASSERT_EQUAL(b.dropped_count, 2500);
	for (int i = 0; i < 2500; i++)
		CU_ASSERT(b.dropped[i].position == 1000 * (uint64_t)i && b.dropped[i].units == 7);
	CU_ASSERT_EQUAL(stats_of(&a).withdrawn, 2500);
	CU_ASSERT_EQUAL(stats_of(&b).dropped, 2500);
	CU_ASSERT_EQUAL(stats_of(&b).bad_messages, 0);
	stop();
}

/* A disk that fails stops the audit; nothing is taken for a difference, and it goes on. */
static void test_a_disk_that_fails(void)
{
	start();
	for (uint64_t i = 0; i < 20; i++)
		add_both(KEY_UUID_FROM_A, 5000 * i, 4096);
	add(&a, KEY_UUID_FROM_A, 5000 * 20, 10, 1);
	b.fail = -EIO;
	run(30);
	CU_ASSERT_EQUAL(a.writes + b.writes, 0);
	CU_ASSERT(stats_of(&b).store_errors > 0);
	b.fail = 0;
	a.fail = -EROFS;
	run(30);
	CU_ASSERT_EQUAL(b.writes, 0);
	a.fail = 0;
	run(10);
	CU_ASSERT_TRUE(is_void(&a, KEY_UUID_FROM_A, 5000 * 20));
	CU_ASSERT_TRUE(is_void(&b, KEY_UUID_FROM_A, 5000 * 20));
	CU_ASSERT_EQUAL(stats_of(&a).voided, 1);
	stop();
}

/* Messages that are damaged, of another link or of nobody: no segment is lost by them. */
static void test_noise(void)
{
	static uint8_t heard[64][32768];
	static size_t lens[64];
	unsigned int n = 0;

	start();
	for (uint64_t i = 0; i < 40; i++)
		add_both(KEY_UUID_FROM_A, 5000 * i, 4096);
	add(&b, KEY_UUID_FROM_A, 5000 * 50, 100, 1);
	memset(find(&b.stream[0], 5000)->fetched, 0xff, 512);
	a.withdrawn[0] = (struct kms_audit_range){1, 77, 3};
	a.withdrawn_count = 1;
	/* Honest ones first, to be damaged. */
	for (int i = 0; i < 200; i++) {
		now += 100 * NS_PER_MS;
		wall += 100 * NS_PER_MS;
		for (int k = 0; k < 20; k++) {
			struct end *e = k % 2 ? &a : &b;

			kms_audit_work(e->audit, now, wall);
			for (unsigned int m = e->first; m != e->next && n < 64; m++) {
				lens[n] = e->wire[m % WIRE_MAX].len;
				memcpy(heard[n], e->wire[m % WIRE_MAX].bytes, lens[n]);
				n++;
			}
			deliver(e, 0);
		}
	}
	CU_ASSERT(n >= 8);
	CU_ASSERT_EQUAL(stats_of(&a).bad_messages + stats_of(&b).bad_messages, 0);
	for (int i = 0; i < 20000; i++) {
		unsigned int m = dice(n);
		size_t len = dice(4) ? lens[m] : dice((uint32_t)lens[m] + 1);
		uint8_t *p = malloc(len + 1);
		bool harmless;

		memcpy(p, heard[m], len);
		for (unsigned int k = 1 + dice(4); k > 0 && len > 0; k--)
			p[dice((uint32_t)len)] = (uint8_t)dice(256);
		/* The channel is authentic: a VOID in form is one. Those are not for here. */
		harmless = len > 0 && p[0] != KMS_PEER_VOID;
		if (harmless)
			kms_audit_receive(dice(2) ? a.audit : b.audit, p, len);
		free(p);
		if (i % 8 == 0)
			turn(0);
	}
	run(30);
	CU_ASSERT(stats_of(&a).bad_messages + stats_of(&b).bad_messages > 1000);
	CU_ASSERT(stats_of(&a).position >= 5000 * 39 + 4096);
	/* DIFFERS that was made up may void, yet alike at both. */
	for (uint64_t i = 0; i < 40; i++)
		CU_ASSERT_EQUAL(is_void(&a, KEY_UUID_FROM_A, 5000 * i),
		                is_void(&b, KEY_UUID_FROM_A, 5000 * i));
	stop();
}

/* Answers in form that name what was not asked for, or no segment can be: nothing is voided. */
static void test_answers_out_of_range(void)
{
	static const struct {
		uint64_t to, position;
		uint16_t units;
	} bad[] = {{1000, 500, 0}, {1000, 500, 4097},    {1000, 500, 65535}, {1000, 1000, 8},
	           {0, 0, 8},      {UINT64_MAX, 500, 8}, {1000, 1 << 20, 8}, {1000, UINT64_MAX, 8}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t msg[39] = {KMS_PEER_DIFFERS};

		start();
		add(&a, KEY_UUID_FROM_A, 0, 64, 1);
		for (int k = 0; k < 120 && (a.first == a.next ||
		                            a.wire[a.first % WIRE_MAX].bytes[0] != KMS_PEER_ASK);
		     k++) {
			a.first = a.next;
			now += 100 * NS_PER_MS;
			wall += 100 * NS_PER_MS;
			kms_audit_work(a.audit, now, wall);
		}
		CU_ASSERT_FATAL(a.first != a.next);
		memcpy(msg + 1, a.wire[a.first % WIRE_MAX].bytes + 1, 4);
		put_be64(msg + 5, bad[i].to);
		put_be64(msg + 13, bad[i].position);
		put_be16(msg + 21, bad[i].units);
		kms_audit_receive(a.audit, msg, sizeof(msg));
		kms_audit_work(a.audit, now, wall);
		CU_ASSERT_EQUAL(stats_of(&a).bad_messages, 1);
		CU_ASSERT_EQUAL(a.writes, 0);
		stop();
	}
}

/* Days on which everything happens, and at the end both ends hold the same. */
static void test_a_bad_day(void)
{
	unsigned int differing = 0, voided = 0;
	uint64_t at[2] = {0, 0};

	start();
	for (int i = 0; i < 1500; i++) {
		int k = (int)dice(2);
		enum key_uuid_class class = k == 0 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B;
		uint32_t units = 1 + dice(4096);

		if (dice(3) == 0) {
			switch (dice(12)) {
			case 0:
				add(&a, class, at[k], units, 1);
				differing++;
				break;
			case 1:
				add(&b, class, at[k], units, 1);
				differing++;
				break;
			case 2:
				add(&a, class, at[k], units, 1);
				add(&b, class, at[k], units, 3);
				differing++;
				break;
			default:
				add_both(class, at[k], units);
				break;
			}
			at[k] += units + dice(100);
		}
		if (dice(100) == 0) {
			session(false);
			if (dice(2))
				run(dice(10));
			session(true);
		}
		if (dice(100) == 0) {
			struct end *e = dice(2) ? &a : &b;

			kms_audit_free(e->audit);
			open_audit(e);
		}
		(dice(2) ? &a : &b)->fail = dice(20) ? 0 : -EIO;
		for (int n = 0; n < 3; n++)
			turn(dice(4) ? 0 : 20);
	}
	a.fail = b.fail = 0;
	run(700);
	for (int k = 0; k < 2; k++) {
		enum key_uuid_class class = k == 0 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B;

		for (int i = 0; i < a.stream[k].count; i++) {
			const struct piece *p = &a.stream[k].piece[i], *q;

			/* Where the word of it was lost, one end has no tombstone. */
			voided += p->s.voided || p->dead;
			if (!p->there || p->s.voided)
				continue;
			q = find(&b.stream[k], p->s.position);
			CU_ASSERT(q != NULL && !q->s.voided &&
			          memcmp(&p->s.hash, &q->s.hash, 32) == 0);
		}
		for (int i = 0; i < b.stream[k].count; i++) {
			const struct piece *p = &b.stream[k].piece[i];

			voided += (p->s.voided || p->dead) && !is_void(&a, class, p->s.position);
			if (p->there && !p->s.voided)
				CU_ASSERT(find(&a.stream[k], p->s.position) != NULL &&
				          !is_void(&a, class, p->s.position));
		}
	}
	CU_ASSERT(differing > 50);
	/* No more than what differed. */
	CU_ASSERT_EQUAL(voided, differing);
	stop();
}

UNIT_MAIN(UNIT(test_the_same), UNIT(test_differences), UNIT(test_what_is_under_way),
          UNIT(test_again), UNIT(test_what_was_fetched), UNIT(test_what_is_withdrawn),
          UNIT(test_a_disk_that_fails), UNIT(test_noise), UNIT(test_answers_out_of_range),
          UNIT(test_a_bad_day))
