/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static struct rte_rcu_qsbr *qsbr;
static struct spd_rule rules[SPD_RULES_MAX + 1];

static void test_start(void)
{
	size_t size;

	dpdk_start(1, 256, NULL, NULL);
	size = rte_rcu_qsbr_get_memsize(2);
	qsbr = aligned_alloc(64, (size + 63) / 64 * 64);
	rte_rcu_qsbr_init(qsbr, 2);
}

/* Any packet of the LAN. */
static struct spd_rule any(const char *name, enum spd_action action)
{
	struct spd_rule r = {.action = (uint8_t)action,
	                     .tunnel = SPD_BY_ROUTE,
	                     .interface = SPD_LAN,
	                     .vlan = SPD_ANY_VLAN,
	                     .any_protocol = true,
	                     .ipv4 = true,
	                     .ipv6 = true};

	snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static struct spd4_key key(const char *src, const char *dst, uint8_t proto, uint16_t sport,
                           uint16_t dport)
{
	struct spd4_key k = {.proto = proto};

	memcpy(k.src, test_prefix(src, 0).addr.bytes, 4);
	memcpy(k.dst, test_prefix(dst, 0).addr.bytes, 4);
	put_be16(k.sport, sport);
	put_be16(k.dport, dport);
	put_be16(k.interface, SPD_LAN);
	return k;
}

static const struct spd_entry *match(const struct spd_table *t, struct spd4_key k)
{
	const struct spd_entry *e;

	spd_match4(spd_current(t), &k, &e, 1);
	return e;
}

static void test_without_rules_all_is_discarded(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(spd_current(t)->count, 0);
	CU_ASSERT_EQUAL(match(t, key("10.1.0.1", "10.2.0.1", 6, 1, 2))->action, SPD_DISCARD);
	spd_table_destroy(t);
}

static void test_first_match_decides(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);

	rules[0] = any("ssh", SPD_BYPASS);
	rules[0].any_protocol = false;
	rules[0].protocol = 6;
	rules[0].ports = true;
	rules[0].sport_max = UINT16_MAX;
	rules[0].dport_min = rules[0].dport_max = 22;
	rules[1] = any("lab", SPD_DISCARD);
	rules[1].ipv6 = false;
	rules[1].destination = test_prefix("10.2.5.0", 24);
	rules[2] = any("rest", SPD_PROTECT);
	rules[2].tunnel = 7;
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 3, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL(match(t, key("1.2.3.4", "10.2.5.9", 6, 999, 22))->action, SPD_BYPASS);
	CU_ASSERT_EQUAL(match(t, key("1.2.3.4", "10.2.5.9", 6, 22, 23))->action, SPD_DISCARD);
	CU_ASSERT_EQUAL(match(t, key("1.2.3.4", "10.2.5.9", 17, 999, 22))->slot,
	                spd_current(t)->entry[2].slot);
	CU_ASSERT_EQUAL(match(t, key("1.2.3.4", "10.2.6.9", 17, 999, 22))->tunnel, 7);
	/* The same the other way round: the first one takes all. */
	rules[3] = rules[0];
	rules[0] = rules[2];
	rules[2] = rules[3];
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 3, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL(match(t, key("1.2.3.4", "10.2.5.9", 6, 999, 22))->tunnel, 7);
	spd_reclaim(t);
	spd_table_destroy(t);
}

/* RFC 4301 section 7.1: what has no ports matches no rule that names some. */
static void test_fragments_match_rules_without_ports(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	struct spd4_key k = key("10.1.0.1", "10.2.0.1", 17, 0, 0);

	rules[0] = any("low", SPD_BYPASS);
	rules[0].any_protocol = false;
	rules[0].protocol = 17;
	rules[0].ports = true;
	rules[0].sport_max = UINT16_MAX;
	rules[0].dport_max = UINT16_MAX;
	rules[1] = any("rest", SPD_PROTECT);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 2, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL(match(t, k)->action, SPD_BYPASS);
	k.interface[0] |= 0x80;
	CU_ASSERT_EQUAL(match(t, k)->action, SPD_PROTECT);
	spd_table_destroy(t);
}

static void test_interface_and_vlan(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	struct spd4_key k = key("10.1.0.1", "10.2.0.1", 17, 5, 6);

	rules[0] = any("wan", SPD_BYPASS);
	rules[0].interface = SPD_WAN;
	rules[1] = any("vlan", SPD_PROTECT);
	rules[1].vlan = 100;
	rules[2] = any("hub", SPD_PROTECT);
	rules[2].interface = 1023;
	rules[2].tunnel = 9;
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 3, NULL, 0, NULL), 0);
	CU_ASSERT_TRUE(spd_current(t)->from_wan && spd_current(t)->from_tunnels);
	CU_ASSERT_FALSE(spd_current(t)->clear_no_key);
	CU_ASSERT_EQUAL(match(t, k)->slot, 0);
	put_be16(k.vlan, 100);
	CU_ASSERT_EQUAL(match(t, k)->action, SPD_PROTECT);
	put_be16(k.vlan, 101);
	CU_ASSERT_EQUAL(match(t, k)->slot, 0);
	/* Untagged is a VLAN of its own. */
	rules[3] = any("untagged", SPD_DISCARD);
	rules[3].vlan = 0;
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 4, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL(match(t, k)->slot, 0);
	put_be16(k.vlan, 0);
	CU_ASSERT_EQUAL(match(t, k)->slot, spd_current(t)->entry[4].slot);
	put_be16(k.interface, SPD_WAN);
	CU_ASSERT_EQUAL(match(t, k)->action, SPD_BYPASS);
	put_be16(k.interface, 1023);
	CU_ASSERT_EQUAL(match(t, k)->tunnel, 9);
	put_be16(k.interface, 1022);
	CU_ASSERT_EQUAL(match(t, k)->slot, 0);
	spd_table_destroy(t);
}

static void test_ipv6_prefixes(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	struct spd6_key k[2] = {0};
	const struct spd_entry *e[2];

	rules[0] = any("half", SPD_PROTECT);
	rules[0].ipv4 = false;
	rules[0].source = test_prefix("2001:db8:a::", 47);
	rules[0].destination = test_prefix("2001:db8:b::8", 125);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 1, NULL, 0, NULL), 0);
	for (unsigned int i = 0; i < 2; i++) {
		memcpy(k[i].src, test_prefix("2001:db8:b::1", 0).addr.bytes, 16);
		memcpy(k[i].dst, test_prefix("2001:db8:b::f", 0).addr.bytes, 16);
		put_be16(k[i].interface, SPD_LAN);
	}
	k[1].dst[15] = 0x10;
	spd_match6(spd_current(t), k, e, 2);
	CU_ASSERT_EQUAL(e[0]->action, SPD_PROTECT);
	CU_ASSERT_EQUAL(e[1]->slot, 0);
	/* Of the other version nothing is known. */
	CU_ASSERT_EQUAL(match(t, key("10.1.0.1", "10.2.0.1", 6, 1, 1))->slot, 0);
	spd_table_destroy(t);
}

static bool in_prefix(const struct config_prefix *p, const uint8_t *addr)
{
	uint32_t mask = p->len == 0 ? 0 : ~0U << (32 - p->len);

	return ((get_be32(p->addr.bytes) ^ get_be32(addr)) & mask) == 0;
}

/* What the list means, read one rule after the other: the number of the rule, from 1; 0: none. */
static unsigned int reference(unsigned int count, const struct spd4_key *k)
{
	bool known = (k->interface[0] & 0x80) == 0;
	uint16_t sport = get_be16(k->sport), dport = get_be16(k->dport);

	for (unsigned int i = 0; i < count; i++) {
		const struct spd_rule *r = &rules[i];

		if (!r->ipv4 || (!r->any_protocol && r->protocol != k->proto) ||
		    r->interface != (get_be16(k->interface) & 0x7fff) ||
		    (r->vlan != SPD_ANY_VLAN && r->vlan != get_be16(k->vlan)) ||
		    !in_prefix(&r->source, k->src) || !in_prefix(&r->destination, k->dst))
			continue;
		if (r->ports && (!known || sport < r->sport_min || sport > r->sport_max ||
		                 dport < r->dport_min || dport > r->dport_max))
			continue;
		return i + 1;
	}
	return 0;
}

static uint16_t draw(unsigned int n)
{
	return (uint16_t)dice(n);
}

static struct config_prefix draw_prefix(void)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", draw(3), draw(8), draw(256));
	return test_prefix(text, (uint8_t)(draw(4) == 0 ? 0 : 8 + draw(25)));
}

static void draw_rules(unsigned int count)
{
	static const uint8_t protocols[] = {1, 6, 17};

	for (unsigned int i = 0; i < count; i++) {
		struct spd_rule *r = &rules[i];
		char name[32];

		snprintf(name, sizeof(name), "r%u", i);
		*r = any(name, (enum spd_action)draw(3));
		r->ipv6 = false;
		r->interface = draw(8) == 0 ? SPD_WAN : SPD_LAN;
		r->vlan = draw(8) == 0 ? draw(3) : SPD_ANY_VLAN;
		r->source = draw_prefix();
		r->destination = draw_prefix();
		if (draw(3) == 0)
			continue;
		r->any_protocol = false;
		r->protocol = protocols[draw(3)];
		r->ports = draw(2) == 0;
		r->sport_max = UINT16_MAX;
		if (r->ports) {
			r->dport_min = draw(4000);
			r->dport_max = (uint16_t)(r->dport_min + draw(2000));
		}
	}
}

/* Random rules and keys near them, against the list itself. */
static void compare(unsigned int count)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	struct spd4_key k[SPD_BURST];
	const struct spd_entry *e[SPD_BURST];
	unsigned int wrong = 0, matched = 0;
	struct err err = {0};

	draw_rules(count);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, count, NULL, 0, &err), 0);
	for (unsigned int round = 0; round < 300; round++) {
		for (unsigned int i = 0; i < SPD_BURST; i++) {
			struct config_prefix src = draw_prefix(), dst = draw_prefix();

			k[i] = (struct spd4_key){.proto = (uint8_t)(draw(2) == 0 ? 6 : 17)};
			memcpy(k[i].src, src.addr.bytes, 4);
			memcpy(k[i].dst, dst.addr.bytes, 4);
			put_be16(k[i].sport, draw(65535));
			put_be16(k[i].dport, draw(7000));
			put_be16(k[i].vlan, draw(4));
			put_be16(k[i].interface, draw(4) == 0 ? SPD_WAN : SPD_LAN);
			if (draw(8) == 0)
				k[i].interface[0] |= 0x80;
		}
		spd_match4(spd_current(t), k, e, SPD_BURST);
		for (unsigned int i = 0; i < SPD_BURST; i++) {
			unsigned int want = reference(count, &k[i]);

			wrong += e[i] != &spd_current(t)->entry[want];
			matched += want != 0;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(matched > 1000);
	spd_table_destroy(t);
}

static void test_agrees_with_the_list(void)
{
	dice_state = 1;
	compare(5);
	compare(64);
	compare(1024);
	compare(SPD_RULES_MAX);
}

static void test_counts_outlive_an_update(void)
{
	struct spd_table *t = spd_table_create(2, qsbr, NULL);
	struct spd_info info[4];
	unsigned int a;

	rules[0] = any("a", SPD_PROTECT);
	rules[1] = any("b", SPD_DISCARD);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 2, NULL, 0, NULL), 0);
	a = spd_current(t)->entry[1].slot;
	spd_count(spd_hits(t, 0), a, 100);
	spd_count(spd_hits(t, 1), a, 50);
	spd_count(spd_hits(t, 1), 0, 7);
	spd_count(spd_hits(t, 1), spd_current(t)->entry[2].slot, 9);
	/* The order changes, "b" goes, "c" comes. */
	rules[1] = rules[0];
	rules[0] = any("c", SPD_BYPASS);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 2, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(spd_list(t, info, 4), 3);
	CU_ASSERT_STRING_EQUAL(info[0].name, "c");
	CU_ASSERT_EQUAL(info[0].action, SPD_BYPASS);
	CU_ASSERT_EQUAL(info[0].packets, 0);
	CU_ASSERT_STRING_EQUAL(info[1].name, "a");
	CU_ASSERT_EQUAL(info[1].packets, 2);
	CU_ASSERT_EQUAL(info[1].bytes, 150);
	CU_ASSERT_STRING_EQUAL(info[2].name, "");
	CU_ASSERT_EQUAL(info[2].packets, 1);
	/* One that comes back begins at 0. */
	rules[0] = any("c", SPD_BYPASS);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 1, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 1, NULL, 0, NULL), 0);
	rules[1] = any("a", SPD_PROTECT);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 2, NULL, 0, NULL), 0);
	CU_ASSERT_EQUAL(spd_list(t, info, 4), 3);
	CU_ASSERT_STRING_EQUAL(info[1].name, "a");
	CU_ASSERT_EQUAL(info[1].packets, 0);
	spd_table_destroy(t);
}

static void test_the_longest_wan_route_leads(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	const uint8_t near[4] = {192, 0, 2, 9}, far[4] = {203, 0, 113, 9}, other[4] = {8, 8, 8, 8};
	struct spd_wan_route wan[] = {
	        {.prefix = test_prefix("0.0.0.0", 0), .next_hop = neighbour_key4(1, near)},
	        {.prefix = test_prefix("192.0.2.0", 24), .connected = true, .next_hop.port = 1},
	        {.prefix = test_prefix("203.0.113.0", 24), .next_hop = neighbour_key4(1, other)},
	};
	struct neighbour_key key;

	CU_ASSERT_FALSE(spd_wan_next_hop(spd_current(t), false, near, &key));
	CU_ASSERT_EQUAL_FATAL(spd_update(t, NULL, 0, wan, 3, NULL), 0);
	CU_ASSERT_TRUE(spd_wan_next_hop(spd_current(t), false, far, &key));
	CU_ASSERT_EQUAL(memcmp(key.addr, other, 4), 0);
	CU_ASSERT_TRUE(spd_wan_next_hop(spd_current(t), false, near, &key));
	CU_ASSERT_EQUAL(memcmp(key.addr, near, 4), 0);
	CU_ASSERT_EQUAL(key.port, 1);
	CU_ASSERT_TRUE(spd_wan_next_hop(spd_current(t), false, other, &key));
	CU_ASSERT_EQUAL(memcmp(key.addr, near, 4), 0);
	CU_ASSERT_FALSE(spd_wan_next_hop(spd_current(t), true, near, &key));
	spd_table_destroy(t);
}

static void test_refused_rules_change_nothing(void)
{
	struct spd_table *t = spd_table_create(1, qsbr, NULL);
	const struct spd *before;
	struct err err = {0};

	rules[0] = any("a", SPD_PROTECT);
	rules[1] = any("a", SPD_BYPASS);
	CU_ASSERT_EQUAL_FATAL(spd_update(t, rules, 1, NULL, 0, &err), 0);
	before = spd_current(t);
	CU_ASSERT_EQUAL(spd_update(t, rules, 2, NULL, 0, &err), -EEXIST);
	CU_ASSERT_EQUAL(spd_update(t, rules, SPD_RULES_MAX + 1, NULL, 0, &err), -E2BIG);
	CU_ASSERT_PTR_EQUAL(spd_current(t), before);
	CU_ASSERT_EQUAL(match(t, key("10.1.0.1", "10.2.0.1", 6, 1, 1))->action, SPD_PROTECT);
	spd_table_destroy(t);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_without_rules_all_is_discarded),
          UNIT(test_first_match_decides), UNIT(test_fragments_match_rules_without_ports),
          UNIT(test_interface_and_vlan), UNIT(test_ipv6_prefixes), UNIT(test_agrees_with_the_list),
          UNIT(test_counts_outlive_an_update), UNIT(test_the_longest_wan_route_leads),
          UNIT(test_refused_rules_change_nothing))
