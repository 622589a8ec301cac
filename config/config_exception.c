/* SPDX-License-Identifier: BSD-3-Clause */

/* Kernel interfaces for routing daemons: their names against each other and the ports'. */

#include "config/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *config_device_iface(const char *device, size_t *len)
{
	const char *at = strstr(device, ",iface=");

	if (at == NULL)
		return NULL;
	at += strlen(",iface=");
	*len = strcspn(at, ",");
	return at;
}

static bool is_device(const char *name, const struct config_port *port)
{
	size_t len = 0;
	const char *under = config_device_iface(port->device, &len);

	return under != NULL && strlen(name) == len && memcmp(name, under, len) == 0;
}

/* The ports, then the VLANs; NULL: there are no more. */
static const struct config_port *nth(const struct config *c, unsigned int i)
{
	if (i < 2)
		return i == 0 ? &c->lan : &c->wan;
	return i - 2 < c->lan_sub_count ? &c->lan_subs[i - 2].port : NULL;
}

static void path_of(const struct config *c, unsigned int i, char *out, size_t size)
{
	if (i < 2)
		snprintf(out, size, "%s", i == 0 ? "lan" : "wan");
	else
		snprintf(out, size, "lan/vlan[id='%u']", c->lan_subs[i - 2].vlan);
}

static void owner_of(const struct config *c, unsigned int i, char *out, size_t size)
{
	if (i < 2)
		snprintf(out, size, "the %s port", i == 0 ? "LAN" : "WAN");
	else
		snprintf(out, size, "VLAN %u", c->lan_subs[i - 2].vlan);
}

int config_check_exceptions(const struct config *c, struct err *err)
{
	const struct config_port *p;
	char path[32], owner[32];

	for (unsigned int i = 0; (p = nth(c, i)) != NULL; i++) {
		if (p->exception[0] == '\0')
			continue;
		path_of(c, i, path, sizeof(path));
		if (is_device(p->exception, &c->lan) || is_device(p->exception, &c->wan))
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/%s/exception-interface: %s is a port's "
			                           "device",
			               path, p->exception);
		for (unsigned int k = 0; k < i; k++) {
			if (strcmp(p->exception, nth(c, k)->exception) != 0)
				continue;
			owner_of(c, k, owner, sizeof(owner));
			return err_set(err, EINVAL,
			               CONFIG_ROOT "/port/%s/exception-interface: %s is %s's", path,
			               p->exception, owner);
		}
	}
	return 0;
}
