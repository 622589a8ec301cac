/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory that a stage of a block works in, allocated once and used for one block after the other:
 * a secret part and an ordinary one, from which pieces are taken in order and given back all
 * together.
 *
 *     workspace_init(&w, size): once
 *     p = workspace_secret(&w, n); q = workspace_plain(&w, m); if (!workspace_fits(&w)) give up
 *     while (!workspace_wipe(&w)) come back later: empty again
 *
 * One without memory (all zero) only counts what is taken: its pieces are NULL.
 */

#ifndef QKD_ENGINE_WORKSPACE_H
#define QKD_ENGINE_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workspace_size {
	size_t secret, plain; /* bytes */
};

struct workspace {
	struct workspace_size size, taken, most; /* most: taken at a time since it was empty */
	uint8_t *secret, *plain;
	size_t wiped; /* of the secret part */
};

/* What BYTES take of either part. */
static inline size_t workspace_align(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

/* -ENOMEM. A secret part and an ordinary one of its own. */
int workspace_init(struct workspace *w, const struct workspace_size *size);
void workspace_fini(struct workspace *w);

/* Zeroed memory as aligned_alloc() gives it; on huge pages where it is that much. NULL: none. */
void *workspace_pages(size_t bytes);

/* BYTES of the secret part, zero; of the ordinary part, as it is. Aligned to 64 bytes. */
void *workspace_secret(struct workspace *w, size_t bytes);
void *workspace_plain(struct workspace *w, size_t bytes);
/* The same ordinary memory that the pieces to come will be taken from. */
void *workspace_plain_shared(struct workspace *w, size_t bytes);

/* False: more was taken than there is, and none of it may be used. */
static inline bool workspace_fits(const struct workspace *w)
{
	return w->most.secret <= w->size.secret && w->most.plain <= w->size.plain;
}

/* A bounded part of zeroing what was taken of the secret part; true: all can be taken again. */
bool workspace_wipe(struct workspace *w);

#endif
