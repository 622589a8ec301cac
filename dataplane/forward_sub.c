/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * VLANs of the LAN port, and the one that the WAN port is in: tags taken off (IEEE 802.1Q clause
 * 9), and put on again.
 */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_way.h"

COUNTER_DEFINE(drop_no_headroom, "drop.no_headroom", "packets without room for an Ethernet header")

COUNTER_DEFINE(drop_wan_vlan, "drop.wan_vlan", "frames of the WAN without the tag of its VLAN")

#define TAG      4
#define ADDRS    (2 * RTE_ETHER_ADDR_LEN)
#define VLAN_ID  0x0fff
#define VLAN_MAX 4096

int forward_sub_init(struct forward *f, struct err *err)
{
	for (unsigned int i = IFACE_SUBS; i < IFACES_MAX; i++) {
		if (f->config.iface[i].address_count == 0)
			continue;
		if (f->sub_of_vlan == NULL)
			f->sub_of_vlan = calloc(VLAN_MAX, sizeof(*f->sub_of_vlan));
		if (f->sub_of_vlan == NULL)
			return err_set(err, ENOMEM, "forwarding: no memory");
		f->sub_of_vlan[f->config.iface[i].vlan & VLAN_ID] = (uint8_t)i;
	}
	return 0;
}

unsigned int forward_sub_in(struct forward_core *c, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned int iface;

	if (rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN + TAG)
		return 0;
	iface = c->f->sub_of_vlan[get_be16(p + RTE_ETHER_HDR_LEN) & VLAN_ID];
	if (iface == 0)
		return 0;
	memmove(p + TAG, p, ADDRS);
	rte_pktmbuf_adj(m, TAG);
	return iface;
}

unsigned int forward_wan_untag(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	uint16_t vlan = c->f->config.iface[PORT_WAN].vlan;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *);

		if (unlikely(rte_pktmbuf_data_len(pkts[i]) < RTE_ETHER_HDR_LEN + TAG) ||
		    unlikely(get_be16(p + ADDRS) != RTE_ETHER_TYPE_VLAN) ||
		    unlikely((get_be16(p + RTE_ETHER_HDR_LEN) & VLAN_ID) != vlan)) {
			forward_drop(c, pkts[i], &drop_wan_vlan);
			continue;
		}
		memmove(p + TAG, p, ADDRS);
		rte_pktmbuf_adj(pkts[i], TAG);
		pkts[kept++] = pkts[i];
	}
	return kept;
}

bool forward_sub_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                       const struct rte_ether_addr *to)
{
	const struct iface *i = &c->f->config.iface[role];
	uint8_t version = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4;
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, RTE_ETHER_HDR_LEN + TAG);

	if (p == NULL) {
		forward_drop(c, m, &drop_no_headroom);
		return false;
	}
	memcpy(p, to, RTE_ETHER_ADDR_LEN);
	memcpy(p + RTE_ETHER_ADDR_LEN, &i->mac, RTE_ETHER_ADDR_LEN);
	put_be16(p + ADDRS, RTE_ETHER_TYPE_VLAN);
	put_be16(p + ADDRS + 2, i->vlan);
	put_be16(p + ADDRS + TAG, version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	return true;
}

/* M from Ethernet on. */
static bool tag(struct forward_core *c, struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, TAG);

	if (p == NULL) {
		forward_drop(c, m, &drop_no_headroom);
		return false;
	}
	memmove(p, p + TAG, ADDRS);
	put_be16(p + ADDRS, RTE_ETHER_TYPE_VLAN);
	put_be16(p + ADDRS + 2, vlan);
	return true;
}

void forward_send(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                  const struct rte_ether_addr *to)
{
	const struct iface *i = &c->f->config.iface[iface];
	enum port_role role = (enum port_role)i->role;

	/* The port's own tag is in the header already. */
	if (forward_ether(c, role, m, to) &&
	    (i->vlan == 0 || iface < IFACE_SUBS || tag(c, m, i->vlan)))
		forward_tx(c, role, m);
}

void forward_send_first(struct forward_core *c, unsigned int iface, struct rte_mbuf *m)
{
	const struct iface *i = &c->f->config.iface[iface];

	if (i->vlan == 0 || tag(c, m, i->vlan))
		forward_tx_first(c, (enum port_role)i->role, m);
}
