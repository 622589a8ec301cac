/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include "dataplane/forward_out.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"
#include "dataplane/mss.h"

COUNTER_DEFINE(tcp_clamped, "tcp.mss_clamped", "TCP SYN segments whose MSS was lowered");

void forward_mss(struct forward_core *c, struct rte_mbuf *m, unsigned int tunnel, bool ipv6)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t header = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4;
	uint16_t mtu = (uint16_t)forward_tunnel_mtu(c, tunnel);

	if (!c->f->tunnel[tunnel].clamp ||
	    (!ipv6 && (get_be16(ip + IPV4_FRAGMENT) & IPV4_OFFSET) != 0))
		return;
	if (mss_clamp(ip + header, rte_pktmbuf_data_len(m) - header, mss_of_mtu(mtu, ipv6)))
		counter_add(c->cs, &tcp_clamped, 1);
}
