/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd_acl.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include <rte_acl.h>
#include <rte_memory.h>

#include "common/bytes.h"

_Static_assert(sizeof(struct spd4_key) == 20 && sizeof(struct spd6_key) == 44,
               "keys without padding");

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

void spd_match4(const struct spd *spd, const struct spd4_key *keys, const struct spd_entry **out,
                unsigned int n)
{
	const uint8_t *data[SPD_BURST];
	uint32_t result[SPD_BURST] = {0};

	for (unsigned int i = 0; i < n; i++)
		data[i] = (const uint8_t *)&keys[i];
	if (spd->acl.v4 != NULL)
		rte_acl_classify(spd->acl.v4, data, result, n, 1);
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
	if (spd->acl.v6 != NULL)
		rte_acl_classify(spd->acl.v6, data, result, n, 1);
	for (unsigned int i = 0; i < n; i++)
		out[i] = &spd->entry[result[i]];
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

static int add_rule(const struct spd_acl *acl, const struct spd_rule *r, unsigned int order)
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
		rc = rte_acl_add_rules(acl->v4, (const struct rte_acl_rule *)&r4, 1);
	}
	if (rc == 0 && r->ipv6) {
		set_data(&r6.data, r, order, &r6.field[V6_PROTO]);
		set_address6(&r6.field[V6_SRC], &r->source);
		set_address6(&r6.field[V6_DST], &r->destination);
		set_rest(&r6.field[V6_SPORT], r);
		rc = rte_acl_add_rules(acl->v6, (const struct rte_acl_rule *)&r6, 1);
	}
	return rc;
}

static struct rte_acl_ctx *create_acl(const char *table, const char *version, unsigned int fields,
                                      unsigned int rules)
{
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_param param = {.name = name,
	                              .socket_id = SOCKET_ID_ANY,
	                              .rule_size = RTE_ACL_RULE_SZ(fields),
	                              .max_rule_num = rules};

	snprintf(name, sizeof(name), "%s-%s", table, version);
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

int spd_acl_build(struct spd_acl *acl, const char *name, const struct spd_rule *rules,
                  unsigned int count, struct err *err)
{
	unsigned int v4 = 0, v6 = 0;
	int rc = 0;

	for (unsigned int i = 0; i < count; i++) {
		v4 += rules[i].ipv4;
		v6 += rules[i].ipv6;
	}
	if ((v4 > 0 && (acl->v4 = create_acl(name, "v4", V4_FIELDS, v4)) == NULL) ||
	    (v6 > 0 && (acl->v6 = create_acl(name, "v6", V6_FIELDS, v6)) == NULL))
		return err_set(err, ENOMEM, "policy: no memory for %u rules", count);
	for (unsigned int i = 0; i < count; i++) {
		rc = add_rule(acl, &rules[i], i);
		if (rc < 0)
			return err_set(err, -rc, "policy: rule %s: %s", rules[i].name,
			               strerror(-rc));
	}
	if (v4 > 0)
		rc = build_acl(acl->v4, fields4, V4_FIELDS);
	if (rc == 0 && v6 > 0)
		rc = build_acl(acl->v6, fields6, V6_FIELDS);
	return rc == 0 ? 0
	               : err_set(err, -rc, "policy: %u rules cannot be compiled: %s", count,
	                         strerror(-rc));
}

void spd_acl_free(struct spd_acl *acl)
{
	rte_acl_free(acl->v4);
	rte_acl_free(acl->v6);
}
