/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How messages name a tunnel: the length of its name, 1, and the name. Numbers would be places in
 * two configurations, which differ while one end has a tunnel that the other has not yet.
 */

#include <stdlib.h>
#include <string.h>

#include "control/link_state.h"

/* Sorting has no context of its own; the control thread is alone. */
static const struct link *sorted;

static int compare(const void *a, const void *b)
{
	return strcmp(sorted->tunnels[*(const uint16_t *)a].name,
	              sorted->tunnels[*(const uint16_t *)b].name);
}

void link_names_sort(struct link *l)
{
	l->name_count = 0;
	for (unsigned int i = 0; i < l->tunnel_count; i++)
		if (l->tunnels[i].rekey != NULL)
			l->by_name[l->name_count++] = (uint16_t)i;
	sorted = l;
	qsort(l->by_name, l->name_count, sizeof(l->by_name[0]), compare);
}

struct rekey_context *link_tunnel_find(struct link *l, const char *name)
{
	unsigned int low = 0, high = l->name_count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;
		struct rekey_context *t = &l->tunnels[l->by_name[middle]];
		int order = strcmp(name, t->name);

		if (order == 0)
			return t;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool link_name_take(const uint8_t *msg, size_t len, struct link_named *out)
{
	size_t n = len < 1 ? 0 : msg[0];

	if (n == 0 || n >= sizeof(out->name) || len < 1 + n || memchr(msg + 1, 0, n) != NULL)
		return false;
	memcpy(out->name, msg + 1, n);
	out->name[n] = '\0';
	out->msg = msg + 1 + n;
	out->len = len - 1 - n;
	return true;
}
