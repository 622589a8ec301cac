/* SPDX-License-Identifier: BSD-3-Clause */

/* Eavesdroppers on the fibre, as what they make of each pulse. */

#ifndef DRIVERS_MODEL_ATTACK_H
#define DRIVERS_MODEL_ATTACK_H

#include "common/err.h"

enum attack_kind {
	ATTACK_NONE,
	ATTACK_INTERCEPT_RESEND,
	ATTACK_MINUS_TO_PLUS /* measured in X, |+> is sent on whatever she saw */
};

struct attack {
	enum attack_kind kind;
	double fraction; /* of the pulses that Eve measures and resends */
	double z_share;  /* of those, how many in basis Z: intercept-resend */
};

/*
 * Probability that Bob is sent (basis, bit) when Alice sent (sent_basis, sent_bit). Eve
 * resends at Alice's intensity, in the basis and with the outcome of her measurement.
 */
double attack_probability(const struct attack *attack, unsigned int sent_basis,
                          unsigned int sent_bit, unsigned int basis, unsigned int bit);

/*
 * "none", "intercept-resend FRACTION Z_SHARE" or "minus-to-plus FRACTION"; EINVAL says what is
 * wrong.
 */
int attack_parse(const char *text, struct attack *out, struct err *err);

const char *attack_name(enum attack_kind kind);

#endif
