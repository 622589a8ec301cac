/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/sim_options.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

#define PARSE(o, err, ...)                                                                         \
	parse(o, err, (char *[]){"sim", __VA_ARGS__},                                              \
	      (int)(sizeof((char *[]){"sim", __VA_ARGS__}) / sizeof(char *)))

static int parse(struct sim_options *o, struct err *err, char **words, int n)
{
	char *argv[32];

	memcpy(argv, words, (size_t)n * sizeof(*words));
	argv[n] = NULL;
	*err = (struct err){0};
	return sim_options_parse(o, n, argv, err);
}

static void test_defaults(void)
{
	struct sim_options o;
	struct err err;

	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob=b"), 0);
	CU_ASSERT_EQUAL(memcmp(&o.link, &optics_link_default, sizeof(o.link)), 0);
	CU_ASSERT_STRING_EQUAL(o.alice, "a");
	CU_ASSERT_STRING_EQUAL(o.bob, "b");
	CU_ASSERT(o.control == NULL && !o.seeded && o.attack.kind == ATTACK_NONE);
	CU_ASSERT_EQUAL(o.alice_owner.mode, 0600);
	CU_ASSERT_EQUAL(PARSE(&o, &err, "--help"), 0);
	CU_ASSERT(o.help);
}

static void test_values(void)
{
	struct sim_options o;
	struct err err;

	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", "--distance", "75.5",
	                      "--dark", "2e-7", "--bob-p-z", "0.9", "--seed", "0x10", "--mode",
	                      "660", "--alice-owner", "root:0", "--bob-owner", ":12", "--attack",
	                      "intercept-resend 0.5 1", "--control", "c"),
	                0);
	CU_ASSERT_EQUAL(o.link.distance_km, 75.5);
	CU_ASSERT_EQUAL(o.link.dark_probability, 2e-7);
	CU_ASSERT_EQUAL(o.link.p_z_bob, 0.9);
	CU_ASSERT(o.seeded && o.seed == 16);
	CU_ASSERT(o.alice_owner.mode == 0660 && o.bob_owner.mode == 0660);
	CU_ASSERT(o.alice_owner.uid == 0 && o.alice_owner.gid == 0);
	CU_ASSERT(o.bob_owner.uid == (uid_t)-1 && o.bob_owner.gid == 12);
	CU_ASSERT(o.attack.fraction == 0.5 && o.attack.z_share == 1);
	CU_ASSERT_STRING_EQUAL(o.control, "c");
}

/* A preset's figures; what stands behind it changes them. */
static void test_detector(void)
{
	struct sim_options o;
	struct err err;

	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", "--slot", "4e5", "--detector",
	                      "snspd", "--efficiency", "0.9"),
	                0);
	CU_ASSERT_EQUAL(o.link.efficiency, 0.9);
	CU_ASSERT_DOUBLE_EQUAL(o.link.dark_probability, 100 * 4e-10, 1e-15);
	CU_ASSERT_EQUAL(o.link.dead_ns, 30);
	CU_ASSERT_EQUAL(o.link.afterpulse, 0);
	CU_ASSERT_EQUAL(o.link.all_live, 1);
}

static void test_bad_ones_are_named(void)
{
	static char *const bad[][2] = {
	        {"--distance", "-1"},
	        {"--distance", "far"},
	        {"--loss", "11"},
	        {"--efficiency", "1.01"},
	        {"--dark", "nan"},
	        {"--misalignment", "0.6"},
	        {"--afterpulse", "1"},
	        {"--jitter", ""},
	        {"--slot", "0"},
	        {"--seed", "x"},
	        {"--seed", "-3"},
	        {"--mode", "999"},
	        {"--alice-owner", "nobo:"},
	        {"--bob-owner", ":nogr"},
	        {"--attack", "blinding"},
	        {"--detector", "pmt"},
	        {"--dead-time", "-1"},
	        {"--bob", "a"},
	        {"--clock-error", "1e4"},
	};
	struct sim_options o;
	struct err err;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", bad[i][0], bad[i][1]),
		                -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad[i][0]));
	}
	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "--bob"));
	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", "--speed", "1"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "--speed"));
	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", "--loss"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "--loss: a value is missing"));
	CU_ASSERT_EQUAL(PARSE(&o, &err, "--alice", "a", "--bob", "b", "more"), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "more"));
}

UNIT_MAIN(UNIT(test_defaults), UNIT(test_values), UNIT(test_detector),
          UNIT(test_bad_ones_are_named))
