/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/attack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *attack_name(enum attack_kind kind)
{
	static const char *const names[] = {
	        [ATTACK_NONE] = "none",
	        [ATTACK_INTERCEPT_RESEND] = "intercept-resend",
	        [ATTACK_MINUS_TO_PLUS] = "minus-to-plus",
	};

	return names[kind];
}

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

int attack_parse(const char *text, struct attack *out, struct err *err)
{
	struct attack a = {.kind = ATTACK_NONE};
	char name[32] = "", rest[2] = "";
	int n = sscanf(text, "%31s %lf %lf %1s", name, &a.fraction, &a.z_share, rest);

	if (strcmp(name, "none") == 0) {
		char more[2];

		if (sscanf(text, "%*s %1s", more) == 1)
			return err_set(err, EINVAL, "attack none takes no numbers");
		*out = (struct attack){.kind = ATTACK_NONE};
		return 0;
	}
	if (strcmp(name, "minus-to-plus") == 0) {
		a.kind = ATTACK_MINUS_TO_PLUS;
		if (n != 2 || sscanf(text, "%*s %*f %1s", rest) == 1)
			return err_set(err, EINVAL, "minus-to-plus needs one number: FRACTION");
		a.z_share = 0;
	} else if (strcmp(name, "intercept-resend") == 0) {
		a.kind = ATTACK_INTERCEPT_RESEND;
		if (n != 3)
			return err_set(err, EINVAL,
			               "intercept-resend needs two numbers: FRACTION Z_SHARE");
	} else {
		return err_set(err, EINVAL,
		               "attack \"%s\" is unknown: none, intercept-resend FRACTION "
		               "Z_SHARE or minus-to-plus FRACTION",
		               name);
	}
	if (!(a.fraction >= 0 && a.fraction <= 1))
		return err_set(err, EINVAL, "FRACTION %g is outside 0 to 1", a.fraction);
	if (!(a.z_share >= 0 && a.z_share <= 1))
		return err_set(err, EINVAL, "Z_SHARE %g is outside 0 to 1", a.z_share);
	*out = a;
	return 0;
}
