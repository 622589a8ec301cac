/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/event_watch.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/clock.h"
#include "control/gateway.h"
#include "dataplane/capture.h"

static unsigned int wanted; /* topics */
static json_t *told[EVENT_TOPICS][64];
static unsigned int told_count[EVENT_TOPICS];

void __wrap_event_publish(enum event_topic topic, json_t *data);
bool __wrap_event_wanted(enum event_topic topic);
void __wrap_capture_status_read(enum port_role role, struct capture_status *out);

void __wrap_event_publish(enum event_topic topic, json_t *data)
{
	CU_ASSERT_FATAL(told_count[topic] < 64);
	told[topic][told_count[topic]++] = data;
}

bool __wrap_event_wanted(enum event_topic topic)
{
	return (wanted & 1u << topic) != 0;
}

static struct capture_status capture;

void __wrap_capture_status_read(enum port_role role, struct capture_status *out)
{
	*out = role == PORT_WAN ? capture : (struct capture_status){0};
}

static struct gateway_link link_now;
static struct gateway_tunnel tunnels_now[300];
static unsigned int tunnel_count, looked_at;

static void fake_link(struct gateway_link *out)
{
	*out = link_now;
}

static unsigned int fake_tunnels(unsigned int offset, struct gateway_tunnel *out, unsigned int max)
{
	for (unsigned int i = 0; i < max && offset + i < tunnel_count; i++, looked_at++)
		out[i] = tunnels_now[offset + i];
	return tunnel_count;
}

static const struct gateway_ops ops = {.link = fake_link, .tunnels = fake_tunnels};

static void start(unsigned int topics)
{
	for (int t = 0; t < EVENT_TOPICS; t++)
		while (told_count[t] > 0)
			json_decref(told[t][--told_count[t]]);
	event_watch_reset();
	gateway_register(&ops);
	link_now = (struct gateway_link){.name = "demo"};
	memset(tunnels_now, 0, sizeof(tunnels_now));
	for (unsigned int i = 0; i < 300; i++)
		snprintf(tunnels_now[i].name, sizeof(tunnels_now[i].name), "t%u", i);
	tunnel_count = 1;
	looked_at = 0;
	capture = (struct capture_status){0};
	wanted = topics;
}

static const char *text(enum event_topic topic, const char *member)
{
	return json_string_value(json_object_get(told[topic][told_count[topic] - 1], member));
}

static json_int_t number(enum event_topic topic, const char *member)
{
	return json_integer_value(json_object_get(told[topic][told_count[topic] - 1], member));
}

static void test_link_states(void)
{
	start(1u << EVENT_LINK);
	event_watch_poll(0);
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_LINK], 0);
	link_now.channel.state = CHANNEL_UP;
	/* Figures that always move are no event. */
	link_now.channel.bytes_sent = 1000;
	event_watch_poll(0);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_LINK], 1);
	CU_ASSERT_STRING_EQUAL(text(EVENT_LINK, "channel"), "up");
	link_now.channel.bytes_sent = 2000;
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_LINK], 1);
	link_now.engine.blocks_aborted = 1;
	strcpy(link_now.engine.last_abort, "qber");
	event_watch_poll(0);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_LINK], 2);
	CU_ASSERT_STRING_EQUAL(text(EVENT_LINK, "last_abort"), "qber");
	CU_ASSERT_EQUAL(told_count[EVENT_REKEY] + told_count[EVENT_JOB], 0);
}

static void test_rekeys(void)
{
	start(1u << EVENT_REKEY);
	tunnels_now[0].rekey.rekeys = 5;
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_REKEY], 0);
	tunnels_now[0].rekey.rekeys = 7;
	tunnels_now[0].rekey.generation = 9;
	tunnels_now[0].rekey.last_cause = REKEY_BY_PACKETS;
	event_watch_poll(0);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_REKEY], 1);
	CU_ASSERT_STRING_EQUAL(text(EVENT_REKEY, "tunnel"), "t0");
	CU_ASSERT_STRING_EQUAL(text(EVENT_REKEY, "cause"), rekey_cause_name(REKEY_BY_PACKETS));
	CU_ASSERT(number(EVENT_REKEY, "rekeys") == 7 && number(EVENT_REKEY, "generation") == 9);
	tunnels_now[0].rekey.stopped = true;
	event_watch_poll(0);
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_REKEY], 2);
	/* Another tunnel in its place has not rekeyed. */
	strcpy(tunnels_now[0].name, "new");
	tunnels_now[0].rekey.rekeys = 1;
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_REKEY], 2);
}

static void test_many_tunnels_in_turns(void)
{
	start(1u << EVENT_REKEY);
	tunnel_count = 300;
	for (int i = 0; i < 3; i++) {
		looked_at = 0;
		event_watch_poll(0);
		CU_ASSERT(looked_at <= EVENT_WATCH_TUNNELS);
	}
	tunnels_now[0].rekey.rekeys = tunnels_now[299].rekey.rekeys = 1;
	for (int i = 0; i < 3; i++)
		event_watch_poll(0);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_REKEY], 2);
	CU_ASSERT_STRING_EQUAL(text(EVENT_REKEY, "tunnel"), "t299");
}

/* Who comes later hears of what is later. */
static void test_nothing_is_looked_for_unless_wanted(void)
{
	start(0);
	event_watch_poll(0);
	CU_ASSERT_EQUAL(looked_at, 0);
	wanted = (1u << EVENT_TOPICS) - 1;
	event_watch_poll(0);
	wanted = 0;
	event_watch_poll(0);
	link_now.channel.state = CHANNEL_UP;
	tunnels_now[0].rekey.rekeys = 3;
	wanted = (1u << EVENT_TOPICS) - 1;
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_LINK] + told_count[EVENT_REKEY], 0);
	tunnels_now[0].rekey.rekeys = 4;
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_REKEY], 1);
	gateway_register(NULL);
	event_watch_poll(0);
	CU_ASSERT_EQUAL(told_count[EVENT_LINK], 0);
}

static void test_progress_of_a_capture(void)
{
	uint64_t now = UINT64_C(10) * NS_PER_S;

	start(1u << EVENT_JOB);
	event_watch_poll(now);
	capture.state = CAPTURE_RUNNING;
	event_watch_poll(now + 1);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_JOB], 1);
	CU_ASSERT_STRING_EQUAL(text(EVENT_JOB, "job"), "capture");
	CU_ASSERT_STRING_EQUAL(text(EVENT_JOB, "port"), "wan");
	CU_ASSERT_STRING_EQUAL(text(EVENT_JOB, "state"), capture_state_name(CAPTURE_RUNNING));
	/* Ten looks a second, one report. */
	for (int i = 1; i <= 20; i++) {
		capture.packets += 10;
		event_watch_poll(now + (uint64_t)i * NS_PER_S / 10);
	}
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_JOB], 3);
	CU_ASSERT_EQUAL(number(EVENT_JOB, "packets"), 200);
	capture.state = CAPTURE_STOPPED;
	strcpy(capture.reason, "stopped");
	event_watch_poll(now + UINT64_C(2) * NS_PER_S + 1);
	CU_ASSERT_EQUAL_FATAL(told_count[EVENT_JOB], 4);
	CU_ASSERT_STRING_EQUAL(text(EVENT_JOB, "reason"), "stopped");
}

UNIT_MAIN(UNIT(test_link_states), UNIT(test_rekeys), UNIT(test_many_tunnels_in_turns),
          UNIT(test_nothing_is_looked_for_unless_wanted), UNIT(test_progress_of_a_capture))
