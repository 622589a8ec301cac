/* SPDX-License-Identifier: BSD-3-Clause */

/* The alarm over counts that the test sets; the data plane is not there. */

#include "control/no_key_watch.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/clock.h"
#include "control/alarm.h"

static uint64_t cleared[2];
static struct config config;

uint64_t __wrap_dataplane_cleared_no_key(const struct dataplane *dp, unsigned int index);

uint64_t __wrap_dataplane_cleared_no_key(const struct dataplane *dp, unsigned int index)
{
	return cleared[index];
}

static bool alarmed(const char *resource)
{
	const struct alarm *a = alarm_find("clear", resource);

	return a != NULL && a->active;
}

static void test_alarm_follows_the_packets(void)
{
	uint64_t s = 1;

	alarm_reset(NULL);
	no_key_watch_reset();
	config.tunnel_count = 2;
	snprintf(config.tunnels[0].name, sizeof(config.tunnels[0].name), "near");
	snprintf(config.tunnels[1].name, sizeof(config.tunnels[1].name), "far");
	no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	CU_ASSERT_FALSE(alarmed("tunnel/near") || alarmed("tunnel/far"));
	cleared[1] = 5;
	no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	CU_ASSERT_FALSE(alarmed("tunnel/near"));
	CU_ASSERT_TRUE(alarmed("tunnel/far"));
	CU_ASSERT_EQUAL(alarm_find("clear", "tunnel/far")->severity, ALARM_CRITICAL);
	/* It lasts while packets leave, and for 10 s after. */
	for (unsigned int i = 0; i < 20; i++) {
		cleared[1]++;
		no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	}
	for (unsigned int i = 0; i < 9; i++)
		no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	CU_ASSERT_TRUE(alarmed("tunnel/far"));
	no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	CU_ASSERT_FALSE(alarmed("tunnel/far"));
	CU_ASSERT_EQUAL(alarm_find("clear", "tunnel/far")->raised_count, 1);
	cleared[1]++;
	no_key_watch_poll(NULL, &config, s++ * NS_PER_S);
	CU_ASSERT_TRUE(alarmed("tunnel/far"));
}

UNIT_MAIN(UNIT(test_alarm_follows_the_packets))
