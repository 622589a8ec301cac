/* SPDX-License-Identifier: BSD-3-Clause */

/* Two stores on disk, with audit and grants over a wire that loses messages. */

#include "control/kms/audit.h"
#include "control/kms/grant.h"
#include "control/kms/peer_message.h"
#include "tests/unit/control/kms/store_rig.h"
#include "tests/unit/dice.h"

#define WIRE_MAX 64
#define UNITS    256

struct end {
	char path[128];
	struct end *other;
	enum key_uuid_class own;
	struct kms_store *store;
	struct kms_records records;
	struct kms_audit *audit;
	struct kms_grants *grants;
	struct {
		size_t len;
		uint8_t bytes[32768];
	} wire[WIRE_MAX];
	unsigned int first, next;
};

static struct end a, b;
static bool up;

static bool end_send(void *ctx, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	if (!up || e->next - e->first == WIRE_MAX)
		return false;
	memcpy(e->wire[e->next % WIRE_MAX].bytes, msg, len);
	e->wire[e->next++ % WIRE_MAX].len = len;
	return true;
}

static void end_open(struct end *e)
{
	static const uint8_t secret[32] = "of both sites";
	struct kms_audit_config ac = {.own = e->own, .send = end_send, .ctx = e};
	const struct kms_grants_config gc = {.records = &e->records, .send = end_send, .ctx = e};

	rig_config.path = e->path;
	rig_config.own = e->own;
	e->store = rig_open();
	e->records =
	        (struct kms_records){kms_store_records_write, kms_store_records_read, e->store};
	kms_store_audit(e->store, &ac.store);
	CU_ASSERT_EQUAL_FATAL(kms_audit_new(&ac, &e->audit, &rig_err), 0);
	CU_ASSERT_EQUAL_FATAL(kms_audit_link(e->audit, 1, secret, &rig_err), 0);
	CU_ASSERT_EQUAL_FATAL(kms_grants_new(&gc, rig_wall, &e->grants, &rig_err), 0);
	kms_audit_session(e->audit, up, rig_mono);
	kms_grants_session(e->grants, up);
}

static void end_close(struct end *e)
{
	kms_grants_free(e->grants);
	kms_audit_free(e->audit);
	kms_store_close(e->store);
}

static void session(bool is_up)
{
	up = is_up;
	a.first = a.next = b.first = b.next = 0;
	for (int i = 0; i < 2; i++) {
		kms_audit_session((i == 0 ? &a : &b)->audit, up, rig_mono);
		kms_grants_session((i == 0 ? &a : &b)->grants, up);
	}
}

static void start(void)
{
	rig_begin();
	rig_config.max_bytes = 1 << 20;
	snprintf(a.path, sizeof(a.path), "%s/a.db", rig_directory);
	snprintf(b.path, sizeof(b.path), "%s/b.db", rig_directory);
	a.other = &b;
	b.other = &a;
	a.own = KEY_UUID_FROM_A;
	b.own = KEY_UUID_FROM_B;
	up = false;
	end_open(&a);
	end_open(&b);
	session(true);
}

static void stop(void)
{
	end_close(&a);
	end_close(&b);
	rig_end();
}

static void deliver(struct end *from, unsigned int lose)
{
	while (from->first != from->next) {
		unsigned int i = from->first++ % WIRE_MAX;
		const uint8_t *msg = from->wire[i].bytes;

		if (dice(100) < lose)
			continue;
		if (KMS_PEER_IS_AUDIT(msg[0]))
			kms_audit_receive(from->other->audit, msg, from->wire[i].len);
		else
			kms_grants_receive(from->other->grants, msg, from->wire[i].len);
	}
}

/* SECONDS, in quarters; LOSE of 100 messages are lost. */
static void run(unsigned int seconds, unsigned int lose)
{
	for (unsigned int q = 0; q < 4 * seconds; q++) {
		rig_wall += NS_PER_S / 4;
		rig_mono += NS_PER_S / 4;
		for (int i = 0; i < 40; i++) {
			bool did = false;

			for (int k = 0; k < 2; k++) {
				struct end *e = k == 0 ? &a : &b;

				rig_work(e->store);
				did |= kms_audit_work(e->audit, rig_mono, rig_wall);
				did |= kms_grants_work(e->grants, rig_mono, rig_wall);
				deliver(e, lose);
			}
			if (!did)
				break;
		}
		if (q % 4 == 0) {
			kms_store_tick(a.store, rig_wall, rig_mono, &rig_err);
			kms_store_tick(b.store, rig_wall, rig_mono, &rig_err);
		}
	}
}

static struct kms_audit_stats stats_of(struct end *e)
{
	struct kms_audit_stats s;

	kms_audit_stats_read(e->audit, &s);
	return s;
}

static struct kms_stream_stats stream(struct end *e, enum key_uuid_class class)
{
	struct kms_store_stats s;

	kms_store_stats_read(e->store, &s);
	return class == KEY_UUID_FROM_A ? s.from_a : s.from_b;
}

static enum kms_found fetch(struct end *e, enum key_uuid_class class, uint64_t position)
{
	const struct key_uuid_place place = rig_place(class, position, 32);
	int done = RIG_WAITS;
	uint8_t key[32];
	enum kms_found found = kms_store_fetch(e->store, &place, 1, key, rig_done, &done);

	rig_work(e->store);
	if (found == KMS_FOUND) {
		CU_ASSERT_EQUAL(done, 0);
		CU_ASSERT_TRUE(rig_is_key(&place, key));
	}
	return found;
}

/* Differences of every kind, on a bad wire: void at both, all else is as it was, and is fetched. */
static void test_differences_are_void(void)
{
	uint8_t other[UNITS * 8];
	struct kms_segment seg;

	start();
	for (uint64_t i = 0; i < 200; i++) {
		enum key_uuid_class class = i % 2 ? KEY_UUID_FROM_B : KEY_UUID_FROM_A;

		if (i % 20 != 4 && i % 20 != 5)
			CU_ASSERT_EQUAL(rig_add(a.store, class, i * UNITS, UNITS), 0);
		if (i % 40 == 7) {
			seg = rig_segment(class, i * UNITS, UNITS);
			memcpy(other, seg.bytes, sizeof(other));
			other[9] ^= 1;
			sha256(other, sizeof(other), seg.hash);
			seg.bytes = other;
			CU_ASSERT_EQUAL(kms_store_add(b.store, &seg, &rig_err), 0);
		} else if (i % 20 != 10 && i % 20 != 11) {
			CU_ASSERT_EQUAL(rig_add(b.store, class, i * UNITS, UNITS), 0);
		}
	}
	run(90, 20);
	for (uint64_t i = 0; i < 200; i++) {
		bool differs =
		        i % 20 == 4 || i % 20 == 5 || i % 20 == 10 || i % 20 == 11 || i % 40 == 7;
		struct end *fetcher = i % 2 ? &a : &b;

		CU_ASSERT_EQUAL(
		        fetch(fetcher, i % 2 ? KEY_UUID_FROM_B : KEY_UUID_FROM_A, i * UNITS),
		        differs ? KMS_VOIDED : KMS_FOUND);
	}
	CU_ASSERT(stats_of(&a).differences > 0 && stats_of(&b).differences > 0);
	CU_ASSERT_EQUAL(stream(&a, KEY_UUID_FROM_A).voided, 10 * UNITS * 8);
	CU_ASSERT_EQUAL(stream(&b, KEY_UUID_FROM_A).voided, 10 * UNITS * 8);
	/* What is late now is refused. */
	CU_ASSERT_EQUAL(rig_add(a.store, KEY_UUID_FROM_A, 4 * UNITS, UNITS), -ESTALE);
	rig_check_sums(a.store);
	rig_check_sums(b.store);
	stop();
}

/* Given and fetched: delivered at both. Not given and too old: nobody keeps it. */
static void test_what_becomes_of_key(void)
{
	struct key_uuid_place place[20];
	uint8_t keys[20 * 32];
	int done = RIG_WAITS;

	start();
	for (uint64_t i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(rig_add(a.store, KEY_UUID_FROM_A, i * UNITS, UNITS), 0);
		CU_ASSERT_EQUAL(rig_add(b.store, KEY_UUID_FROM_A, i * UNITS, UNITS), 0);
	}
	run(12, 0);
	CU_ASSERT_EQUAL(rig_give(a.store, 20, 32, place, keys), 0);
	CU_ASSERT_EQUAL(kms_store_fetch(b.store, place, 20, keys, rig_done, &done), KMS_FOUND);
	run(8, 10);
	CU_ASSERT_EQUAL(done, 0);
	CU_ASSERT_EQUAL(stream(&a, KEY_UUID_FROM_A).delivered_both, 20 * 32);
	CU_ASSERT_EQUAL(stream(&b, KEY_UUID_FROM_A).delivered, 20 * 32);
	CU_ASSERT_EQUAL(stream(&b, KEY_UUID_FROM_A).expired, 0);
	rig_wall += 3600 * NS_PER_S;
	rig_mono += 3600 * NS_PER_S;
	run(30, 10);
	CU_ASSERT_EQUAL(stream(&a, KEY_UUID_FROM_A).available, 0);
	CU_ASSERT_EQUAL(stream(&b, KEY_UUID_FROM_A).expired, 20 * UNITS * 8 - 20 * 32);
	CU_ASSERT_EQUAL(stream(&b, KEY_UUID_FROM_A).held, 0);
	CU_ASSERT_EQUAL(stats_of(&a).differences + stats_of(&b).differences, 0);
	stop();
}

/* Grants lie in the database beside the keys, and outlive the process. */
static void test_grants_on_disk(void)
{
	static const char *const slaves[] = {"one", "two"};
	uint8_t ids[3][KEY_UUID_BYTES];
	int given = RIG_WAITS, fetched = RIG_WAITS;
	bool last;

	start();
	for (int i = 0; i < 3; i++)
		memset(ids[i], i + 1, KEY_UUID_BYTES);
	CU_ASSERT_EQUAL(
	        kms_grant_send(a.grants,
	                       &(struct kms_grant){.ids = (const uint8_t(*)[KEY_UUID_BYTES])ids,
	                                           .count = 3,
	                                           .master = "master",
	                                           .slaves = slaves,
	                                           .slave_count = 2,
	                                           .expiry_wall_ns = rig_wall + 60 * NS_PER_S},
	                       rig_mono, rig_done, &given),
	        0);
	run(1, 0);
	CU_ASSERT_EQUAL(given, 0);
	CU_ASSERT_EQUAL(kms_grant_fetched(b.grants, (const uint8_t(*)[KEY_UUID_BYTES])ids, 2, "two",
	                                  rig_done, &fetched),
	                0);
	run(1, 0);
	CU_ASSERT_EQUAL(fetched, 0);
	end_close(&b);
	end_open(&b);
	CU_ASSERT_EQUAL(kms_grant_find(b.grants, ids[1], "master", "two", &last), KMS_GRANT_TAKEN);
	CU_ASSERT_EQUAL(kms_grant_find(b.grants, ids[2], "master", "two", &last), KMS_GRANT_GIVEN);
	CU_ASSERT_EQUAL(kms_grant_find(b.grants, ids[1], "master", "one", &last), KMS_GRANT_GIVEN);
	CU_ASSERT_TRUE(last);
	run(60, 0);
	CU_ASSERT_EQUAL(kms_grant_find(b.grants, ids[1], "master", "one", &last), KMS_GRANT_NONE);
	end_close(&b);
	end_open(&b);
	CU_ASSERT_EQUAL(kms_grant_find(b.grants, ids[1], "master", "one", &last), KMS_GRANT_NONE);
	stop();
}

UNIT_MAIN(UNIT(test_differences_are_void), UNIT(test_what_becomes_of_key),
          UNIT(test_grants_on_disk))
