/* SPDX-License-Identifier: BSD-3-Clause */

/* Random bytes and telemetry. */

#include <math.h>
#include <string.h>

#include "tests/conformance/conformance.h"

#define BUFFERS 32

static void qrng(struct rig *rig, struct end *e)
{
	static uint8_t seen[BUFFERS][BUFFER_BYTES];
	uint32_t bytes = 0, ones = 0, same = 0;
	double sigma;
	struct ring r;

	if ((e->features & CARD_FEATURE_QRNG) == 0) {
		rig->absent = "it has no QRNG ring";
		return;
	}
	EXPECT(wait_for(e, CARD_QRNG_STATE, ~0u, CARD_QRNG_OK), "QRNG_STATE is %u",
	       get(e, CARD_QRNG_STATE));
	ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
	ring_run(rig, &r);
	enable(rig, e);
	ring_post(&r, 4);
	for (uint32_t i = 0; i < BUFFERS; i++) {
		const struct card_desc *d = ring_wait(rig, &r);

		if (d == NULL)
			return;
		memcpy(seen[i], ring_data(&r, i), d->used);
		for (uint32_t k = 0; k < d->used; k++)
			ones += (uint32_t)__builtin_popcount(seen[i][k]);
		bytes += d->used;
		/* Each byte once: no 16 of them in the same place of two buffers. */
		for (uint32_t j = 0; j < i; j++)
			for (uint32_t k = 0; k + 16 <= d->used; k += 16)
				same += memcmp(seen[j] + k, seen[i] + k, 16) == 0;
		ring_post(&r, 1);
	}
	sigma = sqrt(8.0 * bytes) / 2;
	EXPECT(fabs(ones - 4.0 * bytes) < 6 * sigma, "%u of %u bits are ones", ones, 8 * bytes);
	EXPECT(same == 0, "%u runs of 16 bytes came twice", same);
	EXPECT(get64(e, CARD_RING(r.q) + CARD_RING_DROPPED_LO) == 0, "a full ring dropped bytes");
	EXPECT(get(e, CARD_QRNG_FAILS) == 0, "QRNG_FAILS is %u", get(e, CARD_QRNG_FAILS));
}

static void telemetry(struct rig *rig, struct end *e)
{
	uint64_t slot = 0, start;
	struct ring r;

	if ((e->features & CARD_FEATURE_TELEMETRY) == 0) {
		rig->absent = "it has no telemetry ring";
		return;
	}
	ring_lay(rig, &r, e, CARD_RING_TELEMETRY, 3);
	ring_run(rig, &r);
	ring_post(&r, 8);
	arm(rig, e);
	start = clock_mono_ns();
	for (uint32_t i = 0; i < 5; i++) {
		const struct card_desc *d = ring_wait(rig, &r);
		struct card_telemetry t;
		uint32_t words[16], sum = 0;

		if (d == NULL)
			return;
		EXPECT(d->used == sizeof(t), "a record of %u bytes", d->used);
		memcpy(&t, ring_data(&r, i), sizeof(t));
		memcpy(words, &t, sizeof(t));
		for (unsigned int k = 0; k < 15; k++)
			sum += words[k];
		EXPECT(sum == t.check, "a record's sum is 0x%x, not 0x%x", t.check, sum);
		EXPECT(t.slot > slot && t.slot == d->first_slot, "slots of records");
		slot = t.slot;
		EXPECT(t.temperature_mc > -40000 && t.temperature_mc < 125000, "%d millidegrees",
		       t.temperature_mc);
	}
	/* Four periods lie between five records; a slow machine makes them no shorter. */
	EXPECT(clock_mono_ns() - start > 250 * NS_PER_MS, "five records in %llu ms",
	       (unsigned long long)((clock_mono_ns() - start) / NS_PER_MS));
}

const struct check checks_streams[] = {
        {"qrng", ON_EACH, qrng}, {"telemetry", ON_EACH, telemetry}, {NULL, 0, NULL}};
