/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>

#include "control/gateway.h"
#include "control/method.h"

#define LIMIT_MAX 1000

struct page_params {
	uint64_t offset, limit;
};

static const struct method_param page_params[] = {
        METHOD_PARAM(struct page_params, offset, PARAM_UINT, .max = INT32_MAX, .optional = true,
                     .help = "entries to pass over"),
        METHOD_PARAM(struct page_params, limit, PARAM_UINT, .max = LIMIT_MAX, .optional = true,
                     .help = "entries in the answer; 0 or none: 1000"),
};

struct page {
	uint64_t offset, end, at;
	json_t *list;
};

/* The next route of all; it is made only when it is on the page. */
static void add(struct page *p, const struct config_prefix *prefix, const char *via,
                const char *tunnel, const struct config_addr *next_hop, const char *origin)
{
	char prefix_text[CONFIG_ADDR_TEXT], hop_text[CONFIG_ADDR_TEXT];

	if (p->at >= p->offset && p->at < p->end)
		json_array_append_new(
		        p->list,
		        json_pack("{s:s, s:s, s:s, s:s}", "prefix",
		                  config_prefix_format(prefix, prefix_text), "via", via, "to",
		                  tunnel != NULL ? tunnel : config_addr_format(next_hop, hop_text),
		                  "origin", origin));
	p->at++;
}

static int route_list(const void *params, json_t **result, struct err *err)
{
	static const char *const via[] = {
	        [CONFIG_VIA_LAN] = "lan", [CONFIG_VIA_WAN] = "wan", [CONFIG_VIA_TUNNEL] = "tunnel"};
	const struct page_params *params_ = params;
	const struct config *config = gateway_config();
	struct page p = {.offset = params_->offset,
	                 .end = params_->offset +
	                        (params_->limit != 0 ? params_->limit : LIMIT_MAX)};

	if (gateway_ops()->learnt == NULL)
		return err_set(err, ENOTCONN, "the data plane is not running");
	p.list = json_array();
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
	*result = json_pack("{s:o, s:I, s:I}", "routes", p.list, "offset", (json_int_t)p.offset,
	                    "total", (json_int_t)p.at);
	return 0;
}
METHOD_DEFINE(route_list, .summary = "Routes of the configuration, then those of routing daemons",
              .fn = route_list, .params = page_params, .param_count = 2)
