/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/fibre_watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/watch_baseline.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"

#define TURN_NS (100 * NS_PER_MS)
#define SLOTS   100000000 /* of a turn */
#define CLICKS  9000

static struct config config;
static struct qkd_role_status status;
static uint64_t now;
static double power;

static bool raised(const char *kind)
{
	const struct alarm *a = alarm_find(kind, "link/demo");

	return a != NULL && a->active;
}

static void start(enum config_site site)
{
	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	memset(&config, 0, sizeof(config));
	memset(&status, 0, sizeof(status));
	strcpy(config.link, "demo");
	config.site = site;
	config.qkd.mu1 = 0.5;
	config.qkd.mu2 = 0.1;
	config.qkd.p_mu1 = 0.7;
	config.qkd.holdoff_ns = 10000;
	status.quantum = status.optics.present = status.engine.aligned = true;
	status.optics.card.slot_period_fs = 1000000;
	now = 100 * NS_PER_S;
	power = 8000;
	fibre_watch_start(&config);
	fibre_watch_poll(&status, power, now);
}

/* Turns of a link with this error rate in X, double clicks and clicks. */
static void turns(unsigned int n, double qx, double doubles, unsigned int clicks)
{
	for (unsigned int i = 0; i < n; i++) {
		struct engine_stats *e = &status.engine;

		e->sampled_z += 1000;
		e->sample_errors_z += number_binomial(1000, 0.02);
		e->sifted_x += 400;
		e->errors_x += number_binomial(400, qx);
		status.optics.card.clicks += clicks;
		status.optics.card.doubles += number_binomial(clicks, doubles);
		status.optics.card.last_slot += SLOTS;
		fibre_watch_poll(&status, power, now += TURN_NS);
	}
}

static unsigned int active(void)
{
	unsigned int n = 0;

	for (size_t i = 0; alarm_at(i) != NULL; i++)
		n += alarm_at(i)->active;
	return n;
}

static void cause(unsigned int basis, double rise, uint64_t now_ns, char *out, size_t n)
{
	CU_ASSERT(basis == 1 && rise > 0 && rise < 0.03 && now_ns == now);
	snprintf(out, n, "light of C40 explains 30 %% of it: ");
}

static void test_errors(void)
{
	start(CONFIG_SITE_B);
	turns(7000, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	turns(100, 0.045, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("errors-rise-x"));
	CU_ASSERT_EQUAL(active(), 1);
	/* The bound covers it. */
	CU_ASSERT_FALSE(fibre_watch_holds());
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(alarm_find("errors-rise-x", "link/demo")->text, "errors in X"));
	turns(1000, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	/* What else may be the cause comes first. */
	fibre_watch_cause(cause);
	turns(100, 0.045, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("errors-rise-x"));
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm_find("errors-rise-x", "link/demo")->text,
	                              "C40 explains 30 % of it: errors in X: 3."));
	fibre_watch_cause(NULL);
}

/* Who is known to attack while the baseline is learnt teaches it nothing. */
static void test_learns_nothing_of_an_alarm(void)
{
	start(CONFIG_SITE_B);
	turns(2000, 0.02, 0.002, CLICKS);
	status.engine.alarms = 1u << ENGINE_ALARM_QBER_X;
	turns(2000, 0.25, 0.002, CLICKS);
	status.engine.alarms = 0;
	turns(5000, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	turns(100, 0.045, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("errors-rise-x"));
}

static void test_blinding_holds_key(void)
{
	start(CONFIG_SITE_B);
	turns(1000, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	turns(10, 0.02, 1e-9, CLICKS);
	CU_ASSERT_TRUE(raised("detector-blinding"));
	CU_ASSERT_TRUE(fibre_watch_holds());
	turns(700, 0.02, 0.002, CLICKS);
	CU_ASSERT_FALSE(fibre_watch_holds());
	CU_ASSERT_EQUAL(active(), 0);
	/* An operator need not wait; but it comes again while it is true. */
	turns(10, 0.02, 1e-9, CLICKS);
	fibre_watch_clear();
	CU_ASSERT_FALSE(fibre_watch_holds());
	turns(1, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	turns(10, 0.02, 1e-9, CLICKS);
	CU_ASSERT_TRUE(raised("detector-blinding"));
	fibre_watch_clear();
	turns(10, 0.02, 1e-9, CLICKS);
	CU_ASSERT_TRUE(raised("detector-blinding"));
	/* At the transmitter's site there are no clicks to go by. */
	start(CONFIG_SITE_A);
	turns(1000, 0.02, 0.002, CLICKS);
	turns(10, 0.02, 1e-9, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
}

static void test_loss(void)
{
	start(CONFIG_SITE_B);
	/* 9000 clicks in 10^8 - 9 x 10^7 live slots. */
	turns(4000, 0.02, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	/* A laser that fades does not look like a loss: 1 % less light, 0.1 % fewer clicks. */
	power *= 0.99;
	turns(600, 0.02, 0.002, 8991);
	CU_ASSERT_FALSE(raised("loss-step"));
	power /= 0.99;
	turns(600, 0.02, 0.002, 8980);
	CU_ASSERT_TRUE(raised("loss-step"));
	fibre_watch_relearn();
	turns(4000, 0.02, 0.002, 8980);
	CU_ASSERT_EQUAL(active(), 0);
	/* Without the other end's power nothing is said of the loss. */
	start(CONFIG_SITE_B);
	power = 0;
	turns(4000, 0.02, 0.002, CLICKS);
	turns(600, 0.02, 0.002, 5000);
	CU_ASSERT_FALSE(raised("loss-step"));
}

static void test_decoy(void)
{
	start(CONFIG_SITE_B);
	/* (0.7 x 0.5) to (0.3 x 0.1): 7.9 % of all. */
	for (unsigned int i = 0; i < 20; i++) {
		status.engine.counted[0] += 1000000;
		status.engine.counted[1] += 86000;
		turns(1, 0.02, 0.002, CLICKS);
	}
	CU_ASSERT_EQUAL(active(), 0);
	status.engine.counted[0] += 1000000;
	status.engine.counted[1] += 55000;
	turns(1, 0.02, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("photon-number-splitting"));

	/* So few less that only a block's own test finds it. */
	start(CONFIG_SITE_B);
	turns(1, 0.02, 0.002, CLICKS);
	for (unsigned int i = 0; i < 20; i++) {
		status.engine.counted[0] += 1000000;
		status.engine.counted[1] += 83000;
		turns(18, 0.02, 0.002, CLICKS);
	}
	CU_ASSERT_EQUAL(active(), 0);
	status.engine.aborts[ABORT_DECOYS]++;
	turns(1, 0.02, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("photon-number-splitting"));
	turns(310, 0.02, 0.002, CLICKS);
	CU_ASSERT_FALSE(raised("photon-number-splitting"));
	/* At the other end it is the peer's word, and alarm. */
	start(CONFIG_SITE_A);
	turns(1, 0.02, 0.002, CLICKS);
	status.engine.aborts[ABORT_DECOYS]++;
	turns(1, 0.02, 0.002, CLICKS);
	CU_ASSERT_FALSE(raised("photon-number-splitting"));
}

/* A step of the loss by fewer CLICKS, of whose samples so many are decoys; turns until KIND. */
static unsigned int step(unsigned int clicks, double decoys, const char *kind, const char * not )
{
	start(CONFIG_SITE_B);
	for (unsigned int i = 0; i < 5000; i++) {
		bool after = i >= 4400;
		uint64_t k = number_binomial(100, after ? decoys : 0.0789);

		status.engine.sampled_signal += 100 - k;
		status.engine.sampled_decoy += k;
		turns(1, 0.02, 0.002, after ? clicks : CLICKS);
		CU_ASSERT_FALSE(raised(not ));
		if (raised(kind))
			return i - 4400;
	}
	return UINT_MAX;
}

/* What lost decoys has their name from the start, what lost light its own, soon enough. */
static void test_steps_name(void)
{
	/* Live slots make it 0.06, 0.4 and 5 dB. */
	CU_ASSERT(step(8987, 0.0645, "photon-number-splitting", "loss-step") < 350);
	CU_ASSERT(step(8910, 0.02, "photon-number-splitting", "loss-step") < 100);
	CU_ASSERT(step(8987, 0.0789, "loss-step", "photon-number-splitting") < 400);
	CU_ASSERT(step(8910, 0.0789, "loss-step", "photon-number-splitting") < 150);
	/* More than all decoys make: nothing to wait for. */
	CU_ASSERT(step(7800, 0.0789, "loss-step", "photon-number-splitting") <= 51);
	/* Site A has the samples, too. */
	start(CONFIG_SITE_A);
	for (unsigned int i = 0; i < 100; i++) {
		status.engine.sampled_signal += 98;
		status.engine.sampled_decoy += 2;
		turns(1, 0.02, 0.002, CLICKS);
	}
	CU_ASSERT_TRUE(raised("photon-number-splitting"));
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm_find("photon-number-splitting", "link/demo")->text,
	                              "decoys are 2.00 % of the last"));
}

static bool learnt(const char *name)
{
	json_t *o = watch_baseline_json(), *b;
	bool is = false;
	size_t i;

	json_array_foreach (json_object_get(o, "baselines"), i, b)
		if (strcmp(json_string_value(json_object_get(b, "baseline")), name) == 0)
			is = json_is_true(json_object_get(b, "learnt"));
	json_decref(o);
	return is;
}

static bool at_start(const char *word)
{
	json_t *o = watch_baseline_json();
	bool is = strstr(json_string_value(json_object_get(o, "at_start")), word) != NULL;

	json_decref(o);
	return is;
}

/* The gateway starts again, its key store in DIR. */
static void restart(const char *dir, double p_z)
{
	start(CONFIG_SITE_B);
	snprintf(config.keystore.path, sizeof(config.keystore.path), "%s/keys.db", dir);
	config.qkd.enabled = true;
	config.qkd.p_z = p_z;
	fibre_watch_start(&config);
	watch_baseline_start(&config);
}

/* What was learnt before a restart finds at once what began during it. */
static void test_restart(void)
{
	char dir[] = "/tmp/lumengate-watch-XXXXXX", path[64];
	struct err err = {0};

	log_level_set("watch_baseline", LOG_LEVEL_ERR - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	restart(dir, 0.8);
	CU_ASSERT_TRUE(at_start("none"));
	turns(7000, 0.02, 0.002, CLICKS);
	CU_ASSERT_TRUE(learnt("errors_x") && learnt("transmission_db"));
	watch_baseline_stop();

	restart(dir, 0.8);
	CU_ASSERT_TRUE(at_start("loaded"));
	CU_ASSERT_TRUE(learnt("errors_x") && learnt("doubles_log"));
	turns(100, 0.045, 0.002, CLICKS);
	CU_ASSERT_TRUE(raised("errors-rise-x"));
	/* The operator knows why, and approves of it: after the next start, too. */
	turns(600, 0.045, 0.002, CLICKS);
	CU_ASSERT_EQUAL(watch_baseline_approve(&err), 0);
	turns(1000, 0.045, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);

	restart(dir, 0.8);
	CU_ASSERT_TRUE(learnt("errors_x"));
	turns(1000, 0.045, 0.002, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	CU_ASSERT_EQUAL(watch_baseline_relearn(&err), 0);
	CU_ASSERT_FALSE(learnt("errors_x"));
	turns(7000, 0.02, 0.002, CLICKS);
	watch_baseline_stop();

	/* Of a link with other probabilities nothing is taken over. */
	restart(dir, 0.9);
	CU_ASSERT_TRUE(at_start("another link"));
	CU_ASSERT_FALSE(learnt("doubles_log"));
	snprintf(path, sizeof(path), "%s/watch-baseline.json", dir);
	CU_ASSERT_EQUAL(remove(path), 0);
	CU_ASSERT_EQUAL(remove_tree(dir), 0);
}

static void test_status(void)
{
	json_t *o, *list, *m;
	size_t i;

	start(CONFIG_SITE_B);
	o = fibre_watch_json();
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT(json_real_value(json_object_get(o, "false_alarms_a_year")) < 1);
	list = json_object_get(o, "monitors");
	CU_ASSERT(json_array_size(list) > 5);
	json_array_foreach (list, i, m)
		CU_ASSERT(json_is_false(json_object_get(m, "raised")));
	json_decref(o);
}

/* A tenth of a second's arrivals at site B, of which so many lie together elsewhere. */
static void arrivals(struct optics_monitor_counts *c, uint64_t elsewhere)
{
	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		c->arrivals[d][15] += 500;
		c->arrivals[d][16] += 500;
		c->arrivals[d][24] += elsewhere;
	}
	fibre_watch_counts(c, 0.1);
	turns(1, 0.02, 0.002, CLICKS);
}

/* The card's monitors: what looks at the cause has the name, and key stops. */
static void test_cards(void)
{
	static struct optics_monitor_counts c;

	memset(&c, 0, sizeof(c));
	start(CONFIG_SITE_B);
	for (unsigned int i = 0; i < 1000; i++)
		arrivals(&c, 0);
	CU_ASSERT_EQUAL(active(), 0);
	/* More doubles alone wait for the decoys' word. */
	turns(50, 0.02, 0.008, CLICKS);
	CU_ASSERT_FALSE(raised("double-clicks"));
	arrivals(&c, 500);
	CU_ASSERT_TRUE(raised("time-shift"));
	CU_ASSERT_TRUE(fibre_watch_holds());
	CU_ASSERT_EQUAL(alarm_find("time-shift", "link/demo")->severity, ALARM_CRITICAL);
	/* They are explained, for as long as that stands; and it is not over in the dark. */
	turns(200, 0.02, 0.008, CLICKS);
	CU_ASSERT_EQUAL(active(), 1);
	status.engine.aligned = false;
	turns(600, 0.02, 0.008, CLICKS);
	CU_ASSERT_TRUE(raised("time-shift") && fibre_watch_holds());
	status.engine.aligned = true;
	for (unsigned int i = 0; i < 350; i++)
		arrivals(&c, 0);
	CU_ASSERT_FALSE(raised("time-shift"));
	CU_ASSERT_FALSE(fibre_watch_holds());
	CU_ASSERT_EQUAL(active(), 0);
	/* With no other's word within a minute they have their own alarm. */
	turns(590, 0.02, 0.008, CLICKS);
	CU_ASSERT_EQUAL(active(), 0);
	turns(50, 0.02, 0.008, CLICKS);
	CU_ASSERT_TRUE(raised("double-clicks"));
	CU_ASSERT_EQUAL(active(), 1);
}

UNIT_MAIN(UNIT(test_cards), UNIT(test_errors), UNIT(test_learns_nothing_of_an_alarm),
          UNIT(test_blinding_holds_key), UNIT(test_loss), UNIT(test_decoy), UNIT(test_steps_name),
          UNIT(test_restart), UNIT(test_status))
