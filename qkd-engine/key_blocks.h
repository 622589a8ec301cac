/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blocks of key (engine.h) of one size, all of them allocated at once. The engine takes them and
 * hands them over; whoever has one gives it back by key_block_free(), on any thread and also after
 * the engine has gone: the last one takes the memory with it.
 */

#ifndef QKD_ENGINE_KEY_BLOCKS_H
#define QKD_ENGINE_KEY_BLOCKS_H

#include "qkd-engine/engine.h"
#include "qkd-engine/workspace.h"

struct key_blocks;

/* What one for BITS of key takes. */
struct workspace_size key_blocks_size(size_t bits);

/* COUNT of the size EACH; NULL: no memory. The engine's thread alone calls these. */
struct key_blocks *key_blocks_create(unsigned int count, const struct workspace_size *each);
void key_blocks_destroy(struct key_blocks *p);

/* All zero, but for its hash; NULL: all are in use. */
struct key_block *key_blocks_take(struct key_blocks *p);

#endif
