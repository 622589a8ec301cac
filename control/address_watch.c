/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/address_watch.h"

#include <stdio.h>

#include "control/alarm.h"
#include "control/status.h"

static const char *state_name(const struct forward_address *a)
{
	if (a->disputed)
		return "disputed";
	switch ((enum address_state)a->state) {
	case ADDRESS_PROBING:
		return a->addr.ipv6 ? "tentative" : "probing";
	case ADDRESS_DUPLICATE:
		return "duplicate";
	default:
		return "ours";
	}
}

static struct forward_address current[FORWARD_ADDRESSES_MAX];
static unsigned int current_count;

void address_watch(const struct forward_address *list, unsigned int n)
{
	char addr[CONFIG_ADDR_TEXT], resource[96], text[160];

	current_count = 0;
	for (unsigned int i = 0; i < n && i < FORWARD_ADDRESSES_MAX; i++) {
		const struct forward_address *a = &list[i];
		bool duplicate = a->state == ADDRESS_DUPLICATE;

		current[current_count++] = *a;
		config_addr_format(&a->addr, addr);
		if (a->vlan == 0)
			snprintf(resource, sizeof(resource), "port/%s/%s", port_role_name(a->role),
			         addr);
		else
			snprintf(resource, sizeof(resource), "port/%s/vlan/%u/%s",
			         port_role_name(a->role), a->vlan, addr);
		if (duplicate || a->disputed) {
			snprintf(text, sizeof(text), "another station has %s: %s", addr,
			         duplicate ? "this gateway does not use it"
			                   : "this gateway keeps it and says so");
			alarm_raise("address-conflict", resource,
			            duplicate ? ALARM_CRITICAL : ALARM_MAJOR, text);
		} else {
			alarm_clear("address-conflict", resource,
			            "no other station claims the address");
		}
	}
}

static json_t *read_addresses(void)
{
	char addr[CONFIG_ADDR_TEXT];
	json_t *list = json_array();

	for (unsigned int i = 0; i < current_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:s}", "port",
		                                      port_role_name(current[i].role), "vlan",
		                                      (int)current[i].vlan, "address",
		                                      config_addr_format(&current[i].addr, addr),
		                                      "state", state_name(&current[i])));
	return list;
}

STATUS_SECTION_DEFINE(addresses, read_addresses)
