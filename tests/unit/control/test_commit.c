/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <sys/stat.h>

#include "control/alarm.h"
#include "control/audit.h"
#include "tests/unit/control/commit_rig.h"

#define PERIOD "tunnel[name='dc']/rekey/period-ms"

static bool file_has(const char *word)
{
	char *text = NULL;
	struct err err = {0};
	bool found;

	CU_ASSERT_EQUAL_FATAL(config_file_text(rig.file, &text, &err), 0);
	found = strstr(text, word) != NULL;
	free(text);
	return found;
}

static void edit(const char *path, const char *text)
{
	struct err err;

	CU_ASSERT_EQUAL(rig_edit(path, text, &err), 0);
}

static void test_commit_and_save(void)
{
	struct commit_request request = {.uid = 0, .comment = "quicker"};
	struct commit_result done;
	struct commit_state s;
	struct err err;

	rig_start();
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 1);
	CU_ASSERT_STRING_EQUAL(commit_history_at(0)->comment, "read at start");
	edit(PERIOD, "500");
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 1000);
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_EQUAL(done.commit, 2);
	CU_ASSERT_FALSE(done.restart);
	CU_ASSERT_STRING_EQUAL(done.warning, "");
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 500);
	CU_ASSERT_EQUAL(gateway_config()->tunnels[0].rekey_period_ms, 500);
	CU_ASSERT_STRING_EQUAL(commit_history_at(0)->user, "root");
	CU_ASSERT_STRING_EQUAL(commit_history_at(0)->comment, "quicker");
	/* In force, but not in the file. */
	commit_state_read(0, &s);
	CU_ASSERT_FALSE(s.saved);
	CU_ASSERT_FALSE(file_has("\"period-ms\": 500"));
	CU_ASSERT_EQUAL(commit_save(&err), 0);
	commit_state_read(0, &s);
	CU_ASSERT_TRUE(s.saved);
	CU_ASSERT_TRUE(file_has("\"period-ms\": 500"));
	/* As it was written, without defaults. */
	CU_ASSERT_FALSE(file_has("mss-clamp"));
	rig_stop();
}

/* What differs in words alone is kept, and nobody is bothered. */
static void test_nothing_to_apply(void)
{
	struct commit_request request = {.uid = 1};
	struct commit_result done;
	struct err err;

	rig_start();
	edit("tunnel[name='dc']/mss-clamp", "true"); /* its default */
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_EQUAL(done.commit, 2);
	CU_ASSERT_EQUAL(rig.applied, 0);
	edit("tunnel[name='dc']/mss-clamp", "true");
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_EQUAL(done.commit, 0);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 2);
	rig_stop();
}

static void test_refused_changes_nothing(void)
{
	static const struct {
		const char *path, *text;
		int rc;
		const char *says;
	} cases[] = {
	        {"tunnel[name='dc']", NULL, -EINVAL, RIG_ROOT "/route[prefix='10.2.0.0/24']"},
	        {"tunnel[name='dc']/rekey/hard-life-ms", "1000", -EINVAL,
	         RIG_ROOT "/tunnel[name='dc']/rekey/hard-life-ms: 1000 ms is not longer"},
	        {"site", NULL, -EINVAL, RIG_ROOT "/site: "},
	        {"channel/psk-file", "/nowhere/psk", -ENOENT, RIG_ROOT "/channel/psk-file"},
	        {"name", "gw-x", -EPERM, RIG_ROOT "/name: cannot change live, restart the gateway"},
	};
	struct commit_request request = {.uid = 1};
	char *before, *after;
	struct commit_result done;
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_start();
		before = config_doc_text(commit_running());
		edit(cases[i].path, cases[i].text);
		CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), cases[i].rc);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].says));
		if (strstr(err.text, cases[i].says) == NULL)
			printf("\n  got  %s\n  want %s\n", err.text, cases[i].says);
		after = config_doc_text(commit_running());
		CU_ASSERT_STRING_EQUAL(before, after);
		CU_ASSERT_EQUAL(rig.applied, 0);
		CU_ASSERT_EQUAL(commit_history_at(0)->commit, 1);
		free(before);
		free(after);
		rig_stop();
	}
}

static void test_not_applied_is_not_committed(void)
{
	struct commit_request request = {.uid = 1};
	struct commit_result done;
	struct err err;

	rig_start();
	edit(PERIOD, "500");
	rig.refuse = true;
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), -EIO);
	CU_ASSERT_EQUAL(gateway_config()->tunnels[0].rekey_period_ms, 1000);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 1);
	/* The candidate is still there, to be tried again. */
	rig.refuse = false;
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_EQUAL(gateway_config()->tunnels[0].rekey_period_ms, 500);
	rig_stop();
}

static void test_restart_waits(void)
{
	struct commit_request request = {.uid = 1, .restart_accepted = true};
	struct commit_result done;
	struct commit_state s;
	struct err err;

	rig_start();
	edit("port/lan/mtu", "1400");
	edit(PERIOD, "500");
	request.confirm_s = 10;
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), -EINVAL);
	request.confirm_s = 0;
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_TRUE(done.restart);
	CU_ASSERT_EQUAL(done.commit, 2);
	CU_ASSERT_TRUE(commit_history_at(0)->restart);
	/* All or nothing: the period does not change before the MTU does. */
	CU_ASSERT_EQUAL(rig.applied, 0);
	CU_ASSERT_TRUE(file_has("\"mtu\": 1400"));
	CU_ASSERT_TRUE(file_has("\"period-ms\": 500"));
	commit_state_read(0, &s);
	CU_ASSERT_TRUE(s.restart && s.saved);
	/* The next edits are of what waits. */
	edit(PERIOD, "600");
	request.restart_accepted = false;
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), -EPERM);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       RIG_ROOT "/port/lan/mtu: cannot change live, restart the gateway");
	/* Without what needs the restart the file is as what runs again. */
	edit("port/lan/mtu", "1500");
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_FALSE(done.restart);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 600);
	CU_ASSERT_FALSE(file_has("\"mtu\": 1400"));
	CU_ASSERT_TRUE(file_has("\"period-ms\": 600"));
	commit_state_read(0, &s);
	CU_ASSERT_TRUE(!s.restart && s.saved);
	rig_stop();
}

static bool alarmed(void)
{
	const struct alarm *a = alarm_find("config-rolled-back", "config");

	return a != NULL && a->active;
}

static void test_taken_back(void)
{
	struct commit_request request = {.uid = 1, .confirm_s = 10};
	struct commit_result done;
	struct commit_state s;
	struct err err;

	rig_start();
	alarm_reset(NULL);
	audit_reset(NULL);
	edit(PERIOD, "500");
	CU_ASSERT_EQUAL(rig_commit(&request, 100, &done, &err), 0);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 500);
	commit_state_read(101 * (uint64_t)1000000000, &s);
	CU_ASSERT_EQUAL(s.unconfirmed, 2);
	CU_ASSERT_EQUAL(s.confirm_left_s, 9);
	CU_ASSERT_EQUAL(commit_save(&err), -EBUSY);
	/* A second one prolongs it, and goes back to where the first began. */
	edit(PERIOD, "400");
	CU_ASSERT_EQUAL(rig_commit(&request, 105, &done, &err), 0);
	commit_poll(114 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 400);
	/* It is tried until it succeeds. */
	rig.refuse = true;
	commit_poll(115 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 400);
	CU_ASSERT_TRUE(alarmed());
	CU_ASSERT_PTR_NOT_NULL(strstr(audit_at(0)->reason, "told to fail"));
	rig.refuse = false;
	commit_poll(116 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 1000);
	CU_ASSERT_EQUAL(gateway_config()->tunnels[0].rekey_period_ms, 1000);
	CU_ASSERT_STRING_EQUAL(commit_history_at(0)->comment,
	                       "commit 3 was taken back: nobody confirmed it within 10 s");
	CU_ASSERT_STRING_EQUAL(audit_at(0)->method, "config_commit_timeout");
	CU_ASSERT_STRING_EQUAL(audit_at(0)->params, "{\"commit\":3}");
	CU_ASSERT_EQUAL(audit_at(0)->code, 0);
	CU_ASSERT_TRUE(alarmed());
	CU_ASSERT_EQUAL(commit_confirm(&err), -ENOENT);
	commit_poll(1000 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 4);
	/* The next commit is what the operator did about it. */
	edit(PERIOD, "900");
	request.confirm_s = 0;
	CU_ASSERT_EQUAL(rig_commit(&request, 2000, &done, &err), 0);
	CU_ASSERT_FALSE(alarmed());
	rig_stop();
}

static void test_confirmed(void)
{
	struct commit_request request = {.uid = 1, .confirm_s = 10};
	struct commit_result done;
	struct err err;

	rig_start();
	edit(PERIOD, "500");
	CU_ASSERT_EQUAL(rig_commit(&request, 100, &done, &err), 0);
	CU_ASSERT_EQUAL(commit_confirm(&err), 0);
	commit_poll(200 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 500);
	/* A commit that holds at once confirms the one before it. */
	edit(PERIOD, "400");
	CU_ASSERT_EQUAL(rig_commit(&request, 300, &done, &err), 0);
	edit(PERIOD, "300");
	request.confirm_s = 0;
	CU_ASSERT_EQUAL(rig_commit(&request, 301, &done, &err), 0);
	commit_poll(400 * (uint64_t)1000000000, 9);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 300);
	rig_stop();
}

/* The history of before is there after a restart, and the file is not in it twice. */
static void test_start_again(void)
{
	struct commit_request request = {.uid = 1};
	struct commit_result done;
	char *text = NULL;
	struct err err;

	rig_start();
	edit(PERIOD, "500");
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT_EQUAL(commit_save(&err), 0);
	commit_stop();
	CU_ASSERT_PTR_NULL(commit_newest());
	CU_ASSERT_EQUAL(commit_history_open(rig.history, &err), 0);
	CU_ASSERT_EQUAL(config_file_text(rig.file, &text, &err), 0);
	CU_ASSERT_EQUAL(commit_start(text, rig.file, 9, &err), 0);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 2);
	CU_ASSERT_PTR_NOT_NULL(commit_history_at(1));
	CU_ASSERT_PTR_NULL(commit_history_at(2));
	free(text);
	rig_stop();
}

/* A full disk, or one that may not be written: what runs is another thing. */
static void test_file_not_written(void)
{
	struct commit_request request = {.uid = 1, .restart_accepted = true};
	struct commit_result done;
	struct commit_state s;
	char away[128];
	struct err err;

	rig_start();
	snprintf(away, sizeof(away), "%s/gateway.json.new", rig.folder);
	CU_ASSERT_EQUAL(mkdir(away, 0700), 0); /* in the way of what is written first */
	edit(PERIOD, "500");
	CU_ASSERT_EQUAL(rig_commit(&request, 1, &done, &err), 0);
	CU_ASSERT(commit_save(&err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rig.file));
	commit_state_read(0, &s);
	CU_ASSERT_FALSE(s.saved);
	edit("port/lan/mtu", "1400");
	CU_ASSERT(rig_commit(&request, 1, &done, &err) < 0);
	commit_state_read(0, &s);
	CU_ASSERT_FALSE(s.restart);
	CU_ASSERT_FALSE(file_has("1400"));
	rig_stop();
}

UNIT_MAIN(UNIT(test_commit_and_save), UNIT(test_nothing_to_apply),
          UNIT(test_refused_changes_nothing), UNIT(test_not_applied_is_not_committed),
          UNIT(test_restart_waits), UNIT(test_taken_back), UNIT(test_confirmed),
          UNIT(test_start_again), UNIT(test_file_not_written))
