/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/peer.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/ip.h"
#include "dataplane/sa.h"

static struct peer_at *place_new(const struct peer_place *first, const struct peer_place *to)
{
	struct peer_at *at = calloc(1, sizeof(*at));

	if (at == NULL)
		return NULL;
	at->place = *to;
	/* RFC 1624 equation 3: less the old words, more the new ones. */
	for (unsigned int i = 0; i < 4; i += 2)
		at->delta += get_be16(to->addr + i) + (uint16_t)~get_be16(first->addr + i);
	return at;
}

struct peer *peer_create(unsigned int cores, bool ipv6, const struct peer_place *first)
{
	size_t size = sizeof(struct peer) + cores * sizeof(struct peer_note);
	struct peer *p = aligned_alloc(_Alignof(struct peer), size);

	if (p == NULL)
		return NULL;
	memset(p, 0, size);
	p->cores = cores;
	p->ipv6 = ipv6;
	p->at = place_new(first, first);
	if (p->at == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void peer_destroy(struct peer *p)
{
	if (p != NULL)
		free((void *)(uintptr_t)p->at);
	free(p);
}

bool peer_place_equal(const struct peer_place *a, const struct peer_place *b)
{
	return a->port == b->port && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* The words of NOTE are relaxed: the version orders them, as in a sequence lock of Linux. */
static void note_write(struct peer_note *note, const struct peer_place *place, uint64_t generation,
                       uint64_t now_ns)
{
	uint64_t addr[2];

	memcpy(addr, place->addr, sizeof(addr));
	__atomic_store_n(&note->version, note->version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&note->addr[0], addr[0], __ATOMIC_RELAXED);
	__atomic_store_n(&note->addr[1], addr[1], __ATOMIC_RELAXED);
	__atomic_store_n(&note->port, place->port, __ATOMIC_RELAXED);
	__atomic_store_n(&note->generation, generation, __ATOMIC_RELAXED);
	__atomic_store_n(&note->when_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&note->heard, true, __ATOMIC_RELAXED);
	__atomic_store_n(&note->version, note->version + 1, __ATOMIC_RELEASE);
}

static void note_read(const struct peer_note *note, struct peer_note *out)
{
	uint32_t before, after;

	do {
		before = __atomic_load_n(&note->version, __ATOMIC_ACQUIRE);
		out->addr[0] = __atomic_load_n(&note->addr[0], __ATOMIC_RELAXED);
		out->addr[1] = __atomic_load_n(&note->addr[1], __ATOMIC_RELAXED);
		out->port = __atomic_load_n(&note->port, __ATOMIC_RELAXED);
		out->generation = __atomic_load_n(&note->generation, __ATOMIC_RELAXED);
		out->when_ns = __atomic_load_n(&note->when_ns, __ATOMIC_RELAXED);
		out->heard = __atomic_load_n(&note->heard, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		after = __atomic_load_n(&note->version, __ATOMIC_RELAXED);
	} while (before != after || before % 2 != 0);
}

void peer_heard(struct peer *p, unsigned int core, const struct sa *sa, const uint8_t *ip,
                uint64_t now_ns)
{
	struct peer_note *note = &p->note[core];
	bool ipv6 = ip[0] >> 4 == 6;
	unsigned int header = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4;
	struct peer_place place = {{0}, 0};

	if (ipv6 != p->ipv6 || ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL] != IP_PROTO_UDP)
		return;
	memcpy(place.addr, ip + (ipv6 ? IPV6_SRC : IPV4_SRC), ipv6 ? 16 : 4);
	place.port = get_be16(ip + header);
	if (!peer_place_equal(&place, &peer_at(p)->place))
		note_write(note, &place, sa->generation, now_ns);
	else if (note->heard && sa->generation >= note->generation)
		__atomic_store_n(&note->heard, false, __ATOMIC_RELAXED);
}

bool peer_newest(const struct peer *p, uint64_t generation, struct peer_place *out)
{
	const struct peer_place *here = &p->at->place;
	uint64_t when = 0;
	bool found = false;

	for (unsigned int i = 0; i < p->cores; i++) {
		struct peer_place place = {{0}, 0};
		struct peer_note note;

		note_read(&p->note[i], &note);
		memcpy(place.addr, note.addr, sizeof(place.addr));
		place.port = note.port;
		if (!note.heard || note.generation < generation || (found && note.when_ns < when) ||
		    peer_place_equal(&place, here))
			continue;
		found = true;
		when = note.when_ns;
		*out = place;
	}
	return found;
}

struct peer_at *peer_move(struct peer *p, const struct peer_place *first,
                          const struct peer_place *to)
{
	struct peer_at *at = place_new(first, to), *old = (struct peer_at *)(uintptr_t)p->at;

	if (at == NULL)
		return NULL;
	__atomic_store_n(&p->at, at, __ATOMIC_RELEASE);
	return old;
}
