/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Named counters. A feature declares its counters where it uses them, they register
 * themselves; each thread counts in a set of its own, readers add the sets up.
 *
 *     COUNTER_DEFINE(drop_no_key, "drop.no_key", "packets dropped for want of a key");
 *     counter_add(set, &drop_no_key, 1);
 *
 * Names of dropped packets begin with "drop.".
 */

#ifndef COMMON_COUNTER_H
#define COMMON_COUNTER_H

#include <stdint.h>

#define COUNTER_MAX 256

struct counter {
	const char *name; /* lower case, dots between parts */
	const char *help; /* one sentence */
	unsigned int index;
	struct counter *next;
};

/* Written by one thread, read by any. */
struct counter_set {
	_Alignas(64) uint64_t value[COUNTER_MAX];
	const char *owner;
	struct counter_set *next;
};

#define COUNTER_DEFINE(ident, name_, help_)                                                        \
	struct counter ident = {.name = (name_), .help = (help_)};                                 \
	__attribute__((constructor)) static void ident##_register_(void)                           \
	{                                                                                          \
		counter_register(&ident);                                                          \
	}

/* Called by constructors, before threads; aborts past COUNTER_MAX or on a duplicate name. */
void counter_register(struct counter *counter);

/* The counters in the order of their names. */
const struct counter *counter_first(void);
const struct counter *counter_find(const char *name);

/* Add or remove a thread's set; OWNER (static string) is shown with per-thread values. */
void counter_set_attach(struct counter_set *set, const char *owner);
void counter_set_detach(struct counter_set *set);
const struct counter_set *counter_set_first(void);

static inline void counter_add(struct counter_set *set, const struct counter *c, uint64_t n)
{
	uint64_t *v = &set->value[c->index];

	__atomic_store_n(v, *v + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_get(const struct counter_set *set, const struct counter *c)
{
	return __atomic_load_n(&set->value[c->index], __ATOMIC_RELAXED);
}

/* Over all attached sets, and what detached sets had counted. */
uint64_t counter_sum(const struct counter *c);

#endif
