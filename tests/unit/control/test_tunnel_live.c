/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/tunnel_live.h"

#include <string.h>

#include "common/clock.h"
#include "tests/unit/unit.h"

#define LOSSES 5
#define TICK   (NS_PER_S / 4)

static struct tunnel_live t;
static uint64_t now, opened;

static void start(void)
{
	memset(&t, 0, sizeof(t));
	now = NS_PER_S;
	opened = 0;
}

/* How often the peer is asked in SECONDS; of each ANSWERS-th question comes an answer. */
static unsigned int run(unsigned int seconds, bool has_key, unsigned int traffic,
                        unsigned int answers)
{
	unsigned int asked = 0;

	for (unsigned int i = 0; i < seconds * 4; i++, now += TICK) {
		opened += traffic;
		if (!tunnel_live_poll(&t, has_key, opened, LOSSES, now))
			continue;
		asked++;
		if (answers != 0 && asked % answers == 0)
			opened++;
	}
	return asked;
}

static void test_traffic_asks_nothing(void)
{
	start();
	CU_ASSERT_EQUAL(run(60, true, 3, 0), 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
}

static void test_an_idle_peer_answers(void)
{
	unsigned int asked;

	start();
	asked = run(60, true, 0, 1);
	CU_ASSERT_TRUE(asked >= 40 && asked <= 60);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
	/* Some lost, but never as many in a row as would matter. */
	run(60, true, 0, LOSSES);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
}

static void test_silence_and_return(void)
{
	start();
	CU_ASSERT_EQUAL(run(LOSSES, true, 0, 0), LOSSES - 1);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
	run(2, true, 0, 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_SILENT);
	CU_ASSERT_STRING_EQUAL(tunnel_live_name(&t), "peer-silent");
	/* It is asked on, once a second. */
	CU_ASSERT_EQUAL(run(10, true, 0, 0), 10);
	opened++;
	run(1, true, 0, 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
}

static void test_without_key_nobody_is_asked(void)
{
	start();
	CU_ASSERT_EQUAL(run(30, false, 0, 0), 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_NO_KEY);
	run(20, true, 0, 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_SILENT);
	run(1, false, 0, 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_NO_KEY);
	run(2, true, 0, 0);
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
}

static void test_no_losses_no_probes(void)
{
	start();
	for (unsigned int i = 0; i < 200; i++)
		CU_ASSERT_FALSE(tunnel_live_poll(&t, true, 0, 0, now + i * NS_PER_S));
	CU_ASSERT_EQUAL(t.state, TUNNEL_LIVE_UP);
}

UNIT_MAIN(UNIT(test_traffic_asks_nothing), UNIT(test_an_idle_peer_answers),
          UNIT(test_silence_and_return), UNIT(test_without_key_nobody_is_asked),
          UNIT(test_no_losses_no_probes))
