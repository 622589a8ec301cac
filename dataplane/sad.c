/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/sad.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void *zeroed_lines(size_t bytes)
{
	size_t size = (bytes + 63) & ~(size_t)63;
	void *p = aligned_alloc(64, size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

/* A bucket an SA: buckets are a quarter full, and few SAs pass on to the next. */
static uint32_t bucket_count(unsigned int tunnels)
{
	uint32_t wanted = tunnels * TUNNEL_RX_GENERATIONS * 2, n = 256;

	while (n < wanted && n < SAD_RECEIVE_MAX)
		n *= 2;
	return n;
}

struct sad *sad_create(unsigned int cores, unsigned int tunnels, struct rte_rcu_qsbr *qsbr,
                       struct err *err)
{
	struct sad *sad;

	if (cores < 1 || cores > TUNNEL_CORES_MAX || tunnels < 1 || tunnels > SAD_TUNNELS_MAX ||
	    qsbr == NULL) {
		err_set(err, EINVAL,
		        "SAD: cores %u and tunnels %u are not within 1 to %u and %u, or no QSBR",
		        cores, tunnels, TUNNEL_CORES_MAX, SAD_TUNNELS_MAX);
		return NULL;
	}
	sad = zeroed_lines(sizeof(*sad));
	if (sad == NULL) {
		err_set(err, ENOMEM, "SAD: no memory");
		return NULL;
	}
	sad->cores = cores;
	sad->tunnels = tunnels;
	sad->qsbr = qsbr;
	for (unsigned int i = 0; i < cores; i++) {
		struct sad_core *c = &sad->core[i];
		uint32_t buckets = bucket_count(tunnels);

		c->tunnels = tunnels;
		c->mask = buckets - 1;
		c->transmit =
		        zeroed_lines(TUNNEL_CLASSES_MAX * (size_t)tunnels * sizeof(struct sa *));
		c->bucket = zeroed_lines(buckets * sizeof(struct sad_bucket));
		if (c->transmit == NULL || c->bucket == NULL) {
			err_set(err, ENOMEM, "SAD: no memory for core %u", i);
			sad_destroy(sad);
			return NULL;
		}
	}
	return sad;
}

void sad_destroy(struct sad *sad)
{
	if (sad == NULL)
		return;
	for (unsigned int i = 0; i < TUNNEL_CORES_MAX; i++) {
		free(sad->core[i].transmit);
		free(sad->core[i].bucket);
	}
	free(sad);
}

void sad_set_transmit(struct sad *sad, unsigned int core, unsigned int tunnel, unsigned int class,
                      struct sa *sa)
{
	struct sad_core *c = &sad->core[core];

	__atomic_store_n(&c->transmit[class * c->tunnels + tunnel], sa, __ATOMIC_RELEASE);
}

/* The way of SA, and the first free one on its path; false when the SPI is not there. */
static bool find(struct sad_core *c, uint32_t spi, uint32_t *bucket, unsigned int *way,
                 bool *has_free, uint32_t *free_bucket, unsigned int *free_way)
{
	uint32_t at = sad_hash(spi) & c->mask;

	*has_free = false;
	for (uint32_t tries = 0; tries <= c->mask; tries++) {
		const struct sad_bucket *b = &c->bucket[at];

		for (unsigned int w = 0; w < SAD_WAYS; w++) {
			if (b->spi[w] == spi) {
				*bucket = at;
				*way = w;
				return true;
			}
			if (b->spi[w] == 0 && !*has_free) {
				*has_free = true;
				*free_bucket = at;
				*free_way = w;
			}
		}
		if (b->passed == 0 && *has_free)
			return false;
		at = (at + 1) & c->mask;
	}
	return false;
}

/* Buckets before the one of the SA know that they have to be passed. */
static void add_passed(struct sad_core *c, uint32_t spi, uint32_t until, int step)
{
	for (uint32_t at = sad_hash(spi) & c->mask; at != until; at = (at + 1) & c->mask)
		__atomic_store_n(&c->bucket[at].passed, c->bucket[at].passed + (uint32_t)step,
		                 __ATOMIC_RELEASE);
}

int sad_add_receive(struct sad *sad, unsigned int core, struct sa *sa)
{
	struct sad_core *c = &sad->core[core];
	uint32_t bucket, free_bucket = 0;
	unsigned int way, free_way = 0;
	bool has_free;

	if (find(c, sa->spi, &bucket, &way, &has_free, &free_bucket, &free_way))
		return -EEXIST;
	if (!has_free || c->receive_count >= SAD_RECEIVE_MAX)
		return -ENOSPC;
	if (sad->watch.added != NULL)
		sad->watch.added(sad->watch.ctx, sa, core);
	add_passed(c, sa->spi, free_bucket, 1);
	__atomic_store_n(&c->bucket[free_bucket].sa[free_way], sa, __ATOMIC_RELEASE);
	__atomic_store_n(&c->bucket[free_bucket].spi[free_way], sa->spi, __ATOMIC_RELEASE);
	c->receive_count++;
	return 0;
}

void sad_remove_receive(struct sad *sad, unsigned int core, const struct sa *sa)
{
	struct sad_core *c = &sad->core[core];
	uint32_t bucket, free_bucket;
	unsigned int way, free_way;
	bool has_free;

	if (!find(c, sa->spi, &bucket, &way, &has_free, &free_bucket, &free_way) ||
	    c->bucket[bucket].sa[way] != sa)
		return;
	__atomic_store_n(&c->bucket[bucket].spi[way], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&c->bucket[bucket].sa[way], NULL, __ATOMIC_RELEASE);
	add_passed(c, sa->spi, bucket, -1);
	c->receive_count--;
	if (sad->watch.removed != NULL)
		sad->watch.removed(sad->watch.ctx, sa, core);
}
