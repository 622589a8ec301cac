/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Index alignment: find the constant between the receiver's and the transmitter's slot
 * numbers from some hundred detections of the public sync pattern (common/sync_pattern.h).
 * The transmitter lit slot s + offset for nearly every detection s; under a wrong offset half
 * of them agree. 64 offsets are tried at a time, one per bit of a word.
 */

#ifndef QKD_ENGINE_ALIGN_H
#define QKD_ENGINE_ALIGN_H

#include <stddef.h>
#include <stdint.h>

#define ALIGN_DETECTIONS 256 /* wanted; ALIGN_MIN are enough when light is scarce */
#define ALIGN_MIN        200
/*
 * Agreement that decides. At 200 detections and above a wrong offset reaches 3/4 with
 * probability below 1e-12 (7 standard deviations), 2^31 of them with below 0.3 %; the first
 * ALIGN_SCREEN detections alone must reach it too. Light that agrees in 90 % passes with 99.9 %.
 */
#define ALIGN_SCREEN 64

struct align {
	uint64_t slot[ALIGN_DETECTIONS];
	uint64_t ahead[ALIGN_SCREEN]; /* pattern words that the next step starts with */
	size_t count;
	int64_t next, end; /* offsets still to try */
	int64_t found;
	unsigned int score; /* detections that agree under FOUND */
};

enum align_result { ALIGN_MORE, ALIGN_FOUND, ALIGN_FAILED };

/* Try offsets FIRST to LAST; SLOTS are COUNT (ALIGN_MIN to ALIGN_DETECTIONS) detections. */
void align_start(struct align *a, const uint64_t *slots, size_t count, int64_t first, int64_t last);

/* Try 64 * WORDS offsets: about 0.15 us a word. */
enum align_result align_step(struct align *a, unsigned int words);

#endif
