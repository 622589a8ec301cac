/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/workspace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/secret.h"

#define HUGE_PAGE ((size_t)2 << 20)

/* Wiped in one call: below 20 us even where it has to come from memory. */
#define WIPE_BYTES ((size_t)128 << 10)

/* With many blocks in flight, huge pages save most of the time that page tables cost. */
void *workspace_pages(size_t bytes)
{
	size_t page = bytes < HUGE_PAGE ? 64 : HUGE_PAGE;
	void *p;

	bytes = (bytes + page - 1) / page * page;
	p = aligned_alloc(page, bytes);
	if (p == NULL)
		return NULL;
	if (page == HUGE_PAGE)
		madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes); /* pages come now, not when the first block does */
	return p;
}

int workspace_init(struct workspace *w, const struct workspace_size *size)
{
	*w = (struct workspace){
	        .size = {workspace_align(size->secret), workspace_align(size->plain)}};
	if (w->size.secret > 0)
		w->secret = secret_alloc(w->size.secret);
	if (w->size.plain > 0)
		w->plain = workspace_pages(w->size.plain);
	if ((w->secret != NULL || w->size.secret == 0) && (w->plain != NULL || w->size.plain == 0))
		return 0;
	workspace_fini(w);
	return -ENOMEM;
}

void workspace_fini(struct workspace *w)
{
	secret_free(w->secret);
	free(w->plain);
	memset(w, 0, sizeof(*w));
}

void *workspace_secret(struct workspace *w, size_t bytes)
{
	uint8_t *p = w->secret == NULL ? NULL : w->secret + w->taken.secret;

	w->taken.secret += workspace_align(bytes);
	w->most.secret = w->taken.secret;
	return p;
}

void *workspace_plain_shared(struct workspace *w, size_t bytes)
{
	size_t end = w->taken.plain + workspace_align(bytes);

	if (end > w->most.plain)
		w->most.plain = end;
	return w->plain == NULL ? NULL : w->plain + w->taken.plain;
}

void *workspace_plain(struct workspace *w, size_t bytes)
{
	void *p = workspace_plain_shared(w, bytes);

	w->taken.plain += workspace_align(bytes);
	return p;
}

bool workspace_wipe(struct workspace *w)
{
	size_t end = w->most.secret < w->size.secret ? w->most.secret : w->size.secret;
	size_t n = end - w->wiped;

	if (n > WIPE_BYTES)
		n = WIPE_BYTES;
	if (n > 0)
		secret_wipe(w->secret + w->wiped, n);
	w->wiped += n;
	if (w->wiped < end)
		return false;
	w->wiped = 0;
	w->taken = w->most = (struct workspace_size){0};
	return true;
}
