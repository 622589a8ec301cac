/* SPDX-License-Identifier: BSD-3-Clause */

/* The table of attacks, and what all have in common. */

#include "drivers/model/attack.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/model/attack_plugin.h"

static const struct attack_plugin none = {.name = "none", .about = "nobody is there"};

static const struct attack_plugin *const plugins[ATTACK_KINDS] = {
        [ATTACK_NONE] = &none,
        [ATTACK_INTERCEPT_RESEND] = &attack_intercept_resend,
        [ATTACK_MINUS_TO_PLUS] = &attack_minus_to_plus,
        [ATTACK_PHOTON_NUMBER_SPLITTING] = &attack_photon_number_splitting,
        [ATTACK_TAP] = &attack_tap,
        [ATTACK_TAP_COMPENSATED] = &attack_tap_compensated,
        [ATTACK_FIBRE_BEND] = &attack_fibre_bend,
        [ATTACK_FIBRE_CUT] = &attack_fibre_cut,
        [ATTACK_LASER_DAMAGE] = &attack_laser_damage,
        [ATTACK_TROJAN_HORSE] = &attack_trojan_horse,
        [ATTACK_BLINDING] = &attack_blinding,
        [ATTACK_BLINDING_PULSED] = &attack_blinding_pulsed,
        [ATTACK_TIME_SHIFT] = &attack_time_shift,
        [ATTACK_ENERGY_TIME] = &attack_energy_time,
        [ATTACK_QRNG_STUCK] = &attack_qrng_stuck,
        [ATTACK_QRNG_BIASED] = &attack_qrng_biased,
        [ATTACK_QRNG_PERIODIC] = &attack_qrng_periodic,
};

static const struct attack_plugin *plugin_of(const struct attack *attack)
{
	return attack != NULL ? plugins[attack->kind] : &none;
}

static double value(const struct attack *attack, const struct attack_parameter *p)
{
	double v;

	memcpy(&v, (const char *)attack + p->offset, sizeof(v));
	return v;
}

const char *attack_name(enum attack_kind kind)
{
	return plugins[kind]->name;
}

__attribute__((format(printf, 4, 5))) static void add(char *buf, size_t n, size_t *used,
                                                      const char *fmt, ...)
{
	va_list ap;
	int k;

	va_start(ap, fmt);
	k = vsnprintf(buf + *used, n - *used, fmt, ap);
	va_end(ap);
	*used += k > 0 ? (size_t)k : 0;
	if (*used >= n)
		*used = n - 1;
}

size_t attack_usage(enum attack_kind kind, char *buf, size_t n)
{
	const struct attack_plugin *a = plugins[kind];
	size_t used = 0;

	add(buf, n, &used, "%s", a->name);
	for (unsigned int i = 0; i < ATTACK_PARAMETERS && a->parameter[i].name != NULL; i++)
		add(buf, n, &used, a->parameter[i].optional ? " [%s]" : " %s",
		    a->parameter[i].name);
	return used;
}

size_t attack_list(char *buf, size_t n)
{
	size_t used = 0;

	add(buf, n, &used, "[");
	for (unsigned int k = 0; k < ATTACK_KINDS; k++) {
		const struct attack_plugin *a = plugins[k];

		add(buf, n, &used, "%s{\"attack\":\"%s\",\"about\":\"%s\",\"parameters\":[",
		    k > 0 ? "," : "", a->name, a->about);
		for (unsigned int i = 0; i < ATTACK_PARAMETERS && a->parameter[i].name != NULL; i++)
			add(buf, n, &used,
			    "%s{\"name\":\"%s\",\"unit\":\"%s\",\"min\":%g,\"max\":%g%s}",
			    i > 0 ? "," : "", a->parameter[i].name, a->parameter[i].unit,
			    a->parameter[i].min, a->parameter[i].max,
			    a->parameter[i].optional ? ",\"optional\":true" : "");
		add(buf, n, &used, "]}");
	}
	add(buf, n, &used, "]");
	return used;
}

size_t attack_values(const struct attack *attack, char *buf, size_t n)
{
	const struct attack_plugin *a = plugin_of(attack);
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < ATTACK_PARAMETERS && a->parameter[i].name != NULL; i++) {
		add(buf, n, &used, ",\"");
		for (const char *c = a->parameter[i].name; *c != '\0'; c++)
			add(buf, n, &used, "%c", tolower((unsigned char)*c));
		add(buf, n, &used, "\":%.9g", value(attack, &a->parameter[i]));
	}
	return used;
}

static int unknown(const char *name, struct err *err)
{
	char list[512];
	size_t used = 0;

	for (unsigned int k = 0; k < ATTACK_KINDS; k++)
		add(list, sizeof(list), &used, "%s%s", k > 0 ? ", " : "", plugins[k]->name);
	return err_set(err, EINVAL, "attack \"%s\" is unknown: %s", name, list);
}

int attack_parse(const char *text, struct attack *out, struct err *err)
{
	struct attack a = {.kind = ATTACK_NONE};
	char name[32] = "", usage[96];
	const struct attack_plugin *plugin;
	unsigned int kind = 0, i;
	int n = 0;

	sscanf(text, "%31s%n", name, &n);
	while (kind < ATTACK_KINDS && strcmp(name, plugins[kind]->name) != 0)
		kind++;
	if (kind == ATTACK_KINDS)
		return unknown(name, err);
	a.kind = kind;
	plugin = plugins[kind];
	attack_usage(kind, usage, sizeof(usage));
	text += n;
	for (i = 0; i < ATTACK_PARAMETERS && plugin->parameter[i].name != NULL; i++) {
		const struct attack_parameter *p = &plugin->parameter[i];
		char *end;
		double v = strtod(text, &end);

		if (p->optional && text[strspn(text, " ")] == '\0') {
			v = p->min;
			end = (char *)text;
		} else if (end == text || (*end != '\0' && !isspace((unsigned char)*end)))
			return err_set(err, EINVAL, "it is \"attack %s\": %s is missing", usage,
			               p->name);
		if (!(v >= p->min && v <= p->max))
			return err_set(err, EINVAL, "%s %g is outside %g to %g%s%s", p->name, v,
			               p->min, p->max, *p->unit != '\0' ? " " : "", p->unit);
		memcpy((char *)&a + p->offset, &v, sizeof(v));
		text = end;
	}
	while (isspace((unsigned char)*text))
		text++;
	if (*text != '\0')
		return err_set(err, EINVAL, "it is \"attack %s\", nothing more", usage);
	*out = a;
	return 0;
}

void attack_let_pass(double p, double gain, const struct attack_pulse *pulse,
                     struct outcomes_mix *mix)
{
	struct arrival a = {.basis = pulse->basis,
	                    .bit = pulse->bit,
	                    .light = gain * physics_transmittance(mix->link) * pulse->mu};

	outcomes_arrive(mix, p, &a);
}

void attack_pulse(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix)
{
	if (plugin_of(attack)->pulse != NULL)
		plugin_of(attack)->pulse(attack, p, mix);
	else
		attack_let_pass(1, 1, p, mix);
}

unsigned int attack_fibre(const struct attack *attack, double length_km,
                          struct otdr_point point[ATTACK_POINTS])
{
	const struct attack_plugin *a = plugin_of(attack);

	return a->fibre != NULL ? a->fibre(attack, length_km, point) : 0;
}

void attack_monitors(const struct attack *attack, const struct optics_link *link,
                     struct attack_monitors *m)
{
	memset(m, 0, sizeof(*m));
	m->output_gain = 1;
	if (plugin_of(attack)->monitors != NULL)
		plugin_of(attack)->monitors(attack, link, m);
}

void attack_random(const struct attack *attack, unsigned int role, struct attack_random *state,
                   uint8_t *bytes, size_t n)
{
	if (plugin_of(attack)->random != NULL && (unsigned int)lrint(attack->card) == role)
		plugin_of(attack)->random(attack, state, bytes, n);
}

double attack_blinded(const struct attack *attack)
{
	const struct attack_plugin *a = plugin_of(attack);

	return a->blinded != NULL ? a->blinded(attack) : 0;
}
