/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_json.h"

#include <math.h>
#include <string.h>

#include "tests/unit/control/prediction_20km.h"
#include "tests/unit/unit.h"

/* The demonstration link, with its own light; the figures are those of scripts/lib/prediction.py,
 * which shares nothing with the gateway. */
static struct config config;

static void setup(void)
{
	config = (struct config){
	        .site = CONFIG_SITE_B,
	        .qkd = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8, .holdoff_ns = 1000}};
	config.qkd.dwdm = (struct config_dwdm){.planned = true,
	                                       .fibre_loss_db = 4,
	                                       .tolerance_db = 2,
	                                       .tolerance_ghz = 5,
	                                       .count = 2,
	                                       .channel = {{"C37", false, -15}, {"C38", true, -15}},
	                                       .prediction = prediction_20km};
}

static void see(struct card_ocm_scan *s, double thz, double dbm)
{
	s->channel[s->count++] = (struct card_ocm_seen){.centre_mhz = (uint32_t)(thz * 1e6 + 0.5),
	                                                .power_mdbm = (int32_t)(dbm * 1000)};
}

static struct card_ocm_scan own(double co_dbm, double counter_dbm)
{
	struct card_ocm_scan s = {.scan = 1, .floor_mdbm = -50000};

	see(&s, 193.7, co_dbm);
	see(&s, 193.8, counter_dbm);
	return s;
}

#define NEAR(got, want, share) CU_ASSERT_DOUBLE_EQUAL(got, want, (share) * (want))

static void test_prediction(void)
{
	struct card_ocm_scan at_bob = own(-19, -15), at_alice = own(-15, -19);
	struct dwdm_prediction p;

	setup();
	dwdm_predict(&config, 1e9, NULL, NULL, &p);
	CU_ASSERT_TRUE(p.known);
	CU_ASSERT_FALSE(p.scanned);
	NEAR(p.plan.counts, 9.686e-5, 0.02);
	NEAR(p.plan.qber_z, 0.022428, 0.03);
	NEAR(p.plan.qber_x, 0.022428, 0.06); /* X has less light beside as many dark counts */
	dwdm_predict(&config, 1e9, &at_bob, NULL, &p);
	CU_ASSERT_TRUE(p.scanned);
	NEAR(p.least.qber_z, p.plan.qber_z, 1e-9);
	NEAR(p.most.qber_z, p.plan.qber_z, 1e-9);

	/* C40, counter at -12 dBm, or along at -8: Bob's end cannot tell, nor can Alice's. */
	see(&at_bob, 194.0, -12);
	dwdm_predict(&config, 1e9, &at_bob, NULL, &p);
	NEAR(p.least.qber_z, 0.032707, 0.03);
	NEAR(p.most.qber_z, 0.044367, 0.03);
	see(&at_alice, 194.0, -16);
	config.site = CONFIG_SITE_A;
	dwdm_predict(&config, 1e9, &at_alice, NULL, &p);
	NEAR(p.most.qber_z, 0.032707, 0.03);
	CU_ASSERT(p.least.qber_z < p.most.qber_z);
}

/* A channel that is gone, or stronger, counts as it is; one below the monitor's floor as planned.
 */
static void test_prediction_follows_the_scan(void)
{
	struct card_ocm_scan s = {.scan = 1, .floor_mdbm = -50000};
	struct dwdm_prediction p;

	setup();
	dwdm_predict(&config, 1e9, &s, NULL, &p);
	NEAR(p.least.qber_z, 0.015157, 0.03);
	CU_ASSERT(p.least.counts == 0);
	s.floor_mdbm = -10000;
	dwdm_predict(&config, 1e9, &s, NULL, &p);
	NEAR(p.least.qber_z, p.plan.qber_z, 1e-9);
	s = own(-16, -12);
	dwdm_predict(&config, 1e9, &s, NULL, &p);
	NEAR(p.least.counts, 1.9953 * p.plan.counts, 1e-3);
	config.qkd.dwdm.prediction.known = false;
	dwdm_predict(&config, 1e9, &s, NULL, &p);
	CU_ASSERT_FALSE(p.known);
}

/* As many channels as a scan holds: a bounded time, no overrun. */
static void test_a_full_scan(void)
{
	struct card_ocm_scan s = {.scan = 1, .floor_mdbm = -50000};
	struct dwdm_prediction p;

	setup();
	for (unsigned int i = 0; i < CARD_OCM_CHANNELS; i++)
		see(&s, 191.3 + 0.019 * i, -40);
	dwdm_predict(&config, 1e9, &s, NULL, &p);
	CU_ASSERT(p.least.counts > 0 && p.most.counts >= p.least.counts);
}

static const char *word(const json_t *o, size_t i, const char *name)
{
	return json_string_value(
	        json_object_get(json_array_get(json_object_get(o, "channels"), i), name));
}

static double figure(const json_t *o, size_t i, const char *name)
{
	return json_number_value(
	        json_object_get(json_array_get(json_object_get(o, "channels"), i), name));
}

static void test_states(void)
{
	struct card_ocm_scan s = {.scan = 9, .floor_mdbm = -50000};
	json_t *o;

	setup();
	see(&s, 193.7061, -19.5);
	see(&s, 194.0, -12);
	o = dwdm_json(&config, 1e9, &s, NULL, 0.031, 0.033);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL_FATAL(json_array_size(json_object_get(o, "channels")), 3);
	CU_ASSERT_STRING_EQUAL(word(o, 0, "channel"), "C37");
	CU_ASSERT_STRING_EQUAL(word(o, 0, "state"), "drift");
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 0, "drift_ghz"), 6.1, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 0, "drift_db"), -0.5, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 0, "expected_dbm"), -19, 1e-6);
	CU_ASSERT_STRING_EQUAL(word(o, 1, "state"), "missing");
	CU_ASSERT_STRING_EQUAL(word(o, 1, "direction"), "counter");
	CU_ASSERT_STRING_EQUAL(word(o, 2, "channel"), "C40");
	CU_ASSERT_STRING_EQUAL(word(o, 2, "state"), "new");
	CU_ASSERT_EQUAL(
	        json_number_value(json_object_get(json_object_get(o, "measured"), "qber_x")),
	        0.033);
	CU_ASSERT_TRUE(
	        json_is_object(json_object_get(json_object_get(o, "predicted"), "seen_most")));
	json_decref(o);

	o = dwdm_json(&config, 1e9, NULL, NULL, 0, 0);
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "monitor")));
	CU_ASSERT_STRING_EQUAL(word(o, 0, "state"), "unknown");
	json_decref(o);

	/* Without a plan: what is there, and no judgement. */
	config.qkd.dwdm = (struct config_dwdm){0};
	o = dwdm_json(&config, 1e9, &s, NULL, 0, 0);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "channels")), 2);
	CU_ASSERT_STRING_EQUAL(word(o, 1, "state"), "unknown");
	CU_ASSERT_TRUE(json_is_null(json_object_get(o, "predicted")));
	json_decref(o);
}

/* A neighbour launched at one end, and the far end's spectrum. */
static void test_both_ends(void)
{
	struct card_ocm_scan at_bob = own(-19, -15), at_alice = own(-15, -19);
	struct dwdm_prediction p;
	json_t *o;

	setup();
	/* C40 from Bob to Alice: at both ends the same, and no more than it makes. */
	see(&at_bob, 194.0, -12);
	see(&at_alice, 194.0, -16);
	dwdm_predict(&config, 1e9, &at_bob, &at_alice, &p);
	NEAR(p.least.qber_z, 0.032707, 0.03);
	NEAR(p.most.qber_z, p.least.qber_z, 1e-9);
	o = dwdm_json(&config, 1e9, &at_bob, &at_alice, 0, 0);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "direction"), "counter");
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 2, "launch_dbm"), -12, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 2, "far_dbm"), -16, 1e-9);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "far_state"), "new");
	CU_ASSERT_STRING_EQUAL(word(o, 0, "far_state"), "as-planned");
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 0, "far_expected_dbm"), -15, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 1, "far_dbm"), -19, 1e-9);
	CU_ASSERT_EQUAL(
	        json_integer_value(json_object_get(json_object_get(o, "far_monitor"), "scan")), 1);
	json_decref(o);
	config.site = CONFIG_SITE_A;
	dwdm_predict(&config, 1e9, &at_alice, &at_bob, &p);
	NEAR(p.least.qber_z, 0.032707, 0.03);
	NEAR(p.most.qber_z, p.least.qber_z, 1e-9);
	o = dwdm_json(&config, 1e9, &at_alice, &at_bob, 0, 0);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "direction"), "counter");
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 2, "launch_dbm"), -12, 1e-9);
	json_decref(o);
	/* Along: the other way round. A planned one that is weak at the far end alone. */
	at_alice = own(-15, -23);
	at_bob = own(-19, -15);
	see(&at_alice, 194.0, -8);
	see(&at_bob, 194.0, -12);
	o = dwdm_json(&config, 1e9, &at_alice, &at_bob, 0, 0);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "direction"), "co");
	CU_ASSERT_DOUBLE_EQUAL(figure(o, 2, "launch_dbm"), -8, 1e-9);
	CU_ASSERT_STRING_EQUAL(word(o, 1, "state"), "power");
	CU_ASSERT_STRING_EQUAL(word(o, 1, "far_state"), "as-planned");
	json_decref(o);
	/* Too weak to be seen at this end, and known by the other. */
	at_alice = own(-15, -19);
	at_alice.floor_mdbm = -30000;
	at_bob = own(-19, -15);
	see(&at_bob, 194.0, -27);
	o = dwdm_json(&config, 1e9, &at_alice, &at_bob, 0, 0);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "channels")), 3);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "state"), "not-here");
	CU_ASSERT_STRING_EQUAL(word(o, 2, "far_state"), "new");
	CU_ASSERT_STRING_EQUAL(word(o, 2, "direction"), "counter");
	json_decref(o);
	dwdm_predict(&config, 1e9, &at_alice, &at_bob, &p);
	CU_ASSERT(p.least.counts > p.plan.counts * 1.0001);
	/* As strong at both ends: two lasers, or a scan of before: nobody can tell. */
	at_bob = own(-19, -15);
	see(&at_bob, 194.0, -16);
	at_alice = own(-15, -19);
	see(&at_alice, 194.0, -16);
	o = dwdm_json(&config, 1e9, &at_alice, &at_bob, 0, 0);
	CU_ASSERT_STRING_EQUAL(word(o, 2, "direction"), "unknown");
	json_decref(o);
	dwdm_predict(&config, 1e9, &at_alice, &at_bob, &p);
	CU_ASSERT(p.most.counts > p.least.counts);
}

UNIT_MAIN(UNIT(test_prediction), UNIT(test_prediction_follows_the_scan), UNIT(test_a_full_scan),
          UNIT(test_states), UNIT(test_both_ends))
