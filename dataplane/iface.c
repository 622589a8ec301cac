/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/iface.h"

void ipv6_link_local(const struct rte_ether_addr *mac, uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = 0xfe;
	out[1] = 0x80;
	memcpy(out + 8, mac->addr_bytes, 3);
	out[8] ^= 0x02;
	out[11] = 0xff;
	out[12] = 0xfe;
	memcpy(out + 13, mac->addr_bytes + 3, 3);
}

bool prefix_matches(const uint8_t *a, const uint8_t *b, unsigned int len)
{
	unsigned int bytes = len / 8, bits = len % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return bits == 0 || ((a[bytes] ^ b[bytes]) >> (8 - bits)) == 0;
}

void iface_init(struct iface *i, uint8_t role, const struct config_port *config,
                const struct rte_ether_addr *mac)
{
	memset(i, 0, sizeof(*i));
	i->role = role;
	i->mtu = config->mtu;
	i->vlan = config->vlan;
	i->loose_source = config->loose_source;
	i->mac = *mac;
	ipv6_link_local(mac, i->link_local);
	i->address_count = config->address_count;
	memcpy(i->address, config->addresses, sizeof(i->address));
}

void iface_set_virtual(struct iface *i, const struct iface_virtual *v)
{
	__atomic_store_n(&i->virtual_, v, __ATOMIC_RELEASE);
}

static bool is_virtual(const struct iface *i, bool ipv6, const uint8_t *addr)
{
	const struct iface_virtual *v = __atomic_load_n(&i->virtual_, __ATOMIC_ACQUIRE);

	for (unsigned int k = 0; v != NULL && k < v->count; k++)
		if (v->at[k].addr.ipv6 == ipv6 &&
		    memcmp(v->at[k].addr.bytes, addr, ipv6 ? 16 : 4) == 0)
			return true;
	return false;
}

bool iface_is_virtual_mac(const struct rte_ether_addr *mac)
{
	static const uint8_t iana[4] = {0x00, 0x00, 0x5e, 0x00};

	return memcmp(mac->addr_bytes, iana, sizeof(iana)) == 0 &&
	       (mac->addr_bytes[4] == 1 || mac->addr_bytes[4] == 2);
}

bool iface_has_mac(const struct iface *i, const struct rte_ether_addr *mac)
{
	const struct iface_virtual *v = __atomic_load_n(&i->virtual_, __ATOMIC_ACQUIRE);

	if (rte_is_same_ether_addr(mac, &i->mac))
		return true;
	if (v == NULL || !iface_is_virtual_mac(mac))
		return false;
	for (unsigned int k = 0; k < v->count; k++)
		if (rte_is_same_ether_addr(mac, &v->at[k].mac))
			return true;
	return false;
}

const struct rte_ether_addr *iface_mac_of(const struct iface *i, bool ipv6, const uint8_t *addr)
{
	const struct iface_virtual *v = __atomic_load_n(&i->virtual_, __ATOMIC_ACQUIRE);

	for (unsigned int k = 0; v != NULL && k < v->count; k++)
		if (v->at[k].addr.ipv6 == ipv6 && !rte_is_zero_ether_addr(&v->at[k].mac) &&
		    memcmp(v->at[k].addr.bytes, addr, ipv6 ? 16 : 4) == 0)
			return &v->at[k].mac;
	return &i->mac;
}

bool iface_owns(const struct iface *i, bool ipv6, const uint8_t *addr)
{
	uint32_t unusable = __atomic_load_n(&i->unusable, __ATOMIC_RELAXED);
	size_t size = ipv6 ? 16 : 4;

	for (unsigned int k = 0; k < i->address_count; k++)
		if (i->address[k].addr.ipv6 == ipv6 &&
		    memcmp(i->address[k].addr.bytes, addr, size) == 0)
			return (unusable & 1U << k) == 0;
	if (ipv6 && memcmp(i->link_local, addr, 16) == 0)
		return (unusable & IFACE_LINK_LOCAL_BIT) == 0;
	return is_virtual(i, ipv6, addr);
}

bool iface_on_link(const struct iface *i, const struct config_addr *addr)
{
	if (addr->ipv6 && prefix_matches(i->link_local, addr->bytes, 10))
		return true;
	for (unsigned int k = 0; k < i->address_count; k++) {
		const struct config_prefix *p = &i->address[k];

		if (p->addr.ipv6 == addr->ipv6 &&
		    prefix_matches(p->addr.bytes, addr->bytes, p->len))
			return true;
	}
	return false;
}

const uint8_t *iface_source(const struct iface *i, bool ipv6, const uint8_t *towards)
{
	uint32_t unusable = __atomic_load_n(&i->unusable, __ATOMIC_RELAXED);
	bool link_local = ipv6 && (unusable & IFACE_LINK_LOCAL_BIT) == 0;
	const uint8_t *first = link_local ? i->link_local : NULL;
	bool have_first = false;

	if (link_local && prefix_matches(i->link_local, towards, 10))
		return i->link_local;
	for (unsigned int k = 0; k < i->address_count; k++) {
		const struct config_prefix *p = &i->address[k];

		if (p->addr.ipv6 != ipv6 || (unusable & 1U << k) != 0)
			continue;
		if (prefix_matches(p->addr.bytes, towards, p->len))
			return p->addr.bytes;
		if (!have_first)
			first = p->addr.bytes;
		have_first = true;
	}
	return first;
}
