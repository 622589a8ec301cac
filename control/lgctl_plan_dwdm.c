/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl plan dwdm: a quantum channel among data channels, with no gateway at hand. */

#include <errno.h>
#include <stdlib.h>

#include "control/lgctl.h"
#include "control/plan_dwdm_json.h"
#include "control/plan_json.h"
#include "drivers/physics/itu_grid.h"

#define POWER_MAX_DBM 27.0
#define TARGET_SHARE  0.5

static json_t *name_json(double ghz)
{
	char name[16];

	itu_grid_name(ghz, name, sizeof(name));
	return json_string(name);
}

/* Counts per gate from photons a second. */
static json_t *noise_json(const struct plan_dwdm *d, const struct lit_noise *n)
{
	const double per =
	        lit_counts(1, d->quantum.gate_ns, d->link.receiver_loss_db, d->link.efficiency);

	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "raman_forward",
	                 n->raman_forward * per, "raman_backward", n->raman_backward * per,
	                 "leakage", n->leakage * per, "fwm", n->fwm * per, "ase", n->ase * per,
	                 "total", n->total * per, "photons_per_s", n->total);
}

static json_t *lit_json(const struct plan_dwdm *d, const struct plan_lit *at)
{
	return json_pack("{s:o, s:f, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:s}", "channel",
	                 name_json(at->ghz), "thz", at->ghz / 1e3, "nm", itu_wavelength_nm(at->ghz),
	                 "counts_per_gate", noise_json(d, &at->noise), "qber_z", at->point.z.qber,
	                 "qber_x", at->point.x.qber, "infinite_decoys_rate_per_signal_pulse",
	                 at->point.infinite.rate, "asymptotic_rate", at->point.rate_asymptotic,
	                 "rate", at->point.rate_finite, "reason", at->point.key.reason);
}

static json_t *channels_json(const struct plan_dwdm *d, double target)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->channel_count; i++) {
		const struct lit_channel *c = &d->channels[i];
		double most =
		        target > 0 ? plan_dwdm_power(d, i, target, POWER_MAX_DBM) : LIT_OFF_DBM;
		struct lit_channel at_most = *c;
		struct lit_noise own;
		json_t *o;

		lit_fibre_noise_of(&d->fibre, &d->quantum, d->channels, d->channel_count, i, &own);
		at_most.dbm = most;
		o = json_pack("{s:o, s:f, s:s, s:o, s:f, s:f}", "channel", name_json(c->ghz), "dbm",
		              c->dbm, "direction", c->counter ? "counter" : "co", "counts_per_gate",
		              noise_json(d, &own), "isolation_db", lit_isolation(&d->quantum, c),
		              "isolation_needed_db",
		              lit_isolation_needed(&d->fibre, &d->quantum, c, d->leak_counts,
		                                   d->link.receiver_loss_db, d->link.efficiency));
		/* Where even without it there is less than the target, there is no power for it. */
		json_object_set_new(o, "max_dbm",
		                    most > LIT_OFF_DBM ? json_real(most) : json_null());
		json_object_set_new(o, "osnr_db",
		                    json_real(lit_osnr_db(&d->fibre, c, d->preamplifier_nf_db)));
		json_object_set_new(
		        o, "osnr_at_max_db",
		        most > LIT_OFF_DBM
		                ? json_real(lit_osnr_db(&d->fibre, &at_most, d->preamplifier_nf_db))
		                : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *added_json(const struct plan_dwdm *d, const struct plan_lit *now)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->added_count; i++) {
		struct plan_dwdm with = *d;
		struct plan_lit then;
		json_t *o;

		if (with.channel_count == LIT_CHANNELS_MAX)
			break;
		with.channels[with.channel_count++] = d->added[i];
		plan_dwdm_at(&with, d->quantum.ghz, &then);
		o = lit_json(d, &then);
		json_object_set_new(o, "channel", name_json(d->added[i].ghz));
		json_object_set_new(o, "dbm", json_real(d->added[i].dbm));
		json_object_set_new(o, "direction",
		                    json_string(d->added[i].counter ? "counter" : "co"));
		json_object_set_new(o, "qber_z_rise",
		                    json_real(then.point.z.qber - now->point.z.qber));
		json_object_set_new(
		        o, "rate_change",
		        now->point.rate_finite > 0
		                ? json_real(then.point.rate_finite / now->point.rate_finite - 1)
		                : json_null());
		json_object_del(o, "thz");
		json_object_del(o, "nm");
		json_array_append_new(list, o);
	}
	return list;
}

static void warn(json_t *list, const char *format, double km)
{
	json_array_append_new(list, json_sprintf(format, km));
}

static json_t *warnings_json(const struct plan_dwdm *d, const struct plan_lit *now)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->amplifier_count; i++) {
		const struct lit_amplifier *a = &d->amplifiers[i];
		struct lit_noise own;

		lit_fibre_noise(&d->fibre, &d->quantum, NULL, 0, a, 1, &own);
		if (a->on_quantum_path)
			warn(list,
			     "error: the amplifier at %g km is on the quantum path: no quantum "
			     "state "
			     "passes it",
			     a->km);
		else if (own.ase * 10 > now->noise.total)
			warn(list,
			     "the emission of the amplifier at %g km is more than a tenth of the "
			     "noise: its notch at the quantum channel is too shallow",
			     a->km);
	}
	if (now->noise.fwm * 2 > now->noise.total)
		json_array_append_new(list,
		                      json_string("four-wave mixing is most of the noise: leave "
		                                  "the channels empty that mix into the "
		                                  "quantum channel"));
	for (unsigned int i = 0; i < d->channel_count; i++) {
		double needed = lit_isolation_needed(&d->fibre, &d->quantum, &d->channels[i],
		                                     d->leak_counts, d->link.receiver_loss_db,
		                                     d->link.efficiency);
		char name[16];

		itu_grid_name(d->channels[i].ghz, name, sizeof(name));
		if (needed > lit_isolation(&d->quantum, &d->channels[i]))
			json_array_append_new(
			        list,
			        json_sprintf("%s needs %.0f dB of isolation and has %.0f dB: %.0f "
			                     "filters in a row are too few",
			                     name, needed,
			                     lit_isolation(&d->quantum, &d->channels[i]),
			                     d->quantum.filters));
	}
	return list;
}

int lgctl_plan_dwdm(FILE *input, json_t **result, struct err *err)
{
	static struct plan_lit slots[PLAN_SLOTS_MAX];
	static struct plan_dwdm d;
	struct plan_dwdm dark;
	struct plan_lit now, before;
	json_t *o = NULL, *ranked;
	unsigned int n;
	double target, headroom;
	int rc = plan_json_load(input, "plan", &o, err);

	if (rc == 0)
		rc = plan_dwdm_read(o, &d, err);
	json_decref(o);
	if (rc != 0)
		return rc;
	plan_dwdm_at(&d, d.quantum.ghz, &now);
	dark = d;
	dark.channel_count = dark.amplifier_count = 0;
	plan_dwdm_at(&dark, d.quantum.ghz, &before);
	target = d.target_rate > 0 ? d.target_rate : TARGET_SHARE * before.point.rate_finite;
	headroom = target > 0 && d.channel_count > 0 ? plan_dwdm_headroom(&d, target, 60)
	                                             : LIT_OFF_DBM;
	n = plan_dwdm_rank(&d, slots);
	ranked = json_array();
	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(ranked, lit_json(&d, &slots[i]));
	*result = json_pack(
	        "{s:s, s:s, s:f, s:f, s:o, s:o, s:f, s:o, s:o, s:o, s:o}", "protocol",
	        plan_protocol_name(d.link.protocol), "proof",
	        d.link.protocol == PLAN_THREE_STATE ? "none" : finite_key_proof_name(d.link.proof),
	        "length_km", d.fibre.data.length_km, "dispersion", d.fibre.data.dispersion_ps_nm_km,
	        "dark_fibre", lit_json(&d, &before), "quantum", lit_json(&d, &now), "target_rate",
	        target, "channels", channels_json(&d, target), "added", added_json(&d, &now),
	        "slots", ranked, "warnings", warnings_json(&d, &now));
	json_object_set_new(*result, "headroom_db",
	                    headroom > LIT_OFF_DBM ? json_real(headroom) : json_null());
	return 0;
}

int lgctl_build_plan_dwdm(char **args, int n, struct lgctl_request *r, struct err *err)
{
	return lgctl_plan_dwdm(stdin, &r->answer, err);
}

static double of(const json_t *o, const char *part, const char *name)
{
	if (part != NULL)
		o = json_object_get(o, part);
	return json_number_value(json_object_get(o, name));
}

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static void print_lit(FILE *out, const json_t *o)
{
	fprintf(out, "%-8s %10.3g %10.3g %10.3g %10.3g %10.3g %8.3f %11.5g\n", text(o, "channel"),
	        of(o, "counts_per_gate", "raman_forward") +
	                of(o, "counts_per_gate", "raman_backward"),
	        of(o, "counts_per_gate", "leakage"), of(o, "counts_per_gate", "fwm"),
	        of(o, "counts_per_gate", "ase"), of(o, "counts_per_gate", "total"),
	        100 * of(o, NULL, "qber_z"), of(o, NULL, "rate"));
}

#define SHOWN 12

void lgctl_print_plan_dwdm(FILE *out, const json_t *result)
{
	const json_t *v, *slots = json_object_get(result, "slots");
	size_t i;

	fprintf(out, "%s, %s, %g km, counts per gate\n\n", text(result, "protocol"),
	        text(result, "proof"), of(result, NULL, "length_km"));
	fprintf(out, "%-8s %10s %10s %10s %10s %10s %8s %11s\n", "QUANTUM", "RAMAN", "LEAKAGE",
	        "FWM", "ASE", "TOTAL", "QBER %", "KEY bit/s");
	print_lit(out, json_object_get(result, "quantum"));
	fprintf(out, "%-8s %10s %10s %10s %10s %10s %8.3f %11.5g\n\n", "alone", "", "", "", "", "",
	        100 * of(result, "dark_fibre", "qber_z"), of(result, "dark_fibre", "rate"));
	json_array_foreach (json_object_get(result, "warnings"), i, v)
		fprintf(out, "%s\n", json_string_value(v));
	fprintf(out, "%sfor %.6g bit/s:\n", i > 0 ? "\n" : "", of(result, NULL, "target_rate"));
	fprintf(out, "%-8s %-8s %8s %10s %10s %10s %8s\n", "CHANNEL", "", "dBm", "COUNTS",
	        "MAX dBm", "NEEDS dB", "HAS dB");
	json_array_foreach (json_object_get(result, "channels"), i, v) {
		char most[16] = "-";

		if (json_is_number(json_object_get(v, "max_dbm")))
			snprintf(most, sizeof(most), "%.2f", of(v, NULL, "max_dbm"));
		fprintf(out, "%-8s %-8s %8.2f %10.3g %10s %10.0f %8.0f\n", text(v, "channel"),
		        text(v, "direction"), of(v, NULL, "dbm"), of(v, "counts_per_gate", "total"),
		        most, of(v, NULL, "isolation_needed_db"), of(v, NULL, "isolation_db"));
	}
	if (json_is_number(json_object_get(result, "headroom_db")))
		fprintf(out, "all together: %+.2f dB\n", of(result, NULL, "headroom_db"));
	json_array_foreach (json_object_get(result, "added"), i, v)
		fprintf(out, "%sadding %s at %g dBm (%s): QBER %.3f %%, %.5g bit/s\n",
		        i == 0 ? "\n" : "", text(v, "channel"), of(v, NULL, "dbm"),
		        text(v, "direction"), 100 * of(v, NULL, "qber_z"), of(v, NULL, "rate"));
	fprintf(out, "\n%-8s %10s %10s %10s %10s %10s %8s %11s\n", "SLOT", "RAMAN", "LEAKAGE",
	        "FWM", "ASE", "TOTAL", "QBER %", "KEY bit/s");
	json_array_foreach (slots, i, v)
		if (i < SHOWN)
			print_lit(out, v);
	if (json_array_size(slots) > SHOWN)
		fprintf(out, "... %zu more with --json\n", json_array_size(slots) - SHOWN);
}
