/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>

#include "control/gateway.h"
#include "control/method.h"
#include "control/page.h"

struct list_params {
	struct page_params page;
};

static const struct method_param list_params[] = {PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX)};

/* The next route of all; it is made only when it is on the page. */
static void add(struct page *p, const struct config_prefix *prefix, const char *via,
                const char *tunnel, const struct config_addr *next_hop, const char *origin)
{
	char prefix_text[CONFIG_ADDR_TEXT], hop_text[CONFIG_ADDR_TEXT];

	if (page_next(p))
		json_array_append_new(
		        p->list,
		        json_pack("{s:s, s:s, s:s, s:s}", "prefix",
		                  config_prefix_format(prefix, prefix_text), "via", via, "to",
		                  tunnel != NULL ? tunnel : config_addr_format(next_hop, hop_text),
		                  "origin", origin));
}

static int route_list(const void *params, json_t **result, struct err *err)
{
	static const char *const via[] = {
	        [CONFIG_VIA_LAN] = "lan", [CONFIG_VIA_WAN] = "wan", [CONFIG_VIA_TUNNEL] = "tunnel"};
	const struct config *config = gateway_config();
	struct page p;

	if (gateway_ops()->learnt == NULL)
		return err_set(err, ENOTCONN, "the data plane is not running");
	p = page_begin(&((const struct list_params *)params)->page);
	for (unsigned int i = 0; i < config->route_count; i++) {
		const struct config_route *r = &config->routes[i];

		add(&p, &r->prefix, via[r->via], r->via == CONFIG_VIA_TUNNEL ? r->tunnel : NULL,
		    &r->next_hop, "configured");
	}
	for (unsigned int iface = 0; iface < IFACE_SUBS + config->lan_sub_count; iface++) {
		struct dataplane_learnt l;
		char name[32];

		if (iface < IFACE_SUBS)
			snprintf(name, sizeof(name), "%s", port_role_name((enum port_role)iface));
		else
			snprintf(name, sizeof(name), "lan vlan %u",
			         config->lan_subs[iface - IFACE_SUBS].vlan);
		gateway_ops()->learnt(iface, &l);
		for (unsigned int i = 0; i < l.count; i++)
			add(&p, &l.route[i].prefix, name, NULL, &l.route[i].next_hop, "learnt");
	}
	*result = page_end(&p, "routes");
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}
METHOD_DEFINE(route_list, .summary = "Routes of the configuration, then those of routing daemons",
              .fn = route_list, .params = list_params, .param_count = PAGE_PARAM_COUNT)
