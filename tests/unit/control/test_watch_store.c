/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/watch_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#define NOW      1700000000u
#define IDENTITY "link demo site B"

static char dir[] = "/tmp/lumengate-store-XXXXXX", path[64];
static const struct baseline_params params = {.learn_s = 10,
                                              .time_s = 100,
                                              .slope = 1e-3,
                                              .bound = 0.1,
                                              .spread_floor = 1e-3,
                                              .growth = 2};

static struct learnt {
	struct baseline errors, doubles;
	struct watch_loss loss;
} mine, other;

static struct watch_learnt of(struct learnt *l)
{
	return (struct watch_learnt){
	        .base = {{"errors", &l->errors, 0, 0.5}, {"doubles", &l->doubles, -30, 0}},
	        .count = 2,
	        .loss = &l->loss};
}

static void fresh(struct learnt *l)
{
	memset(l, 0, sizeof(*l));
	baseline_init(&l->errors, &params);
	baseline_init(&l->doubles, &params);
	watch_loss_init(&l->loss);
}

/* Something of all that is kept, and numbers with many digits. */
static void learn(struct learnt *l)
{
	fresh(l);
	for (unsigned int i = 0; i < 20; i++) {
		baseline_take(&l->errors, 0.02 + i / 7e4, 1e-6, 1, false);
		baseline_take(&l->doubles, -6.1 - i / 3e3, 1e-3, 0.4, false);
	}
	for (unsigned int i = 0; i < 700; i++)
		watch_loss_add(&l->loss, 97001 + i % 3, 3e7, 7999 + i % 2, 5);
	watch_loss_add(&l->loss, 87001, 3e7, 7999, 5);
}

static int save(void)
{
	struct watch_learnt l = of(&mine);
	struct err err = {0};

	return watch_store_save(path, IDENTITY, &l, NOW, &err);
}

static int load_as(const char *identity, uint64_t wall_s, struct err *err)
{
	struct watch_learnt l = of(&other);
	uint64_t age_s = 0;
	int rc;

	fresh(&other);
	err->text[0] = '\0';
	rc = watch_store_load(path, identity, &l, wall_s, &age_s, err);
	if (rc == 0)
		CU_ASSERT_EQUAL(age_s, wall_s - NOW);
	if (rc < 0) { /* nothing is changed, and it says of what it speaks */
		static struct learnt nothing;

		fresh(&nothing);
		CU_ASSERT_EQUAL(memcmp(&other, &nothing, sizeof(other)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err->text, path));
	}
	return rc;
}

static void test_round_trip(void)
{
	struct err err = {0};
	struct stat st;

	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -ENOENT);
	learn(&mine);
	CU_ASSERT_TRUE(mine.errors.ready && !mine.doubles.ready && mine.loss.loss.over);
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW + 60, &err), 0);
	CU_ASSERT_EQUAL(memcmp(&other.errors, &mine.errors, sizeof(mine.errors)), 0);
	CU_ASSERT_EQUAL(memcmp(&other.doubles, &mine.doubles, sizeof(mine.doubles)), 0);
	CU_ASSERT_EQUAL(memcmp(other.loss.ring, mine.loss.ring, sizeof(mine.loss.ring)), 0);
	CU_ASSERT_EQUAL(memcmp(other.loss.scale, mine.loss.scale, sizeof(mine.loss.scale)), 0);
	CU_ASSERT_EQUAL(other.loss.count, mine.loss.count);
	CU_ASSERT_TRUE(other.loss.loss.over);
	CU_ASSERT_EQUAL(other.loss.loss.level, mine.loss.loss.level);
	CU_ASSERT_EQUAL(watch_loss_finds(&other.loss), watch_loss_finds(&mine.loss));
	/* Again, over what is there. */
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), 0);
}

static void test_stale_or_foreign(void)
{
	struct err err = {0};

	learn(&mine);
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(load_as("link other site B", NOW, &err), -ESTALE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, IDENTITY));
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW - 1, &err), -ESTALE);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW + WATCH_STORE_DAYS * 86400, &err), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW + (WATCH_STORE_DAYS + 1) * 86400, &err), -ESTALE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "31 days"));
	CU_ASSERT_EQUAL(chmod(path, 0620), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EACCES);
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), 0);
}

/* FROM in the file becomes TO. */
static void change(const char *from, const char *to)
{
	static char text[65536], all[65536];
	FILE *f = fopen(path, "r");
	char *at;
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	fclose(f);
	text[n] = '\0';
	at = strstr(text, from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(all, sizeof(all), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	f = fopen(path, "w");
	fputs(all, f);
	fclose(f);
}

static void test_damaged(void)
{
	static const struct {
		const char *from, *to;
		int rc;
	} rows[] = {
	        {"\"spread\": 0", "\"spread\": 1", -EILSEQ},
	        {"lumengate watch", "lumengate clock", -EPROTO},
	        {"\"version\": 1", "\"version\": 2", -EPROTO},
	        {"\"sha256\": \"", "\"sha256\": \"0", -EILSEQ},
	        {"\"saved\": 17", "\"saved\": 16", -EILSEQ},
	        {"{", "", -EILSEQ},
	        {"{", "[", -EILSEQ},
	};
	struct err err = {0};

	learn(&mine);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(save(), 0);
		change(rows[i].from, rows[i].to);
		CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), rows[i].rc);
	}
	/* Cut at every hundredth byte. */
	CU_ASSERT_EQUAL(save(), 0);
	for (int size = 4000; size >= 0; size -= 100) {
		CU_ASSERT_EQUAL(truncate(path, size), 0);
		CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EILSEQ);
	}
	CU_ASSERT_EQUAL(remove(path), 0);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EPROTO);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

/* Whole, and yet of no sense: values out of range, a monitor that is missing. */
static void test_senseless(void)
{
	struct watch_learnt l;
	struct err err = {0};

	learn(&mine);
	mine.errors.value = mine.errors.reference = 0.7;
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "errors"));
	learn(&mine);
	mine.errors.value = mine.errors.reference + 0.2;
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EINVAL);
	learn(&mine);
	mine.loss.ring[3].variance = 0;
	CU_ASSERT_EQUAL(save(), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EINVAL);
	learn(&mine);
	l = of(&mine);
	l.count = 1;
	CU_ASSERT_EQUAL(watch_store_save(path, IDENTITY, &l, NOW, &err), 0);
	CU_ASSERT_EQUAL(load_as(IDENTITY, NOW, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "doubles"));
}

static void test_cannot_be_written(void)
{
	struct watch_learnt l = of(&mine);
	struct err err = {0};

	learn(&mine);
	CU_ASSERT_EQUAL(watch_store_save("/nowhere/at/all", IDENTITY, &l, NOW, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/at/all"));
}

static void test_setup(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/watch.json", dir);
}

static void test_leaves_nothing(void)
{
	CU_ASSERT_EQUAL(remove(path), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_round_trip), UNIT(test_stale_or_foreign), UNIT(test_damaged),
          UNIT(test_senseless), UNIT(test_cannot_be_written), UNIT(test_leaves_nothing))
