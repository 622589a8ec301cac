/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/key_blocks.h"

#include <stdlib.h>

#include "common/secret.h"

struct key_blocks {
	uint8_t *secret; /* COUNT of EACH bytes */
	size_t each;
	unsigned int count, next;
	/* all threads, atomically: blocks in use and their owner, the engine; which of them are */
	unsigned int held;
	bool used[];
};

struct workspace_size key_blocks_size(size_t bits)
{
	size_t bytes = sizeof(struct key_block) + (bits + 7) / 8;

	return (struct workspace_size){.secret = workspace_align(bytes)};
}

struct key_blocks *key_blocks_create(unsigned int count, const struct workspace_size *each)
{
	struct key_blocks *p = calloc(1, sizeof(*p) + count * sizeof(p->used[0]));

	if (p == NULL)
		return NULL;
	p->each = each->secret;
	p->count = count;
	p->held = 1;
	p->secret = secret_alloc(count * p->each);
	if (p->secret != NULL)
		return p;
	free(p);
	return NULL;
}

static void let_go(struct key_blocks *p)
{
	if (__atomic_sub_fetch(&p->held, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	secret_free(p->secret);
	free(p);
}

void key_blocks_destroy(struct key_blocks *p)
{
	if (p != NULL)
		let_go(p);
}

struct key_block *key_blocks_take(struct key_blocks *p)
{
	for (unsigned int i = 0; i < p->count; i++) {
		unsigned int at = (p->next + i) % p->count;
		struct key_block *kb;

		if (__atomic_load_n(&p->used[at], __ATOMIC_ACQUIRE))
			continue;
		p->next = at + 1;
		__atomic_store_n(&p->used[at], true, __ATOMIC_RELAXED);
		__atomic_add_fetch(&p->held, 1, __ATOMIC_RELAXED);
		kb = (struct key_block *)(void *)(p->secret + at * p->each);
		kb->home = p;
		return kb;
	}
	return NULL;
}

void key_block_free(struct key_block *kb)
{
	struct key_blocks *p = kb != NULL ? kb->home : NULL;
	size_t at;

	if (p == NULL) {
		secret_free(kb);
		return;
	}
	at = (size_t)((uint8_t *)kb - p->secret) / p->each;
	secret_wipe(kb, sizeof(*kb) + kb->bits / 8);
	__atomic_store_n(&p->used[at], false, __ATOMIC_RELEASE);
	let_go(p);
}
