/* SPDX-License-Identifier: BSD-3-Clause */

/* The ports, and what addresses on them can be. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool all_bytes(const uint8_t *p, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* Why ADDR cannot be one host's address; NULL when it can. */
static const char *not_a_host(const struct config_addr *addr)
{
	const uint8_t *b = addr->bytes;

	if (all_bytes(b, addr->ipv6 ? 16 : 4, 0))
		return "the unspecified address";
	if (addr->ipv6 ? b[0] == 0xff : b[0] >= 224)
		return "not a unicast address";
	if (addr->ipv6 ? all_bytes(b, 15, 0) && b[15] == 1 : b[0] == 127)
		return "a loopback address";
	return NULL;
}

/* The network or broadcast address of an IPv4 prefix shorter than 31 bits (RFC 3021). */
static bool is_edge(const struct config_prefix *p)
{
	uint32_t host = 0;

	if (p->addr.ipv6 || p->len >= 31)
		return false;
	for (unsigned int i = 0; i < 4; i++)
		host = host << 8 | p->addr.bytes[i];
	host &= 0xffffffffu >> p->len;
	return host == 0 || host == 0xffffffffu >> p->len;
}

bool config_addr_is_link_local(const struct config_addr *a)
{
	return a->ipv6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* Is ADDR the network or broadcast address of each prefix of PORT that it is in? */
static bool is_edge_of(const struct config_port *port, const struct config_addr *addr)
{
	bool edge = false;

	for (unsigned int i = 0; i < port->address_count; i++) {
		struct config_prefix at = {.addr = *addr, .len = port->addresses[i].len};

		if (!config_prefix_covers(&port->addresses[i], addr))
			continue;
		if (!is_edge(&at))
			return false;
		edge = true;
	}
	return edge;
}

const char *config_port_not_a_neighbour(const struct config_port *port,
                                        const struct config_addr *addr)
{
	return is_edge_of(port, addr) ? "the network or broadcast address of its prefix"
	                              : not_a_host(addr);
}

bool config_port_covers(const struct config_port *port, const struct config_addr *addr)
{
	for (unsigned int i = 0; i < port->address_count; i++)
		if (config_prefix_covers(&port->addresses[i], addr))
			return true;
	return false;
}

bool config_port_has(const struct config_port *port, const struct config_addr *addr)
{
	for (unsigned int i = 0; i < port->address_count; i++)
		if (config_addr_equal(&port->addresses[i].addr, addr))
			return true;
	return false;
}

int config_check_port(const struct config_port *port, const char *name, bool carried,
                      struct err *err)
{
	char text[CONFIG_ADDR_TEXT];
	const char *why;

	if (strncmp(port->device, "net_af_packet", 13) == 0 &&
	    strstr(port->device, ",iface=") == NULL)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/port/%s/device: missing interface: net_af_packet "
		                           "needs iface=NAME",
		               name);
	if (port->address_count == 0 && !carried)
		return err_set(err, EINVAL, CONFIG_ROOT "/port/%s/address: at least one is needed",
		               name);
	for (unsigned int i = 0; i < port->address_count; i++) {
		const struct config_prefix *p = &port->addresses[i];

		config_prefix_format(p, text);
		why = p->len == 0  ? "its prefix covers everything"
		      : is_edge(p) ? "the network or broadcast address of its prefix"
		                   : not_a_host(&p->addr);
		if (why != NULL)
			return err_set(err, EINVAL, CONFIG_ROOT "/port/%s/address[.='%s']: %s",
			               name, text, why);
		if (p->addr.ipv6 && port->mtu < IPV6_MTU_MIN)
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/%s/mtu: %u is below the %u of IPv6", name,
			               port->mtu, IPV6_MTU_MIN);
		for (unsigned int j = 0; j < i; j++)
			if (config_addr_equal(&p->addr, &port->addresses[j].addr))
				return err_set(err, EINVAL,
				               CONFIG_ROOT "/port/%s/address[.='%s']: duplicate "
				                           "address",
				               name, text);
	}
	return 0;
}

/* The device without its arguments. */
static size_t device_name_len(const char *device)
{
	return strcspn(device, ",");
}

int config_check_ports(const struct config *c, struct err *err)
{
	size_t n = device_name_len(c->lan.device), lan_len = 0, wan_len = 0;
	const char *lan = config_device_iface(c->lan.device, &lan_len);
	const char *wan = config_device_iface(c->wan.device, &wan_len);
	char a[CONFIG_ADDR_TEXT], b[CONFIG_ADDR_TEXT];
	int rc;

	rc = config_check_port(&c->lan, "lan", c->wire_count == 1 && c->wires[0].whole, err);
	if (rc == 0)
		rc = config_check_port(&c->wan, "wan", false, err);
	if (rc != 0)
		return rc;
	if (n == device_name_len(c->wan.device) &&
	    strncasecmp(c->lan.device, c->wan.device, n) == 0)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/port/wan/device: %.*s is the LAN port's device",
		               (int)n, c->wan.device);
	if (lan != NULL && wan != NULL && lan_len == wan_len && memcmp(lan, wan, lan_len) == 0)
		return err_set(err, EINVAL,
		               CONFIG_ROOT "/port/wan/device: interface %.*s is the LAN port's",
		               (int)lan_len, wan);
	for (unsigned int i = 0; i < 2; i++) {
		const struct config_port *p = i == 0 ? &c->lan : &c->wan;

		if (p->learn_routes > 0 && p->exception[0] == '\0')
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/%s/learn-routes: without an "
			                           "exception-interface there is nobody to learn "
			                           "from",
			               i == 0 ? "lan" : "wan");
	}
	for (unsigned int i = 0; i < c->lan.address_count; i++)
		for (unsigned int j = 0; j < c->wan.address_count; j++) {
			const struct config_prefix *l = &c->lan.addresses[i];
			const struct config_prefix *w = &c->wan.addresses[j];

			config_prefix_format(l, a);
			config_prefix_format(w, b);
			if (config_addr_equal(&l->addr, &w->addr))
				return err_set(err, EINVAL,
				               CONFIG_ROOT "/port/wan/address[.='%s']: duplicate "
				                           "address: the LAN port has %s",
				               b, a);
			if (config_prefix_overlaps(l, w) && !config_addr_is_link_local(&l->addr))
				return err_set(err, EINVAL,
				               CONFIG_ROOT "/port/wan/address[.='%s']: overlaps %s "
				                           "of the LAN port",
				               b, a);
		}
	return 0;
}
