/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_kernel.h"

#include <ifaddrs.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool port_kernel_interface(const char *device, char *name, size_t size)
{
	const char *at = strstr(device, ",iface=");
	size_t len;

	if (strncmp(device, "net_af_packet", 13) != 0 || at == NULL)
		return false;
	at += strlen(",iface=");
	len = strcspn(at, ",");
	if (len == 0 || len >= size)
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	return true;
}

bool port_kernel_received(const char *name, uint32_t *packets)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (i = all; i != NULL && !found; i = i->ifa_next) {
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_PACKET ||
		    i->ifa_data == NULL || strcmp(i->ifa_name, name) != 0)
			continue;
		*packets = ((const struct rtnl_link_stats *)i->ifa_data)->rx_packets;
		found = true;
	}
	freeifaddrs(all);
	return found;
}
