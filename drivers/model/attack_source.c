/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What Eve does to the transmitter through the fibre. Laser damage leaves an attenuator that
 * attenuates less for good (Huang et al., arXiv:1905.10795): every intensity rises, and with it
 * what the power monitor behind the attenuator reads. A Trojan horse looks at the modulators by
 * light sent in (Lucamarini et al., PRX 5 031030 (2015)): the monitor against injected light sees
 * its part of it.
 */

#include <math.h>

#include "drivers/model/attack_plugin.h"

/* Of the light that enters, what the monitor's coupler gives to it. */
#define MONITOR_SHARE 0.01
#define PW_PER_MW     1e9

static double gain(const struct attack *attack)
{
	return pow(10, attack->gain_db / 10);
}

static void brighter(const struct attack *attack, const struct attack_pulse *p,
                     struct outcomes_mix *mix)
{
	attack_let_pass(1, gain(attack), p, mix);
}

static void output(const struct attack *attack, const struct optics_link *link,
                   struct attack_monitors *m)
{
	m->output_gain = gain(attack);
}

static void injected(const struct attack *attack, const struct optics_link *link,
                     struct attack_monitors *m)
{
	m->back_reflection_pw = attack->power_mw * PW_PER_MW * MONITOR_SHARE;
	m->back_reflection_peak_pw = m->back_reflection_pw / attack->duty;
}

const struct attack_plugin attack_laser_damage = {
        .name = "laser-damage",
        .about = "the transmitter's attenuator has lost so much of its attenuation",
        .parameter = {{"DB", "dB", offsetof(struct attack, gain_db), 0, 20}},
        .pulse = brighter,
        .monitors = output,
};

const struct attack_plugin attack_trojan_horse = {
        .name = "trojan-horse",
        .about = "light of that mean power is sent into the transmitter, in pulses that are on "
                 "for that share of the time",
        .parameter = {{"MW", "mW", offsetof(struct attack, power_mw), 0, 1e4},
                      {"DUTY", "", offsetof(struct attack, duty), 1e-6, 1}},
        .monitors = injected,
};
