/* SPDX-License-Identifier: BSD-3-Clause */

/* VLANs of the LAN port: tags taken off (IEEE 802.1Q clause 9), and put on again. */

#include "dataplane/forward_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

COUNTER_DEFINE(drop_no_headroom, "drop.no_headroom", "packets without room for an Ethernet header")

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

	if (forward_ether(c, role, m, to) && (i->vlan == 0 || tag(c, m, i->vlan)))
		forward_tx(c, role, m);
}

void forward_send_first(struct forward_core *c, unsigned int iface, struct rte_mbuf *m)
{
	const struct iface *i = &c->f->config.iface[iface];

	if (i->vlan == 0 || tag(c, m, i->vlan))
		forward_tx_first(c, (enum port_role)i->role, m);
}
