/* SPDX-License-Identifier: BSD-3-Clause */

/* Rings: wrap, moderation, a full ring and its gap. */

#include <string.h>

#include "tests/conformance/conformance.h"

/* A ring of two descriptors goes round; posts come one or two at a time. */
static void wrap(struct rig *rig, struct end *e)
{
	struct ring r;

	if ((e->features & CARD_FEATURE_QRNG) == 0) {
		rig->absent = "it has no QRNG ring";
		return;
	}
	ring_lay(rig, &r, e, CARD_RING_QRNG, 1);
	ring_run(rig, &r);
	enable(rig, e);
	for (uint32_t done = 0; done < 64; done++) {
		const struct card_desc *d;

		while (r.tail - r.done < 1 + done % 2)
			ring_post(&r, 1);
		d = ring_wait(rig, &r);
		if (d == NULL)
			return;
		EXPECT(d->used > 0 && (d->flags & CARD_DESC_ERROR) == 0,
		       "completion %u has %u bytes, flags 0x%x", done, d->used, d->flags);
	}
	sleep_ms(15);
	EXPECT(wait_for(e, CARD_RING(r.q) + CARD_RING_HEAD, ~0u, r.tail), "HEAD is %u, not %u",
	       get(e, CARD_RING(r.q) + CARD_RING_HEAD), r.tail);
	/* Stopped, it goes on where it was. */
	while (ring_next(rig, &r) != NULL)
		;
	put(rig, e, CARD_RING(r.q) + CARD_RING_CTRL, 0);
	EXPECT(get(e, CARD_RING(r.q) + CARD_RING_STATE) == CARD_RING_IDLE, "STATE is %u",
	       get(e, CARD_RING(r.q) + CARD_RING_STATE));
	ring_run(rig, &r);
	EXPECT(get(e, CARD_RING(r.q) + CARD_RING_STATE) == CARD_RING_RUNNING, "STATE is %u",
	       get(e, CARD_RING(r.q) + CARD_RING_STATE));
	ring_post(&r, 1);
	ring_wait(rig, &r);
	EXPECT_WELL(e);
}

/* Reads tags as a driver does. */
struct reader {
	struct ring ring;
	uint64_t last, tags, detectors, gaps, lost;
	bool in_gap;
};

static void read_tag(struct rig *rig, struct reader *r, uint64_t tag)
{
	uint64_t slot = CARD_TAG_SLOT(tag);
	unsigned int channel = CARD_TAG_CHANNEL(tag);

	EXPECT(slot > r->last, "slot %llu comes after %llu", (unsigned long long)slot,
	       (unsigned long long)r->last);
	r->last = slot;
	EXPECT(r->in_gap == (CARD_TAG_TYPE(tag) == CARD_TAG_GAP_END), "a GAP without its end");
	r->in_gap = false;
	switch (CARD_TAG_TYPE(tag)) {
	case CARD_TAG_CLICK:
		EXPECT(channel < 4, "a click of detector %u", channel);
		r->tags++;
		r->detectors++;
		break;
	case CARD_TAG_DOUBLE:
		EXPECT(__builtin_popcount(channel) > 1, "a double click of mask 0x%x", channel);
		r->tags++;
		r->detectors += (unsigned int)__builtin_popcount(channel);
		break;
	case CARD_TAG_GAP:
		r->in_gap = true;
		break;
	case CARD_TAG_GAP_END:
		r->gaps++;
		r->lost += channel << 8 | CARD_TAG_SUB(tag);
		break;
	default:
		break; /* of a later version */
	}
}

static bool read_buffer(struct rig *rig, struct reader *r)
{
	const struct card_desc *d = ring_next(rig, &r->ring);
	const uint8_t *data;
	uint64_t tag;

	if (d == NULL)
		return false;
	data = ring_data(&r->ring, r->ring.done - 1);
	EXPECT(d->used > 0 && d->used % 8 == 0, "a buffer of %u bytes of tags", d->used);
	memcpy(&tag, data, sizeof(tag));
	EXPECT(d->first_slot == CARD_TAG_SLOT(tag), "the first slot of a buffer is another");
	for (uint32_t at = 0; at + 8 <= d->used; at += 8) {
		memcpy(&tag, data + at, sizeof(tag));
		read_tag(rig, r, tag);
	}
	return true;
}

static uint64_t counted(const struct end *bob)
{
	uint64_t n = 0;

	for (unsigned int ch = 0; ch < 4; ch++)
		n += get64(bob, CARD_RX_COUNT_LO(ch));
	return n;
}

/* Both ends armed, light in all slots. */
static void shine(struct rig *rig)
{
	light(rig, &rig->alice, CARD_TX_MODE_QKD, 32768, 32768);
	arm(rig, &rig->alice);
	arm(rig, &rig->bob);
}

static void tags(struct rig *rig, struct end *none)
{
	struct reader r = {.last = 0};
	struct end *bob = &rig->bob;

	ring_lay(rig, &r.ring, bob, CARD_RING_TAGS, 4);
	ring_run(rig, &r.ring);
	ring_post(&r.ring, 16);
	shine(rig);
	for (uint64_t start = clock_mono_ns();
	     r.ring.done < 100 && clock_mono_ns() - start < SOON_MS * NS_PER_MS;) {
		if (read_buffer(rig, &r))
			ring_post(&r.ring, 1);
		else
			transport_relax(clock_mono_ns());
	}
	EXPECT(r.ring.done >= 100, "%u buffers of tags came", r.ring.done);
	EXPECT(r.tags > 5000, "%llu tags came", (unsigned long long)r.tags);
	EXPECT(get(bob, CARD_IRQ_CAUSE) & CARD_IRQ_RING(CARD_RING_TAGS), "they are no cause");
}

static void full_ring(struct rig *rig, struct end *none)
{
	struct reader r = {.last = 0};
	struct end *bob = &rig->bob;
	uint32_t dropped_at = CARD_RING(CARD_RING_TAGS) + CARD_RING_DROPPED_LO;
	uint64_t start = clock_mono_ns(), dropped, kept, counts;

	ring_lay(rig, &r.ring, bob, CARD_RING_TAGS, 5);
	ring_run(rig, &r.ring);
	ring_post(&r.ring, 2);
	shine(rig);
	while (get64(bob, dropped_at) < 1500 && clock_mono_ns() - start < SOON_MS * NS_PER_MS)
		transport_relax(start);
	EXPECT(get64(bob, dropped_at) >= 1500, "%llu tags were dropped",
	       (unsigned long long)get64(bob, dropped_at));
	while (read_buffer(rig, &r))
		;
	EXPECT(r.ring.done == 2 && r.gaps == 0, "%u buffers, %llu gaps", r.ring.done,
	       (unsigned long long)r.gaps);
	kept = r.tags;
	EXPECT(kept > 512, "%llu tags in two buffers", (unsigned long long)kept);
	ring_post(&r.ring, 30);
	for (start = clock_mono_ns(); r.gaps == 0 && clock_mono_ns() - start < SOON_MS * NS_PER_MS;)
		if (!read_buffer(rig, &r))
			transport_relax(start);
	/* The books: what clicked is a tag, or in a gap. */
	put(rig, bob, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_SAFE_OFF);
	sleep_ms(30);
	while (read_buffer(rig, &r))
		;
	dropped = get64(bob, dropped_at);
	counts = counted(bob);
	EXPECT(r.gaps >= 1, "no gap was told");
	if (r.gaps == 1 && dropped < 4095 && r.ring.done < 32)
		EXPECT(r.lost == dropped, "the gap tells of %llu tags, DROPPED of %llu",
		       (unsigned long long)r.lost, (unsigned long long)dropped);
	EXPECT(counts >= r.detectors + dropped && counts <= r.detectors + dropped * 21 / 20 + 20,
	       "%llu clicks were counted, %llu are tags, %llu tags dropped",
	       (unsigned long long)counts, (unsigned long long)r.detectors,
	       (unsigned long long)dropped);
	EXPECT_WELL(bob);
}

/* Dark counts fill no buffer in 20 ms: MODERATION completes it. */
static void moderation(struct rig *rig, struct end *bob)
{
	struct reader r = {.last = 0};

	ring_lay(rig, &r.ring, bob, CARD_RING_TAGS, 5);
	ring_run(rig, &r.ring);
	ring_post(&r.ring, 32);
	put(rig, bob, CARD_MODERATION, 5000);
	arm(rig, bob);
	for (uint64_t start = clock_mono_ns();
	     r.ring.done < 3 && clock_mono_ns() - start < SOON_MS * NS_PER_MS;)
		if (!read_buffer(rig, &r))
			transport_relax(start);
	EXPECT(r.ring.done >= 3, "%u part-filled buffers came", r.ring.done);
	EXPECT(r.tags < r.ring.done * (BUFFER_BYTES / 8), "they were full");
}

const struct check checks_rings[] = {{"wrap", ON_EACH, wrap},
                                     {"tags", ON_LINK, tags},
                                     {"full-ring", ON_LINK, full_ring},
                                     {"moderation", ON_BOB, moderation},
                                     {NULL, 0, NULL}};
