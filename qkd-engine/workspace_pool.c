/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/workspace_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

int workspace_pool_init(struct workspace_pool *p, unsigned int least, unsigned int count,
                        const struct workspace_size *size, size_t kept)
{
	memset(p, 0, sizeof(*p));
	p->spaces = calloc(count, sizeof(*p->spaces));
	p->dirty = calloc(count, sizeof(*p->dirty));
	p->clean = calloc(count, sizeof(*p->clean));
	if (p->spaces == NULL || p->dirty == NULL || p->clean == NULL)
		goto no_memory;
	for (; p->count < count; p->count++) {
		struct workspace_size secret = {size->secret, 0};

		if (p->count >= least && secret_size() - secret_used() < kept + size->secret)
			break;
		if (workspace_init(&p->spaces[p->count], &secret) < 0)
			break;
	}
	if (p->count < least)
		goto no_memory;
	/* In one piece: on huge pages, whatever the size of one. */
	if (size->plain > 0) {
		p->plain = workspace_pages(p->count * workspace_align(size->plain));
		if (p->plain == NULL)
			goto no_memory;
	}
	for (unsigned int i = 0; i < p->count; i++) {
		p->spaces[i].size.plain = workspace_align(size->plain);
		p->spaces[i].plain = p->plain + i * workspace_align(size->plain);
		p->clean[p->clean_count++] = i;
	}
	return 0;
no_memory:
	workspace_pool_fini(p);
	return -ENOMEM;
}

void workspace_pool_fini(struct workspace_pool *p)
{
	for (unsigned int i = 0; i < p->count; i++)
		secret_free(p->spaces[i].secret);
	free(p->plain);
	free(p->spaces);
	free(p->dirty);
	free(p->clean);
	memset(p, 0, sizeof(*p));
}

struct workspace *workspace_pool_take(struct workspace_pool *p)
{
	return p->clean_count == 0 ? NULL : &p->spaces[p->clean[--p->clean_count]];
}

void workspace_pool_give(struct workspace_pool *p, struct workspace *w)
{
	p->dirty[p->dirty_count++] = (unsigned int)(w - p->spaces);
}

bool workspace_pool_wipe(struct workspace_pool *p)
{
	if (p->dirty_count == 0)
		return false;
	if (workspace_wipe(&p->spaces[p->dirty[0]])) {
		p->clean[p->clean_count++] = p->dirty[0];
		p->dirty_count--;
		memmove(p->dirty, p->dirty + 1, p->dirty_count * sizeof(*p->dirty));
	}
	return p->dirty_count > 0;
}
