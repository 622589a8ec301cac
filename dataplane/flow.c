/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE (2U << 20)

#include "common/random.h"
#include "dataplane/iface.h"

_Static_assert(sizeof(struct flow_value) == 16, "a decision has 16 bytes");
_Static_assert(sizeof(struct flow4_key) == 16 && sizeof(struct flow4) == 32,
               "two IPv4 flows a line");
_Static_assert(IFACES_MAX <= 128, "a key names its interface in 7 bits");
_Static_assert(sizeof(struct flow6_key) == 40 && sizeof(struct flow6) == 64, "an IPv6 flow a line");

static void *zeroed(size_t count, size_t size)
{
	size_t bytes = count * size;
	void *p = aligned_alloc(bytes >= HUGE ? HUGE : 64, bytes);

	/* Flows lie anywhere in it: with small pages each one costs a look-up of its address. */
	if (p != NULL && bytes >= HUGE)
		madvise(p, bytes, MADV_HUGEPAGE);
	if (p != NULL)
		memset(p, 0, count * size);
	return p;
}

int flow_cache_init(struct flow_cache *c, unsigned int entries, struct err *err)
{
	memset(c, 0, sizeof(*c));
	if (entries < 256 || (entries & (entries - 1)) != 0)
		return err_set(err, EINVAL,
		               "flow cache: %u entries are no power of two from 256 on", entries);
	c->v4 = zeroed(entries, sizeof(struct flow4));
	c->v6 = zeroed(entries / 4, sizeof(struct flow6));
	if (c->v4 == NULL || c->v6 == NULL) {
		flow_cache_fini(c);
		return err_set(err, ENOMEM, "flow cache: no memory for %u entries", entries);
	}
	c->mask4 = entries / 2 - 1;
	c->mask6 = entries / 8 - 1;
	random_bytes(c->secret, sizeof(c->secret));
	return 0;
}

void flow_cache_fini(struct flow_cache *c)
{
	free(c->v4);
	free(c->v6);
	c->v4 = NULL;
	c->v6 = NULL;
}

/* Which of a pair gives way: its own key's, a stale one, else by a bit of the hash. */
static unsigned int victim(const struct flow_value *first, bool same_first,
                           const struct flow_value *second, bool same_second, uint32_t generation,
                           uint32_t hash)
{
	if (same_first)
		return 0;
	if (same_second)
		return 1;
	if (first->generation != generation)
		return 0;
	if (second->generation != generation)
		return 1;
	return hash >> 31;
}

void flow4_put(struct flow_cache *c, uint32_t hash, const struct flow4_key *key,
               const struct flow_value *value)
{
	struct flow4 *e = &c->v4[(size_t)(hash & c->mask4) * 2];
	unsigned int i = victim(&e[0].value, flow_same(&e[0].key, key, sizeof(*key)), &e[1].value,
	                        flow_same(&e[1].key, key, sizeof(*key)), value->generation, hash);

	e[i] = (struct flow4){*key, *value};
}

void flow6_put(struct flow_cache *c, uint32_t hash, const struct flow6_key *key,
               const struct flow_value *value)
{
	struct flow6 *e = &c->v6[(size_t)(hash & c->mask6) * 2];
	unsigned int i = victim(&e[0].value, flow_same(&e[0].key, key, sizeof(*key)), &e[1].value,
	                        flow_same(&e[1].key, key, sizeof(*key)), value->generation, hash);

	e[i] = (struct flow6){*key, *value};
}
