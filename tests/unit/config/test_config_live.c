/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "tests/unit/config/variant.h"
#include "tests/unit/unit.h"

#include <errno.h>

#define ROOT "/lumengate:gateway"

/* Site A's example with PATH set to VALUE. */
static void load(const char *path, const char *value, struct config *out)
{
	char *text = variant(EXAMPLE_A, path, value);
	struct err err = {0};

	CU_ASSERT_EQUAL(config_parse(text, out, &err), 0);
	if (err.code != 0)
		printf("\n  %s: %s\n", path, err.text);
	free(text);
}

/* The answer to replacing site A's example by its variant. */
static int change(const char *path, const char *value, struct err *err)
{
	static struct config current, next;

	*err = (struct err){0};
	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", err), 0);
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &current, err), 0);
	load(path, value, &next);
	return config_live_change(&current, &next, err);
}

static void test_may_change_live(void)
{
	static const struct {
		const char *path, *value;
	} live[] = {
	        {"name", "\"gw-a\""},
	        {"tunnel/+", "{\"name\":\"x\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\"}"},
	        {"route", NULL},
	        {"route/+", "{\"prefix\":\"0.0.0.0/0\",\"next-hop\":\"192.0.2.2\"}"},
	        {"tunnel/0/rekey/period-ms", "500"},
	        {"tunnel/0/rekey/hard-life-ms", "30000"},
	        {"tunnel/0/rekey/volume-mib", "1000000"},
	        {"tunnel/0/rekey/packets", "5"},
	        {"tunnel/0/rekey/stretch", "1"},
	        {"tunnel/0/rekey/profile", "\"lan\""},
	        {"tunnel/0/rekey/queue-delay-ms", "20"},
	        {"tunnel/0/policy", "\"ratchet\""},
	        {"tunnel/0/policy", "\"bypass\""},
	        {"tunnel/0/ratchet-life-s", "60"},
	        {"qkd/qber-abort", "\"0.07\""},
	        {"qkd/qber-alarm", "\"0.04\""},
	        {"qkd/bootstrap", "\"computational\""},
	};
	struct err err;

	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
		CU_ASSERT_EQUAL(change(live[i].path, live[i].value, &err), 0);
}

/* Weights and floor of delivery change while it goes on, its socket and number do not. */
static void test_delivery(void)
{
	static struct config plain, current, next;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &plain, &err), 0);
	CU_ASSERT_FALSE(plain.delivery.enabled);
	load("delivery", "{}", &current);
	CU_ASSERT_TRUE(current.delivery.enabled);
	CU_ASSERT_STRING_EQUAL(current.delivery.socket, "/run/lumengate/delivery.sock");
	CU_ASSERT_STRING_EQUAL(current.delivery.group, "");
	CU_ASSERT_EQUAL(current.delivery.link_number, 1);
	CU_ASSERT_EQUAL(current.delivery.weight_a, 40);
	CU_ASSERT_EQUAL(current.delivery.weight_b, 40);
	CU_ASSERT_EQUAL(current.delivery.floor, 1024);
	load("delivery", "{\"weight-a-percent\":0,\"weight-b-percent\":100,\"floor-keys\":0}",
	     &next);
	CU_ASSERT_EQUAL(next.delivery.weight_b, 100);
	CU_ASSERT_EQUAL(config_live_change(&current, &next, &err), 0);
	load("delivery", "{\"link-number\":255}", &next);
	CU_ASSERT_EQUAL(config_live_change(&current, &next, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/delivery/link-number: cannot change live"));
	load("delivery", "{\"socket\":\"/run/d\",\"group\":\"kms\"}", &next);
	CU_ASSERT_EQUAL(config_live_change(&current, &next, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/delivery/socket: cannot change live"));
	CU_ASSERT_EQUAL(config_live_change(&current, &plain, &err), -EPERM);
}

static void test_needs_restart(void)
{
	static const struct {
		const char *path, *value, *error;
	} fixed[] = {
	        {"name", "\"gw-x\"", ROOT "/name"},
	        {"link", "\"other\"", ROOT "/link"},
	        {"resources/forward-lcores", "2", ROOT "/resources/forward-lcores"},
	        {"resources/qkd-lcores", "1", ROOT "/resources/qkd-lcores"},
	        {"resources/cpus", "\"0-1\"", ROOT "/resources/cpus"},
	        {"resources/memory-mib", "512", ROOT "/resources/memory-mib"},
	        {"resources/hugepages", "false", ROOT "/resources/hugepages"},
	        {"resources/packet-buffers", "\"chained\"", ROOT "/resources/packet-buffers"},
	        {"resources/ipsec-mb", "\"/opt/lib.so\"", ROOT "/resources/ipsec-mb"},
	        {"resources/gcm-provider", "\"sse\"", ROOT "/resources/gcm-provider"},
	        {"port/lan/mtu", "1400", ROOT "/port/lan/mtu"},
	        {"port/lan/vlan", "[{\"id\":10,\"address\":[\"10.3.0.1/24\"]}]",
	         ROOT "/port/lan/vlan"},
	        {"port/lan/exception-interface", "\"lg-lan\"",
	         ROOT "/port/lan/exception-interface"},
	        {"port/lan/source-check", "\"loose\"", ROOT "/port/lan/source-check"},
	        {"port/lan/address/0", "\"10.1.0.2/24\"", ROOT "/port/lan/address"},
	        {"port/wan/address/+", "\"198.51.100.1/24\"", ROOT "/port/wan/address"},
	        {"port/wan/vlan", "100", ROOT "/port/wan/vlan"},
	        {"port/wan/device", "\"0000:01:00.0\"", ROOT "/port/wan/device"},
	        {"tunnel/0/replay-window", "64", ROOT "/tunnel[name='dc']/replay-window"},
	        {"tunnel/0/outer-fragment", "true", ROOT "/tunnel[name='dc']/outer-fragment"},
	        {"tunnel/0/mtu-discovery", "true", ROOT "/tunnel[name='dc']/mtu-discovery"},
	        {"tunnel/0/mtu-floor", "1400", ROOT "/tunnel[name='dc']/mtu-floor"},
	        {"tunnel/0/mss-clamp", "false", ROOT "/tunnel[name='dc']/mss-clamp"},
	        {"tunnel/0/ecn", "\"compatibility\"", ROOT "/tunnel[name='dc']/ecn"},
	        {"tunnel/0/dscp", "{\"mode\":\"set\",\"value\":0}", ROOT "/tunnel[name='dc']/dscp"},
	        {"tunnel/0/class", "[{\"index\":1,\"dscp\":[46]}]",
	         ROOT "/tunnel[name='dc']/class"},
	        {"tunnel/0/peer-sub-sas", "4", ROOT "/tunnel[name='dc']/peer-sub-sas"},
	        {"tunnel/0/encapsulation", "\"udp\"", ROOT "/tunnel[name='dc']/encapsulation"},
	        {"channel/port", "4791", ROOT "/channel/port"},
	        {"channel/nat-peer", "\"dynamic\"", ROOT "/channel/nat-peer"},
	        {"channel/psk-file", "\"/psk\"", ROOT "/channel/psk-file"},
	        {"qkd/enabled", "false", ROOT "/qkd/enabled"},
	        {"qkd/card/path", "\"/card\"", ROOT "/qkd/card/path"},
	        {"qkd/source/mu1", "\"0.5\"", ROOT "/qkd/source/mu1"},
	        {"qkd/source/p-z", "\"0.7\"", ROOT "/qkd/source/p-z"},
	        {"qkd/block-bits", "500000", ROOT "/qkd/block-bits"},
	        {"qkd/blocks-in-flight", "12", ROOT "/qkd/blocks-in-flight"},
	        {"qkd/proof", "\"rusca2018\"", ROOT "/qkd/proof"},
	        {"qkd/leak-mode", "\"two-way\"", ROOT "/qkd/leak-mode"},
	        {"qkd/reconciliation", "\"cascade\"", ROOT "/qkd/reconciliation"},
	        {"qkd/eps-sec", "\"1e-10\"", ROOT "/qkd/eps-sec"},
	        {"keystore/path", "\"/k\"", ROOT "/keystore/path"},
	        {"keystore/ttl-s", "60", ROOT "/keystore/ttl-s"},
	        {"delivery", "{}", ROOT "/delivery"},
	        {"control/socket", "\"/s\"", ROOT "/control/socket"},
	        {"control/group", "\"ops\"", ROOT "/control/group"},
	};
	struct err err;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		char want[256];

		CU_ASSERT_EQUAL(change(fixed[i].path, fixed[i].value, &err), -EPERM);
		snprintf(want, sizeof(want), "%s: cannot change live, restart the gateway",
		         fixed[i].error);
		CU_ASSERT_STRING_EQUAL(err.text, want);
	}
}

static void test_esp_in_udp_is_fixed(void)
{
	static const struct {
		const char *tunnel, *leaf;
	} fixed[] = {
	        {UDP_TUNNEL("\"udp-port\":4501"), "udp-port"},
	        {UDP_TUNNEL("\"nat-peer\":\"dynamic\""), "nat-peer"},
	        {UDP_TUNNEL("\"udp-source\":\"spread\""), "udp-source"},
	        {UDP_TUNNEL("\"nat-keepalive-s\":20"), "nat-keepalive-s"},
	};
	static struct config current, next;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	load("tunnel/0", UDP_TUNNEL("\"udp-port\":4500"), &current);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		char want[256];

		load("tunnel/0", fixed[i].tunnel, &next);
		CU_ASSERT_EQUAL(config_live_change(&current, &next, &err), -EPERM);
		snprintf(want, sizeof(want),
		         ROOT "/tunnel[name='dc']/%s: cannot change live, restart the gateway",
		         fixed[i].leaf);
		CU_ASSERT_STRING_EQUAL(err.text, want);
	}
}

static void append(void *ctx, const char *path)
{
	char *list = ctx;

	strcat(strcat(list, path), " ");
}

/* All paths are told, each once, though two members of the struct come from one. */
static void test_each_path(void)
{
	static struct config current, next;
	char told[512] = "";
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_load(EXAMPLE_A, &current, &err), 0);
	CU_ASSERT_EQUAL(config_live_each(&current, &current, append, told), 0);
	load("port/lan/address", "[\"10.1.0.9/24\"]", &next);
	next.lan.mtu = 1400;
	next.tunnels[0].mss_clamp = !next.tunnels[0].mss_clamp;
	next.tunnels[0].rekey_period_ms = 500;
	CU_ASSERT_EQUAL(config_live_each(&current, &next, append, told), 3);
	CU_ASSERT_STRING_EQUAL(told, ROOT "/port/lan/mtu " ROOT "/port/lan/address " ROOT
	                                  "/tunnel[name='dc']/mss-clamp ");
}

static void name(struct config_tunnel *t, const char *text)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "%s", text);
}

/* Names of all places, "-" for a free one. */
static const char *places(const struct config *c)
{
	static char text[256];

	text[0] = '\0';
	for (unsigned int t = 0; t < c->tunnel_count; t++)
		strcat(text, config_tunnel_used(&c->tunnels[t]) ? c->tunnels[t].name : "-");
	return text;
}

static void set(struct config *c, const char *names)
{
	memset(c->tunnels, 0, sizeof(c->tunnels));
	c->tunnel_count = (unsigned int)strlen(names);
	for (unsigned int t = 0; t < c->tunnel_count; t++)
		name(&c->tunnels[t], (const char[]){names[t], 0});
}

/* Tunnels that stay keep their places, whatever the order of the file is. */
static void test_places_of_tunnels(void)
{
	static const struct {
		const char *next, *places;
	} steps[] = {
	        {"abc", "abc"}, {"cab", "abc"},   {"ac", "a-c"},        {"cdea", "adce"},
	        {"e", "---e"},  {"fghe", "fghe"}, {"xyzw", "----xyzw"}, {"", ""},
	        {"ab", "ab"},   {"b", "-b"},      {"bc", "cb"},
	};
	static struct config current, next, out;
	struct err err = {0};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		set(&next, steps[i].next);
		CU_ASSERT_EQUAL(config_place(&current, &next, &out, &err), 0);
		CU_ASSERT_STRING_EQUAL(places(&out), steps[i].places);
		CU_ASSERT_EQUAL(config_tunnel_number(&out), strlen(steps[i].next));
		/* They may come, go and change places live; what is in a free place is nothing. */
		CU_ASSERT_EQUAL(config_live_change(&current, &next, &err), 0);
		current = out;
	}
	/* All places are taken, and one is to go for another. */
	set(&current, "");
	current.tunnel_count = CONFIG_TUNNELS_MAX;
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		snprintf(current.tunnels[t].name, sizeof(current.tunnels[t].name), "t%u", t);
	next = current;
	CU_ASSERT_EQUAL(config_place(&current, &next, &out, &err), 0);
	name(&next.tunnels[7], "other");
	CU_ASSERT_EQUAL(config_place(&current, &next, &out, &err), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(err.text, ROOT "/tunnel[name='other']: no more than 1024 tunnels, "
	                                      "with those that go: remove these first");
	/* The same in two steps. */
	next.tunnels[7] = next.tunnels[--next.tunnel_count];
	CU_ASSERT_EQUAL(config_place(&current, &next, &out, &err), 0);
	CU_ASSERT_FALSE(config_tunnel_used(&out.tunnels[7]));
	current = out;
	name(&next.tunnels[next.tunnel_count++], "other");
	CU_ASSERT_EQUAL(config_place(&current, &next, &out, &err), 0);
	CU_ASSERT_STRING_EQUAL(out.tunnels[7].name, "other");
}

UNIT_MAIN(UNIT(test_places_of_tunnels), UNIT(test_may_change_live), UNIT(test_delivery),
          UNIT(test_needs_restart), UNIT(test_esp_in_udp_is_fixed), UNIT(test_each_path))
