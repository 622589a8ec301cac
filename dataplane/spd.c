/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_acl.h>
#include <rte_memory.h>
#include <rte_rcu_qsbr.h>

#include "common/bytes.h"
#include "dataplane/iface.h"

_Static_assert(sizeof(struct spd4_key) == 20 && sizeof(struct spd6_key) == 44,
               "keys without padding");
_Static_assert(SPD_SLOTS <= UINT16_MAX, "a decision names its slot in 16 bits");
_Static_assert(sizeof(struct spd_entry) == 8, "a decision has 8 bytes");

#define PORTS_UNKNOWN UINT16_C(0x8000)

/*
 * More room gives fewer tries, each of which costs a walk over the whole key; rte_acl stops
 * merging at this many bytes.
 */
#define TRIE_BYTES_MAX (8U << 20)

/* RFC 4301 orders rules, rte_acl has priorities: the greatest counts. */
#define PRIORITY(order) ((int32_t)(RTE_ACL_MAX_PRIORITY - (order)))

enum { V4_PROTO, V4_SRC, V4_DST, V4_SPORT, V4_DPORT, V4_VLAN, V4_INTERFACE, V4_FIELDS };

/* An IPv6 address is four fields. */
enum {
	V6_PROTO,
	V6_SRC,
	V6_DST = V6_SRC + 4,
	V6_SPORT = V6_DST + 4,
	V6_DPORT,
	V6_VLAN,
	V6_INTERFACE,
	V6_FIELDS
};

RTE_ACL_RULE_DEF(acl4_rule, V4_FIELDS);
RTE_ACL_RULE_DEF(acl6_rule, V6_FIELDS);

#define FIELD(type_, size_, index_, group_, offset_)                                               \
	{                                                                                          \
		.type = RTE_ACL_FIELD_TYPE_##type_, .size = (size_), .field_index = (index_),      \
		.input_index = (group_), .offset = (offset_)                                       \
	}

/* Input is taken in groups of 4 bytes, after a first one of 1 byte. */
static const struct rte_acl_field_def fields4[V4_FIELDS] = {
        FIELD(BITMASK, 1, V4_PROTO, 0, offsetof(struct spd4_key, proto)),
        FIELD(MASK, 4, V4_SRC, 1, offsetof(struct spd4_key, src)),
        FIELD(MASK, 4, V4_DST, 2, offsetof(struct spd4_key, dst)),
        FIELD(RANGE, 2, V4_SPORT, 3, offsetof(struct spd4_key, sport)),
        FIELD(RANGE, 2, V4_DPORT, 3, offsetof(struct spd4_key, dport)),
        FIELD(BITMASK, 2, V4_VLAN, 4, offsetof(struct spd4_key, vlan)),
        FIELD(BITMASK, 2, V4_INTERFACE, 4, offsetof(struct spd4_key, interface)),
};

static const struct rte_acl_field_def fields6[V6_FIELDS] = {
        FIELD(BITMASK, 1, V6_PROTO, 0, offsetof(struct spd6_key, proto)),
        FIELD(MASK, 4, V6_SRC, 1, offsetof(struct spd6_key, src)),
        FIELD(MASK, 4, V6_SRC + 1, 2, offsetof(struct spd6_key, src) + 4),
        FIELD(MASK, 4, V6_SRC + 2, 3, offsetof(struct spd6_key, src) + 8),
        FIELD(MASK, 4, V6_SRC + 3, 4, offsetof(struct spd6_key, src) + 12),
        FIELD(MASK, 4, V6_DST, 5, offsetof(struct spd6_key, dst)),
        FIELD(MASK, 4, V6_DST + 1, 6, offsetof(struct spd6_key, dst) + 4),
        FIELD(MASK, 4, V6_DST + 2, 7, offsetof(struct spd6_key, dst) + 8),
        FIELD(MASK, 4, V6_DST + 3, 8, offsetof(struct spd6_key, dst) + 12),
        FIELD(RANGE, 2, V6_SPORT, 9, offsetof(struct spd6_key, sport)),
        FIELD(RANGE, 2, V6_DPORT, 9, offsetof(struct spd6_key, dport)),
        FIELD(BITMASK, 2, V6_VLAN, 10, offsetof(struct spd6_key, vlan)),
        FIELD(BITMASK, 2, V6_INTERFACE, 10, offsetof(struct spd6_key, interface)),
};

struct slot {
	char name[32];             /* "": free */
	bool used;                 /* by the current rules */
	uint64_t packets0, bytes0; /* what it had counted when it got its name */
};

struct spd_table {
	/* control: rw, forwarding: ro */
	struct spd *current;
	/* the pointers control: ro, what they point to one core's each */
	struct spd_hit **hits;
	/* control */
	unsigned int cores;
	struct spd *retired;
	struct rte_rcu_qsbr *qsbr;
	struct spd_info *list; /* names and actions in order */
	uint16_t *list_slot;
	struct slot slot[SPD_SLOTS];
	unsigned int id, built; /* for names */
};

static unsigned int tables_created;

const struct spd *spd_current(const struct spd_table *t)
{
	return __atomic_load_n(&t->current, __ATOMIC_ACQUIRE);
}

struct spd_hit *spd_hits(const struct spd_table *t, unsigned int core)
{
	return t->hits[core];
}

void spd_match4(const struct spd *spd, const struct spd4_key *keys, const struct spd_entry **out,
                unsigned int n)
{
	const uint8_t *data[SPD_BURST];
	uint32_t result[SPD_BURST] = {0};

	for (unsigned int i = 0; i < n; i++)
		data[i] = (const uint8_t *)&keys[i];
	if (spd->v4 != NULL)
		rte_acl_classify(spd->v4, data, result, n, 1);
	for (unsigned int i = 0; i < n; i++)
		out[i] = &spd->entry[result[i]];
}

void spd_match6(const struct spd *spd, const struct spd6_key *keys, const struct spd_entry **out,
                unsigned int n)
{
	const uint8_t *data[SPD_BURST];
	uint32_t result[SPD_BURST] = {0};

	for (unsigned int i = 0; i < n; i++)
		data[i] = (const uint8_t *)&keys[i];
	if (spd->v6 != NULL)
		rte_acl_classify(spd->v6, data, result, n, 1);
	for (unsigned int i = 0; i < n; i++)
		out[i] = &spd->entry[result[i]];
}

bool spd_wan_next_hop(const struct spd *spd, bool ipv6, const uint8_t *addr,
                      struct neighbour_key *out)
{
	for (unsigned int i = 0; i < spd->wan_count; i++) {
		const struct spd_wan_route *r = &spd->wan[i];

		if (r->prefix.addr.ipv6 != ipv6 ||
		    !prefix_matches(r->prefix.addr.bytes, addr, r->prefix.len))
			continue;
		*out = r->next_hop;
		if (r->connected)
			*out = ipv6 ? neighbour_key6(r->next_hop.port, addr)
			            : neighbour_key4(r->next_hop.port, addr);
		return true;
	}
	return false;
}

static int longer_first(const void *a, const void *b)
{
	const struct spd_wan_route *x = a, *y = b;

	return (int)y->prefix.len - (int)x->prefix.len;
}

static void spd_free(struct spd *spd)
{
	if (spd == NULL)
		return;
	rte_acl_free(spd->v4);
	rte_acl_free(spd->v6);
	free(spd->wan);
	free(spd);
}

static void set_bits16(struct rte_acl_field *f, uint16_t value, uint16_t mask)
{
	f->value.u16 = value;
	f->mask_range.u16 = mask;
}

static void set_range(struct rte_acl_field *f, bool ports, uint16_t min, uint16_t max)
{
	f->value.u16 = ports ? min : 0;
	f->mask_range.u16 = ports ? max : UINT16_MAX;
}

/* The five fields that follow the addresses in both versions. */
static void set_rest(struct rte_acl_field *sport, const struct spd_rule *r)
{
	set_range(&sport[0], r->ports, r->sport_min, r->sport_max);
	set_range(&sport[1], r->ports, r->dport_min, r->dport_max);
	set_bits16(&sport[2], r->vlan == SPD_ANY_VLAN ? 0 : r->vlan,
	           r->vlan == SPD_ANY_VLAN ? 0 : UINT16_MAX);
	/* A rule with ports asks that they are known, one without does not. */
	set_bits16(&sport[3], r->interface, r->ports ? UINT16_MAX : (uint16_t)~PORTS_UNKNOWN);
}

static void set_data(struct rte_acl_rule_data *d, const struct spd_rule *r, unsigned int order,
                     struct rte_acl_field *proto)
{
	d->category_mask = 1;
	d->priority = PRIORITY(order);
	d->userdata = order + 1;
	proto->value.u8 = r->any_protocol ? 0 : r->protocol;
	proto->mask_range.u8 = r->any_protocol ? 0 : UINT8_MAX;
}

static void set_address6(struct rte_acl_field *f, const struct config_prefix *p)
{
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t bits = p->len > 32 * i ? RTE_MIN(p->len - 32 * i, 32U) : 0;

		f[i].value.u32 = get_be32(p->addr.bytes + (size_t)4 * i);
		f[i].mask_range.u32 = bits;
	}
}

static int add_rule(struct spd *spd, const struct spd_rule *r, unsigned int order)
{
	struct acl4_rule r4 = {0};
	struct acl6_rule r6 = {0};
	int rc = 0;

	if (r->ipv4) {
		set_data(&r4.data, r, order, &r4.field[V4_PROTO]);
		r4.field[V4_SRC].value.u32 = get_be32(r->source.addr.bytes);
		r4.field[V4_SRC].mask_range.u32 = r->source.len;
		r4.field[V4_DST].value.u32 = get_be32(r->destination.addr.bytes);
		r4.field[V4_DST].mask_range.u32 = r->destination.len;
		set_rest(&r4.field[V4_SPORT], r);
		rc = rte_acl_add_rules(spd->v4, (const struct rte_acl_rule *)&r4, 1);
	}
	if (rc == 0 && r->ipv6) {
		set_data(&r6.data, r, order, &r6.field[V6_PROTO]);
		set_address6(&r6.field[V6_SRC], &r->source);
		set_address6(&r6.field[V6_DST], &r->destination);
		set_rest(&r6.field[V6_SPORT], r);
		rc = rte_acl_add_rules(spd->v6, (const struct rte_acl_rule *)&r6, 1);
	}
	return rc;
}

static struct rte_acl_ctx *create_acl(const struct spd_table *t, const char *version,
                                      unsigned int fields, unsigned int rules)
{
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_param param = {.name = name,
	                              .socket_id = SOCKET_ID_ANY,
	                              .rule_size = RTE_ACL_RULE_SZ(fields),
	                              .max_rule_num = rules};

	snprintf(name, sizeof(name), "spd%u-%u-%s", t->id, t->built, version);
	return rte_acl_create(&param);
}

static int build_acl(struct rte_acl_ctx *ctx, const struct rte_acl_field_def *defs,
                     unsigned int fields)
{
	struct rte_acl_config config = {
	        .num_categories = 1, .num_fields = fields, .max_size = TRIE_BYTES_MAX};
	int rc;

	memcpy(config.defs, defs, fields * sizeof(*defs));
	rc = rte_acl_build(ctx, &config);
	if (rc != -ERANGE && rc != -ENOMEM)
		return rc;
	/* Rules that do not merge within it: as many tries as it takes. */
	config.max_size = 0;
	return rte_acl_build(ctx, &config);
}

/* The slot of NAME, or a free one that no current or last rule had; its number is kept. */
static unsigned int slot_of(struct spd_table *t, const char *name)
{
	unsigned int free_slot = 0;

	for (unsigned int i = 1; i < SPD_UNCOUNTED; i++) {
		if (strcmp(t->slot[i].name, name) == 0)
			return i;
		if (t->slot[i].name[0] == '\0' && free_slot == 0)
			free_slot = i;
	}
	return free_slot;
}

static void slot_sum(const struct spd_table *t, unsigned int slot, uint64_t *packets,
                     uint64_t *bytes)
{
	*packets = *bytes = 0;
	for (unsigned int c = 0; c < t->cores; c++) {
		*packets += __atomic_load_n(&t->hits[c][slot].packets, __ATOMIC_RELAXED);
		*bytes += __atomic_load_n(&t->hits[c][slot].bytes, __ATOMIC_RELAXED);
	}
}

/* One slot a rule; false when two rules have one name. */
static bool assign_slots(struct spd_table *t, struct spd *spd, const struct spd_rule *rules,
                         unsigned int count, bool *mine)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int n = slot_of(t, rules[i].name);
		struct slot *s = &t->slot[n];

		if (n == 0 || mine[n])
			return false;
		mine[n] = true;
		if (s->name[0] == '\0') {
			snprintf(s->name, sizeof(s->name), "%s", rules[i].name);
			slot_sum(t, n, &s->packets0, &s->bytes0);
		}
		spd->entry[i + 1].slot = (uint16_t)n;
	}
	return true;
}

/* The names that MINE does not have are free, once the rules before these are gone too. */
static void settle_slots(struct spd_table *t, const bool *mine)
{
	for (unsigned int i = 1; i < SPD_UNCOUNTED; i++) {
		if (!mine[i] && !t->slot[i].used)
			t->slot[i].name[0] = '\0';
		t->slot[i].used = mine[i];
	}
}

static int compile(struct spd_table *t, struct spd *spd, const struct spd_rule *rules,
                   unsigned int count, struct err *err)
{
	unsigned int v4 = 0, v6 = 0;
	int rc = 0;

	spd->count = count;
	for (unsigned int i = 0; i < count; i++) {
		const struct spd_rule *r = &rules[i];

		spd->entry[i + 1].action = r->action;
		spd->entry[i + 1].tunnel = r->tunnel;
		spd->entry[i + 1].clear_no_key = r->clear_no_key;
		spd->from_wan |= (r->interface == SPD_WAN && r->action == SPD_BYPASS) ||
		                 (r->action == SPD_PROTECT && r->clear_no_key);
		spd->clear_no_key |= r->action == SPD_PROTECT && r->clear_no_key;
		spd->from_tunnels |= r->interface < SPD_WAN;
		v4 += r->ipv4;
		v6 += r->ipv6;
	}
	if ((v4 > 0 && (spd->v4 = create_acl(t, "v4", V4_FIELDS, v4)) == NULL) ||
	    (v6 > 0 && (spd->v6 = create_acl(t, "v6", V6_FIELDS, v6)) == NULL))
		return err_set(err, ENOMEM, "policy: no memory for %u rules", count);
	for (unsigned int i = 0; i < count; i++) {
		rc = add_rule(spd, &rules[i], i);
		if (rc < 0)
			return err_set(err, -rc, "policy: rule %s: %s", rules[i].name,
			               strerror(-rc));
	}
	if (v4 > 0)
		rc = build_acl(spd->v4, fields4, V4_FIELDS);
	if (rc == 0 && v6 > 0)
		rc = build_acl(spd->v6, fields6, V6_FIELDS);
	return rc == 0 ? 0
	               : err_set(err, -rc, "policy: %u rules cannot be compiled: %s", count,
	                         strerror(-rc));
}

int spd_update(struct spd_table *t, const struct spd_rule *rules, unsigned int count,
               const struct spd_wan_route *wan, unsigned int wan_count, struct err *err)
{
	struct spd *spd, *old = t->current;
	bool *mine;
	int rc;

	if (count > SPD_RULES_MAX)
		return err_set(err, E2BIG, "policy: %u rules, %u are possible", count,
		               SPD_RULES_MAX);
	/* At most two generations hold memory. */
	if (t->retired != NULL) {
		rte_rcu_qsbr_synchronize(t->qsbr, RTE_QSBR_THRID_INVALID);
		spd_reclaim(t);
	}
	spd = calloc(1, sizeof(*spd) + (count + 1) * sizeof(spd->entry[0]));
	mine = calloc(SPD_SLOTS, sizeof(*mine));
	if (spd != NULL)
		spd->wan = calloc(wan_count + 1, sizeof(*wan));
	if (spd == NULL || mine == NULL || spd->wan == NULL)
		rc = err_set(err, ENOMEM, "policy: no memory");
	else
		rc = compile(t, spd, rules, count, err);
	if (rc == 0 && !assign_slots(t, spd, rules, count, mine))
		rc = err_set(err, EEXIST, "policy: two rules have one name");
	t->built++;
	if (rc < 0) {
		spd_free(spd);
		free(mine);
		return rc;
	}
	settle_slots(t, mine);
	free(mine);
	if (wan_count > 0)
		memcpy(spd->wan, wan, wan_count * sizeof(*wan));
	spd->wan_count = wan_count;
	qsort(spd->wan, wan_count, sizeof(*wan), longer_first);
	for (unsigned int i = 0; i < count; i++) {
		memcpy(t->list[i].name, rules[i].name, sizeof(t->list[i].name));
		t->list[i].action = rules[i].action;
		t->list[i].interface = rules[i].interface;
		t->list[i].vlan = rules[i].vlan;
		t->list_slot[i] = spd->entry[i + 1].slot;
	}
	__atomic_store_n(&t->current, spd, __ATOMIC_RELEASE);
	if (old != NULL) {
		old->token = rte_rcu_qsbr_start(t->qsbr);
		old->retired = t->retired;
		t->retired = old;
	}
	return 0;
}

void spd_reclaim(struct spd_table *t)
{
	struct spd **link = &t->retired;

	while (*link != NULL) {
		struct spd *spd = *link;

		if (rte_rcu_qsbr_check(t->qsbr, spd->token, false) != 1) {
			link = &spd->retired;
			continue;
		}
		*link = spd->retired;
		spd_free(spd);
	}
}

unsigned int spd_list(const struct spd_table *t, struct spd_info *out, unsigned int max)
{
	unsigned int count = t->current->count;

	for (unsigned int i = 0; i <= count && i < max; i++) {
		unsigned int slot = i < count ? t->list_slot[i] : 0;
		const struct slot *s = &t->slot[slot];

		out[i] = i < count ? t->list[i] : (struct spd_info){.action = SPD_DISCARD};
		slot_sum(t, slot, &out[i].packets, &out[i].bytes);
		out[i].packets -= s->packets0;
		out[i].bytes -= s->bytes0;
	}
	return count + 1;
}

struct spd_table *spd_table_create(unsigned int cores, struct rte_rcu_qsbr *qsbr, struct err *err)
{
	struct spd_table *t = calloc(1, sizeof(*t));
	bool ok = t != NULL && (t->hits = calloc(cores, sizeof(*t->hits))) != NULL &&
	          (t->list = calloc(SPD_RULES_MAX, sizeof(*t->list))) != NULL &&
	          (t->list_slot = calloc(SPD_RULES_MAX, sizeof(*t->list_slot))) != NULL;

	for (unsigned int c = 0; ok && c < cores; c++) {
		t->hits[c] = aligned_alloc(64, SPD_SLOTS * sizeof(struct spd_hit));
		ok = t->hits[c] != NULL;
		if (ok)
			memset(t->hits[c], 0, SPD_SLOTS * sizeof(struct spd_hit));
		t->cores++;
	}
	if (!ok) {
		spd_table_destroy(t);
		err_set(err, ENOMEM, "policy: no memory");
		return NULL;
	}
	t->qsbr = qsbr;
	t->id = tables_created++;
	if (spd_update(t, NULL, 0, NULL, 0, err) < 0) {
		spd_table_destroy(t);
		return NULL;
	}
	return t;
}

void spd_table_destroy(struct spd_table *t)
{
	if (t == NULL)
		return;
	while (t->retired != NULL) {
		struct spd *spd = t->retired;

		t->retired = spd->retired;
		spd_free(spd);
	}
	spd_free(t->current);
	for (unsigned int c = 0; c < t->cores; c++)
		free(t->hits[c]);
	free(t->hits);
	free(t->list);
	free(t->list_slot);
	free(t);
}
