/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Random edits, good and bad: after each the gateway runs what was accepted, and nothing else.
 * LUMENGATE_EDITS says how many, LUMENGATE_SEED which.
 */

#include <errno.h>

#include "common/clock.h"
#include "tests/unit/control/commit_rig.h"
#include "tests/unit/dice.h"

#ifdef __SANITIZE_ADDRESS__ /* some seven times as slow */
#define EDITS 500u
#else
#define EDITS 2000u
#endif

static struct {
	unsigned int edits, refused_edits, commits, refused_commits, taken_back;
} seen;

/* Leaves with values of which some are wrong: of type, of range, or beside the others. */
static const struct {
	const char *path, *values[6];
} leaves[] = {
        {"tunnel[name='dc']/rekey/period-ms", {"100", "500", "1000", "99", "x", "70000"}},
        {"tunnel[name='dc']/rekey/hard-life-ms", {"60000", "5000", "1000", "999", "-1", "1e3"}},
        {"tunnel[name='dc']/rekey/profile", {"lan", "wan", "moon", "", "LAN", "wan"}},
        {"tunnel[name='dc']/rekey/queue-delay-ms", {"0", "20", "60000", "60001", "2.5", "100"}},
        {"tunnel[name='dc']/policy", {"ratchet", "bypass", "require-qkd", "none", "", "ratchet"}},
        {"tunnel[name='dc']/ratchet-life-s", {"1", "60", "0", "604800", "604801", "3600"}},
        {"tunnel[name='dc']/liveness-losses", {"0", "5", "60", "61", "five", "3"}},
        {"qkd/qber-abort", {"0.08", "0.05", "0.11", "0.5", "zero", "0.081"}},
        {"qkd/qber-alarm", {"0.05", "0.04", "0.11", "0.2", "-0.1", "0.0505"}},
        {"qkd/bootstrap", {"computational", "information-theoretic", "", "x", "1", "true"}},
        {"port/lan/mtu", {"1500", "1400", "1", "9600", "1500", "x"}},
        {"name", {"gw-a", "gw-b", "", "a b", "-", "gw-a"}},
        {"site", {"a", "b", "c", "A", "", "a"}},
        {"tunnel[name='none']/rekey/period-ms", {"500", "1", "x", "", "500", "500"}},
        {"tunnel[name='dc']/mss-clamp", {"true", "false", "1", "yes", "true", "true"}},
        {"nonsense", {"1", "2", "3", "4", "5", "6"}},
        {"tunnel[name='dc']/name", {"x", "dc", "", "y", "z", "w"}},
};

static int edit(enum config_edit_op op, const char *path, json_t *value, const char *text,
                enum config_insert insert, const char *point)
{
	const struct config_edit e = {.op = op,
	                              .path = path,
	                              .value = value,
	                              .text = text,
	                              .insert = insert,
	                              .point = point};
	struct err err = {0};
	int rc = candidate_edit(1, commit_newest(), &e, 5, &err);

	json_decref(value);
	/* What is refused says why. */
	CU_ASSERT_EQUAL(rc == 0, err.text[0] == '\0');
	return rc;
}

static int edit_leaf(void)
{
	unsigned int i = dice(sizeof(leaves) / sizeof(leaves[0])), v = dice(6);

	return edit(dice(8) == 0 ? CONFIG_EDIT_REMOVE : CONFIG_EDIT_MERGE, leaves[i].path, NULL,
	            leaves[i].values[v], CONFIG_INSERT_NONE, NULL);
}

/* A route: by a tunnel that there may not be, to a neighbour that may be nowhere, or away. */
static int edit_route(void)
{
	char path[64], hop[32];
	json_t *value = NULL;

	snprintf(path, sizeof(path), "route[prefix='10.%u.0.0/%u']", dice(12), dice(16) + 18);
	snprintf(hop, sizeof(hop), "10.%u.0.%u", dice(3), dice(256));
	switch (dice(4)) {
	case 0:
		return edit(CONFIG_EDIT_REMOVE, path, NULL, NULL, CONFIG_INSERT_NONE, NULL);
	case 1:
		value = json_pack("{s:s, s:s}", "via", dice(4) != 0 ? "lan" : "wan", "next-hop",
		                  hop);
		break;
	default:
		value = json_pack("{s:s}", "tunnel", dice(6) != 0 ? "dc" : "none");
	}
	return edit(dice(2) != 0 ? CONFIG_EDIT_MERGE : CONFIG_EDIT_REPLACE, path, value, NULL,
	            CONFIG_INSERT_NONE, NULL);
}

static int edit_rule(void)
{
	static const char *const actions[] = {"protect", "bypass", "discard", "allow"};
	char path[64], point[64], source[32];
	json_t *value;

	snprintf(path, sizeof(path), "policy[name='r%u']", dice(6));
	snprintf(point, sizeof(point), "policy[name='r%u']", dice(6));
	snprintf(source, sizeof(source), "10.%u.0.0/16", dice(300));
	if (dice(4) == 0)
		return edit(CONFIG_EDIT_REMOVE, path, NULL, NULL, CONFIG_INSERT_NONE, NULL);
	value = json_pack("{s:s, s:s}", "action", actions[dice(4)], "source", source);
	if (dice(3) == 0)
		json_object_set_new(value, "tunnel", json_string(dice(4) != 0 ? "dc" : "none"));
	return edit(dice(2) != 0 ? CONFIG_EDIT_MERGE : CONFIG_EDIT_REPLACE, path, value, NULL,
	            (enum config_insert)dice(5), point);
}

static int edit_something(void)
{
	switch (dice(3)) {
	case 0:
		return edit_route();
	case 1:
		return edit_rule();
	default:
		return edit_leaf();
	}
}

static char *candidate_text(void)
{
	struct candidate_state c;

	candidate_read(&c);
	return c.held ? config_doc_text(c.doc) : strdup("");
}

/* What runs is what ACCEPTED says, in the gateway and in what it tells of itself. */
static void check(const char *accepted)
{
	static struct config want;
	struct err err = {0};
	char *normal, *running;

	CU_ASSERT_EQUAL_FATAL(config_parse_normal(accepted, &want, &normal, &err), 0);
	CU_ASSERT_EQUAL(memcmp(&want, &rig.running, sizeof(want)), 0);
	CU_ASSERT_EQUAL(memcmp(&want, gateway_config(), sizeof(want)), 0);
	CU_ASSERT_STRING_EQUAL(normal, gateway_config_text());
	free(normal);
	running = config_doc_text(commit_running());
	CU_ASSERT_STRING_EQUAL(accepted, running);
	free(running);
}

static void one_edit(void)
{
	char *before = candidate_text(), *after;

	seen.edits++;
	if (edit_something() != 0) {
		after = candidate_text();
		CU_ASSERT_STRING_EQUAL(before, after);
		free(after);
		seen.refused_edits++;
	}
	free(before);
}

/* *ACCEPTED becomes what was committed. */
static void one_commit(char **accepted, uint64_t now_s)
{
	struct commit_request request = {.uid = 1, .confirm_s = dice(4) == 0 ? 5 : 0};
	struct commit_result done;
	char *candidate = candidate_text();
	unsigned int applied = rig.applied;
	struct err err;

	rig.refuse = dice(20) == 0;
	if (rig_commit(&request, now_s, &done, &err) == 0) {
		free(*accepted);
		*accepted = candidate;
		seen.commits++;
	} else {
		CU_ASSERT_EQUAL(rig.applied, applied);
		CU_ASSERT(err.text[0] != '\0');
		free(candidate);
		candidate_discard();
		seen.refused_commits++;
	}
	rig.refuse = false;
}

static void test_random_edits(void)
{
	const char *edits = getenv("LUMENGATE_EDITS"), *seed = getenv("LUMENGATE_SEED");
	unsigned int total = edits != NULL ? (unsigned int)atoi(edits) : EDITS;
	char *accepted, *back = NULL;
	struct candidate_state c;
	struct commit_state s;
	uint64_t now_s = 1;

	dice_state = seed != NULL ? strtoull(seed, NULL, 10) : 7;
	rig_start();
	commit_history_close(); /* from here on in memory: the disk is not what is tested */
	accepted = config_doc_text(commit_running());
	while (seen.edits < total) {
		one_edit();
		candidate_read(&c);
		if (c.held && dice(2) == 0) {
			commit_state_read(now_s * NS_PER_S, &s);
			if (s.unconfirmed == 0) {
				free(back);
				back = strdup(accepted);
			}
			one_commit(&accepted, now_s);
			check(accepted);
		}
		now_s += dice(2);
		commit_state_read(now_s * NS_PER_S, &s);
		commit_poll(now_s * NS_PER_S, now_s * NS_PER_S);
		if (s.unconfirmed != 0 && s.confirm_left_s == 0) {
			free(accepted);
			accepted = strdup(back);
			check(accepted);
			seen.taken_back++;
		}
	}
	check(accepted);
	printf("%u edits, %u refused; %u commits, %u refused; %u taken back\n", seen.edits,
	       seen.refused_edits, seen.commits, seen.refused_commits, seen.taken_back);
	/* There was something of everything. */
	CU_ASSERT(seen.refused_edits > seen.edits / 10 && seen.refused_edits < seen.edits / 2);
	CU_ASSERT(seen.commits > seen.edits / 10 && seen.refused_commits > seen.edits / 20);
	CU_ASSERT(seen.taken_back > 0);
	free(accepted);
	free(back);
	rig_stop();
}

UNIT_MAIN(UNIT(test_random_edits))
