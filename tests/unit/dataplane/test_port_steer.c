/* SPDX-License-Identifier: BSD-3-Clause */

/* Rules in a device of the test's: rte_flow's functions are replaced. */

#include "dataplane/port_steer.h"

#include <string.h>

#include <rte_flow.h>

#include "dataplane/port.h"
#include "tests/unit/unit.h"

static bool takes_esp4, takes_esp6, refuses;
static unsigned int live;
static struct {
	uint32_t spi;
	uint16_t queue, sport;
} last;

int __wrap_rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                             const struct rte_flow_item *item, const struct rte_flow_action *action,
                             struct rte_flow_error *error);
struct rte_flow *__wrap_rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                        const struct rte_flow_item *item,
                                        const struct rte_flow_action *action,
                                        struct rte_flow_error *error);
int __wrap_rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error);

int __wrap_rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                             const struct rte_flow_item *item, const struct rte_flow_action *action,
                             struct rte_flow_error *error)
{
	bool ipv6 = item[1].type == RTE_FLOW_ITEM_TYPE_IPV6;

	CU_ASSERT_EQUAL(attr->ingress, 1);
	CU_ASSERT_EQUAL(action[0].type, RTE_FLOW_ACTION_TYPE_QUEUE);
	CU_ASSERT_EQUAL(action[1].type, RTE_FLOW_ACTION_TYPE_END);
	CU_ASSERT_EQUAL(item[3].type, RTE_FLOW_ITEM_TYPE_END);
	return (ipv6 ? takes_esp6 : takes_esp4) ? 0 : -ENOTSUP;
}

struct rte_flow *__wrap_rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                        const struct rte_flow_item *item,
                                        const struct rte_flow_action *action,
                                        struct rte_flow_error *error)
{
	if (refuses)
		return NULL;
	memset(&last, 0, sizeof(last));
	last.queue = ((const struct rte_flow_action_queue *)action[0].conf)->index;
	if (item[2].type == RTE_FLOW_ITEM_TYPE_ESP)
		last.spi =
		        rte_be_to_cpu_32(((const struct rte_flow_item_esp *)item[2].spec)->hdr.spi);
	else
		last.sport = rte_be_to_cpu_16(
		        ((const struct rte_flow_item_udp *)item[2].spec)->hdr.src_port);
	return (struct rte_flow *)(uintptr_t)++live;
}

int __wrap_rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
	live--;
	return 0;
}

static void test_rules_follow_the_sas(void)
{
	struct port port = {.role = PORT_WAN, .rx_cores = 2};

	takes_esp4 = true;
	port_steer_probe(&port);
	CU_ASSERT_TRUE(port.steer.esp4);
	CU_ASSERT_FALSE(port.steer.esp6);
	CU_ASSERT_STRING_EQUAL(port_rx_mode(&port), "spi-rules");
	port_steer_add(&port, 0x1041, false, 1);
	CU_ASSERT_EQUAL(last.spi, 0x1041);
	CU_ASSERT_EQUAL(last.queue, 1);
	/* IPv6 it does not take; core 2 has no queue. */
	port_steer_add(&port, 0x1042, true, 0);
	port_steer_add(&port, 0x1043, false, 2);
	CU_ASSERT_EQUAL(live, 1);
	refuses = true;
	port_steer_add(&port, 0x1044, false, 0);
	refuses = false;
	CU_ASSERT_EQUAL(port.steer.failed, 1);
	CU_ASSERT_EQUAL(port.steer.count, 1);
	port_steer_remove(&port, 0x9999);
	CU_ASSERT_EQUAL(live, 1);
	port_steer_remove(&port, 0x1041);
	CU_ASSERT_EQUAL(live, 0);
	port_steer_add(&port, 0x1080, false, 0);
	port_steer_clear(&port);
	CU_ASSERT_EQUAL(live, 0);
}

static void test_the_channel_has_its_queue(void)
{
	const struct port_channel channel = {.udp_port = 4790};
	struct port port = {.role = PORT_WAN, .rx_cores = 2, .channel_rx = 2};

	CU_ASSERT_TRUE(port_steer_channel_possible(&port, &channel, 2));
	CU_ASSERT_TRUE(port_steer_channel(&port, &channel));
	CU_ASSERT_EQUAL(last.queue, 2);
	CU_ASSERT_EQUAL(last.sport, 4790);
	port_steer_clear(&port);
	CU_ASSERT_EQUAL(live, 0);
	takes_esp4 = false;
	CU_ASSERT_FALSE(port_steer_channel_possible(&port, &channel, 2));
}

static void test_without_rules(void)
{
	struct port port = {.role = PORT_WAN, .rx_cores = 2};

	port_steer_probe(&port);
	CU_ASSERT_STRING_EQUAL(port_rx_mode(&port), "queues");
	port_steer_add(&port, 0x1041, false, 1);
	port_steer_remove(&port, 0x1041);
	CU_ASSERT_EQUAL(live, 0);
}

UNIT_MAIN(UNIT(test_rules_follow_the_sas), UNIT(test_the_channel_has_its_queue),
          UNIT(test_without_rules))
