/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/fib.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_memory.h>
#include <rte_rcu_qsbr.h>

#include "common/bytes.h"

/* An 8-bit entry has 7 bits of next hop, a 16-bit one 15. */
#define NEXT_HOPS_1B 127

struct fib_table {
	/* control: rw, forwarding: ro */
	struct fib *current;
	/* control */
	struct fib *retired;
	struct rte_rcu_qsbr *qsbr;
	unsigned int built; /* for names */
	unsigned int id;
};

static unsigned int tables_created;

const struct fib *fib_current(const struct fib_table *t)
{
	return __atomic_load_n(&t->current, __ATOMIC_ACQUIRE);
}

void fib_lookup4(const struct fib *fib, const uint32_t *addr, uint64_t *index, unsigned int n)
{
	/* The function takes no const, but does not write. */
	rte_fib_lookup_bulk(fib->v4, (uint32_t *)(uintptr_t)addr, index, (int)n);
}

void fib_lookup6(const struct fib *fib, uint8_t (*addr)[16], uint64_t *index, unsigned int n)
{
	if (fib->v6 == NULL) {
		memset(index, 0, n * sizeof(*index));
		return;
	}
#ifdef HAVE_RTE_IPV6_ADDR
	rte_fib6_lookup_bulk(fib->v6, (const struct rte_ipv6_addr *)addr, index, (int)n);
#else
	rte_fib6_lookup_bulk(fib->v6, addr, index, (int)n);
#endif
}

static int add6(struct rte_fib6 *fib, const uint8_t *addr, uint8_t len, uint64_t next_hop)
{
#ifdef HAVE_RTE_IPV6_ADDR
	struct rte_ipv6_addr ip;

	memcpy(&ip, addr, sizeof(ip));
	return rte_fib6_add(fib, &ip, len, next_hop);
#else
	return rte_fib6_add(fib, addr, len, next_hop);
#endif
}

static void fib_free(struct fib *fib)
{
	if (fib == NULL)
		return;
	if (fib->v4 != NULL)
		rte_fib_free(fib->v4);
	if (fib->v6 != NULL)
		rte_fib6_free(fib->v6);
	free(fib);
}

/* The index of the adjacency in the table, put there if it is new; 0 when the table is full. */
static unsigned int adjacency_index(struct fib *fib, const struct adjacency *a)
{
	for (unsigned int i = 0; i < fib->adjacency_count; i++) {
		const struct adjacency *b = &fib->adjacency[i];

		if (b->kind == a->kind && b->tunnel == a->tunnel &&
		    memcmp(&b->next_hop, &a->next_hop, sizeof(a->next_hop)) == 0)
			return i;
	}
	if (fib->adjacency_count == FIB_ADJACENCIES_MAX)
		return 0;
	fib->adjacency[fib->adjacency_count] = *a;
	return fib->adjacency_count++;
}

static int create_tables(struct fib *fib, const char *name, const struct fib_route *routes,
                         unsigned int count, struct err *err)
{
	struct rte_fib_conf conf4 = {.type = RTE_FIB_DIR24_8, .max_routes = (int)count + 16};
	struct rte_fib6_conf conf6 = {.type = RTE_FIB6_TRIE, .max_routes = 16};
	char name6[32];
	bool v6 = false;

	conf4.dir24_8.nh_sz =
	        fib->adjacency_count <= NEXT_HOPS_1B ? RTE_FIB_DIR24_8_1B : RTE_FIB_DIR24_8_2B;
	conf4.dir24_8.num_tbl8 = 16;
	conf6.trie.nh_sz = RTE_FIB6_TRIE_2B;
	conf6.trie.num_tbl8 = 16;
	for (unsigned int i = 0; i < count; i++) {
		const struct config_prefix *p = &routes[i].prefix;

		if (!p->addr.ipv6) {
			/* A group of 256 entries for each /24 that is divided. */
			conf4.dir24_8.num_tbl8 += p->len > 24;
			continue;
		}
		v6 = true;
		/* Both edges of the prefix may divide a group at each level of 8 bits. */
		conf6.max_routes += 2;
		conf6.trie.num_tbl8 += p->len > 24 ? 2U * ((p->len - 17U) / 8U) : 0;
	}
	if (conf4.dir24_8.nh_sz == RTE_FIB_DIR24_8_1B && conf4.dir24_8.num_tbl8 > NEXT_HOPS_1B)
		conf4.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
	/* The index of a group has one bit less than an entry. */
	conf6.trie.num_tbl8 = RTE_MIN(conf6.trie.num_tbl8, 32767U);
	fib->v4 = rte_fib_create(name, SOCKET_ID_ANY, &conf4);
	if (fib->v4 == NULL)
		return err_set(err, rte_errno, "routes: no memory for the IPv4 table (%s)",
		               rte_strerror(rte_errno));
	if (!v6)
		return 0;
	snprintf(name6, sizeof(name6), "%s-v6", name);
	fib->v6 = rte_fib6_create(name6, SOCKET_ID_ANY, &conf6);
	if (fib->v6 == NULL)
		return err_set(err, rte_errno, "routes: no memory for the IPv6 table (%s)",
		               rte_strerror(rte_errno));
	return 0;
}

static struct fib *fib_build(const char *name, const struct fib_route *routes, unsigned int count,
                             const struct fib_outer outer[FIB_OUTER_MAX], struct err *err)
{
	struct fib *fib = calloc(1, sizeof(*fib) + FIB_ADJACENCIES_MAX * sizeof(struct adjacency));
	unsigned int *index = calloc(count + 1, sizeof(*index));

	if (fib == NULL || index == NULL) {
		err_set(err, ENOMEM, "routes: no memory");
		goto fail;
	}
	fib->adjacency_count = 1;
	if (outer != NULL)
		memcpy(fib->outer, outer, sizeof(fib->outer));
	for (unsigned int i = 0; i < count; i++) {
		index[i] = adjacency_index(fib, &routes[i].via);
		if (index[i] == 0 && routes[i].via.kind != ADJACENCY_NONE) {
			err_set(err, E2BIG, "routes: more than %u next hops",
			        FIB_ADJACENCIES_MAX - 1);
			goto fail;
		}
	}
	if (create_tables(fib, name, routes, count, err) < 0)
		goto fail;
	for (unsigned int i = 0; i < count; i++) {
		const struct config_prefix *p = &routes[i].prefix;
		int rc = p->addr.ipv6
		                 ? add6(fib->v6, p->addr.bytes, p->len, index[i])
		                 : rte_fib_add(fib->v4, get_be32(p->addr.bytes), p->len, index[i]);

		if (rc < 0) {
			err_set(err, -rc, "routes: cannot add route %u of length %u: %s", i, p->len,
			        strerror(-rc));
			goto fail;
		}
	}
	free(index);
	return fib;
fail:
	free(index);
	fib_free(fib);
	return NULL;
}

struct fib_table *fib_table_create(struct rte_rcu_qsbr *qsbr, struct err *err)
{
	struct fib_table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(err, ENOMEM, "routes: no memory");
		return NULL;
	}
	t->qsbr = qsbr;
	t->id = tables_created++;
	if (fib_update(t, NULL, 0, NULL, err) < 0) {
		free(t);
		return NULL;
	}
	return t;
}

void fib_table_destroy(struct fib_table *t)
{
	if (t == NULL)
		return;
	while (t->retired != NULL) {
		struct fib *fib = t->retired;

		t->retired = fib->retired;
		fib_free(fib);
	}
	fib_free(t->current);
	free(t);
}

int fib_update(struct fib_table *t, const struct fib_route *routes, unsigned int count,
               const struct fib_outer outer[FIB_OUTER_MAX], struct err *err)
{
	char name[24];
	struct fib *fib, *old = t->current;

	/* At most two generations hold memory. */
	if (t->retired != NULL) {
		rte_rcu_qsbr_synchronize(t->qsbr, RTE_QSBR_THRID_INVALID);
		fib_reclaim(t);
	}
	snprintf(name, sizeof(name), "fib%u-%u", t->id, t->built++);
	fib = fib_build(name, routes, count, outer, err);
	if (fib == NULL)
		return err != NULL ? -err->code : -ENOMEM;
	__atomic_store_n(&t->current, fib, __ATOMIC_RELEASE);
	if (old != NULL) {
		old->token = rte_rcu_qsbr_start(t->qsbr);
		old->retired = t->retired;
		t->retired = old;
	}
	return 0;
}

void fib_reclaim(struct fib_table *t)
{
	struct fib **link = &t->retired;

	while (*link != NULL) {
		struct fib *fib = *link;

		if (rte_rcu_qsbr_check(t->qsbr, fib->token, false) != 1) {
			link = &fib->retired;
			continue;
		}
		*link = fib->retired;
		fib_free(fib);
	}
}
