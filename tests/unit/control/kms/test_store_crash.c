/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The process dies at each change of the disk in turn, in the midst of adding, giving, fetching,
 * voiding and starting: no unit is given twice, none whose fetch was answered comes back, none that
 * came is lost but what was reserved or under way.
 */

#include "control/kms/store.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "tests/unit/control/kms/store_rig.h"
#include "tests/unit/dice.h"

#define SEGMENTS 6
#define UNITS    200 /* of each: four chunks, the last a part of one */
#define ALL      (SEGMENTS * UNITS)

/* What the dying process says, before and after; it survives it in a pipe. */
enum word { ADDED, GIVEN, ASKED, ANSWERED, CLOSED, DONE };
struct said {
	uint8_t word, class;
	uint16_t position, units;
};

static int pipe_to, lives;

static void say(enum word word, enum key_uuid_class class, uint64_t position, uint32_t units)
{
	const struct said s = {(uint8_t)word, (uint8_t) class, (uint16_t)position, (uint16_t)units};

	if (write(pipe_to, &s, sizeof(s)) != sizeof(s))
		_exit(3);
}

struct call {
	uint64_t position;
	uint32_t units;
};

static void answered(void *ctx, int rc)
{
	const struct call *c = ctx;

	if (rc == 0)
		say(ANSWERED, KEY_UUID_FROM_B, c->position, c->units);
}

static void give(struct kms_store *s)
{
	struct key_uuid_place place[3];
	uint8_t keys[3 * 256];
	uint32_t n = dice(3) + 1, bytes = 8 * (dice(20) + 1);

	if (rig_give(s, n, bytes, place, keys) < 0)
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (!rig_is_key(&place[i], keys + (size_t)i * bytes))
			_exit(4);
		say(GIVEN, KEY_UUID_FROM_A, place[i].position, bytes / 8);
	}
}

static void fetch(struct kms_store *s)
{
	static struct call calls[256];
	static unsigned int next;
	struct call *c = &calls[next++ % 256];
	struct key_uuid_place place;
	uint8_t key[256];

	c->units = dice(20) + 1;
	c->position = dice(ALL);
	place = rig_place(KEY_UUID_FROM_B, c->position, (uint16_t)(8 * c->units));
	say(ASKED, KEY_UUID_FROM_B, c->position, c->units);
	if (kms_store_fetch(s, &place, 1, key, answered, c) == KMS_FOUND &&
	    !rig_is_key(&place, key))
		_exit(4);
}

static void add(struct kms_store *s, unsigned int i)
{
	enum key_uuid_class class = i % 2 ? KEY_UUID_FROM_B : KEY_UUID_FROM_A;

	if (rig_add(s, class, i / 2 * UNITS, UNITS) == 0)
		say(ADDED, class, i / 2 * UNITS, UNITS);
}

/* The life of a store; the same each time, but for where it ends. */
static void live(long die_at)
{
	struct kms_store *s;
	unsigned int added = 0;

	if (secret_init(4 << 20, NULL) < 0)
		_exit(2);
	dice_state = 7;
	memset(&disk, 0, sizeof(disk));
	disk.die_at = die_at;
	for (int round = 0; round < 3; round++) {
		if (kms_store_open(&rig_config, &s, &rig_err) < 0)
			_exit(2);
		for (int i = 0; i < 30; i++) {
			struct err err;

			if (added < 2 * SEGMENTS && dice(3) == 0)
				add(s, added++);
			for (uint32_t k = dice(3); k > 0; k--)
				give(s);
			for (uint32_t k = dice(3); k > 0; k--)
				fetch(s);
			if (dice(2) == 0)
				kms_store_work(s, &err);
			if (dice(10) == 0)
				rig_tick(s, 1);
		}
		kms_store_close(s);
		say(CLOSED, 0, 0, 0);
	}
	say(DONE, 0, 0, 0);
	_exit(0);
}

static struct {
	uint8_t added[ALL], given[ALL], asked[ALL], answered[ALL];
	uint8_t b_added[ALL];
	int done, closed;
} seen;

static void hear(int from)
{
	struct said w;

	memset(&seen, 0, sizeof(seen));
	while (read(from, &w, sizeof(w)) == sizeof(w))
		for (uint32_t u = w.position; u < w.position + w.units || w.units == 0; u++) {
			switch ((enum word)w.word) {
			case ADDED:
				(w.class == KEY_UUID_FROM_A ? seen.added : seen.b_added)[u] = 1;
				break;
			case GIVEN:
				CU_ASSERT_FALSE(seen.given[u]);
				seen.given[u] = 1;
				break;
			case ASKED:
				if (u < ALL)
					seen.asked[u] = 1;
				break;
			case ANSWERED:
				CU_ASSERT_FALSE(seen.answered[u]);
				seen.answered[u] = 1;
				break;
			case CLOSED:
				seen.closed++;
				break;
			case DONE:
				seen.done = 1;
				break;
			}
			if (w.units == 0)
				break;
		}
}

/* The own stream: what is given now was not before; what is missing is counted as lost. */
static void check_given(struct kms_store *s)
{
	struct kms_store_stats before, st;
	struct key_uuid_place place;
	uint32_t missing = 0, recorded;
	uint8_t key[8];

	kms_store_stats_read(s, &before);
	for (;;) {
		rig_work(s);
		if (rig_give(s, 1, 8, &place, key) < 0)
			break;
		CU_ASSERT(rig_is_key(&place, key));
		CU_ASSERT_FALSE(seen.given[place.position]);
		seen.given[place.position] = 1;
	}
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.available + st.from_a.reserved, 0);
	for (int u = 0; u < ALL; u++)
		missing += seen.added[u] && !seen.given[u];
	/* One that was given and not recorded is among the lost; an end that was cut is voided. */
	recorded = (uint32_t)((st.from_a.lost + st.from_a.voided) / 8);
	CU_ASSERT(missing <= recorded);
	CU_ASSERT(before.from_a.lost / 8 <= rig_config.ahead_bytes / 8 + 2 * 64 + UNITS);
	if (seen.done) {
		CU_ASSERT_EQUAL(st.from_a.lost, 0);
		CU_ASSERT_EQUAL(missing, recorded);
	}
}

/* The other's stream: what was answered is spent; what nobody asked for is there. */
static void check_fetched(struct kms_store *s)
{
	struct key_uuid_place place;
	uint8_t key[8];
	int rc;

	for (uint64_t u = 0; u < ALL; u++) {
		enum kms_found found;

		rc = RIG_WAITS;
		place = rig_place(KEY_UUID_FROM_B, u, 8);
		found = kms_store_fetch(s, &place, 1, key, rig_done, &rc);
		rig_work(s);
		if (!seen.b_added[u]) {
			/* It may have come in the last moment. */
			CU_ASSERT(found == KMS_NOT_YET || found == KMS_FOUND);
			continue;
		}
		if (seen.answered[u])
			CU_ASSERT_EQUAL(found, KMS_SPENT);
		if (!seen.asked[u])
			CU_ASSERT_EQUAL(found, KMS_FOUND);
		CU_ASSERT(found == KMS_FOUND || found == KMS_SPENT);
		if (found == KMS_FOUND) {
			CU_ASSERT(rig_is_key(&place, key));
			CU_ASSERT_EQUAL(rc, 0);
		}
	}
}

/* One life that ends at DIE_AT, and what is left of it. False when it lived to its end. */
static int one_life(long die_at)
{
	int fds[2], status;
	struct kms_store *s;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	fcntl(fds[0], F_SETPIPE_SZ, 1 << 18);
	pipe_to = fds[1];
	child = fork();
	if (child == 0)
		live(die_at);
	close(fds[1]);
	hear(fds[0]);
	close(fds[0]);
	waitpid(child, &status, 0);
	if (seen.done)
		CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
	else
		CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	memset(&disk, 0, sizeof(disk));
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, NULL), 0);
	s = rig_open();
	for (int u = 0; u < ALL; u += UNITS) {
		if (seen.added[u])
			CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, (uint64_t)u, UNITS), -EEXIST);
		if (seen.b_added[u])
			CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, (uint64_t)u, UNITS), -EEXIST);
	}
	rig_check_sums(s);
	check_given(s);
	check_fetched(s);
	rig_check_sums(s);
	kms_store_close(s);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
	unlink(rig_path);
	lives++;
	return !seen.done;
}

/* All points with CRASH_ALL=1, every 61st of the later ones without. */
static void test_dies_at_any_change(void)
{
	const char *all = getenv("CRASH_ALL");
	long step = all != NULL && all[0] != '0' ? 1 : 61;

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	rig_begin();
	secret_fini();
	for (long at = 1; one_life(at); at += at < 60 ? 1 : step)
		;
	printf("%d lives ", lives);
	CU_ASSERT(lives > 60);
	CU_ASSERT_EQUAL(remove_tree(rig_directory), 0);
}

UNIT_MAIN(UNIT(test_dies_at_any_change))
