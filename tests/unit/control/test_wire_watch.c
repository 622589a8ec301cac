/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wire_watch.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "tests/unit/unit.h"

static struct {
	bool up, cannot;
	uint64_t session;
	unsigned int sets, sent;
	uint8_t msg[16];
	size_t len;
	uint16_t tunnel;
} fake;

static bool local_up(void *ctx)
{
	return fake.up;
}

static int set(void *ctx, bool up)
{
	fake.sets++;
	if (fake.cannot)
		return -ENOTSUP;
	fake.up = up;
	return 0;
}

static uint64_t session(void *ctx)
{
	return fake.session;
}

static int send_(void *ctx, uint16_t tunnel, const void *msg, size_t len)
{
	fake.sent++;
	fake.tunnel = tunnel;
	fake.len = len;
	memcpy(fake.msg, msg, len);
	return 0;
}

static const struct wire_watch_ops ops = {local_up, set, session, send_};
static const uint8_t up_msg[] = {0, 0, 1, 2, 1}, down_msg[] = {0, 0, 1, 2, 0};

static bool raised(void)
{
	const struct alarm *a = alarm_find("link-loss", "wire/w");

	return a != NULL && a->active;
}

static void start(void)
{
	static struct config config;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	log_level_set("wire", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	memset(&fake, 0, sizeof(fake));
	fake.up = true;
	fake.session = 5;
	config.tunnel_count = 2;
	strcpy(config.tunnels[0].name, "other");
	strcpy(config.tunnels[1].name, "dc");
	config.wire_count = 1;
	config.wires[0] = (struct config_wire){.name = "w",
	                                       .tunnel = "dc",
	                                       .key = 258,
	                                       .whole = true,
	                                       .link_loss = true,
	                                       .link_loss_hold_s = 30};
	wire_watch_start(&config, &ops, NULL, NS_PER_S);
	wire_watch_poll(NS_PER_S);
}

static void test_reports_and_follows(void)
{
	struct wire_watch_status s;

	start();
	CU_ASSERT_EQUAL(fake.sent, 1);
	CU_ASSERT_EQUAL(fake.tunnel, 1);
	CU_ASSERT_EQUAL(fake.len, sizeof(up_msg));
	CU_ASSERT_EQUAL(memcmp(fake.msg, up_msg, sizeof(up_msg)), 0);
	CU_ASSERT_TRUE(wire_watch_receive(1, down_msg, sizeof(down_msg)));
	wire_watch_poll(2 * NS_PER_S);
	CU_ASSERT_FALSE(fake.up);
	CU_ASSERT_TRUE(raised());
	wire_watch_read(0, &s);
	CU_ASSERT_TRUE(s.forwarded && s.held && s.remote_known && !s.remote_up);
	wire_watch_poll(3 * NS_PER_S);
	CU_ASSERT_EQUAL(fake.sent, 1);
	CU_ASSERT_EQUAL(fake.sets, 1);
	CU_ASSERT_TRUE(wire_watch_receive(1, up_msg, sizeof(up_msg)));
	wire_watch_poll(4 * NS_PER_S);
	wire_watch_poll(5 * NS_PER_S);
	CU_ASSERT_TRUE(fake.up);
	CU_ASSERT_FALSE(raised());
	CU_ASSERT_EQUAL(fake.sent, 1);
}

static void test_wrong_messages_change_nothing(void)
{
	static const uint8_t other_key[] = {0, 0, 1, 3, 0}, reserved[] = {0, 0, 1, 2, 2};

	start();
	CU_ASSERT_FALSE(wire_watch_receive(0, down_msg, sizeof(down_msg)));
	CU_ASSERT_FALSE(wire_watch_receive(1, other_key, sizeof(other_key)));
	CU_ASSERT_FALSE(wire_watch_receive(1, reserved, sizeof(reserved)));
	CU_ASSERT_FALSE(wire_watch_receive(1, down_msg, 4));
	wire_watch_poll(2 * NS_PER_S);
	CU_ASSERT_TRUE(fake.up);
}

static void test_a_device_that_cannot(void)
{
	start();
	fake.cannot = true;
	wire_watch_receive(1, down_msg, sizeof(down_msg));
	wire_watch_poll(2 * NS_PER_S);
	CU_ASSERT_TRUE(raised());
	CU_ASSERT_EQUAL(alarm_find("link-loss", "wire/w")->severity, ALARM_WARNING);
	CU_ASSERT_TRUE(fake.up);
	wire_watch_receive(1, up_msg, sizeof(up_msg));
	wire_watch_poll(3 * NS_PER_S);
	CU_ASSERT_FALSE(raised());
}

static void test_stopping_lets_go(void)
{
	start();
	wire_watch_receive(1, down_msg, sizeof(down_msg));
	wire_watch_poll(2 * NS_PER_S);
	CU_ASSERT_FALSE(fake.up);
	wire_watch_stop();
	CU_ASSERT_TRUE(fake.up);
}

UNIT_MAIN(UNIT(test_reports_and_follows), UNIT(test_wrong_messages_change_nothing),
          UNIT(test_a_device_that_cannot), UNIT(test_stopping_lets_go))
