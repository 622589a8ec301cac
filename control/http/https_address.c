/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https_address.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct entry {
	struct entry *next;
	struct https_address address;
	uint32_t count;
};

struct https_addresses {
	uint64_t seed[2];
	uint32_t mask;
	struct entry *chain[];
};

struct https_addresses *https_addresses_new(uint32_t most)
{
	struct https_addresses *t;
	uint32_t size = 64;

	while (size < most && size < 1U << 16)
		size *= 2;
	t = calloc(1, sizeof(*t) + size * sizeof(t->chain[0]));
	if (t == NULL)
		return NULL;
	t->mask = size - 1;
	if (getrandom(t->seed, sizeof(t->seed), 0) != (ssize_t)sizeof(t->seed)) {
		free(t);
		return NULL;
	}
	return t;
}

void https_addresses_free(struct https_addresses *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i <= t->mask; i++)
		while (t->chain[i] != NULL) {
			struct entry *e = t->chain[i];

			t->chain[i] = e->next;
			free(e);
		}
	free(t);
}

void https_address_of(const struct sockaddr_storage *from, struct https_address *out)
{
	memset(out, 0, sizeof(*out));
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

		out->bytes[10] = out->bytes[11] = 0xff;
		memcpy(out->bytes + 12, &v4->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		/* Whoever has one address of a /64 has all of them. */
		memcpy(out->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 8);
	}
}

static struct entry **place(struct https_addresses *t, const struct https_address *a)
{
	struct entry **at;
	uint64_t w[2], h;

	memcpy(w, a->bytes, sizeof(w));
	h = (w[0] ^ t->seed[0]) * 0x9e3779b97f4a7c15ULL;
	h = (h ^ h >> 32 ^ w[1] ^ t->seed[1]) * 0x9e3779b97f4a7c15ULL;
	at = &t->chain[h >> 40 & t->mask];
	while (*at != NULL && memcmp((*at)->address.bytes, a->bytes, sizeof(a->bytes)) != 0)
		at = &(*at)->next;
	return at;
}

bool https_address_take(struct https_addresses *t, const struct https_address *a, uint32_t limit)
{
	struct entry **at = place(t, a);

	if (*at == NULL) {
		*at = calloc(1, sizeof(**at));
		if (*at == NULL)
			return false;
		(*at)->address = *a;
	}
	if ((*at)->count >= limit)
		return false;
	(*at)->count++;
	return true;
}

void https_address_release(struct https_addresses *t, const struct https_address *a)
{
	struct entry **at = place(t, a), *e = *at;

	if (e == NULL || --e->count > 0)
		return;
	*at = e->next;
	free(e);
}
