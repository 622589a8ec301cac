/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/route_watch.h"

#include <stdio.h>

#include "control/alarm.h"

void route_watch(unsigned int iface, unsigned int vlan, const struct dataplane_learnt *l)
{
	char resource[64], text[160];

	if (l->most == 0)
		return;
	if (vlan != 0)
		snprintf(resource, sizeof(resource), "port/lan/vlan/%u", vlan);
	else
		snprintf(resource, sizeof(resource), "port/%s",
		         port_role_name((enum port_role)iface));
	if (l->failed)
		snprintf(text, sizeof(text),
		         "the newest routes of daemons could not be used: %u older ones are",
		         l->count);
	else
		snprintf(text, sizeof(text), "%u routes of daemons are used, at least %u are not",
		         l->count, l->left_out);
	if (l->failed || l->left_out > 0)
		alarm_raise("routes-left-out", resource, ALARM_MAJOR, text);
	else
		alarm_clear("routes-left-out", resource, "all routes of daemons are used");
}
