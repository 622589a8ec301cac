/* SPDX-License-Identifier: BSD-3-Clause */

/* One cause and what to do, whatever else is wrong. */

#include "control/why.h"
#include "tests/unit/unit.h"

#include <glob.h>
#include <string.h>

#include "common/log.h"
#include "control/alarm.h"
#include "control/why_key.h"
#include "control/why_traffic.h"

#define LINK "link/demo"

static struct why answer;

static void start(void)
{
	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
}

static bool is(const char *cause)
{
	if (strcmp(answer.cause, cause) != 0)
		printf("%s instead of %s: %s\n", answer.cause, cause, answer.text);
	return strcmp(answer.cause, cause) == 0;
}

static bool says(const char *part)
{
	if (strstr(answer.text, part) == NULL)
		printf("not \"%s\": %s\n", part, answer.text);
	return strstr(answer.text, part) != NULL;
}

/* A link that makes key. */
static const struct why_key_facts good = {
        .resource = LINK,
        .quantum = true,
        .channel_up = true,
        .aligned = true,
        .sifted_per_s = 600e3,
        .block_bits = 1e6,
        .block_age_s = 1.2,
        .block_every_s = 2,
        .secret_per_s = 211000,
        .last_abort = "",
        .feed = "",
        .keys = 4711,
};

static void ask(const struct why_key_facts *f)
{
	memset(&answer, 0xff, sizeof(answer));
	why_key(f, &answer);
	/* All is said, and where nothing is well, what to do. */
	CU_ASSERT(strlen(answer.cause) > 0 && strlen(answer.text) > 0);
	CU_ASSERT(answer.well || strlen(answer.action) > 0);
}

static void test_key_is_made(void)
{
	start();
	ask(&good);
	CU_ASSERT_TRUE(answer.well);
	CU_ASSERT_TRUE(is("made"));
	CU_ASSERT_STRING_EQUAL(answer.text, "Key is made at 211000 b/s, the last block 1 s ago; "
	                                    "4711 keys for rekeying at hand");
	CU_ASSERT_STRING_EQUAL(answer.action, "");
	/* An alarm that stops nothing is no cause. */
	alarm_raise("errors-rise-x", LINK, ALARM_MAJOR, "errors in X");
	alarm_raise("no-light", "link/other", ALARM_MAJOR, "dark");
	ask(&good);
	CU_ASSERT_TRUE(answer.well);
}

/* From what all else needs to what needs all else. */
static void test_the_first_cause_wins(void)
{
	static const struct {
		const char *kind;
		enum alarm_severity severity;
	} chain[] = {
	        {"qber-z", ALARM_CRITICAL},     {"no-light", ALARM_MAJOR},
	        {"fibre-cut", ALARM_CRITICAL},  {"parameters", ALARM_CRITICAL},
	        {"channel-down", ALARM_MAJOR},  {"authentication", ALARM_CRITICAL},
	        {"qrng-stuck", ALARM_CRITICAL}, {"no-card", ALARM_MAJOR},
	};

	start();
	for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		alarm_raise(chain[i].kind, LINK, chain[i].severity, "as seen");
		ask(&good);
		CU_ASSERT_TRUE(is(chain[i].kind));
		CU_ASSERT_FALSE(answer.well);
		CU_ASSERT_STRING_EQUAL(answer.text, "as seen");
		CU_ASSERT_STRING_EQUAL(answer.action, alarm_kind_find(chain[i].kind)->action);
		CU_ASSERT_STRING_EQUAL(answer.resource, LINK);
	}
	for (size_t i = sizeof(chain) / sizeof(chain[0]); i-- > 1;) {
		alarm_clear(chain[i].kind, LINK, "over");
		ask(&good);
		CU_ASSERT_TRUE(is(chain[i - 1].kind));
	}
}

static void test_key_is_not_made_without_an_alarm(void)
{
	struct why_key_facts f = good;

	start();
	f.keys = 0;
	ask(&f);
	CU_ASSERT_TRUE(is("spent"));
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.action, "rekey/period"));
	f = good;
	f.channel_up = false;
	ask(&f);
	CU_ASSERT_TRUE(is("channel"));
	f = good;
	f.comparing = true;
	ask(&f);
	CU_ASSERT_TRUE(is("stores"));
	f = good;
	f.refused = true;
	ask(&f);
	CU_ASSERT_TRUE(is("store"));
	/* The last block is late: 3 times what one takes, a minute at least. */
	f = good;
	f.block_age_s = 59;
	ask(&f);
	CU_ASSERT_TRUE(is("made"));
	f.block_age_s = 61;
	ask(&f);
	CU_ASSERT_TRUE(is("late"));
	f.sifted_per_s = 5e3; /* 200 s a block */
	f.block_age_s = 599;
	ask(&f);
	CU_ASSERT_TRUE(is("made"));
	f.block_age_s = 601;
	f.aborted = true;
	f.last_abort = "no secret bits left";
	ask(&f);
	CU_ASSERT_TRUE(is("aborted"));
	CU_ASSERT_TRUE(says("no secret bits left"));
	alarm_raise("loss-step", LINK, ALARM_MAJOR, "the loss rose by 1.2 dB");
	ask(&f);
	CU_ASSERT_TRUE(is("loss-step"));
	alarm_clear("loss-step", LINK, "");
	f.sifted_per_s = 0;
	f.aborted = false;
	ask(&f);
	CU_ASSERT_TRUE(is("sifted"));
	f.aligned = false;
	ask(&f);
	CU_ASSERT_TRUE(is("alignment"));
	f.rung = "delay";
	f.waits = "no peak yet";
	ask(&f);
	CU_ASSERT_TRUE(is("start"));
	CU_ASSERT_TRUE(says("\"delay\": no peak yet"));
}

/* The other site's alarm is not seen here, but that block after block is aborted. */
static void test_aborts_since_the_last_block(void)
{
	struct why_key_facts f = good;

	start();
	f.aborted = true;
	f.last_abort = "error alarm (peer)";
	ask(&f);
	CU_ASSERT_TRUE(is("made"));
	f.block_age_s = 20;
	ask(&f);
	CU_ASSERT_TRUE(is("aborted"));
	CU_ASSERT_TRUE(says("error alarm (peer)"));
	f.block_every_s = 7;
	ask(&f);
	CU_ASSERT_TRUE(is("made"));
}

static void test_the_first_block(void)
{
	struct why_key_facts f = good;

	start();
	f.block_age_s = -1;
	f.block_every_s = f.secret_per_s = 0;
	f.sifted_per_s = 2000;
	f.keys = 0;
	ask(&f);
	CU_ASSERT_TRUE(is("filling"));
	CU_ASSERT_TRUE(says("2000 b/s sifted, a block takes 1000000 bits or 8 min"));
}

static void test_keys_of_others(void)
{
	struct why_key_facts f = {.resource = LINK, .last_abort = "", .feed = "asks", .keys = 3};

	start();
	alarm_raise("no-light", LINK, ALARM_MAJOR, "of a card that is not used");
	ask(&f);
	CU_ASSERT_TRUE(is("disabled"));
	CU_ASSERT_TRUE(says("3 keys are left"));
	f.foreign = f.channel_up = true;
	ask(&f);
	CU_ASSERT_TRUE(is("fed"));
	CU_ASSERT_TRUE(answer.well);
	f.keys = 0;
	ask(&f);
	CU_ASSERT_TRUE(is("feed"));
	CU_ASSERT_TRUE(says("asks"));
	alarm_raise("kme-refused", LINK, ALARM_MAJOR, "503");
	ask(&f);
	CU_ASSERT_TRUE(is("kme-refused"));
}

static const struct why_traffic_facts flowing = {
        .window_s = 10, .lan_rx = 1000, .wan_rx = 900, .sealed = 1000, .opened = 900};

static void ask_traffic(const struct why_traffic_facts *f)
{
	memset(&answer, 0xff, sizeof(answer));
	why_traffic(f, &answer);
	CU_ASSERT(strlen(answer.cause) > 0 && strlen(answer.text) > 0);
	CU_ASSERT(answer.well || strlen(answer.action) > 0);
}

static void test_traffic_by_figures(void)
{
	struct why_traffic_facts f = flowing;

	start();
	ask_traffic(&f);
	CU_ASSERT_TRUE(answer.well);
	CU_ASSERT_STRING_EQUAL(answer.text, "Traffic flows: 100 packets/s sealed, 90 opened");
	f.drops[0] = (struct why_drop){"drop.arp", 3};
	f.drops[1] = (struct why_drop){"drop.no_route", 40};
	ask_traffic(&f);
	CU_ASSERT_TRUE(answer.well);
	CU_ASSERT_TRUE(says("; 40 dropped (drop.no_route)"));
	f.drops[1].packets = 1900;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("drop.no_route"));
	CU_ASSERT_TRUE(says("no route leads to their destination"));
	f.drops[0].packets = 5000;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("drop.arp"));
	CU_ASSERT_PTR_NOT_NULL(strstr(answer.action, "section 7"));
	f = flowing;
	f.opened = 0;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("one-way"));
	f.sealed = 0;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("not-ours"));
	CU_ASSERT_TRUE(says("1000 packets came in"));
	f.lan_rx = 0;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("lan-silent"));
	f.lan_missed = 5;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("overload"));
	CU_ASSERT_TRUE(says("LAN port"));
	f.window_s = 0;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("start"));
}

/* Opened is not passed, and probes, which always come back, are nobody's traffic. */
static void test_traffic_that_ends_behind_the_tunnel(void)
{
	struct why_traffic_facts f = flowing;

	start();
	f.sealed = f.probes_sealed = f.lan_rx = 10;
	f.opened = 60;
	f.probes_opened = 10;
	f.drops[0] = (struct why_drop){"drop.inner_source", 48};
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("drop.inner_source"));
	/* As many as this site's hosts send in vain come before what is sealed. */
	f.drops[0] = (struct why_drop){"drop.no_route", 48};
	ask_traffic(&f);
	CU_ASSERT_TRUE(answer.well);
	f = flowing;
	f.sealed = 60;
	f.opened = f.probes_opened = f.probes_sealed = 10;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("one-way"));
	CU_ASSERT_TRUE(says("5 packets/s are sealed"));
	/* Nobody sends anything: nobody misses an answer. */
	f.sealed = 10;
	ask_traffic(&f);
	CU_ASSERT_TRUE(answer.well);
}

static void test_traffic_by_alarms(void)
{
	struct why_traffic_facts f = flowing;
	struct why key;

	start();
	why_key(&good, &key);
	/* Traffic by another tunnel does not help this one. */
	alarm_raise("tunnel-down", "tunnel/lab", ALARM_MAJOR, "silent");
	f.tunnel = "dc";
	ask_traffic(&f);
	CU_ASSERT_TRUE(answer.well);
	f.tunnel = "lab";
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("tunnel-down"));
	CU_ASSERT_STRING_EQUAL(answer.resource, "tunnel/lab");
	f.tunnel = NULL;
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("tunnel-down"));
	alarm_clear("tunnel-down", "tunnel/lab", "");

	f.key = &key;
	f.keyless = "dc";
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("no-key"));
	CU_ASSERT_STRING_EQUAL(answer.resource, "tunnel/dc");
	CU_ASSERT_TRUE(says("agree on one now"));
	alarm_raise("no-light", LINK, ALARM_MAJOR, "no detection for 2 s");
	why_key(&good, &key);
	ask_traffic(&f);
	CU_ASSERT_STRING_EQUAL(answer.text, "Tunnel dc has no key: no detection for 2 s");
	CU_ASSERT_STRING_EQUAL(answer.action, alarm_kind_find("no-light")->action);

	/* An address that is used all the same is no cause. */
	alarm_raise("address-conflict", "port/lan/10.0.0.1", ALARM_MAJOR, "claimed");
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("no-key"));
	alarm_raise("address-conflict", "port/wan/10.0.0.2", ALARM_CRITICAL, "another's");
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("address-conflict"));
	CU_ASSERT_STRING_EQUAL(answer.resource, "port/wan/10.0.0.2");
	alarm_raise("link-down", "port/lan", ALARM_MAJOR, "no link");
	ask_traffic(&f);
	CU_ASSERT_TRUE(is("link-down"));
}

static bool is_in_a_file(const char *text)
{
	static char source[1 << 18];
	glob_t files;
	bool found = false;

	CU_ASSERT_EQUAL_FATAL(glob(SOURCE_DIR "/dataplane/*.c", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc && !found; i++) {
		FILE *f = fopen(files.gl_pathv[i], "r");
		size_t n = fread(source, 1, sizeof(source) - 1, f);

		fclose(f);
		source[n] = '\0';
		found = strstr(source, text) != NULL;
	}
	globfree(&files);
	return found;
}

/* Rows for counters that there are. */
static void test_hints(void)
{
	const struct why_drop_hint *h;
	char quoted[64];
	size_t n = 0;

	for (; (h = why_drop_hint_at(n)) != NULL; n++) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", h->counter);
		CU_ASSERT_TRUE(is_in_a_file(quoted));
		CU_ASSERT(strlen(h->meaning) > 0 && strlen(h->action) > 0);
		CU_ASSERT_STRING_EQUAL(why_drop_hint(h->counter).meaning, h->meaning);
	}
	CU_ASSERT(n > 20);
	CU_ASSERT_FALSE(is_in_a_file("\"drop.no_such_counter\""));
	CU_ASSERT_STRING_EQUAL(why_drop_hint("drop.rare").counter, "drop.rare");
}

static void test_json(void)
{
	json_t *o;

	start();
	ask(&good);
	answer.resource[0] = '\0';
	o = why_json(&answer);
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "well")));
	CU_ASSERT_PTR_NULL(json_object_get(o, "action"));
	CU_ASSERT_PTR_NULL(json_object_get(o, "resource"));
	json_decref(o);
}

UNIT_MAIN(UNIT(test_key_is_made), UNIT(test_the_first_cause_wins),
          UNIT(test_key_is_not_made_without_an_alarm), UNIT(test_aborts_since_the_last_block),
          UNIT(test_the_first_block), UNIT(test_keys_of_others), UNIT(test_traffic_by_figures),
          UNIT(test_traffic_that_ends_behind_the_tunnel), UNIT(test_traffic_by_alarms),
          UNIT(test_hints), UNIT(test_json))
