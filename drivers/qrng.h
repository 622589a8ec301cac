/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Health of a card's random source, watched from its raw stream: start-up tests, continuous
 * tests of each lane, a latch that only an operator lets go of, and conditioning of what passed.
 *
 * Tests of a lane (a sample is a bit; critical values: qrng_limits.h):
 *   repetition count and adaptive proportion, SP 800-90B sections 4.4.1 and 4.4.2;
 *   the share of ones in 2^18 samples, either way: a small bias;
 *   agreement with the samples 1 to 64 before, either way, in 1024 and in 2^18 samples: a period
 *   up to 64 samples, even a noisy one;
 *   a pattern that comes again within 2^16 bytes: any longer period, which the others cannot see.
 *
 * One thread feeds; others may read the status and ask for a restart.
 */

#ifndef DRIVERS_QRNG_H
#define DRIVERS_QRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "drivers/qrng_limits.h"

struct qrng;

#define QRNG_LANES_MAX 16

enum qrng_state { QRNG_STARTUP, QRNG_OK, QRNG_FAILED };
enum qrng_fault {
	QRNG_FAULT_NONE,
	QRNG_FAULT_STUCK,    /* repetition count */
	QRNG_FAULT_BIASED,   /* adaptive proportion, share of ones */
	QRNG_FAULT_PERIODIC, /* agreement at a lag, pattern that comes again */
	QRNG_FAULT_SILENT,   /* no samples */
	QRNG_FAULT_CARD,     /* the card's own tests */
	QRNG_FAULTS
};
/* "stuck", "biased", ... */
const char *qrng_fault_name(enum qrng_fault fault);
const char *qrng_state_name(enum qrng_state state);

/*
 * Starts in QRNG_STARTUP. EINVAL: a claim or ALPHA_LOG2 out of range (qrng_limits.h), no such
 * number of lanes; ENOMEM: no secret memory.
 */
int qrng_create(double claim, unsigned int alpha_log2, struct qrng **out, struct err *err);
void qrng_destroy(struct qrng *q);

/*
 * A stream begins anew (a card was opened): byte i of each buffer belongs to lane i mod LANES, 1
 * to QRNG_LANES_MAX. Start-up tests again; a latched fault stays.
 */
void qrng_begin(struct qrng *q, unsigned int lanes);

/*
 * A buffer of N raw bytes in order, drawn after AFTER_NS. What has passed is conditioned to at most
 * ROOM bytes at OUT; the number of these, at most N and 32.
 */
size_t qrng_feed(struct qrng *q, const uint8_t *raw, size_t n, uint64_t after_ns, uint8_t *out,
                 size_t room);

/* Bytes of the stream were lost: what is counted up to here does not go on. */
void qrng_gap(struct qrng *q);

/* Latch a fault that was seen elsewhere; the first one stays. */
void qrng_fail(struct qrng *q, enum qrng_fault fault, unsigned int lane, const char *what);

/* Any thread: start-up tests anew at the next feeding, which end the fault when they pass. */
void qrng_restart(struct qrng *q);
/* On the feeding thread: takes that up before the next feeding. True: they begin now. */
bool qrng_take_restart(struct qrng *q);

/* Any thread. */
enum qrng_state qrng_state(const struct qrng *q);
/*
 * All that was drawn up to this time has passed all tests: a fault that stood then would have been
 * found by now. For the last complete round, of two long windows and a pattern sought in 2^16
 * bytes of each lane, began with samples drawn after it. 0: nothing has.
 */
uint64_t qrng_tested_until(const struct qrng *q);

struct qrng_status {
	enum qrng_state state;
	bool latched;          /* a fault stands: until start-up tests that were asked for pass */
	enum qrng_fault fault; /* that one, or the last */
	unsigned int fault_lane;
	uint64_t fault_sample; /* of the lane, since the start of the stream, at its window's end */
	char fault_text[96];
	unsigned int lanes;
	struct qrng_limits limits;
	const char *kernel;
	uint64_t samples;     /* tested */
	uint64_t failures;    /* latched so far */
	uint64_t discarded;   /* bytes: tested in start-up or in a fault, or without room */
	uint64_t conditioned; /* bytes made */
	uint32_t block_in;    /* raw bytes that become a block of 32 */
};
/* On the feeding thread. */
void qrng_status_read(const struct qrng *q, struct qrng_status *out);

#endif
