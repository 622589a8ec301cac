/* SPDX-License-Identifier: BSD-3-Clause */

/* An input taken byte by byte, and messages distorted by it. */

#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *p;
	size_t left;
};

/* The next byte, 0 behind the end. */
static inline uint8_t take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static inline int take2(struct input *in)
{
	int high = take(in);

	return high << 8 | take(in);
}

/*
 * MSG of LEN bytes, for which there is room for CAP, stays as it is, is cut, has some bytes changed
 * or is made up, as the input says. Its new length; *DAMAGED is set unless it stays.
 */
static inline int distort(struct input *in, uint8_t *msg, int len, size_t cap, bool *damaged)
{
	uint8_t how = take(in);

	if (how < 128)
		return len;
	*damaged = true;
	if (how < 155)
		return len > 0 ? take2(in) % (len + 1) : 0;
	if (how < 205) {
		for (int i = 1 + how % 3; len > 0 && i > 0; i--) {
			int at = take2(in) % len;

			msg[at] ^= (uint8_t)(1 + take(in));
		}
		return len;
	}
	len = take(in) << (how % 4);
	if (len > (int)cap)
		len = (int)cap;
	for (int i = 0; i < len; i++)
		msg[i] = take(in);
	return len;
}

#endif
