/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_steer.h"

#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_flow.h>

#include "common/log.h"
#include "dataplane/port.h"

LOG_COMPONENT_DEFINE(steer)

/* Ethernet, IP, one of UDP or ESP, end. */
#define ITEMS 4

struct rule {
	struct rte_flow_attr attr;
	struct rte_flow_item item[ITEMS];
	struct rte_flow_action action[2];
	struct rte_flow_action_queue queue;
	struct rte_flow_item_ipv4 ip4, ip4_mask;
	struct rte_flow_item_ipv6 ip6, ip6_mask;
	struct rte_flow_item_udp udp, udp_mask;
	struct rte_flow_item_esp esp, esp_mask;
};

static void rule_init(struct rule *r, bool ipv6, uint16_t queue)
{
	memset(r, 0, sizeof(*r));
	r->attr.ingress = 1;
	r->queue.index = queue;
	r->action[0] = (struct rte_flow_action){RTE_FLOW_ACTION_TYPE_QUEUE, &r->queue};
	r->action[1].type = RTE_FLOW_ACTION_TYPE_END;
	r->item[0].type = RTE_FLOW_ITEM_TYPE_ETH;
	r->item[1].type = ipv6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	r->item[3].type = RTE_FLOW_ITEM_TYPE_END;
}

/* ESP with this SPI, to whatever address of ours. */
static void rule_esp(struct rule *r, uint32_t spi, bool ipv6, uint16_t queue)
{
	rule_init(r, ipv6, queue);
	r->esp.hdr.spi = rte_cpu_to_be_32(spi);
	r->esp_mask.hdr.spi = RTE_BE32(UINT32_MAX);
	r->item[2] = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_ESP, .spec = &r->esp,
	                                    .mask = &r->esp_mask};
}

static void rule_channel(struct rule *r, const struct port_channel *c, uint16_t queue)
{
	rule_init(r, c->ipv6, queue);
	if (c->ipv6) {
		memcpy(&r->ip6.hdr.src_addr, c->remote, 16);
		memcpy(&r->ip6.hdr.dst_addr, c->local, 16);
		memset(&r->ip6_mask.hdr.src_addr, c->any_source ? 0 : 0xff, 16);
		memset(&r->ip6_mask.hdr.dst_addr, 0xff, 16);
		r->item[1].spec = &r->ip6;
		r->item[1].mask = &r->ip6_mask;
	} else {
		memcpy(&r->ip4.hdr.src_addr, c->remote, 4);
		memcpy(&r->ip4.hdr.dst_addr, c->local, 4);
		memset(&r->ip4_mask.hdr.src_addr, c->any_source ? 0 : 0xff, 4);
		memset(&r->ip4_mask.hdr.dst_addr, 0xff, 4);
		r->item[1].spec = &r->ip4;
		r->item[1].mask = &r->ip4_mask;
	}
	r->udp.hdr.src_port = r->udp.hdr.dst_port = rte_cpu_to_be_16(c->udp_port);
	r->udp_mask.hdr.dst_port = RTE_BE16(UINT16_MAX);
	r->udp_mask.hdr.src_port = c->any_source ? 0 : RTE_BE16(UINT16_MAX);
	r->item[2] = (struct rte_flow_item){RTE_FLOW_ITEM_TYPE_UDP, .spec = &r->udp,
	                                    .mask = &r->udp_mask};
}

static bool valid(const struct port *port, const struct rule *r)
{
	struct rte_flow_error error;

	return rte_flow_validate(port->id, &r->attr, r->item, r->action, &error) == 0;
}

static struct rte_flow *create(const struct port *port, const struct rule *r)
{
	struct rte_flow_error error;

	return rte_flow_create(port->id, &r->attr, r->item, r->action, &error);
}

static void destroy(const struct port *port, struct rte_flow *flow)
{
	struct rte_flow_error error;

	if (flow != NULL)
		rte_flow_destroy(port->id, flow, &error);
}

bool port_steer_channel_possible(const struct port *port, const struct port_channel *channel,
                                 uint16_t queue)
{
	struct rule r;

	rule_channel(&r, channel, queue);
	return valid(port, &r);
}

bool port_steer_channel(struct port *port, const struct port_channel *channel)
{
	struct rule r;

	rule_channel(&r, channel, port->channel_rx);
	port->steer.channel = create(port, &r);
	return port->steer.channel != NULL;
}

void port_steer_probe(struct port *port)
{
	struct port_steer *s = &port->steer;
	struct rule r;

	if (port->role != PORT_WAN || port->rx_cores < 2)
		return;
	/* Any SPI tells, beyond the reserved ones (RFC 4303 section 2.1). */
	rule_esp(&r, UINT32_C(0x10001), false, 1);
	s->esp4 = valid(port, &r);
	rule_esp(&r, UINT32_C(0x10001), true, 1);
	s->esp6 = valid(port, &r);
	if (s->esp4 || s->esp6) {
		s->rule = calloc(PORT_STEER_MAX, sizeof(*s->rule));
		if (s->rule == NULL)
			s->esp4 = s->esp6 = false;
	}
	log_info("%s port: ESP comes to its core %s", port_role_name(port->role),
	         s->esp4 || s->esp6 ? "by a rule for each SPI" : "by a ring between cores");
}

void port_steer_add(struct port *port, uint32_t spi, bool ipv6, unsigned int core)
{
	struct port_steer *s = &port->steer;
	struct port_steer_rule *free_rule = NULL;
	struct rule r;

	if (!(ipv6 ? s->esp6 : s->esp4) || core >= port->rx_cores)
		return;
	for (unsigned int i = 0; i < PORT_STEER_MAX && free_rule == NULL; i++)
		if (s->rule[i].spi == 0)
			free_rule = &s->rule[i];
	rule_esp(&r, spi, ipv6, (uint16_t)core);
	if (free_rule == NULL || (free_rule->flow = create(port, &r)) == NULL) {
		s->failed++;
		return;
	}
	free_rule->spi = spi;
	s->count++;
}

void port_steer_remove(struct port *port, uint32_t spi)
{
	struct port_steer *s = &port->steer;

	for (unsigned int i = 0; s->rule != NULL && i < PORT_STEER_MAX; i++) {
		if (s->rule[i].spi != spi || spi == 0)
			continue;
		destroy(port, s->rule[i].flow);
		s->rule[i] = (struct port_steer_rule){0};
		s->count--;
		return;
	}
}

void port_steer_clear(struct port *port)
{
	struct port_steer *s = &port->steer;

	for (unsigned int i = 0; s->rule != NULL && i < PORT_STEER_MAX; i++)
		destroy(port, s->rule[i].flow);
	destroy(port, s->channel);
	free(s->rule);
	*s = (struct port_steer){0};
}
