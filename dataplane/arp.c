/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/arp.h"

#include <errno.h>

#include <rte_arp.h>

#include "common/bytes.h"

#define ARP_FRAME (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))

bool arp_parse(const struct rte_mbuf *m, struct arp_message *out)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_arp_hdr *arp = (const void *)(eth + 1);

	if (rte_pktmbuf_data_len(m) < ARP_FRAME)
		return false;
	if (get_be16(&arp->arp_hardware) != RTE_ARP_HRD_ETHER ||
	    get_be16(&arp->arp_protocol) != RTE_ETHER_TYPE_IPV4 ||
	    arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != 4)
		return false;
	out->op = get_be16(&arp->arp_opcode);
	memcpy(&out->sender_link, &arp->arp_data.arp_sha, sizeof(out->sender_link));
	memcpy(out->sender, &arp->arp_data.arp_sip, 4);
	memcpy(out->target, &arp->arp_data.arp_tip, 4);
	return rte_is_unicast_ether_addr(&out->sender_link) &&
	       !rte_is_zero_ether_addr(&out->sender_link);
}

static void fill(struct rte_mbuf *m, const struct iface *iface, uint16_t op,
                 const struct rte_ether_addr *to, const struct rte_ether_addr *target_link,
                 const uint8_t *sender, const uint8_t *target)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	const struct rte_ether_addr *mac = iface_mac_of(iface, false, sender);

	eth->dst_addr = *to;
	eth->src_addr = *mac;
	put_be16(&eth->ether_type, RTE_ETHER_TYPE_ARP);
	put_be16(&arp->arp_hardware, RTE_ARP_HRD_ETHER);
	put_be16(&arp->arp_protocol, RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	put_be16(&arp->arp_opcode, op);
	arp->arp_data.arp_sha = *mac;
	memcpy(&arp->arp_data.arp_sip, sender, 4);
	arp->arp_data.arp_tha = *target_link;
	memcpy(&arp->arp_data.arp_tip, target, 4);
}

void arp_make_reply(struct rte_mbuf *m, const struct iface *iface, const struct arp_message *req)
{
	fill(m, iface, ARP_REPLY, &req->sender_link, &req->sender_link, req->target, req->sender);
}

static const struct rte_ether_addr unknown;
static const struct rte_ether_addr all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const uint8_t unspecified[4];

int arp_make_probe(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[4])
{
	if (rte_pktmbuf_append(m, ARP_FRAME) == NULL)
		return -ENOSPC;
	fill(m, iface, ARP_REQUEST, &all, &unknown, unspecified, addr);
	return 0;
}

int arp_make_announcement(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[4])
{
	if (rte_pktmbuf_append(m, ARP_FRAME) == NULL)
		return -ENOSPC;
	fill(m, iface, ARP_REQUEST, &all, &unknown, addr, addr);
	return 0;
}

int arp_make_request(struct rte_mbuf *m, const struct iface *iface, const uint8_t target[4],
                     const struct rte_ether_addr *link)
{
	const uint8_t *sender = iface_source(iface, false, target);

	if (rte_pktmbuf_append(m, ARP_FRAME) == NULL)
		return -ENOSPC;
	/* Without an address of our own it is a probe (RFC 5227 section 1.1). */
	fill(m, iface, ARP_REQUEST, link != NULL ? link : &all, link != NULL ? link : &unknown,
	     sender != NULL ? sender : unspecified, target);
	return 0;
}
