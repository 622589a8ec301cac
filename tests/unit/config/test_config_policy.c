/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#define ROOT "/lumengate:gateway/policy[name='r']"

static struct config out;
static const char *tunnel_policy = "bypass";

static void setup(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
}

static int parse(const char *rules, struct err *err)
{
	json_t *root = json_load_file(EXAMPLE_A, 0, NULL);
	json_t *g = json_object_get(root, "lumengate:gateway");
	char *text;
	int rc;

	json_object_set_new(json_array_get(json_object_get(g, "tunnel"), 0), "policy",
	                    json_string(tunnel_policy));
	json_object_set_new(
	        json_object_get(json_object_get(g, "port"), "lan"), "vlan",
	        json_loads("[{\"id\":10,\"address\":[\"10.1.10.1/"
	                   "24\"],\"source-check\":\"loose\",\"exception-interface\":\"lg-ten\"}]",
	                   0, NULL));
	json_object_set_new(g, "policy", json_loads(rules, 0, NULL));
	text = json_dumps(root, 0);
	json_decref(root);
	*err = (struct err){0};
	rc = config_parse(text, &out, err);
	free(text);
	return rc;
}

static void test_a_rule_is_read_in_full(void)
{
	char text[CONFIG_ADDR_TEXT];
	struct err err;

	setup();
	CU_ASSERT_EQUAL_FATAL(
	        parse("[{\"name\":\"web\",\"action\":\"protect\",\"tunnel\":\"dc\","
	              "\"when-no-key\":\"bypass\",\"source\":\"10.1.0.9/24\","
	              "\"destination\":\"10.2.0.0/24\",\"protocol\":\"tcp\","
	              "\"source-port\":\"1024-65535\",\"destination-port\":\"443\"},"
	              "{\"name\":\"ping\",\"action\":\"bypass\",\"interface\":\"wan\","
	              "\"protocol\":\"icmpv6\",\"icmp-type\":128},"
	              "{\"name\":\"one\",\"action\":\"discard\",\"from-tunnel\":\"dc\","
	              "\"protocol\":1,\"icmp-type\":3,\"icmp-code\":4},"
	              "{\"name\":\"rest\",\"action\":\"protect\",\"protocol\":89}]",
	              &err),
	        0);
	CU_ASSERT_EQUAL_FATAL(out.rule_count, 4);
	CU_ASSERT_STRING_EQUAL(out.rules[0].name, "web");
	CU_ASSERT_EQUAL(out.rules[0].action, CONFIG_RULE_PROTECT);
	CU_ASSERT_STRING_EQUAL(out.rules[0].tunnel, "dc");
	CU_ASSERT_TRUE(out.rules[0].clear_no_key && !out.rules[0].from_wan);
	CU_ASSERT_STRING_EQUAL(config_prefix_format(&out.rules[0].source, text), "10.1.0.0/24");
	CU_ASSERT_TRUE(out.rules[0].has_protocol && out.rules[0].has_ports);
	CU_ASSERT_EQUAL(out.rules[0].protocol, 6);
	CU_ASSERT_EQUAL(out.rules[0].sport_min, 1024);
	CU_ASSERT_EQUAL(out.rules[0].sport_max, 65535);
	CU_ASSERT_EQUAL(out.rules[0].dport_min, 443);
	CU_ASSERT_EQUAL(out.rules[0].dport_max, 443);
	CU_ASSERT_EQUAL(out.rules[1].action, CONFIG_RULE_BYPASS);
	CU_ASSERT_TRUE(out.rules[1].from_wan);
	CU_ASSERT_EQUAL(out.rules[1].protocol, 58);
	CU_ASSERT_EQUAL(out.rules[1].dport_min, 128 * 256);
	CU_ASSERT_EQUAL(out.rules[1].dport_max, 128 * 256 + 255);
	CU_ASSERT_EQUAL(out.rules[1].sport_max, 65535);
	CU_ASSERT_STRING_EQUAL(out.rules[2].from_tunnel, "dc");
	CU_ASSERT_EQUAL(out.rules[2].dport_min, 3 * 256 + 4);
	CU_ASSERT_EQUAL(out.rules[2].dport_max, 3 * 256 + 4);
	CU_ASSERT_EQUAL(out.rules[3].protocol, 89);
	CU_ASSERT_FALSE(out.rules[3].has_ports || out.rules[3].has_source);
}

static void test_vlans(void)
{
	struct err err;

	setup();
	CU_ASSERT_EQUAL_FATAL(parse("[{\"name\":\"a\",\"action\":\"discard\",\"vlan\":10},"
	                            "{\"name\":\"b\",\"action\":\"discard\",\"vlan\":0,"
	                            "\"interface\":\"lan\"},"
	                            "{\"name\":\"c\",\"action\":\"discard\"}]",
	                            &err),
	                      0);
	CU_ASSERT_TRUE(out.rules[0].has_vlan && out.rules[1].has_vlan);
	CU_ASSERT_FALSE(out.rules[2].has_vlan);
	CU_ASSERT_EQUAL(out.rules[0].vlan, 10);
	CU_ASSERT_EQUAL(out.rules[1].vlan, 0);
	CU_ASSERT_TRUE(out.lan_subs[0].port.loose_source);
	CU_ASSERT_FALSE(out.lan.loose_source);
	CU_ASSERT_STRING_EQUAL(out.lan_subs[0].port.exception, "lg-ten");
}

static void test_wrong_rules_are_refused_by_name(void)
{
	static const struct {
		const char *members, *error;
	} bad[] = {
	        {"\"action\":\"protect\",\"tunnel\":\"x\"", ROOT "/tunnel: there is no tunnel x"},
	        {"\"action\":\"discard\",\"from-tunnel\":\"x\"",
	         ROOT "/from-tunnel: there is no tunnel x"},
	        {"\"action\":\"protect\",\"interface\":\"wan\"",
	         ROOT "/action: what came in by the WAN goes into no tunnel"},
	        {"\"action\":\"bypass\",\"from-tunnel\":\"dc\"",
	         ROOT "/action: what came out of a tunnel does not leave in the clear"},
	        {"\"action\":\"protect\",\"from-tunnel\":\"dc\",\"when-no-key\":\"bypass\"",
	         ROOT "/when-no-key: what came out of a tunnel does not leave in the clear"},
	        {"\"action\":\"protect\",\"when-no-key\":\"bypass\"",
	         ROOT "/when-no-key: name the tunnel"},
	        {"\"action\":\"protect\",\"from-tunnel\":\"dc\",\"tunnel\":\"dc\"",
	         ROOT "/tunnel: packets would turn back into dc"},
	        {"\"action\":\"protect\",\"source\":\"10.0.0.0/8\",\"destination\":\"fd00::/8\"",
	         ROOT "/destination: of another IP version than source"},
	        {"\"action\":\"protect\",\"destination\":\"10.0.0.0/8\",\"protocol\":\"icmpv6\"",
	         ROOT "/protocol: 58 is icmpv6 of IPv6, and destination has IPv4 addresses"},
	        {"\"action\":\"discard\",\"source\":\"fd00::/8\",\"protocol\":1",
	         ROOT "/protocol: 1 is icmp of IPv4, and source has IPv6 addresses"},
	        {"\"action\":\"protect\",\"destination-port\":\"22\"",
	         ROOT ": ports need a protocol that has them"},
	        {"\"action\":\"protect\",\"protocol\":\"icmp\",\"source-port\":\"22\"",
	         ROOT ": ports need a protocol that has them"},
	        {"\"action\":\"protect\",\"protocol\":\"tcp\",\"source-port\":\"9-8\"",
	         ROOT "/source-port: 9-8 ends before it begins"},
	        {"\"action\":\"protect\",\"protocol\":\"tcp\",\"source-port\":\"70000\"",
	         ROOT "/source-port: 70000 is beyond port 65535"},
	        {"\"action\":\"protect\",\"protocol\":\"tcp\",\"icmp-type\":8",
	         ROOT "/icmp-type: protocol is neither icmp nor icmpv6"},
	        {"\"action\":\"protect\",\"protocol\":\"icmp\",\"icmp-code\":8",
	         ROOT "/icmp-code: there is no icmp-type"},
	        {"\"action\":\"discard\",\"vlan\":11", ROOT "/vlan: the LAN port has no VLAN 11"},
	        {"\"action\":\"discard\",\"vlan\":10,\"interface\":\"wan\"",
	         ROOT "/vlan: VLANs are the LAN port's"},
	        {"\"action\":\"discard\",\"vlan\":0,\"from-tunnel\":\"dc\"",
	         ROOT "/vlan: VLANs are the LAN port's"},
	        {"\"action\":\"discard\",\"vlan\":4095",
	         ROOT "/vlan: out of range: must be 0 to 4094"},
	};
	struct err err;
	char text[512];

	setup();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[{\"name\":\"r\",%s}]", bad[i].members);
		CU_ASSERT_EQUAL(parse(text, &err), -EINVAL);
		CU_ASSERT_STRING_EQUAL(err.text, bad[i].error);
		if (strcmp(err.text, bad[i].error) != 0)
			printf("\n  got  %s\n  want %s\n", err.text, bad[i].error);
	}
	tunnel_policy = "ratchet";
	CU_ASSERT_EQUAL(parse("[{\"name\":\"r\",\"action\":\"protect\",\"tunnel\":\"dc\","
	                      "\"when-no-key\":\"bypass\"}]",
	                      &err),
	                -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       ROOT "/when-no-key: the policy of tunnel dc is not bypass");
	tunnel_policy = "bypass";
	/* By the schema. */
	CU_ASSERT_EQUAL(parse("[{\"name\":\"r\"}]", &err), -EINVAL);
	CU_ASSERT_EQUAL(parse("[{\"name\":\"r\",\"action\":\"discard\",\"tunnel\":\"dc\"}]", &err),
	                -EINVAL);
	CU_ASSERT_EQUAL(parse("[{\"name\":\"r\",\"action\":\"discard\",\"protocol\":256}]", &err),
	                -EINVAL);
	CU_ASSERT_EQUAL(parse("[{\"name\":\"r\",\"action\":\"discard\",\"protocol\":\"tcp\","
	                      "\"source-port\":\"a\"}]",
	                      &err),
	                -EINVAL);
}

static void test_changes_live(void)
{
	static struct config next;
	struct err err;

	setup();
	CU_ASSERT_EQUAL_FATAL(parse("[{\"name\":\"r\",\"action\":\"discard\"}]", &err), 0);
	next = out;
	CU_ASSERT_EQUAL_FATAL(parse("[]", &err), 0);
	CU_ASSERT_EQUAL(config_live_change(&out, &next, &err), 0);
}

/* As many tunnels, routes and rules as there may be, in one file. */
static void test_full_size(void)
{
	json_t *root = json_load_file(EXAMPLE_A, 0, NULL);
	json_t *g = json_object_get(root, "lumengate:gateway");
	json_t *tunnels = json_array(), *routes = json_array(), *rules = json_array();
	struct err err = {0};
	char text[64], *whole, *normal;

	for (int i = 0; i < CONFIG_TUNNELS_MAX; i++) {
		snprintf(text, sizeof(text), "t%d", i);
		json_array_append_new(tunnels, json_pack("{s:s, s:s, s:s}", "name", text, "local",
		                                         "192.0.2.1", "remote", "192.0.2.2"));
	}
	for (int i = 0; i < CONFIG_ROUTES_MAX; i++) {
		char name[16];

		snprintf(text, sizeof(text), "10.%d.%d.0/24", 16 + i / 256, i % 256);
		snprintf(name, sizeof(name), "t%d", i % CONFIG_TUNNELS_MAX);
		json_array_append_new(routes,
		                      json_pack("{s:s, s:s}", "prefix", text, "tunnel", name));
	}
	for (int i = 0; i < CONFIG_RULES_MAX; i++) {
		snprintf(text, sizeof(text), "rule-%d", i);
		json_array_append_new(rules,
		                      json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", text, "action",
		                                "protect", "source", "10.1.0.0/16", "protocol",
		                                "udp", "destination-port", "1000-2000"));
	}
	json_object_set_new(g, "tunnel", tunnels);
	json_object_set_new(g, "route", routes);
	json_object_set_new(g, "policy", rules);
	whole = json_dumps(root, 0);
	json_decref(root);
	setup();
	CU_ASSERT_EQUAL_FATAL(config_parse_normal(whole, &out, &normal, &err), 0);
	CU_ASSERT_EQUAL(out.tunnel_count, CONFIG_TUNNELS_MAX);
	CU_ASSERT_EQUAL(out.route_count, CONFIG_ROUTES_MAX);
	CU_ASSERT_EQUAL(out.rule_count, CONFIG_RULES_MAX);
	CU_ASSERT_STRING_EQUAL(out.tunnels[CONFIG_TUNNELS_MAX - 1].name, "t1023");
	/* What it is in full passes through the control socket and through a file. */
	CU_ASSERT_TRUE(strlen(normal) < 4U << 20);
	free(whole);
	free(normal);
}

UNIT_MAIN(UNIT(test_a_rule_is_read_in_full), UNIT(test_vlans),
          UNIT(test_wrong_rules_are_refused_by_name), UNIT(test_changes_live), UNIT(test_full_size))
