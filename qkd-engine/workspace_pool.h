/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Workspaces (workspace.h) of one size, all of them allocated at once. One thread takes them and
 * gives them back; they are wiped in slices before they can be taken again.
 *
 *     w = workspace_pool_take(&p): NULL: none now, ask again
 *     workspace_pool_give(&p, w)
 *     workspace_pool_wipe(&p): now and then; true: there is more to wipe
 */

#ifndef QKD_ENGINE_WORKSPACE_POOL_H
#define QKD_ENGINE_WORKSPACE_POOL_H

#include "qkd-engine/workspace.h"

struct workspace_pool {
	struct workspace *spaces;
	uint8_t *plain; /* of all of them */
	/* numbers of spaces: those to be wiped, from the front; those that can be taken */
	unsigned int *dirty, *clean;
	unsigned int count, dirty_count, clean_count;
};

/*
 * COUNT spaces, or as many as there is secret memory for when KEPT bytes of it stay free; LEAST at
 * least, if need be of these. -ENOMEM. Of a pool that is all zero, too, fini may be called.
 */
int workspace_pool_init(struct workspace_pool *p, unsigned int least, unsigned int count,
                        const struct workspace_size *size, size_t kept);
void workspace_pool_fini(struct workspace_pool *p);

struct workspace *workspace_pool_take(struct workspace_pool *p);
void workspace_pool_give(struct workspace_pool *p, struct workspace *w);
bool workspace_pool_wipe(struct workspace_pool *p);

#endif
