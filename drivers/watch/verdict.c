/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/verdict.h"

#include "common/clock.h"

#define BIT(m) (1u << (m))
#define ERRORS                                                                                     \
	(BIT(WATCH_ERRORS_Z_WEAK) | BIT(WATCH_ERRORS_Z_STRONG) | BIT(WATCH_ERRORS_X_WEAK) |        \
	 BIT(WATCH_ERRORS_X_STRONG))
#define DOUBLES  (BIT(WATCH_DOUBLES_FEW) | BIT(WATCH_DOUBLES_MANY))
#define LOSSES   (BIT(WATCH_LOSS) | BIT(WATCH_GAIN) | BIT(WATCH_LOSS_DRIFT))
#define ARRIVALS (BIT(WATCH_ARRIVALS_FAR) | BIT(WATCH_ARRIVALS_WIDE))
#define FAKE     (BIT(WATCH_EFFICIENCY) | BIT(WATCH_BRIGHT))
#define DECOY    (BIT(WATCH_DECOY) | BIT(WATCH_DECOY_SAMPLES))
#define BLOCK_S  60.0
#define SAMPLE_S 10.0

uint32_t watch_explains(enum watch_monitor m)
{
	switch (m) {
	/* Blinded detectors click when they are told to. */
	case WATCH_PHOTOCURRENT:
	case WATCH_PHOTOCURRENT_PEAK:
	case WATCH_DARK:
	case WATCH_EMITTER:
	case WATCH_DOUBLES_FEW:
		return FAKE | ARRIVALS | DECOY | (DOUBLES & ~BIT(WATCH_DOUBLES_FEW)) | LOSSES |
		       ERRORS;
	/* Bright pulses click early, in several detectors, and as often as Eve likes. */
	case WATCH_EFFICIENCY:
	case WATCH_BRIGHT:
		return ARRIVALS | DECOY | BIT(WATCH_DOUBLES_MANY) | LOSSES | ERRORS;
	case WATCH_ARRIVALS_FAR:
	case WATCH_ARRIVALS_WIDE:
		return BIT(WATCH_DOUBLES_MANY) | LOSSES | ERRORS;
	/* More light, of all intensities. */
	case WATCH_OUTPUT:
		return BIT(WATCH_DOUBLES_MANY) | BIT(WATCH_GAIN) | BIT(WATCH_LOSS_DRIFT);
	case WATCH_DECOY:
	case WATCH_DECOY_SAMPLES:
		return BIT(WATCH_DOUBLES_MANY) | LOSSES;
	default:
		return 0;
	}
}

uint32_t watch_named(uint32_t fired)
{
	uint32_t explained = 0;

	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (fired >> m & 1)
			explained |= watch_explains((enum watch_monitor)m);
	return fired & ~explained;
}

double watch_wait_s(enum watch_monitor m)
{
	if (m == WATCH_LOSS || m == WATCH_GAIN)
		return SAMPLE_S;
	return m == WATCH_DOUBLES_MANY ? BLOCK_S : 0;
}

uint32_t watch_verdict_asks(const struct watch_verdict *v, uint32_t fired, uint64_t now_ns)
{
	uint32_t asks = 0;

	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if ((fired & ~v->answered) >> m & 1 &&
		    watch_verdict_since_s(v, (enum watch_monitor)m, now_ns) <
		            watch_wait_s((enum watch_monitor)m))
			asks |= BIT(m);
	return asks;
}

double watch_verdict_since_s(const struct watch_verdict *v, enum watch_monitor m, uint64_t now_ns)
{
	return v->over_ns[m] != 0 ? (double)(now_ns - v->since_ns[m]) / NS_PER_S : 0;
}

void watch_verdict_answer(struct watch_verdict *v, enum watch_monitor m, bool fewer)
{
	v->answered |= BIT(m);
	if (!fewer)
		return;
	v->fewer |= BIT(m);
	v->crossings[WATCH_DECOY_SAMPLES]++;
}

static bool stands(struct watch_verdict *v, enum watch_monitor m, bool over, bool lit, uint64_t now)
{
	if (!lit && v->over_ns[m] != 0 && watch_row(m)->stops_key)
		over = true;
	if (over) {
		if (v->over_ns[m] == 0)
			v->since_ns[m] = now;
		v->over_ns[m] = now;
	} else if (now - v->over_ns[m] >= WATCH_QUIET_NS) {
		v->over_ns[m] = 0;
	}
	return v->over_ns[m] != 0;
}

uint32_t watch_verdict_turn(struct watch_verdict *v, uint32_t crossed, uint32_t above, bool lit,
                            uint64_t now_ns)
{
	uint32_t named, tell = 0;

	/* For as long as that stands which they explain, even if it is over for the moment. */
	if ((v->fewer & (crossed | above | v->stand)) != 0)
		above |= BIT(WATCH_DECOY_SAMPLES);
	v->stand = 0;
	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		v->crossings[m] += crossed >> m & 1;
		if (stands(v, (enum watch_monitor)m, (crossed | above) >> m & 1, lit, now_ns))
			v->stand |= BIT(m);
	}
	v->answered &= v->stand;
	v->fewer &= v->stand;
	named = watch_named(v->stand);
	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		bool waited = v->answered >> m & 1 ||
		              watch_verdict_since_s(v, (enum watch_monitor)m, now_ns) >=
		                      watch_wait_s((enum watch_monitor)m);
		bool stays = watch_row(m)->stops_key && (v->stand & v->told) >> m & 1;

		if (stays || (named >> m & 1 && waited))
			tell |= BIT(m);
	}
	v->told = tell;
	return tell;
}

bool watch_verdict_stops_key(const struct watch_verdict *v)
{
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (v->stand >> m & 1 && watch_row(m)->stops_key)
			return true;
	return false;
}
