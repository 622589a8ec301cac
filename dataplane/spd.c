/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/iface.h"
#include "dataplane/spd_acl.h"
#include "dataplane/spd_slots.h"

_Static_assert(sizeof(struct spd_entry) == 8, "a decision has 8 bytes");

struct spd_table {
	/* control: rw, forwarding: ro */
	struct spd *current;
	/* control */
	struct spd *retired;
	struct rte_rcu_qsbr *qsbr;
	struct spd_info *list; /* what the rules are, in order */
	uint16_t *list_slot;
	struct spd_slots slots;
	unsigned int id, built; /* for names */
};

static unsigned int tables_created;

const struct spd *spd_current(const struct spd_table *t)
{
	return __atomic_load_n(&t->current, __ATOMIC_ACQUIRE);
}

struct spd_hit *spd_hits(const struct spd_table *t, unsigned int core)
{
	return t->slots.hits[core];
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
	spd_acl_free(&spd->acl);
	free(spd->wan);
	free(spd);
}

static int compile(const struct spd_table *t, struct spd *spd, const struct spd_rule *rules,
                   unsigned int count, struct err *err)
{
	char name[24];

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
	}
	snprintf(name, sizeof(name), "spd%u-%u", t->id, t->built);
	return spd_acl_build(&spd->acl, name, rules, count, err);
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
	if (rc == 0 && !spd_slots_assign(&t->slots, rules, count, &spd->entry[1], mine))
		rc = err_set(err, EEXIST, "policy: two rules have one name");
	t->built++;
	if (rc < 0) {
		spd_free(spd);
		free(mine);
		return rc;
	}
	spd_slots_settle(&t->slots, mine);
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

		out[i] = i < count ? t->list[i] : (struct spd_info){.action = SPD_DISCARD};
		spd_slots_read(&t->slots, slot, &out[i].packets, &out[i].bytes);
	}
	return count + 1;
}

struct spd_table *spd_table_create(unsigned int cores, struct rte_rcu_qsbr *qsbr, struct err *err)
{
	struct spd_table *t = calloc(1, sizeof(*t));

	if (t == NULL || spd_slots_init(&t->slots, cores) < 0 ||
	    (t->list = calloc(SPD_RULES_MAX, sizeof(*t->list))) == NULL ||
	    (t->list_slot = calloc(SPD_RULES_MAX, sizeof(*t->list_slot))) == NULL) {
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
	spd_slots_fini(&t->slots);
	free(t->list);
	free(t->list_slot);
	free(t);
}
