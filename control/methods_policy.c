/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/gateway.h"
#include "control/method.h"

#define RULES_MAX (SPD_RULES_MAX + 1) /* and what none matched */

/* Places in the data plane are not those of the configuration that was given: by its rule. */
static const char *from_tunnel(const char *rule)
{
	const struct config *c = gateway_config();

	for (unsigned int i = 0; c != NULL && i < c->rule_count; i++)
		if (strcmp(c->rules[i].name, rule) == 0)
			return c->rules[i].from_tunnel;
	return "";
}

/* Where the packets of a rule come in; "" of what none matched. */
static const char *from_text(const struct spd_info *r, char *out, size_t size)
{
	if (r->name[0] == '\0')
		return "";
	if (r->interface == SPD_WAN)
		return "wan";
	if (r->interface != SPD_LAN)
		snprintf(out, size, "tunnel %s", from_tunnel(r->name));
	else if (r->vlan == SPD_ANY_VLAN)
		return "lan";
	else if (r->vlan == 0)
		return "lan untagged";
	else
		snprintf(out, size, "lan vlan %u", r->vlan);
	return out;
}

static json_t *rule_json(const struct spd_info *r)
{
	char from[64];

	static const char *const actions[] = {
	        [SPD_DISCARD] = "discard", [SPD_PROTECT] = "protect", [SPD_BYPASS] = "bypass"};

	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "name",
	                 r->name[0] == '\0' ? "(no rule)" : r->name, "from",
	                 from_text(r, from, sizeof(from)), "action", actions[r->action], "packets",
	                 (json_int_t)r->packets, "bytes", (json_int_t)r->bytes);
}

static int policy_list(const void *params, json_t **result, struct err *err)
{
	struct spd_info *rules;
	unsigned int n;
	json_t *list;

	if (gateway_ops()->policy == NULL)
		return err_set(err, ENOTCONN, "the data plane is not running");
	rules = calloc(RULES_MAX, sizeof(*rules));
	if (rules == NULL)
		return err_set(err, ENOMEM, "out of memory");
	list = json_array();
	n = gateway_ops()->policy(rules, RULES_MAX);
	/* Without rules, routes are the policy: nothing is discarded for want of a rule. */
	for (unsigned int i = 0; n > 1 && i < n && i < RULES_MAX; i++)
		json_array_append_new(list, rule_json(&rules[i]));
	free(rules);
	*result = json_pack("{s:o}", "policy", list);
	return 0;
}

METHOD_DEFINE(policy_list, .summary = "The rules of the policy in order, and what they decided",
              .fn = policy_list)
