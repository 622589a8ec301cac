/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's own addresses on the wire, on the core that owns the neighbours: probed when the
 * ports start, announced, defended; and what follows when a link comes up.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "dataplane/arp.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/nd.h"

COUNTER_DEFINE(address_probes, "address.probes", "probes for addresses of ours sent")
COUNTER_DEFINE(address_announcements, "address.announcements", "announcements of addresses sent")
COUNTER_DEFINE(address_duplicates, "address.duplicates",
               "times that a probe found an address of ours at another station")
COUNTER_DEFINE(neighbour_conflicts, "neighbour.conflicts", "messages from who has our address")

#define POLL_NS    (10 * NS_PER_MS)
#define LINK_LOCAL CONFIG_ADDRESSES_MAX /* its index among the checks of a port */

static struct address_check *check_at(struct forward *f, unsigned int index, unsigned int k)
{
	return &f->address[index][k];
}

/* The K-th address of a port; NULL: there is none. */
static const uint8_t *address_at(const struct iface *iface, unsigned int k, bool *ipv6)
{
	if (k == LINK_LOCAL) {
		*ipv6 = true;
		return iface->link_local;
	}
	if (k >= iface->address_count)
		return NULL;
	*ipv6 = iface->address[k].addr.ipv6;
	return iface->address[k].addr.bytes;
}

static void publish(struct forward_core *c, unsigned int index, unsigned int k)
{
	struct iface *iface = &c->f->config.iface[index];
	uint32_t was = iface->unusable, bit = 1U << k;
	uint32_t now = address_check_usable(check_at(c->f, index, k)) ? was & ~bit : was | bit;

	if (now != was)
		__atomic_store_n(&iface->unusable, now, __ATOMIC_RELAXED);
}

static void act(struct forward_core *c, unsigned int index, unsigned int k,
                enum address_action action)
{
	const struct iface *iface = &c->f->config.iface[index];
	struct rte_mbuf *m;
	const uint8_t *addr;
	bool ipv6;
	int rc;

	if (action == ADDRESS_NOTHING || (addr = address_at(iface, k, &ipv6)) == NULL)
		return;
	m = rte_pktmbuf_alloc(c->f->config.pool);
	if (m == NULL)
		return;
	if (action == ADDRESS_PROBE)
		rc = ipv6 ? nd_make_probe(m, iface, addr) : arp_make_probe(m, iface, addr);
	else
		rc = ipv6 ? nd_make_announcement(m, iface, addr)
		          : arp_make_announcement(m, iface, addr);
	if (rc < 0) {
		rte_pktmbuf_free(m);
		return;
	}
	counter_add(c->cs, action == ADDRESS_PROBE ? &address_probes : &address_announcements, 1);
	forward_send_first(c, index, m);
}

/*
 * The gateway has a link-local address where it has others and speaks IPv6 at all: on a port that
 * a pseudowire carries whole it does not speak.
 */
static bool uses_link_local(const struct forward *f, unsigned int port)
{
	if (f->config.iface[port].address_count == 0)
		return false;
	for (unsigned int index = 0; index < IFACES_MAX; index++)
		for (unsigned int k = 0; k < f->config.iface[index].address_count; k++)
			if (f->config.iface[index].address[k].addr.ipv6)
				return true;
	return false;
}

/*
 * For how long a probe waits (RFC 5227 section 2.1.1): gateways that start together shall not
 * speak at once. xorshift64 from a random seed, as a core makes no system call.
 */
static uint32_t spread_draw(struct forward *f)
{
	uint64_t x = f->address_spread;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	f->address_spread = x;
	return (uint32_t)(x >> 32);
}

void forward_address_init(struct forward *f)
{
	bool ipv6;

	random_bytes(&f->address_spread, sizeof(f->address_spread));
	f->address_spread |= 1;
	for (unsigned int index = 0; index < IFACES_MAX; index++)
		for (unsigned int k = 0; k < FORWARD_ADDRESSES; k++) {
			struct iface *iface = &f->config.iface[index];
			struct address_check *a = check_at(f, index, k);

			if (address_at(iface, k, &ipv6) == NULL ||
			    (k == LINK_LOCAL && !uses_link_local(f, index)))
				continue;
			a->ipv6 = ipv6;
			if (!f->config.detect_duplicates)
				continue;
			/* At the clock's zero: what is due then is due at the first poll. */
			address_check_start(a, ipv6, 0, spread_draw(f));
			a->deadline_ns = 0;
			if (!address_check_usable(a))
				iface->unusable |= 1U << k;
		}
}

static void interface_up(struct forward_core *c, unsigned int index)
{
	bool ipv6;

	for (unsigned int k = 0; k < FORWARD_ADDRESSES; k++)
		if (address_at(&c->f->config.iface[index], k, &ipv6) != NULL &&
		    (k != LINK_LOCAL || uses_link_local(c->f, index)))
			address_check_link_up(check_at(c->f, index, k), c->now_ns,
			                      spread_draw(c->f));
	neighbour_confirm(c->f->neighbours, (uint8_t)index, c->now_ns);
}

/* The port's own interface, and those in VLANs, which are the LAN's. */
static void link_up(struct forward_core *c, unsigned int role)
{
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (i == role || (i >= IFACE_SUBS && role == PORT_LAN))
			interface_up(c, i);
}

static void poll_interface(struct forward_core *c, unsigned int index)
{
	for (unsigned int k = 0; k < FORWARD_ADDRESSES; k++) {
		struct address_check *a = check_at(c->f, index, k);

		act(c, index, k, address_check_poll(a, c->now_ns, spread_draw(c->f)));
		publish(c, index, k);
	}
}

void forward_address_poll(struct forward_core *c)
{
	struct forward *f = c->f;

	if (c->now_ns < f->next_address_ns)
		return;
	f->next_address_ns = c->now_ns + POLL_NS;
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		uint32_t ups = __atomic_load_n(&f->link_ups[role], __ATOMIC_RELAXED);

		if (ups != f->link_ups_seen[role]) {
			f->link_ups_seen[role] = ups;
			link_up(c, role);
		}
	}
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (i < IFACE_SUBS || f->config.iface[i].address_count > 0)
			poll_interface(c, i);
}

bool forward_address_heard(struct forward_core *c, unsigned int index, bool ipv6,
                           const uint8_t *addr, enum address_evidence evidence,
                           const struct rte_ether_addr *link)
{
	const struct iface *iface = &c->f->config.iface[index];

	/* Our own frame, which a loop in the network brings back. */
	if (rte_is_same_ether_addr(link, &iface->mac))
		return false;
	for (unsigned int k = 0; k < FORWARD_ADDRESSES; k++) {
		struct address_check *a = check_at(c->f, index, k);
		uint8_t before = a->state;
		const uint8_t *own;
		bool own6;

		own = address_at(iface, k, &own6);
		if (own == NULL || own6 != ipv6 || memcmp(own, addr, ipv6 ? 16 : 4) != 0)
			continue;
		if (evidence == ADDRESS_CLAIM)
			counter_add(c->cs, &neighbour_conflicts, 1);
		act(c, index, k, address_check_heard(a, evidence, c->now_ns));
		if (a->state == ADDRESS_DUPLICATE && before != ADDRESS_DUPLICATE)
			counter_add(c->cs, &address_duplicates, 1);
		publish(c, index, k);
		return true;
	}
	return false;
}

void forward_link_up(struct forward *f, enum port_role role)
{
	__atomic_store_n(&f->link_ups[role], f->link_ups[role] + 1, __ATOMIC_RELAXED);
}

unsigned int forward_addresses(const struct forward *f, struct forward_address *out,
                               unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int index = 0; index < IFACES_MAX; index++)
		for (unsigned int k = 0; k < FORWARD_ADDRESSES; k++) {
			const struct address_check *a = &f->address[index][k];
			struct forward_address info = {
			        .role = (enum port_role)f->config.iface[index].role,
			        .vlan = f->config.iface[index].vlan};
			const uint8_t *addr =
			        address_at(&f->config.iface[index], k, &info.addr.ipv6);

			if (addr == NULL || (k == LINK_LOCAL && !uses_link_local(f, index)))
				continue;
			memcpy(info.addr.bytes, addr, info.addr.ipv6 ? 16 : 4);
			info.state = __atomic_load_n(&a->state, __ATOMIC_RELAXED);
			info.disputed = __atomic_load_n(&a->disputed, __ATOMIC_RELAXED);
			if (n < max)
				out[n] = info;
			n++;
		}
	return n;
}
