/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_dwdm_json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "control/plan_json.h"
#include "control/plan_link_json.h"
#include "drivers/physics/itu_grid.h"

#define SLOT_FIRST_GHZ 192100.0 /* C21 */
#define SLOT_LAST_GHZ  196100.0 /* C61 */
#define DBM_MIN        -60.0
#define DBM_MAX        27.0

/* Members beside those of a link. */
static const char *const others[] = {"fibre.length_km",
                                     "fibre.loss_data_db_per_km",
                                     "fibre.loss_o_band_db_per_km",
                                     "fibre.dispersion",
                                     "fibre.slope",
                                     "fibre.gamma",
                                     "quantum",
                                     "channels",
                                     "add",
                                     "amplifiers",
                                     "slots",
                                     "target_rate"};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static void defaults(struct plan_dwdm *d)
{
	const double db_km = d->link.loss_db_per_km;

	/* Standard fibre (G.652) at 1550 nm. */
	d->fibre = (struct lit_fibre){.data = {.loss_db_km = db_km,
	                                       .dispersion_ps_nm_km = 17,
	                                       .slope_ps_nm2_km = 0.06,
	                                       .gamma_w_km = 1.3},
	                              .quantum_db_km = db_km};
	d->quantum = plan_dwdm_quantum;
	d->o_band_db_km = 0.33;
	d->leak_counts = 1e-6;
	d->preamplifier_nf_db = 5;
}

/* A number of a part of the file, by name; the default stays when it is not there. */
static int part_number(const json_t *o, const char *part, const char *name, double min, double max,
                       double *out, struct err *err)
{
	int rc = plan_json_number(o, name, min, max, out, err);

	return rc < 0 ? err_prefix(err, "%s", part) : 0;
}

struct number {
	const char *name;
	double min, max;
	double *out;
};

static int numbers(const json_t *o, const char *part, const struct number *n, unsigned int count,
                   const char *const *more, unsigned int mores, struct err *err)
{
	const char *name;
	json_t *v;

	if (o != NULL && !json_is_object(o))
		return err_set(err, EINVAL, "%s: is not an object", part);
	json_object_foreach ((json_t *)o, name, v) {
		bool known = false;

		for (unsigned int i = 0; i < count; i++)
			known |= strcmp(n[i].name, name) == 0;
		for (unsigned int i = 0; i < mores; i++)
			known |= strcmp(more[i], name) == 0;
		if (!known)
			return err_set(err, EINVAL, "%s.%.64s: there is no such field", part, name);
	}
	for (unsigned int i = 0; i < count; i++)
		if (part_number(o, part, n[i].name, n[i].min, n[i].max, n[i].out, err) < 0)
			return -EINVAL;
	return 0;
}

/* "C34", or a number in THz. */
static int channel(const json_t *v, const char *where, double *ghz, struct err *err)
{
	char text[32];

	if (json_is_number(v))
		snprintf(text, sizeof(text), "%.9g", json_number_value(v));
	else
		snprintf(text, sizeof(text), "%s", json_is_string(v) ? json_string_value(v) : "");
	*ghz = itu_grid_ghz(text);
	if (*ghz < 0)
		return err_set(err, EINVAL, "%s: is neither a channel like C34 nor 180 to 250 THz",
		               where);
	return 0;
}

static int direction(const json_t *o, const char *where, bool *counter, struct err *err)
{
	static const char *const words[] = {"co", "counter"};
	unsigned int which = 0;

	if (plan_json_word(o, "direction", words, 2, &which, err) < 0)
		return err_prefix(err, "%s", where);
	*counter = which == 1;
	return 0;
}

static int read_channels(const json_t *file, const char *member, struct lit_channel *out,
                         unsigned int max, unsigned int *count, struct err *err)
{
	static const char *const words[] = {"channel", "direction"};
	const json_t *list = json_object_get(file, member), *v;
	size_t i;

	*count = 0;
	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > max)
		return err_set(err, EINVAL, "%s: is not a list of at most %u", member, max);
	json_array_foreach (list, i, v) {
		struct lit_channel *c = &out[*count];
		struct number dbm = {"dbm", DBM_MIN, DBM_MAX, &c->dbm};
		char where[64];

		snprintf(where, sizeof(where), "%s[%zu]", member, i);
		if (numbers(v, where, &dbm, 1, words, 2, err) < 0)
			return -EINVAL;
		if (json_object_get(v, "dbm") == NULL)
			return err_set(err, EINVAL, "%s.dbm: is missing", where);
		strcat(where, ".channel");
		if (channel(json_object_get(v, "channel"), where, &c->ghz, err) < 0)
			return -EINVAL;
		where[strlen(where) - strlen(".channel")] = '\0';
		if (direction(v, where, &c->counter, err) < 0)
			return -EINVAL;
		for (unsigned int j = 0; j < *count; j++)
			if (fabs(out[j].ghz - c->ghz) < 1 && out[j].counter == c->counter)
				return err_set(err, EINVAL, "%s: the channel is there already",
				               where);
		(*count)++;
	}
	return 0;
}

static int read_amplifiers(const json_t *file, struct plan_dwdm *d, struct err *err)
{
	static const char *const words[] = {"path", "direction"};
	static const char *const paths[] = {"quantum", "bypass"};
	const json_t *list = json_object_get(file, "amplifiers"), *v;
	size_t i;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > LIT_AMPLIFIERS_MAX)
		return err_set(err, EINVAL, "amplifiers: is not a list of at most %d",
		               LIT_AMPLIFIERS_MAX);
	json_array_foreach (list, i, v) {
		struct lit_amplifier *a = &d->amplifiers[d->amplifier_count];
		const struct number n[] = {
		        {"km", 0, d->fibre.data.length_km, &a->km},
		        {"gain_db", 0, 40, &a->gain_db},
		        {"nf_db", 3, 15, &a->nf_db},
		        {"notch_db", 0, 200, &a->notch_db},
		};
		unsigned int path = 0;
		char where[32];

		*a = (struct lit_amplifier){.gain_db = 17, .nf_db = 5};
		snprintf(where, sizeof(where), "amplifiers[%zu]", i);
		if (numbers(v, where, n, 4, words, 2, err) < 0 ||
		    direction(v, where, &a->counter, err) < 0)
			return -EINVAL;
		/* What is not said is the worse. */
		if (plan_json_word(v, "path", paths, 2, &path, err) < 0)
			return err_prefix(err, "%s", where);
		a->on_quantum_path = path == 0;
		d->amplifier_count++;
	}
	return 0;
}

static int read_slots(const json_t *file, struct plan_dwdm *d, struct err *err)
{
	static const char *const words[] = {"first", "last", "also"};
	const json_t *slots = json_object_get(file, "slots"), *also, *v;
	double first = SLOT_FIRST_GHZ, last = SLOT_LAST_GHZ, grid = 100;
	struct number n = {"grid_ghz", 12.5, 1000, &grid};
	size_t i;

	if (numbers(slots, "slots", &n, 1, words, 3, err) < 0)
		return -EINVAL;
	v = json_object_get(slots, "first");
	if (v != NULL && channel(v, "slots.first", &first, err) < 0)
		return -EINVAL;
	v = json_object_get(slots, "last");
	if (v != NULL && channel(v, "slots.last", &last, err) < 0)
		return -EINVAL;
	if (last < first || (last - first) / grid > PLAN_SLOTS_MAX - 16)
		return err_set(err, EINVAL, "slots: are none, or more than %d",
		               PLAN_SLOTS_MAX - 16);
	for (double f = first; f <= last + 1e-3; f += grid)
		d->slots[d->slot_count++] = f;
	also = json_object_get(slots, "also");
	if (also != NULL && (!json_is_array(also) || json_array_size(also) > 15))
		return err_set(err, EINVAL, "slots.also: is not a list of at most 15");
	json_array_foreach (also, i, v)
		if (channel(v, "slots.also", &d->slots[d->slot_count++], err) < 0)
			return -EINVAL;
	return 0;
}

static int read_quantum(const json_t *file, struct plan_dwdm *d, struct err *err)
{
	static const char *const words[] = {"channel"};
	const json_t *o = json_object_get(file, "quantum");
	struct lit_quantum *q = &d->quantum;
	const struct number n[] = {
	        {"bandwidth_nm", 1e-3, 20, &q->bandwidth_nm},
	        {"gate_ns", 1e-3, 1000, &q->gate_ns},
	        {"filters", 1, 10, &q->filters},
	        {"adjacent_db", 0, 100, &q->adjacent_db},
	        {"other_db", 0, 100, &q->other_db},
	        {"spacing_ghz", 12.5, 1000, &q->spacing_ghz},
	        {"return_loss_db", 0, 100, &q->return_loss_db},
	        {"leak_counts", 1e-12, 1, &d->leak_counts},
	};

	if (numbers(o, "quantum", n, 8, words, 1, err) < 0)
		return -EINVAL;
	if (json_object_get(o, "channel") == NULL)
		return err_set(err, EINVAL, "quantum.channel: is missing");
	return channel(json_object_get(o, "channel"), "quantum.channel", &q->ghz, err);
}

static int read_fibre(const json_t *file, struct plan_dwdm *d, struct err *err)
{
	const json_t *o = json_object_get(file, "fibre");
	struct fwm_fibre *f = &d->fibre.data;
	int rc = plan_json_number(o, "length_km", 0.001, 500, &f->length_km, err);

	if (rc > 0)
		return err_set(err, EINVAL, "fibre.length_km: is missing");
	if (rc < 0)
		return err_prefix(err, "fibre");
	if (part_number(o, "fibre", "loss_data_db_per_km", 0.01, 10, &f->loss_db_km, err) < 0 ||
	    part_number(o, "fibre", "loss_o_band_db_per_km", 0.01, 10, &d->o_band_db_km, err) < 0 ||
	    part_number(o, "fibre", "dispersion", -50, 50, &f->dispersion_ps_nm_km, err) < 0 ||
	    part_number(o, "fibre", "slope", 0, 1, &f->slope_ps_nm2_km, err) < 0 ||
	    part_number(o, "fibre", "gamma", 0, 20, &f->gamma_w_km, err) < 0)
		return -EINVAL;
	return 0;
}

static int check(const struct plan_dwdm *d, struct err *err)
{
	char name[16];

	for (unsigned int i = 0; i < d->channel_count; i++)
		if (fabs(d->channels[i].ghz - d->quantum.ghz) < d->quantum.spacing_ghz * 0.999) {
			itu_grid_name(d->channels[i].ghz, name, sizeof(name));
			return err_set(err, EINVAL,
			               "channels[%u]: %s is nearer to the quantum channel than "
			               "quantum.spacing_ghz",
			               i, name);
		}
	return 0;
}

int plan_dwdm_read(const json_t *o, struct plan_dwdm *d, struct err *err)
{
	int rc;

	memset(d, 0, sizeof(*d));
	rc = plan_link_read_beside(o, others, OTHERS, &d->link, err);
	if (rc < 0)
		return rc;
	defaults(d);
	if (read_fibre(o, d, err) < 0 || read_quantum(o, d, err) < 0 ||
	    read_channels(o, "channels", d->channels, LIT_CHANNELS_MAX, &d->channel_count, err) <
	            0 ||
	    read_channels(o, "add", d->added, PLAN_ADDED_MAX, &d->added_count, err) < 0 ||
	    read_amplifiers(o, d, err) < 0 || read_slots(o, d, err) < 0)
		return -EINVAL;
	if (plan_json_number(o, "target_rate", 0, 1e12, &d->target_rate, err) < 0)
		return -EINVAL;
	return check(d, err);
}
