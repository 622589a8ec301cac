/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Eve measures a pulse and resends what she saw, at Alice's intensity: QBER f / 4 + (1 - f) e0
 * where she picks the bases alike. Or she measures in X and sends |+> whatever she saw: errors on
 * |-> alone, which a protocol without |-> would not see, and half of the bits in Z.
 */

#include "drivers/model/attack_plugin.h"

double attack_probability(const struct attack *attack, unsigned int sent_basis,
                          unsigned int sent_bit, unsigned int basis, unsigned int bit)
{
	double same = sent_basis == basis && sent_bit == bit ? 1 : 0, measured;

	if (attack->kind == ATTACK_NONE)
		return same;
	if (attack->kind == ATTACK_MINUS_TO_PLUS)
		return (1 - attack->fraction) * same +
		       (basis == 1 && bit == 0 ? attack->fraction : 0);
	/* In the right basis she learns the bit, in the wrong one the outcome is a coin. */
	measured = basis == 0 ? attack->z_share : 1 - attack->z_share;
	measured *= sent_basis == basis ? same : 0.5;
	return (1 - attack->fraction) * same + attack->fraction * measured;
}

static void pulse(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix)
{
	for (unsigned int sent = 0; sent < 4; sent++) {
		struct attack_pulse resent = *p;
		double share;

		resent.basis = sent & 1;
		resent.bit = sent >> 1;
		share = attack_probability(attack, p->basis, p->bit, resent.basis, resent.bit);
		attack_let_pass(share, 1, &resent, mix);
	}
}

const struct attack_plugin attack_intercept_resend = {
        .name = "intercept-resend",
        .about = "measures that fraction of the pulses, that share of them in basis Z, and "
                 "resends what she saw",
        .parameter = {{"FRACTION", "", offsetof(struct attack, fraction), 0, 1},
                      {"Z_SHARE", "", offsetof(struct attack, z_share), 0, 1}},
        .pulse = pulse,
};

const struct attack_plugin attack_minus_to_plus = {
        .name = "minus-to-plus",
        .about = "measures that fraction of the pulses in basis X and sends |+> whatever she saw",
        .parameter = {{"FRACTION", "", offsetof(struct attack, fraction), 0, 1}},
        .pulse = pulse,
};
