/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The security association database (RFC 4301 section 4.4.2) as the forwarding cores read it:
 * per core, the transmit SA of each tunnel and traffic class, and a table from SPI to receive
 * SA. An SPI is ours to choose and unique at its receiver, so it alone finds the SA (section
 * 4.1).
 *
 * The control thread writes with release stores, cores read between two quiescent states; what
 * is taken out here is freed by its owner after QSBR.
 */

#ifndef DATAPLANE_SAD_H
#define DATAPLANE_SAD_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/sa.h"

#define SAD_TUNNELS_MAX 1024
#define SAD_RECEIVE_MAX 8192 /* receive SAs a core */
#define SAD_WAYS        4    /* SAs of a bucket, which is one cache line */

struct rte_rcu_qsbr;

/*
 * An SPI of 0 marks a free way. A way may be used again while a core reads it, so the reader
 * compares the SPI in the SA itself.
 */
struct sad_bucket {
	_Alignas(64) uint32_t spi[SAD_WAYS];
	struct sa *sa[SAD_WAYS];
	uint32_t passed; /* SAs that found this bucket full and are in a later one */
};

/* control: wo, the core: ro */
struct sad_core {
	_Alignas(64) struct sa **transmit; /* [class * tunnels + tunnel]; NULL: no key */
	struct sad_bucket *bucket;
	uint32_t mask;
	uint32_t tunnels;
	uint32_t receive_count; /* control: rw */
};

/* Told of each receive SA that comes in, before any core finds it, and that has gone. */
struct sad_watch {
	void (*added)(void *ctx, const struct sa *sa, unsigned int core);
	void (*removed)(void *ctx, const struct sa *sa, unsigned int core);
	void *ctx;
};

struct sad {
	struct sad_core core[TUNNEL_CORES_MAX];
	/* control: ro */
	unsigned int cores, tunnels;
	struct sad_watch watch; /* or no functions */
	struct rte_rcu_qsbr *qsbr;
	struct esp_cipher *cipher; /* for all SAs, set before there are any; NULL: none */
};

/*
 * For CORES forwarding cores that report to QSBR, and TUNNELS tunnels of indices below that.
 * NULL on failure: -EINVAL, -ENOMEM in ERR.
 */
struct sad *sad_create(unsigned int cores, unsigned int tunnels, struct rte_rcu_qsbr *qsbr,
                       struct err *err);

/* The SAs belong to the tunnels, which are destroyed before. */
void sad_destroy(struct sad *sad);

/* Put SA (NULL: none) in the place of a transmit SA. */
void sad_set_transmit(struct sad *sad, unsigned int core, unsigned int tunnel, unsigned int class,
                      struct sa *sa);

/* 0; -EEXIST: the core has an SA of this SPI; -ENOSPC: it has SAD_RECEIVE_MAX. */
int sad_add_receive(struct sad *sad, unsigned int core, struct sa *sa);

/* Does nothing when SA is not there. */
void sad_remove_receive(struct sad *sad, unsigned int core, const struct sa *sa);

/* The cores' functions. */

static inline struct sa *sad_transmit(const struct sad_core *c, unsigned int tunnel,
                                      unsigned int class)
{
	return __atomic_load_n(&c->transmit[class * c->tunnels + tunnel], __ATOMIC_ACQUIRE);
}

/* SPIs are random in their high bits (RFC 4303 section 2.1); static ones may count up. */
static inline uint32_t sad_hash(uint32_t spi)
{
	return (spi * UINT32_C(0x9e3779b1)) >> 12;
}

static inline const struct sad_bucket *sad_bucket(const struct sad_core *c, uint32_t spi)
{
	return &c->bucket[sad_hash(spi) & c->mask];
}

/* The receive SA of SPI, or NULL. */
static inline struct sa *sad_receive(const struct sad_core *c, uint32_t spi)
{
	uint32_t at = sad_hash(spi) & c->mask;

	for (uint32_t tries = 0; tries <= c->mask; tries++) {
		const struct sad_bucket *b = &c->bucket[at];

		for (unsigned int w = 0; w < SAD_WAYS; w++) {
			struct sa *sa;

			if (__atomic_load_n(&b->spi[w], __ATOMIC_ACQUIRE) != spi || spi == 0)
				continue;
			sa = __atomic_load_n(&b->sa[w], __ATOMIC_ACQUIRE);
			if (sa != NULL && sa->spi == spi)
				return sa;
		}
		if (__atomic_load_n(&b->passed, __ATOMIC_RELAXED) == 0)
			return NULL;
		at = (at + 1) & c->mask;
	}
	return NULL;
}

#endif
