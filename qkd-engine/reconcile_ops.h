/* SPDX-License-Identifier: BSD-3-Clause */

/* One interface to all ways of reconciling; each is used as cascade.h says. */

#ifndef QKD_ENGINE_RECONCILE_OPS_H
#define QKD_ENGINE_RECONCILE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/leak.h"
#include "qkd-engine/reconcile.h"
#include "qkd-engine/workspace.h"

struct reconcile_params {
	size_t bits, frame_bits;
	double qber;
	uint64_t seed;
};

/* Bits disclosed by each end; frames that were checked, and those disclosed for failing. */
struct reconcile_count {
	uint64_t alice, bob;
	unsigned int frames, failed;
};

struct reconcile_ops {
	enum leak_mode mode; /* the one that is proven for it */
	bool checks_frames;  /* by itself: the block need not */
	/* 0: there is none for such parameters */
	size_t (*message_max)(const struct reconcile_params *p);
	/* The same, and the room that either end needs, for all blocks up to P. 0 or -EINVAL. */
	size_t (*message_most)(const struct reconcile_params *p);
	int (*alice_size)(const struct reconcile_params *p, struct workspace_size *out);
	int (*bob_size)(const struct reconcile_params *p, struct workspace_size *out);
	/* All is in W: whoever wipes it has destroyed it. */
	void *(*alice_create)(struct workspace *w, const struct reconcile_params *p,
	                      const uint64_t *key);
	int (*alice_answer)(void *alice, const uint8_t *msg, size_t len, uint8_t *out, size_t cap);
	void (*alice_count)(const void *alice, struct reconcile_count *out);
	void *(*bob_create)(struct workspace *w, const struct reconcile_params *p, uint64_t *key);
	int (*bob_ask)(void *bob, uint8_t *out, size_t cap);
	int (*bob_take)(void *bob, const uint8_t *msg, size_t len);
	bool (*bob_done)(const void *bob);
	void (*bob_count)(const void *bob, struct reconcile_count *out);
};

/* NULL: METHOD is none. */
const struct reconcile_ops *reconcile_ops(enum reconcile_method method);

#endif
