/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *within;
} rows[] = {
        {"intercept-resend 0.02 0.5", "85000 compared bits"},
        {"intercept-resend 0.02 0", "85000 compared bits"},
        {"intercept-resend 0.02 1", "85000 compared bits"},
        {"intercept-resend 0.1 0.5", "4000 compared bits"},
        {"intercept-resend 0.1 0", "4000 compared bits"},
        {"intercept-resend 0.1 1", "4000 compared bits"},
        {"intercept-resend 0.4 0.5", NULL},
        {"intercept-resend 1 0.5", NULL},
        {"minus-to-plus 0.02", NULL},
        {"minus-to-plus 0.1", NULL},
        {"minus-to-plus 0.4", NULL},
        {"minus-to-plus 1", NULL},
        {"photon-number-splitting 0.1", NULL},
        {"photon-number-splitting 0.25", NULL},
        {"photon-number-splitting 0.5", NULL},
        {"photon-number-splitting 1", "first block, no key"},
        {"tap 20 0.05", "60 s"},
        {"tap 20 0.1", "one trace, or two of three"},
        {"tap 20 0.5", NULL},
        {"tap 20 3", NULL},
        {"tap-compensated 20 0.05", NULL},
        {"tap-compensated 20 0.1", "one trace, or two of three"},
        {"tap-compensated 20 0.5", NULL},
        {"tap-compensated 20 3", NULL},
        {"fibre-bend 33 0.05", "60 s"},
        {"fibre-bend 33 0.2", NULL},
        {"fibre-bend 33 1", NULL},
        {"fibre-cut 7", NULL},
        {"fibre-cut 25", NULL},
        {"fibre-cut 44", NULL},
        {"laser-damage 0.05", NULL},
        {"laser-damage 0.2", NULL},
        {"laser-damage 1", NULL},
        {"laser-damage 3", NULL},
        {"trojan-horse 1e-6 1", NULL},
        {"trojan-horse 1e-4 1", NULL},
        {"trojan-horse 1e-2 1", NULL},
        {"trojan-horse 1e-4 0.001", NULL},
        {"trojan-horse 1 1", NULL},
        {"blinding 1e-6 1.2", "1 s"},
        {"blinding 1e-4 1.2", "1 s"},
        {"blinding 0.01 1.2", "1 s"},
        {"blinding 1 1.2", "1 s"},
        {"blinding 1 2.5", "1 s"},
        {"blinding-pulsed 0.01 1.2 0.0001 0.1", NULL},
        {"blinding-pulsed 0.01 1.2 0.001 1", NULL},
        {"blinding-pulsed 1 1.2 0.01 10", "10 s"},
        {"blinding-pulsed 1 1.2 0.1 10", "10 s"},
        {"blinding-pulsed 1 1.2 0.5 100", "10 s"},
        {"time-shift 1 0.5 10", "10 s"},
        {"time-shift 0.5 0.5 10", "10 s"},
        {"time-shift 0.1 0.5 10", NULL},
        {"time-shift 1 0.25 3", NULL},
        {"energy-time 1 10", NULL},
        {"energy-time 1 30", NULL},
        {"energy-time 0.1 30", NULL},
        {"energy-time 0.02 30", NULL},
        {"qrng-stuck 1 0", "before the next block"},
        {"qrng-stuck 2 1", "before the next block"},
        {"qrng-biased 1 1", "before the next block"},
        {"qrng-biased 1 0.9", "before the next block"},
        {"qrng-biased 1 0.75", "before the next block"},
        {"qrng-biased 1 0.72", "before the next block"},
        {"qrng-periodic 1 4", "before the next block"},
        {"qrng-periodic 1 1000", "before the next block"},
        {"qrng-periodic 1 65536", "before the next block"},
};

/* What an operator reads rightly from: the attack by name, or what was done to fibre or source. */
static const struct {
	enum attack_kind kind;
	const char *alarms[10];
} right[] = {
        {ATTACK_INTERCEPT_RESEND,
         {"errors-rise-z", "errors-rise-x", "intercept-resend", "qber-z", "qber-x"}},
        {ATTACK_MINUS_TO_PLUS,
         {"errors-rise-z", "errors-rise-x", "intercept-resend", "qber-z", "qber-x"}},
        {ATTACK_PHOTON_NUMBER_SPLITTING, {"photon-number-splitting"}},
        {ATTACK_TAP, {"loss-step", "fibre-bend", "fibre-splice"}},
        {ATTACK_TAP_COMPENSATED, {"fibre-bend", "fibre-splice"}},
        {ATTACK_FIBRE_BEND, {"loss-step", "fibre-bend", "fibre-splice"}},
        {ATTACK_FIBRE_CUT, {"loss-step", "fibre-cut", "no-light"}},
        {ATTACK_LASER_DAMAGE, {"laser-damage", "gain-step"}},
        {ATTACK_TROJAN_HORSE, {"trojan-horse"}},
        {ATTACK_BLINDING, {"detector-blinding", "fake-state"}},
        {ATTACK_BLINDING_PULSED, {"detector-blinding", "fake-state"}},
        {ATTACK_TIME_SHIFT, {"time-shift"}},
        {ATTACK_ENERGY_TIME, {"energy-time", "fake-state"}},
        {ATTACK_QRNG_STUCK, {"qrng-stuck"}},
        {ATTACK_QRNG_BIASED, {"qrng-biased", "qrng-stuck"}},
        {ATTACK_QRNG_PERIODIC, {"qrng-periodic"}},
};

int plan_parse(const char *text, struct cell *out, struct err *err)
{
	bool first = true;

	*out = (struct cell){0};
	snprintf(out->text, sizeof(out->text), "%s", text);
	for (char *c = out->text; *c != '\0'; c++)
		*c = *c == '=' || *c == ',' || *c == '/' ? ' ' : *c;
	snprintf(out->name, sizeof(out->name), "%s", out->text);
	for (char *c = out->name; *c != '\0'; c++) {
		if (*c != ' ')
			continue;
		*c = first ? '/' : ',';
		first = false;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].text, out->text) == 0)
			out->within = rows[i].within;
	return attack_parse(out->text, &out->attack, err);
}

unsigned int plan_all(struct cell *cells)
{
	unsigned int n = 0, of_kind[ATTACK_KINDS] = {0};
	struct err err = {0};

	for (; n < sizeof(rows) / sizeof(rows[0]); n++) {
		if (plan_parse(rows[n].text, &cells[n], &err) < 0) {
			fprintf(stderr, "bench_attacks: %s: %s\n", rows[n].text, err.text);
			exit(1);
		}
		of_kind[cells[n].attack.kind]++;
	}
	for (unsigned int k = ATTACK_NONE + 1; k < ATTACK_KINDS; k++)
		if (of_kind[k] == 0) {
			fprintf(stderr, "bench_attacks: attack %s has no row\n", attack_name(k));
			exit(1);
		}
	return n;
}

bool plan_right(enum attack_kind kind, const char *alarm)
{
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		for (size_t k = 0; right[i].kind == kind && right[i].alarms[k] != NULL; k++)
			if (strcmp(right[i].alarms[k], alarm) == 0)
				return true;
	return false;
}
