/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/link_watch.h"

#include <stdio.h>

#include "control/alarm.h"

void link_watch(enum port_role role, const struct port_link *l)
{
	char resource[64], text[160];

	if (!l->known)
		return;
	snprintf(resource, sizeof(resource), "port/%s", port_role_name(role));
	if (!l->up && !l->held) {
		snprintf(text, sizeof(text), "the %s port has no link", port_role_name(role));
		alarm_raise("link-down", resource, ALARM_MAJOR, text);
	} else {
		snprintf(text, sizeof(text), "the %s port %s", port_role_name(role),
		         l->up ? "has link" : "is held down on purpose");
		alarm_clear("link-down", resource, text);
	}
}
