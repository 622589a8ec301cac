/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

unsigned int forward_lan(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST], *v4[FORWARD_BURST], *v6[FORWARD_BURST];
	uint16_t origin[FORWARD_BURST];
	unsigned int n = forward_rx(c, PORT_LAN, pkts), n4 = 0, n6 = 0;

	for (unsigned int i = 0; i < n; i++) {
		switch (forward_classify(c, PORT_LAN, pkts[i])) {
		case ETHER_IPV4:
			v4[n4++] = pkts[i];
			break;
		case ETHER_IPV6:
			v6[n6++] = pkts[i];
			break;
		case ETHER_DONE:
			break;
		}
	}
	for (unsigned int i = 0; i < RTE_MAX(n4, n6); i++)
		origin[i] = ORIGIN_LAN;
	forward_inner4(c, v4, origin, n4);
	forward_inner6(c, v6, origin, n6);
	return n;
}
