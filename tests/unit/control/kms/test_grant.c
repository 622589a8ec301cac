/* SPDX-License-Identifier: BSD-3-Clause */

/* Two KMEs and what is between them: giver A, fetcher B, a wire that loses what it is told to. */

#include "control/kms/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/kms/grant_wire.h"
#include "control/kms/handover_wire.h"
#include "control/kms/peer_message.h"
#include "tests/unit/control/kms/records.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#define WIRE_MAX 4096
#define IDS(ids) ((const uint8_t(*)[KEY_UUID_BYTES])(ids))
#define EXPIRY   (UINT64_C(1800000000) * NS_PER_S)

struct end {
	struct kms_grants *g;
	struct rows rows;
	struct kms_records records;
	struct end *other;
	size_t keys_max;
	unsigned int wakes;
	/* what it sent, in order */
	struct {
		uint8_t *bytes;
		size_t len;
	} out[WIRE_MAX];
	unsigned int first, next;
	bool up;
};

static struct end a, b;
static uint64_t now, wall;

static bool end_send(void *ctx, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	if (!e->up || e->next - e->first == WIRE_MAX)
		return false;
	e->out[e->next % WIRE_MAX].bytes = malloc(len);
	memcpy(e->out[e->next % WIRE_MAX].bytes, msg, len);
	e->out[e->next++ % WIRE_MAX].len = len;
	return true;
}

static void end_wake(void *ctx)
{
	((struct end *)ctx)->wakes++;
}

static void end_open(struct end *e)
{
	struct err err = {0};

	e->records = (struct kms_records){rows_write, rows_read, &e->rows};
	CU_ASSERT_EQUAL_FATAL(kms_grants_new(&(struct kms_grants_config){.records = &e->records,
	                                                                 .send = end_send,
	                                                                 .wake = end_wake,
	                                                                 .ctx = e,
	                                                                 .keys_max = e->keys_max},
	                                     wall, &e->g, &err),
	                      0);
	kms_grants_session(e->g, e->up);
}

static void wire_clear(struct end *e)
{
	while (e->first != e->next)
		free(e->out[e->first++ % WIRE_MAX].bytes);
}

static void session(bool up)
{
	wire_clear(&a);
	wire_clear(&b);
	a.up = b.up = up;
	kms_grants_session(a.g, up);
	kms_grants_session(b.g, up);
}

static void start(void)
{
	now = 1000 * NS_PER_S;
	wall = EXPIRY - 3600 * NS_PER_S;
	a.other = &b;
	b.other = &a;
	end_open(&a);
	end_open(&b);
	session(true);
}

static void stop(void)
{
	wire_clear(&a);
	wire_clear(&b);
	kms_grants_free(a.g);
	kms_grants_free(b.g);
	rows_clear(&a.rows);
	rows_clear(&b.rows);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
}

/* The process is killed and comes again: what rows do not have is gone. */
static void crash(struct end *e)
{
	/* Nobody hears of the callbacks of a dead process: the caller disarms them. */
	kms_grants_free(e->g);
	end_open(e);
}

static void deliver(struct end *from)
{
	while (from->first != from->next) {
		uint8_t *bytes = from->out[from->first % WIRE_MAX].bytes;
		size_t len = from->out[from->first++ % WIRE_MAX].len;

		kms_grants_receive(from->other->g, bytes, len);
		free(bytes);
	}
}

static void turn(void)
{
	deliver(&a);
	kms_grants_work(b.g, now, wall);
	deliver(&b);
	kms_grants_work(a.g, now, wall);
}

struct waiting {
	int rc;
	unsigned int calls;
};

static void on_done(void *ctx, int rc)
{
	struct waiting *w = ctx;

	w->rc = rc;
	w->calls++;
}

static const char *const three[] = {"slave", "second", "third"};

static void make_ids(uint8_t (*ids)[KEY_UUID_BYTES], size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < KEY_UUID_BYTES; k++)
			ids[i][k] = (uint8_t)dice(256);
}

static int give(const uint8_t (*ids)[KEY_UUID_BYTES], size_t n, struct waiting *w)
{
	memset(w, 0, sizeof(*w));
	return kms_grant_send(a.g,
	                      &(struct kms_grant){.ids = ids,
	                                          .count = n,
	                                          .master = "master",
	                                          .slaves = three,
	                                          .slave_count = 3,
	                                          .expiry_wall_ns = EXPIRY},
	                      now, on_done, w);
}

static enum kms_grant_found find(const uint8_t *id, const char *slave, bool *last)
{
	bool none;

	return kms_grant_find(b.g, id, "master", slave, last != NULL ? last : &none);
}

static struct kms_grants_stats stats_of(struct end *e)
{
	struct kms_grants_stats s;

	kms_grants_stats_read(e->g, &s);
	return s;
}

/* On disk at the peer, then acknowledged; each slave has each key once; the last one is known. */
static void test_three_slaves(void)
{
	uint8_t ids[5][KEY_UUID_BYTES], other[1][KEY_UUID_BYTES];
	struct waiting w, fetched = {0};
	bool last;

	start();
	make_ids(ids, 5);
	make_ids(other, 1);
	CU_ASSERT_EQUAL(give(IDS(ids), 5, &w), 0);
	CU_ASSERT_EQUAL(w.calls, 0);
	deliver(&a);
	CU_ASSERT(b.wakes > 0);
	CU_ASSERT_EQUAL(b.rows.count, 0);
	CU_ASSERT_EQUAL(b.next - b.first, 0); /* no word before it is on disk */
	CU_ASSERT_TRUE(kms_grants_work(b.g, now, wall));
	CU_ASSERT_EQUAL(b.rows.count, 1);
	deliver(&b);
	CU_ASSERT_EQUAL(w.calls, 1);
	CU_ASSERT_EQUAL(w.rc, 0);
	CU_ASSERT_EQUAL(find(other[0], "slave", NULL), KMS_GRANT_NONE);
	CU_ASSERT_EQUAL(find(ids[0], "master", NULL), KMS_GRANT_OTHERS);
	CU_ASSERT_EQUAL(find(ids[0], "slav", NULL), KMS_GRANT_OTHERS);
	CU_ASSERT_EQUAL(kms_grant_find(b.g, ids[0], "another", "slave", &last), KMS_GRANT_OTHERS);
	for (int s = 0; s < 3; s++) {
		for (int i = 0; i < 5; i++) {
			CU_ASSERT_EQUAL(find(ids[i], three[s], &last), KMS_GRANT_GIVEN);
			CU_ASSERT_EQUAL(last, s == 2);
		}
		CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 5, three[s], on_done, &fetched),
		                0);
		CU_ASSERT_EQUAL(find(ids[1], three[s], NULL), KMS_GRANT_TAKEN);
		CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 1, three[s], on_done, &fetched),
		                -EALREADY);
		CU_ASSERT_EQUAL(fetched.calls, (unsigned int)s);
		kms_grants_work(b.g, now, wall);
		CU_ASSERT_EQUAL(fetched.calls, (unsigned int)s + 1);
		CU_ASSERT_EQUAL(fetched.rc, 0);
	}
	CU_ASSERT_EQUAL(stats_of(&b).fetched, 15);
	/* Told from one that nobody knows, until it expires. */
	CU_ASSERT_EQUAL(find(ids[4], "third", NULL), KMS_GRANT_TAKEN);
	now += 2 * NS_PER_S;
	wall = EXPIRY;
	CU_ASSERT_TRUE(kms_grants_work(b.g, now, wall));
	CU_ASSERT_EQUAL(find(ids[4], "third", NULL), KMS_GRANT_NONE);
	CU_ASSERT_EQUAL(b.rows.count, 0);
	CU_ASSERT_EQUAL(stats_of(&b).keys, 0);
	stop();
}

/* One of several was taken, or has no grant: none is marked. */
static void test_all_or_none(void)
{
	uint8_t ids[4][KEY_UUID_BYTES];
	struct waiting w, fetched = {0};

	start();
	make_ids(ids, 4);
	CU_ASSERT_EQUAL(give(IDS(ids), 3, &w), 0);
	turn();
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 4, "slave", on_done, &fetched), -ENOENT);
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids + 2), 1, "slave", on_done, &fetched), 0);
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 3, "slave", on_done, &fetched), -EALREADY);
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 2, "fourth", on_done, &fetched), -ENOENT);
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_GIVEN);
	CU_ASSERT_EQUAL(find(ids[1], "slave", NULL), KMS_GRANT_GIVEN);
	/* A key twice in one request is taken once. */
	memcpy(ids[1], ids[0], KEY_UUID_BYTES);
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 2, "slave", on_done, &fetched), -EALREADY);
	turn();
	CU_ASSERT_EQUAL(fetched.calls, 1);
	stop();
}

/* What the disk does not take is undone and said. */
static void test_a_disk_that_fails(void)
{
	uint8_t ids[2][KEY_UUID_BYTES];
	struct waiting w, fetched = {0};

	start();
	make_ids(ids, 2);
	b.rows.fail = -EIO;
	CU_ASSERT_EQUAL(give(IDS(ids), 2, &w), 0);
	turn();
	CU_ASSERT_EQUAL(w.calls, 1);
	CU_ASSERT_EQUAL(w.rc, -EIO);
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_NONE);
	b.rows.fail = 0;
	CU_ASSERT_EQUAL(give(IDS(ids), 2, &w), 0);
	turn();
	CU_ASSERT_EQUAL(w.rc, 0);
	b.rows.fail = -ENOSPC;
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 2, "second", on_done, &fetched), 0);
	turn();
	CU_ASSERT_EQUAL(fetched.calls, 1);
	CU_ASSERT_EQUAL(fetched.rc, -EIO);
	CU_ASSERT_EQUAL(find(ids[0], "second", NULL), KMS_GRANT_GIVEN);
	b.rows.fail = 0;
	CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 2, "second", on_done, &fetched), 0);
	turn();
	CU_ASSERT_EQUAL(fetched.rc, 0);
	CU_ASSERT_EQUAL(stats_of(&b).row_errors, 2);
	stop();
}

/* Marks outlive the process, those that were not durable do not; a damaged row is named. */
static void test_restart(void)
{
	uint8_t ids[3][KEY_UUID_BYTES];
	struct waiting w, fetched = {0}, lost = {0};
	struct kms_grants *out;
	struct err err = {0};
	bool last;

	start();
	make_ids(ids, 3);
	CU_ASSERT_EQUAL(give(IDS(ids), 3, &w), 0);
	turn();
	kms_grant_fetched(b.g, IDS(ids), 1, "slave", on_done, &fetched);
	kms_grant_fetched(b.g, IDS(ids), 1, "second", on_done, &fetched);
	turn();
	kms_grant_fetched(b.g, IDS(ids), 1, "third", on_done, &lost);
	crash(&b);
	CU_ASSERT_EQUAL(lost.rc, -ECANCELED);
	CU_ASSERT_EQUAL(fetched.calls, 2);
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_TAKEN);
	CU_ASSERT_EQUAL(find(ids[0], "second", NULL), KMS_GRANT_TAKEN);
	CU_ASSERT_EQUAL(find(ids[0], "third", &last), KMS_GRANT_GIVEN);
	CU_ASSERT_TRUE(last);
	CU_ASSERT_EQUAL(find(ids[1], "slave", &last), KMS_GRANT_GIVEN);
	CU_ASSERT_FALSE(last);
	b.rows.row[0].data[30]++;
	b.rows.row[0].n--;
	CU_ASSERT_EQUAL(
	        kms_grants_new(
	                &(struct kms_grants_config){
	                        .records = &(struct kms_records){rows_write, rows_read, &b.rows},
	                        .send = end_send},
	                wall, &out, &err),
	        -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, b.rows.row[0].name));
	stop();
}

/* No ACK in time: withdrawn at the peer. The session ends: known at once. */
static void test_no_answer(void)
{
	uint8_t ids[2][KEY_UUID_BYTES];
	struct waiting w, second;

	start();
	make_ids(ids, 2);
	CU_ASSERT_EQUAL(give(IDS(ids), 1, &w), 0);
	deliver(&a);
	kms_grants_work(b.g, now, wall);
	wire_clear(&b);
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_GIVEN);
	now += 3 * NS_PER_S - 1;
	kms_grants_work(a.g, now, wall);
	CU_ASSERT_EQUAL(w.calls, 0);
	now += 1;
	kms_grants_work(a.g, now, wall);
	CU_ASSERT_EQUAL(w.calls, 1);
	CU_ASSERT_EQUAL(w.rc, -ETIMEDOUT);
	turn();
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_NONE);
	CU_ASSERT_EQUAL(b.rows.count, 0);
	CU_ASSERT_EQUAL(stats_of(&b).withdrawn, 1);
	/* Under way when the session ends. */
	CU_ASSERT_EQUAL(give(IDS(ids), 2, &w), 0);
	session(false);
	CU_ASSERT_EQUAL(w.calls, 1);
	CU_ASSERT_EQUAL(w.rc, -ENOTCONN);
	CU_ASSERT_EQUAL(give(IDS(ids), 2, &second), -ENOTCONN);
	CU_ASSERT_EQUAL(second.calls, 0);
	/* An ACK that nobody waits for, of this process and of another, changes nothing. */
	session(true);
	kms_grants_receive(a.g, (const uint8_t[GRANT_ACK_BYTES]){KMS_PEER_GRANT_ACK}, 18);
	CU_ASSERT_EQUAL(w.calls, 1);
	stop();
}

/* Neither the peer nor an SAE fills the memory; grants of which nothing is left give way. */
static void test_bounds(void)
{
	uint8_t ids[40][KEY_UUID_BYTES];
	struct waiting w[40], fetched = {0};

	b.keys_max = 10;
	start();
	make_ids(ids, 40);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(give(IDS(ids + 5 * i), 5, &w[i]), 0);
	turn();
	CU_ASSERT_EQUAL(w[0].rc, 0);
	CU_ASSERT_EQUAL(w[1].rc, 0);
	CU_ASSERT_EQUAL(w[2].calls, 1);
	CU_ASSERT_EQUAL(w[2].rc, -ENOSPC);
	for (int s = 0; s < 3; s++)
		CU_ASSERT_EQUAL(kms_grant_fetched(b.g, IDS(ids), 5, three[s], on_done, &fetched),
		                0);
	turn();
	CU_ASSERT_EQUAL(give(IDS(ids + 10), 5, &w[2]), 0);
	turn();
	CU_ASSERT_EQUAL(w[2].rc, 0);
	CU_ASSERT_EQUAL(find(ids[0], "slave", NULL), KMS_GRANT_NONE);
	CU_ASSERT_EQUAL(find(ids[5], "slave", NULL), KMS_GRANT_GIVEN);
	CU_ASSERT_EQUAL(b.rows.count, 2);
	/* The same key in two grants is a peer that errs. */
	CU_ASSERT_EQUAL(give(IDS(ids + 5), 1, &w[3]), 0);
	turn();
	CU_ASSERT(w[3].rc == -EIO || w[3].rc == -ENOSPC);
	/* Arguments. */
	CU_ASSERT_EQUAL(give(IDS(ids), 0, &w[4]), -EINVAL);
	CU_ASSERT_EQUAL(give(IDS(ids), KMS_GRANT_KEYS + 1, &w[4]), -EINVAL);
	stop();
}

/* Noise at both, cut messages among it: nothing but a count. */
static void test_noise(void)
{
	uint8_t ids[3][KEY_UUID_BYTES];
	struct grant_parts parts;
	struct waiting w;
	uint8_t *msg;
	size_t len;
	int rc;

	start();
	make_ids(ids, 3);
	msg = grant_encode(&(struct kms_grant){.ids = IDS(ids),
	                                       .count = 3,
	                                       .master = "m",
	                                       .slaves = three,
	                                       .slave_count = 3},
	                   (struct grant_name){7, 8}, &len, &rc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
	for (size_t n = 0; n <= len; n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, msg, n);
		CU_ASSERT_EQUAL(grant_decode(cut, n, &parts), n == len ? 0 : -EPROTO);
		free(cut);
	}
	for (int i = 0; i < 20000; i++) {
		size_t n = 1 + dice((uint32_t)len);
		uint8_t *p = malloc(n);

		memcpy(p, msg, n);
		for (unsigned int k = dice(4); k > 0; k--)
			p[dice((uint32_t)n)] = (uint8_t)dice(dice(2) ? 4 : 256);
		kms_grants_receive(dice(2) ? a.g : b.g, p, n);
		free(p);
		if (dice(50) == 0) {
			kms_grants_work(b.g, now, wall);
			kms_grants_work(a.g, now, wall);
		}
	}
	CU_ASSERT(stats_of(&a).bad_messages + stats_of(&b).bad_messages > 1000);
	free(msg);
	wire_clear(&a);
	wire_clear(&b);
	turn();
	make_ids(ids, 3);
	CU_ASSERT_EQUAL(give(IDS(ids), 3, &w), 0);
	turn();
	CU_ASSERT_EQUAL(w.rc, 0);
	stop();
}

/*
 * Sessions end, messages are lost with them, the fetcher is killed: what the giver was told is
 * there, and nobody who was answered is answered again.
 */
static void test_a_bad_day(void)
{
	enum { GRANTS = 400 };
	static uint8_t ids[GRANTS][2][KEY_UUID_BYTES];
	static struct waiting given[GRANTS], fetched[GRANTS][3];
	static unsigned int answered[GRANTS][3];
	unsigned int good = 0, lost = 0, got = 0;

	b.keys_max = 2 * GRANTS;
	start();
	for (int i = 0; i < GRANTS; i++) {
		make_ids(ids[i], 2);
		if (give(IDS(ids[i]), 2, &given[i]) < 0)
			given[i].rc = -ENOTCONN;
		for (int tries = 0; tries < 4; tries++) {
			int g = (int)dice((uint32_t)i + 1), s = (int)dice(3);

			if (given[g].calls == 0 || given[g].rc != 0)
				continue;
			memset(&fetched[g][s], 0, sizeof(fetched[g][s]));
			if (kms_grant_fetched(b.g, IDS(ids[g]), 2, three[s], on_done,
			                      &fetched[g][s]) == 0) {
				/* Sometimes it dies before it is on disk. */
				if (dice(10) == 0)
					crash(&b);
				else
					kms_grants_work(b.g, now, wall);
				answered[g][s] += fetched[g][s].rc == 0;
				CU_ASSERT_EQUAL(fetched[g][s].calls, 1);
			}
		}
		if (dice(10) == 0) {
			session(false);
			session(true);
		}
		if (dice(10) == 0)
			crash(&b);
		now += dice(2) * NS_PER_S;
		if (dice(4) > 0)
			turn();
	}
	now += 10 * NS_PER_S;
	turn();
	turn();
	crash(&b);
	for (int g = 0; g < GRANTS; g++) {
		bool there = given[g].calls == 1 && given[g].rc == 0;

		CU_ASSERT(given[g].calls <= 1);
		good += there;
		lost += !there;
		for (int s = 0; s < 3 && there; s++) {
			CU_ASSERT(answered[g][s] <= 1);
			got += answered[g][s];
			CU_ASSERT_EQUAL(find(ids[g][0], three[s], NULL),
			                answered[g][s] ? KMS_GRANT_TAKEN : KMS_GRANT_GIVEN);
			CU_ASSERT_EQUAL(find(ids[g][1], three[s], NULL),
			                answered[g][s] ? KMS_GRANT_TAKEN : KMS_GRANT_GIVEN);
		}
	}
	CU_ASSERT(good > 200 && lost > 10 && got > 200);
	stop();
}

UNIT_MAIN(UNIT(test_three_slaves), UNIT(test_all_or_none), UNIT(test_a_disk_that_fails),
          UNIT(test_restart), UNIT(test_no_answer), UNIT(test_bounds), UNIT(test_noise),
          UNIT(test_a_bad_day))
