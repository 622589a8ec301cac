/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A link whose eavesdroppers are to be found: the model's two cards, each behind the gateway's own
 * driver, on a clock of their own. What the watch at either site would be told in a turn of 100 ms
 * comes out as the role's status; the outcomes are sifted and delivered as the engine does: samples
 * at once, those of a block's X when all of its light is through.
 */

#ifndef TESTS_BENCH_ATTACKS_LINK_H
#define TESTS_BENCH_ATTACKS_LINK_H

#include "dataplane/optics_monitor.h"
#include "dataplane/qkd_role.h"
#include "drivers/card.h"
#include "drivers/model/sim_link.h"
#include "drivers/phase_track.h"
#include "tests/bench/attacks/blocks.h"

#define LINK_TURN_NS (100 * NS_PER_MS)
#define LINK_TURN_S  0.1

enum { SITE_A, SITE_B, SITES };

struct link_params {
	struct optics_link optics;
	struct finite_key_source source;
	double p_z, holdoff_ns;
	uint32_t block_bits, sample_interval;
	double qber_abort, qber_alarm;
};
/* That of the rows: 50 km, intensities drift by 3 %, phase by 60 mrad, loss by 0.005 dB. */
void link_params_default(struct link_params *p);

struct attacked_link {
	struct link_params params;
	struct sim_link sim;
	uint8_t *map[SITES];
	struct card *card[SITES];
	struct optics_monitor *monitor[SITES];
	struct phase_track track; /* of site B */
	bool lost[SITES];         /* the card went dark by itself: it is not opened again */
	uint64_t now_ns, start_ns;
	uint64_t light_ns;     /* of the last detection */
	uint64_t attack_pulse; /* light from here on is attacked; UINT64_MAX: none */

	struct rng coins; /* of double clicks, samples, detections without a pulse */
	uint64_t sample_at, sample_count;
	struct blocks blocks;
	struct engine_stats engine;
	uint64_t disturbed[2]; /* outcomes told of attacked light, Z and X */
	double power;          /* of site A's monitor, as site B knows it */
	uint64_t next_power_ns;
};

/* One at a time in a process. Fails with a message and the process's end. */
void link_open(struct attacked_link *l, const struct link_params *p, uint64_t seed);
void link_close(struct attacked_link *l);
/* From the next pulse on; attack_none: nobody. Dice fall anew, by SEED. */
void link_attack(struct attacked_link *l, const struct attack *attack, uint64_t seed);
/* LINK_TURN_NS more. */
void link_turn(struct attacked_link *l);
/* No detection for so long that the engine says "no-light". */
bool link_is_dark(const struct attacked_link *l);
/* As the role at that site has it. */
void link_status(const struct attacked_link *l, unsigned int site, struct qkd_role_status *out);

#endif
