/* SPDX-License-Identifier: BSD-3-Clause */

/* The methods over a gateway of plain figures. */

#include "control/gateway.h"
#include "control/method.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/counter.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"

COUNTER_DEFINE(drop_sample, "drop.sample", "a sample")
COUNTER_DEFINE(other_sample, "other.sample", "a sample")
LOG_COMPONENT_DEFINE(methods_test)

static size_t imported;
static bool rekeyed;

static void fake_link(struct gateway_link *out)
{
	strcpy(out->name, "demo");
	out->card_present = true;
	out->card.simulated = true;
	out->channel.state = CHANNEL_UP;
	out->channel.unknown_session = 3;
	out->channel.hello_stale = 4;
	out->channel.protocol_errors = 5;
	out->engine.qber_z = 0.0125;
	out->engine.secret_bits = 5000000000ULL;
}

static unsigned int fake_tunnels(unsigned int offset, struct gateway_tunnel *out, unsigned int max)
{
	if (offset > 0)
		return 1;
	strcpy(out->name, "dc");
	config_addr_parse("192.0.2.1", &out->local);
	config_addr_parse("192.0.2.2", &out->remote);
	out->rekey.generation = 7;
	out->rekey.retransmits = 3;
	out->rekey.last_cause = REKEY_BY_PACKETS;
	out->rekey.standing = REKEY_ON_RATCHET;
	out->packets_sealed = 123;
	return 1;
}

#define SAS 2500u

static unsigned int fake_sas(const char *tunnel, unsigned int offset, struct gateway_sa *out,
                             unsigned int max)
{
	if (tunnel != NULL && strcmp(tunnel, "dc") != 0)
		return 0;
	for (unsigned int i = offset; i < SAS && i - offset < max; i++)
		out[i - offset] = (struct gateway_sa){
		        .tunnel = "dc",
		        .info = {.spi = 0xfffffff0u - i, .generation = 7, .transmit = true}};
	return SAS;
}

static unsigned int rules;

static const struct iface_route learnt[2] = {
        {{{false, {10, 77}}, 16}, {false, {10, 1, 0, 2}}},
        {{{false, {10, 78}}, 16}, {false, {10, 1, 0, 3}}},
};

static void fake_learnt(unsigned int iface, struct dataplane_learnt *out)
{
	*out = (struct dataplane_learnt){.count = iface == PORT_LAN     ? 2
	                                          : iface == IFACE_SUBS ? 1
	                                                                : 0,
	                                 .route = learnt};
}

static unsigned int fake_policy(struct spd_info *out, unsigned int max)
{
	static const struct spd_info list[] = {
	        {"ntp", SPD_BYPASS, SPD_LAN, SPD_ANY_VLAN, 7, 5000000000ULL},
	        {"vlan", SPD_BYPASS, SPD_LAN, 10, 0, 0},
	        {"plain", SPD_DISCARD, SPD_LAN, 0, 0, 0},
	        {"in", SPD_BYPASS, SPD_WAN, SPD_ANY_VLAN, 0, 0},
	        {"on", SPD_PROTECT, 0, SPD_ANY_VLAN, 0, 0},
	};

	for (unsigned int i = 0; i < rules; i++)
		out[i] = list[i];
	out[rules] = (struct spd_info){"", SPD_DISCARD, 0, 0, 1, 64};
	return rules + 1;
}

static int fake_rekey(const char *tunnel, struct err *err)
{
	if (strcmp(tunnel, "dc") != 0)
		return err_set(err, ENOENT, "there is no tunnel %s", tunnel);
	rekeyed = true;
	return 0;
}

static void fake_keystore(struct keystore_stats *out)
{
	out->available[KEY_REKEY] = 42;
	out->has_imported = true;
}

static int fake_import(const void *data, size_t len, struct err *err)
{
	CU_ASSERT_EQUAL(((const uint8_t *)data)[len - 1], 0);
	imported += len;
	return 0;
}

static const struct gateway_ops ops = {
        .link = fake_link,
        .tunnels = fake_tunnels,
        .sas = fake_sas,
        .learnt = fake_learnt,
        .policy = fake_policy,
        .tunnel_rekey = fake_rekey,
        .keystore = fake_keystore,
        .keystore_import = fake_import,
};

static json_t *run(const char *name, json_t *params, struct jsonrpc_error *error)
{
	enum method_right right = METHOD_WRITE;
	json_t *result;

	*error = (struct jsonrpc_error){0};
	method_state_set(METHOD_RUNTIME);
	result = method_call(&right, name, params, error);
	json_decref(params);
	return result;
}

static void fails(const char *name, json_t *params, int code, const char *text)
{
	struct jsonrpc_error error;

	CU_ASSERT_PTR_NULL(run(name, params, &error));
	CU_ASSERT_EQUAL(error.code, code);
	CU_ASSERT_STRING_EQUAL(error.text, text);
	if (strcmp(error.text, text) != 0)
		printf("\n  got  %s\n  want %s\n", error.text, text);
}

static long long integer(json_t *o, const char *a, const char *b)
{
	json_t *v = json_object_get(o, a);

	return json_integer_value(b != NULL ? json_object_get(v, b) : v);
}

static void test_nothing_runs(void)
{
	gateway_register(NULL);
	fails("link_show", NULL, JSONRPC_FAILED, "the quantum link is not running");
	fails("tunnel_list", NULL, JSONRPC_FAILED, "the data plane is not running");
	fails("sa_list", NULL, JSONRPC_FAILED, "the data plane is not running");
	fails("keystore_show", NULL, JSONRPC_FAILED, "the key store is not open");
	fails("config_get", NULL, JSONRPC_FAILED, "no configuration is loaded");
}

static void test_snapshots(void)
{
	struct jsonrpc_error error;
	json_t *r, *first;

	gateway_register(&ops);
	r = run("link_show", NULL, &error);
	CU_ASSERT_TRUE(json_is_true(json_object_get(r, "simulated")));
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_object_get(r, "channel"), "state")), "up");
	CU_ASSERT_EQUAL(integer(r, "engine", "secret_bits"), 5000000000LL);
	/* Whatever the channel drops is seen by somebody. */
	CU_ASSERT_EQUAL(integer(r, "channel", "unknown_session"), 3);
	CU_ASSERT_EQUAL(integer(r, "channel", "hello_stale"), 4);
	CU_ASSERT_EQUAL(integer(r, "channel", "protocol_errors"), 5);
	json_decref(r);
	r = run("tunnel_list", NULL, &error);
	first = json_array_get(json_object_get(r, "tunnels"), 0);
	CU_ASSERT_EQUAL(integer(first, "generation", NULL), 7);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "remote")), "192.0.2.2");
	json_decref(r);
	r = run("sa_list", NULL, &error);
	first = json_array_get(json_object_get(r, "sas"), 0);
	CU_ASSERT_EQUAL(integer(first, "spi", NULL), 0xfffffff0LL);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "direction")), "transmit");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "sas")), 1000);
	CU_ASSERT_EQUAL(integer(r, "total", NULL), SAS);
	json_decref(r);
	r = run("sa_list",
	        json_pack("{s:s, s:i, s:i}", "tunnel", "dc", "offset", 2490, "limit", 99), &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "sas")), 10);
	first = json_array_get(json_object_get(r, "sas"), 0);
	CU_ASSERT_EQUAL(integer(first, "spi", NULL), 0xfffffff0LL - 2490);
	json_decref(r);
	r = run("sa_list", json_pack("{s:i}", "offset", 5000), &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "sas")), 0);
	CU_ASSERT_EQUAL(integer(r, "total", NULL), SAS);
	json_decref(r);
	fails("sa_list", json_pack("{s:s}", "tunnel", "other"), JSONRPC_FAILED,
	      "tunnel: there is no tunnel other");
	fails("sa_list", json_pack("{s:i}", "limit", 1001), JSONRPC_INVALID_PARAMS,
	      "/params/limit: out of range: must be 1 to 1000");
	r = run("tunnel_list", json_pack("{s:i}", "offset", 1), &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "tunnels")), 0);
	CU_ASSERT_EQUAL(integer(r, "total", NULL), 1);
	json_decref(r);
	r = run("keystore_show", NULL, &error);
	CU_ASSERT_EQUAL(integer(r, "available", "rekey"), 42);
	json_decref(r);
}

static const char *route_text(const json_t *result, size_t i, const char *member)
{
	const json_t *list = json_object_get(result, "routes");

	return json_string_value(json_object_get(json_array_get(list, i), member));
}

static void test_routes(void)
{
	static struct config config;
	struct jsonrpc_error error;
	json_t *r;

	gateway_register(&ops);
	memset(&config, 0, sizeof(config));
	config.route_count = 1;
	config.routes[0] =
	        (struct config_route){.prefix = {{false, {10, 2}}, 16}, .via = CONFIG_VIA_TUNNEL};
	snprintf(config.routes[0].tunnel, sizeof(config.routes[0].tunnel), "dc");
	config.lan_sub_count = 1;
	config.lan_subs[0].vlan = 10;
	CU_ASSERT_EQUAL(gateway_config_set(&config, "{}", NULL), 0);
	r = run("route_list", NULL, &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "routes")), 4);
	CU_ASSERT_STRING_EQUAL(route_text(r, 0, "prefix"), "10.2.0.0/16");
	CU_ASSERT_STRING_EQUAL(route_text(r, 0, "via"), "tunnel");
	CU_ASSERT_STRING_EQUAL(route_text(r, 0, "to"), "dc");
	CU_ASSERT_STRING_EQUAL(route_text(r, 0, "origin"), "configured");
	CU_ASSERT_STRING_EQUAL(route_text(r, 2, "prefix"), "10.78.0.0/16");
	CU_ASSERT_STRING_EQUAL(route_text(r, 2, "via"), "lan");
	CU_ASSERT_STRING_EQUAL(route_text(r, 2, "to"), "10.1.0.3");
	CU_ASSERT_STRING_EQUAL(route_text(r, 2, "origin"), "learnt");
	CU_ASSERT_STRING_EQUAL(route_text(r, 3, "prefix"), "10.77.0.0/16");
	CU_ASSERT_STRING_EQUAL(route_text(r, 3, "via"), "lan vlan 10");
	json_decref(r);
	r = run("route_list", json_pack("{s:i, s:i}", "offset", 1, "limit", 1), &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "routes")), 1);
	CU_ASSERT_STRING_EQUAL(route_text(r, 0, "prefix"), "10.77.0.0/16");
	CU_ASSERT_EQUAL(integer(r, "total", NULL), 4);
	json_decref(r);
}

static void test_policy(void)
{
	struct jsonrpc_error error;
	json_t *r, *list;

	gateway_register(&ops);
	rules = 0;
	r = run("policy_list", NULL, &error);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "policy")), 0);
	json_decref(r);
	rules = 1;
	r = run("policy_list", NULL, &error);
	list = json_object_get(r, "policy");
	CU_ASSERT_EQUAL(json_array_size(list), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(list, 0), "name")),
	                       "ntp");
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_array_get(list, 0), "action")), "bypass");
	CU_ASSERT_EQUAL(integer(json_array_get(list, 0), "bytes", NULL), 5000000000LL);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json_array_get(list, 1), "name")),
	                       "(no rule)");
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_array_get(list, 1), "action")), "discard");
	json_decref(r);
}

/* Each rule says where its packets come in. */
static void test_policy_from(void)
{
	static const char *const from[] = {"lan", "lan vlan 10", "lan untagged",
	                                   "wan", "tunnel dc",   ""};
	static struct config running;
	struct jsonrpc_error error;
	json_t *r, *list;

	strcpy(running.rules[0].name, "on");
	strcpy(running.rules[0].from_tunnel, "dc");
	running.rule_count = 1;
	CU_ASSERT_EQUAL_FATAL(gateway_config_set(&running, "{}", NULL), 0);
	gateway_register(&ops);
	rules = 5;
	r = run("policy_list", NULL, &error);
	list = json_object_get(r, "policy");
	CU_ASSERT_EQUAL_FATAL(json_array_size(list), 6);
	for (size_t i = 0; i < 6; i++)
		CU_ASSERT_STRING_EQUAL(
		        json_string_value(json_object_get(json_array_get(list, i), "from")),
		        from[i]);
	json_decref(r);
	gateway_config_set(NULL, NULL, NULL);
}

static void test_counters_by_prefix(void)
{
	struct jsonrpc_error error;
	struct counter_set set = {0};
	uint64_t before = counter_sum(&drop_sample);
	json_t *r;

	counter_set_attach(&set, "test");
	counter_add(&set, &drop_sample, 3);
	r = run("counter_list", json_pack("{s:s}", "prefix", "drop.s"), &error);
	CU_ASSERT_EQUAL(integer(r, "drop.sample", NULL), (long long)before + 3);
	CU_ASSERT_PTR_NULL(json_object_get(r, "other.sample"));
	json_decref(r);
	r = run("counter_list", NULL, &error);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(r, "other.sample"));
	json_decref(r);
	counter_set_detach(&set);
	/* Ports and cores are the gateway's. */
	fails("port_list", NULL, JSONRPC_FAILED, "the data plane is not running");
	fails("core_list", NULL, JSONRPC_FAILED, "the data plane is not running");
}

static void test_status_has_drops_by_name(void)
{
	struct jsonrpc_error error;
	struct counter_set set = {0};
	json_t *r;

	counter_set_attach(&set, "test");
	counter_add(&set, &drop_sample, 3);
	counter_add(&set, &other_sample, 4);
	gateway_register(&ops);
	r = run("status", NULL, &error);
	CU_ASSERT_EQUAL(integer(r, "drops", "drop.sample"), 3);
	CU_ASSERT_EQUAL(integer(r, "counters", "other.sample"), 4);
	CU_ASSERT_PTR_NULL(json_object_get(json_object_get(r, "counters"), "drop.sample"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "tunnels")), 1);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(json_object_get(r, "gateway"), "version"));
	json_decref(r);
	counter_set_detach(&set);
}

static void test_tunnel_show(void)
{
	struct jsonrpc_error error;
	json_t *r;

	r = run("tunnel_show", json_pack("{s:s}", "tunnel", "dc"), &error);
	CU_ASSERT_EQUAL(integer(r, "generation", NULL), 7);
	CU_ASSERT_EQUAL(integer(r, "retransmits", NULL), 3);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "last_cause")), "packets");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(r, "keyed_by")), "ratchet");
	json_decref(r);
	fails("tunnel_show", json_pack("{s:s}", "tunnel", "x"), JSONRPC_FAILED,
	      "tunnel: there is no tunnel x");
}

static void test_tunnel_rekey(void)
{
	struct jsonrpc_error error;

	gateway_register(&ops);
	json_decref(run("tunnel_rekey", json_pack("{s:s}", "tunnel", "dc"), &error));
	CU_ASSERT_TRUE(rekeyed);
	fails("tunnel_rekey", json_pack("{s:s}", "tunnel", "x"), JSONRPC_FAILED,
	      "there is no tunnel x");
}

static void test_keystore_import(void)
{
	struct jsonrpc_error error;
	struct err err = {0};
	char text[256];
	json_t *r;

	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	gateway_register(&ops);
	/* 64 zero bytes. */
	memset(text, 'A', 88);
	strcpy(text + 86, "==");
	r = run("keystore_import", json_pack("{s:s}", "data", text), &error);
	CU_ASSERT_EQUAL(integer(r, "keys", NULL), 2);
	CU_ASSERT_EQUAL(imported, 64);
	json_decref(r);
	fails("keystore_import", json_pack("{s:s}", "data", "AAAA"), JSONRPC_INVALID_PARAMS,
	      "/params/data: 3 bytes are not a multiple of 32");
	fails("keystore_import", json_pack("{s:s}", "data", "%%%%"), JSONRPC_INVALID_PARAMS,
	      "/params/data: not base64");
	fails("keystore_import", json_pack("{s:s}", "data", ""), JSONRPC_INVALID_PARAMS,
	      "/params/data: 0 bytes are not a multiple of 32");
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static void test_alarm_list(void)
{
	struct jsonrpc_error error;
	json_t *r, *a;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	alarm_raise("qber-z", "link/demo", ALARM_MAJOR, "12 %");
	r = run("alarm_list", json_pack("{s:i}", "history", 5), &error);
	a = json_array_get(json_object_get(r, "alarms"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "severity")), "major");
	CU_ASSERT_TRUE(json_is_true(json_object_get(a, "active")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(a, "cleared")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(a, "acknowledged")));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "history")), 1);
	json_decref(r);
}

static size_t alarms(const char *params)
{
	struct jsonrpc_error error;
	json_t *r = run("alarm_list", json_loads(params, 0, NULL), &error);
	size_t n = json_array_size(json_object_get(r, "alarms"));

	json_decref(r);
	return n;
}

static void test_alarms_and_operators(void)
{
	struct jsonrpc_error error;
	json_t *r, *a;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	log_level_set("audit", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	method_caller_set(&(struct method_caller){.uid = 1000});
	alarm_raise("link-down", "port/wan", ALARM_MAJOR, "no link");
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "none");
	alarm_raise("qber-z", "link/demo", ALARM_CRITICAL, "12 %");
	alarm_clear("qber-z", "link/demo", "1 %");
	CU_ASSERT_EQUAL(alarms("{}"), 3);
	CU_ASSERT_EQUAL(alarms("{\"active\": true}"), 2);
	CU_ASSERT_EQUAL(alarms("{\"limit\": 2}"), 2);
	CU_ASSERT_EQUAL(alarms("{\"limit\": 2, \"offset\": 2}"), 1);

	json_decref(run("alarm_ack",
	                json_pack("{s:s, s:s, s:s}", "kind", "link-down", "resource", "port/wan",
	                          "text", "on my way"),
	                &error));
	CU_ASSERT_EQUAL(error.code, 0);
	r = run("alarm_list", NULL, &error);
	a = json_object_get(json_array_get(json_object_get(r, "alarms"), 0), "acknowledged");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(a, "uid")), 1000);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "text")), "on my way");
	json_decref(r);
	fails("alarm_ack", json_pack("{s:s, s:s}", "kind", "qber-z", "resource", "link/demo"),
	      JSONRPC_FAILED, "there is no active alarm qber-z at link/demo");
	fails("alarm_unack", json_pack("{s:s, s:s}", "kind", "no-key", "resource", "tunnel/dc"),
	      JSONRPC_FAILED, "no-key at tunnel/dc is not acknowledged");
	fails("alarm_ack", json_pack("{s:s}", "kind", "no-key"), JSONRPC_INVALID_PARAMS,
	      "/params/resource: missing");

	fails("alarm_shelve", NULL, JSONRPC_INVALID_PARAMS,
	      "/params: a kind, a resource or both say what");
	fails("alarm_shelve", json_pack("{s:s}", "resource", "*"), JSONRPC_INVALID_PARAMS,
	      "/params: a kind, a resource or both say what");
	fails("alarm_shelve", json_pack("{s:s}", "kind", "link-up"), JSONRPC_INVALID_PARAMS,
	      "/params/kind: there is no kind link-up");
	fails("alarm_shelve", json_pack("{s:s, s:i}", "kind", "link-down", "duration_s", 0),
	      JSONRPC_INVALID_PARAMS, "/params/duration_s: out of range: must be 1 to 31536000");
	CU_ASSERT_EQUAL(alarms("{\"shelved\": true}"), 0);
	r = run("alarm_shelve", json_pack("{s:s, s:i}", "resource", "port/*", "duration_s", 60),
	        &error);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "shelved")), 1);
	json_decref(r);
	CU_ASSERT_EQUAL(alarms("{}"), 2);
	CU_ASSERT_EQUAL(alarms("{\"shelved\": true}"), 1);
	r = run("alarm_shelf_list", NULL, &error);
	a = json_array_get(json_object_get(r, "shelves"), 0);
	CU_ASSERT_PTR_NULL(json_object_get(a, "kind"));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "resource")), "port/*");
	CU_ASSERT_PTR_NOT_NULL(json_object_get(a, "until"));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(a, "uid")), 1000);
	json_decref(r);
	fails("alarm_unshelve", json_pack("{s:s}", "resource", "port/wan"), JSONRPC_FAILED,
	      "nothing is shelved by resource port/wan");
	json_decref(run("alarm_unshelve", json_pack("{s:s}", "resource", "port/*"), &error));
	CU_ASSERT_EQUAL(alarms("{}"), 3);

	/* 4 changes by the program, then ack, shelved, unshelved. */
	r = run("alarm_history", json_pack("{s:s}", "resource", "port/wan"), &error);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "total")), 4);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "recorded")), 7);
	a = json_array_get(json_object_get(r, "changes"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "change")), "unshelved");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "severity")), "major");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(a, "uid")), 1000);
	a = json_array_get(json_object_get(r, "changes"), 3);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "change")), "raised");
	CU_ASSERT_PTR_NULL(json_object_get(a, "uid"));
	json_decref(r);
	r = run("alarm_history", json_pack("{s:i, s:i}", "before", 4, "limit", 1), &error);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "total")), 3);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "changes")), 1);
	a = json_array_get(json_object_get(r, "changes"), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(a, "number")), 3);
	json_decref(r);

	r = run("alarm_catalogue", json_pack("{s:s}", "kind", "no-light"), &error);
	a = json_array_get(json_object_get(r, "kinds"), 0);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(a, "program")), "gateway");
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_array_get(json_object_get(a, "severities"), 0)), "major");
	json_decref(r);
	fails("alarm_catalogue", json_pack("{s:s}", "kind", "x"), JSONRPC_INVALID_PARAMS,
	      "/params/kind: there is no kind x");
}

static void test_log_set(void)
{
	struct jsonrpc_error error;

	json_decref(run("log_set",
	                json_pack("{s:s, s:s}", "component", "methods_test", "level", "debug"),
	                &error));
	CU_ASSERT_EQUAL(log_component_.level, LOG_LEVEL_DEBUG);
	fails("log_set", json_pack("{s:s, s:s}", "component", "nope", "level", "debug"),
	      JSONRPC_INVALID_PARAMS, "/params/component: there is no component nope");
	fails("log_set", json_pack("{s:s, s:s}", "component", "*", "level", "loud"),
	      JSONRPC_INVALID_PARAMS,
	      "/params/level: loud is not one of err, warning, info, debug");
}

UNIT_MAIN(UNIT(test_nothing_runs), UNIT(test_snapshots), UNIT(test_status_has_drops_by_name),
          UNIT(test_tunnel_show), UNIT(test_tunnel_rekey), UNIT(test_keystore_import),
          UNIT(test_alarm_list), UNIT(test_alarms_and_operators), UNIT(test_log_set),
          UNIT(test_counters_by_prefix), UNIT(test_policy), UNIT(test_policy_from),
          UNIT(test_routes))
