/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/gateway.h"
#include "control/method.h"

/* "whole port", or "untagged,5,10-12". */
static void vlans_text(const struct config_wire *w, char *out, size_t size)
{
	size_t len = 0;

	snprintf(out, size, "whole port");
	for (unsigned int v = 0; !w->whole && v < CONFIG_VLANS && len < size; v++) {
		unsigned int last = v;

		if (!config_wire_has_vlan(w, v))
			continue;
		while (v > 0 && last + 1 < CONFIG_VLANS && config_wire_has_vlan(w, last + 1))
			last++;
		len += (size_t)snprintf(out + len, size - len, v == 0 ? "%suntagged" : "%s%u",
		                        len > 0 ? "," : "", v);
		if (last > v && len < size)
			len += (size_t)snprintf(out + len, size - len, "-%u", last);
		v = last;
	}
}

static json_t *wire_json(unsigned int i)
{
	struct gateway_wire w;
	char vlans[256];

	gateway_ops()->wire(i, &w);
	vlans_text(w.config, vlans, sizeof(vlans));
	return json_pack("{s:s, s:s, s:I, s:s, s:b, s:s, s:s, s:I, s:I}", "name", w.config->name,
	                 "tunnel", w.config->tunnel, "key", (json_int_t)w.config->key, "vlans",
	                 vlans, "link_loss", w.config->link_loss, "local_link", w.local_link,
	                 "remote_link", w.remote_link, "frames_sent", (json_int_t)w.frames_sent,
	                 "frames_received", (json_int_t)w.frames_received);
}

static int wire_list(const void *params, json_t **result, struct err *err)
{
	json_t *list;

	if (gateway_ops()->wire == NULL)
		return err_set(err, ENOTCONN, "the data plane is not running");
	list = json_array();
	for (unsigned int i = 0; i < gateway_config()->wire_count; i++)
		json_array_append_new(list, wire_json(i));
	*result = json_pack("{s:o}", "wires", list);
	return 0;
}

METHOD_DEFINE(wire_list, .summary = "Pseudowires: their frames, and the links of both LAN ports",
              .fn = wire_list)
