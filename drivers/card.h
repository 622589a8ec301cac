/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Operations on an optical card, over any transport. One thread (the optics role) owns a
 * card: it calls everything here but card_status_read().
 */

#ifndef DRIVERS_CARD_H
#define DRIVERS_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "drivers/card_reading.h"
#include "drivers/card_regs.h"
#include "drivers/steer/steer.h"

struct card;

enum card_role { CARD_IS_ALICE = 1, CARD_IS_BOB = 2 };
enum card_tx_mode { CARD_TX_DARK, CARD_TX_QKD, CARD_TX_SYNC };

struct card_config {
	const char *transport; /* "shm" */
	const char *path;      /* shm: the card's file */
	enum card_role role;   /* what the configuration expects; another card is refused */
	double mu1, mu2;       /* photons per pulse */
	double p_mu1, p_z;     /* probabilities */
	uint32_t holdoff_ns;
	uint32_t watchdog_ms;
	bool gates_follow;  /* Bob: the role lays gates around the pulses (card_gate()) */
	bool detectors_set; /* Bob: their temperature, else as the card was calibrated */
	int32_t detectors_mc;
	/*
	 * Health of its random source (qrng.h), of which a latched fault outlives the card: whoever
	 * owns it destroys it after the card. NULL: one of the card's own, as qrng_create(0.5, 60).
	 */
	struct qrng *qrng;
};

/* A click as the card saw it, slot number extended to 64 bits, in the card's own slots. */
struct card_click {
	uint64_t slot;
	uint8_t sub;       /* arrival within the slot, 1/256 */
	uint8_t detectors; /* bit mask of CARD_DETECTOR_* */
	bool gap;          /* not a click: tags up to gap_last were lost from slot on */
	uint64_t gap_last;
};

struct card_choice {
	uint8_t basis; /* 0 Z, 1 X */
	uint8_t bit;
	uint8_t intensity; /* 0: mu1, 1: mu2 */
	uint8_t valid;
};

/*
 * Open, check identity and version, reset, set up rings; the card is enabled and dark.
 * ENODEV: no card; EPROTO: not a card or another major version; EINVAL: wrong role or a
 * setting out of range; EBUSY: another process drives it; ETIMEDOUT: no answer to the reset
 * within 1 s. Takes CARD_RANDOM_MAX bytes of secret memory where the card has a QRNG (ENOMEM).
 */
int card_open(const struct card_config *config, struct card **out, struct err *err);

/*
 * Light or gates on, after a self-test where the card has one. The watchdog runs from
 * card_open() on and card_poll() feeds it. Waits for the card, at most 0.3 s and 2 s for the
 * test. EIO with the fault's code when the card refuses, or with the checks that failed.
 */
int card_arm(struct card *card, struct err *err);

/* What the card is at fault for now, CARD_FAULT_*; 0: nothing, or it is lost. */
uint32_t card_fault(const struct card *card);

/* Dark at once, waiting at most 0.1 s for the card to say so. Also done by card_close(). */
void card_safe_off(struct card *card);
void card_close(struct card *card);

/*
 * Drain and refill rings, feed the watchdog, read telemetry. Call it in a loop. Returns the
 * number of completions handled, or -ENODEV when the card is lost (all ones, or no turn for
 * a second), -EIO on a fault: the card is dark then, and card_open() starts afresh.
 */
int card_poll(struct card *card, uint64_t now_ns);

/*
 * Bob: copy out up to MAX clicks in slot order: clicks and gaps together, strictly increasing.
 * Buffers that were read out go back to the card in the next card_poll().
 */
size_t card_clicks(struct card *card, struct card_click *out, size_t max);

/*
 * Alice: ask for the choices of N (1 to CARD_LOOKUP_MAX) slots; -EAGAIN when the query ring is
 * full. The card hears of it in the next card_poll(). Answers come in order of asking.
 */
#define CARD_LOOKUP_MAX 512
int card_lookup(struct card *card, const uint64_t *slots, size_t n);
/*
 * Alice: the answer to the oldest question, its length; 0 when none is ready. A choice that
 * does not echo its slot, or has an intensity other than mu1 and mu2, is not valid.
 */
size_t card_choices(struct card *card, struct card_choice out[CARD_LOOKUP_MAX]);

/*
 * Alice: change the light; *from_slot is the first slot in which the change holds. Waits for
 * the card, at most 0.3 s (-ETIMEDOUT). It holds from card_arm() on when the card is not armed.
 */
int card_tx_mode(struct card *card, enum card_tx_mode mode, uint64_t *from_slot);

/* The slot that began NS before the counter was last read, at most a few ms ago; at least 0. */
uint64_t card_slot_before(const struct card *card, uint64_t ns);

/* The card's slot counter, extended to 64 bits; the last one known when the card is lost. */
uint64_t card_slot_now(struct card *card);

/*
 * N random bytes (at most CARD_RANDOM_MAX, else -EMSGSIZE): what the QRNG's raw stream became
 * after tests and conditioning; -EAGAIN until there are so many, -EIO when its health fails,
 * -ENOTSUP when the card has none, -ENODEV when it is lost.
 */
#define CARD_RANDOM_MAX (512u << 10)
int card_random(struct card *card, void *buf, size_t n);
bool card_has_random(const struct card *card);

/*
 * Record a stream: its next SIZE bytes go to BUF and to nobody else; of the conditioned one, when
 * it passes its tests. card_random_taped() is how many have come, or -EIO: the card's own tests
 * failed while it was restarted. TAPE NULL: no more.
 */
struct card_tape {
	uint8_t *buf;
	size_t size;
	bool raw;
	int lane; /* raw: of one lane; below 0: as they come */
	unsigned int
	        restarts; /* of a dark card with QRNG_TESTS: SIZE / RESTARTS bytes after each */
};
/* -ENOTSUP: it cannot restart its source; -ENODEV: it has no such lane. */
int card_random_tape(struct card *card, const struct card_tape *tape);
ssize_t card_random_taped(const struct card *card);

/*
 * OTDR, on cards that offer it (else -ENOTSUP). An acquisition is started, runs in card_poll()
 * and ends as done or failed; then its trace is read and let go of.
 */
struct card_otdr_settings {
	uint32_t wavelength_pm, pulse_ns, range_m, averages, sample_ps;
	bool gated; /* Bob: gates shut for its light, ten times the time */
};
enum card_otdr_state { CARD_OTDR_NOTHING, CARD_OTDR_BUSY, CARD_OTDR_READY, CARD_OTDR_BROKEN };
#define CARD_OTDR_POINTS_MAX 65536

/* Lasers in the quantum band blind detectors: from here on it is out of it. -ERANGE. */
#define CARD_OTDR_PM_MIN 1600000
#define CARD_OTDR_PM_MAX 1680000

/*
 * -EBUSY while another runs or its trace is not released; -EAGAIN while the card is dark, which for
 * the card is a fault; -EINVAL a setting out of range.
 */
int card_otdr_start(struct card *card, const struct card_otdr_settings *set);
void card_otdr_abort(struct card *card);
enum card_otdr_state card_otdr_state(const struct card *card);
/* Averages so far, of those that were asked for. */
uint32_t card_otdr_progress(const struct card *card);

/* Of one that is ready: samples are LSB_W each, those of INT32_MAX saturated. */
struct card_otdr_trace {
	const int32_t *samples;
	uint32_t points, averages, wavelength_pm, pulse_ns, sample_ps, response_ps;
	double lsb_w;
};
void card_otdr_trace(const struct card *card, struct card_otdr_trace *out);
/* Ready or broken: for another. */
void card_otdr_release(struct card *card);

/*
 * The last scan of the card's optical channel monitor, which makes two a second: each data channel
 * at the fibre's connector, whichever way it goes. Any thread; false until there is one, or when
 * the card has no monitor.
 */
#define CARD_OCM_CHANNELS 254
struct card_ocm_scan {
	uint32_t scan, count;
	int32_t floor_mdbm;
	struct card_ocm_seen {
		uint32_t centre_mhz;
		int32_t power_mdbm;
		uint32_t width_mhz;
		int32_t osnr_mdb;
	} channel[CARD_OCM_CHANNELS];
};
bool card_ocm_read(const struct card *card, struct card_ocm_scan *out);

/*
 * The next record of the card's monitors, ten a second and each of them once; false when there is
 * none, or when the card has no monitors. A record that does not add up, or that covers what
 * another did, is left out (sequence_errors); MISSING slots of before it are in none.
 */
#define CARD_MONITOR_PERIOD_MS 100
struct card_monitor {
	enum card_role of;
	uint64_t slot, slots, missing; /* the card's own */
	union {
		struct card_tx_reading tx;
		struct card_rx_reading rx;
	};
};
bool card_monitor_next(struct card *card, struct card_monitor *out);

/* Mean power of key light behind the attenuator that CONFIG asks for, fW; 0 for no period. */
double card_output_fw(const struct card_config *config, uint64_t slot_fs);

/*
 * Bob: open the gates from START on for WIDTH (1/256 slot; 256: always). The card hears of it in
 * the next turns; -EBUSY while it has not heard of what came before.
 */
int card_gate(struct card *card, unsigned int start, unsigned int width);

/* What is steered by the driver itself, within the card's safe limits (drivers/steer/). */
enum card_loop {
	CARD_LOOP_ATTENUATOR, /* Alice: the mean photon number, by the power monitor */
	CARD_LOOP_BIAS,       /* Alice: the modulator's */
	CARD_LOOP_LASER,      /* Alice: its temperature settles */
	CARD_LOOP_DETECTORS,  /* Bob: likewise */
	CARD_LOOPS
};

/* For status; safe to call from other threads. */
struct card_status {
	bool simulated, armed, lost;
	bool qrng_ok; /* by the card's own tests and by ours */
	enum card_role role;
	uint32_t abi, build, fault_code, fault_arg;
	uint64_t slot_period_fs;
	uint64_t gap_slots;  /* within the gaps */
	uint64_t shut_slots; /* that a gated OTDR kept the gates shut */
	bool otdr, ocm;      /* it has one */
	bool monitor, protection;
	uint64_t monitor_records, monitor_gaps; /* taken; in front of which some are missing */
	uint64_t clicks, doubles, gaps, lost_tags, lookups, stale_lookups, sequence_errors;
	uint64_t
	        dropped_tags; /* by the card, as nobody read its ring; LOST_TAGS are told at most */
	uint64_t last_slot;   /* of the tags that were read */
	int32_t temperature_mc;
	uint32_t photocurrent_na;
	bool phase;           /* it tells of its interferometer: */
	uint32_t phase_mrad2; /* mean square by which it misses its point */
	uint32_t tx_power_nw; /* before the attenuator; 0: not armed, or no telemetry */
	enum card_tx_mode tx_mode;
	int32_t bias_mv; /* of the intensity modulator, with its extinction: 0 while not followed */
	uint32_t extinction_mdb;
	uint32_t output_fw, target_fw;   /* mean power behind the attenuator; 0: not known */
	uint32_t loop_state[CARD_LOOPS]; /* enum steer_state */
	int32_t loop_set[CARD_LOOPS];
	uint64_t loop_moves[CARD_LOOPS], loop_limits[CARD_LOOPS], loop_refused[CARD_LOOPS];
	/* Settings, CARD_ANALOG_*: which there are, and their values, limits with them. */
	uint32_t analog_present;
	int32_t analog_set[CARD_ANALOG_COUNT], analog_actual[CARD_ANALOG_COUNT];
	int32_t analog_min[CARD_ANALOG_COUNT], analog_max[CARD_ANALOG_COUNT];
};
void card_status_read(const struct card *card, struct card_status *out);

#endif
