/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Eavesdroppers on the fibre, and what else may go wrong with a link, by name: each a plug-in of
 * one file (attack_plugin.h). Nothing past the cards knows of them: they change what the cards'
 * contract shows, where physics would, and nothing else.
 */

#ifndef DRIVERS_MODEL_ATTACK_H
#define DRIVERS_MODEL_ATTACK_H

#include <stddef.h>

#include "common/err.h"

enum attack_kind {
	ATTACK_NONE,
	ATTACK_INTERCEPT_RESEND,
	ATTACK_MINUS_TO_PLUS,
	ATTACK_PHOTON_NUMBER_SPLITTING,
	ATTACK_TAP,
	ATTACK_TAP_COMPENSATED,
	ATTACK_FIBRE_BEND,
	ATTACK_FIBRE_CUT,
	ATTACK_LASER_DAMAGE,
	ATTACK_TROJAN_HORSE,
	ATTACK_BLINDING,
	ATTACK_BLINDING_PULSED,
	ATTACK_TIME_SHIFT,
	ATTACK_ENERGY_TIME,
	ATTACK_QRNG_STUCK,
	ATTACK_QRNG_BIASED,
	ATTACK_QRNG_PERIODIC,
	ATTACK_KINDS
};

/* Its kind and strength; what a field means for a kind is in its plug-in's table. */
struct attack {
	enum attack_kind kind;
	double fraction;    /* of the pulses that Eve handles */
	double z_share;     /* of those that she measures, how many in basis Z */
	double km;          /* from Alice */
	double loss_db;     /* at that place */
	double power_mw;    /* of her light at the card's connector, mean */
	double duty;        /* share of the time in which it is on */
	double burst_us;    /* how long at a time */
	double trigger;     /* peak power of her pulses over the threshold of a blinded detector */
	double shift_slots; /* of the arrival */
	double mismatch_db; /* of the two detectors of a basis */
	double gain_db;     /* by which light grows */
	double card;        /* whose random source: CARD_ROLE_* */
	double lane;        /* of it; below 0: all */
	double value;       /* what is wrong with it */
};

/*
 * "none" or a name and its numbers, as attack_usage() has them; EINVAL says what is wrong.
 */
int attack_parse(const char *text, struct attack *out, struct err *err);

const char *attack_name(enum attack_kind kind);

/* "intercept-resend FRACTION Z_SHARE"; kinds count from 0 to ATTACK_KINDS - 1. */
size_t attack_usage(enum attack_kind kind, char *buf, size_t n);

/* All of them as a JSON list: names, parameters with units and ranges, what they do. */
size_t attack_list(char *buf, size_t n);
/* ,"NAME":VALUE for each parameter of an attack. */
size_t attack_values(const struct attack *attack, char *buf, size_t n);

/*
 * Of intercept-resend and minus-to-plus (and none): probability that Bob is sent (basis, bit) when
 * Alice sent (sent_basis, sent_bit).
 */
double attack_probability(const struct attack *attack, unsigned int sent_basis,
                          unsigned int sent_bit, unsigned int basis, unsigned int bit);

#endif
