/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/lit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "drivers/physics/itu_grid.h"

#define DBM_MIN -60
#define DBM_MAX 27

const struct lit lit_default = {
        .quantum = {.ghz = 193400,
                    .bandwidth_nm = 0.12,
                    .filters = 3,
                    .adjacent_db = 35,
                    .other_db = 47,
                    .spacing_ghz = 100,
                    .return_loss_db = 33},
        .dispersion_ps_nm_km = 17,
        .gamma_w_km = 1.3,
};

int lit_parse(const char *text, struct lit_channel *out, struct err *err)
{
	char name[16] = "", direction[16] = "co", rest[2];
	struct lit_channel c = {0};
	int n = sscanf(text, "%15s %lf %15s %1s", name, &c.dbm, direction, rest);

	c.ghz = itu_grid_ghz(name);
	if (c.ghz < 0)
		return err_set(err, EINVAL, "channel \"%s\" is neither like C34 nor 180 to 250 THz",
		               name);
	if (n != 2 && n != 3)
		return err_set(err, EINVAL, "a channel has a name, a power in dBm and a direction");
	if (!(c.dbm >= DBM_MIN && c.dbm <= DBM_MAX))
		return err_set(err, EINVAL, "%g dBm is outside %d to %d", c.dbm, DBM_MIN, DBM_MAX);
	if (strcmp(direction, "co") != 0 && strcmp(direction, "counter") != 0)
		return err_set(err, EINVAL, "direction \"%s\" is neither co nor counter",
		               direction);
	c.counter = strcmp(direction, "counter") == 0;
	*out = c;
	return 0;
}

static unsigned int find(const struct lit *l, const struct lit_channel *c)
{
	unsigned int i = 0;

	while (i < l->channels &&
	       (fabs(l->channel[i].ghz - c->ghz) > 1 || l->channel[i].counter != c->counter))
		i++;
	return i;
}

int lit_add(struct lit *l, const struct lit_channel *c, struct err *err)
{
	char name[16];

	itu_grid_name(c->ghz, name, sizeof(name));
	if (fabs(c->ghz - l->quantum.ghz) < l->quantum.spacing_ghz * 0.999)
		return err_set(err, EINVAL, "%s is in or next to the quantum channel's slot", name);
	if (find(l, c) < l->channels)
		return err_set(err, EEXIST, "%s is on the fibre already", name);
	if (l->channels == LIT_MODEL_CHANNELS)
		return err_set(err, ENOSPC, "no more than %d channels", LIT_MODEL_CHANNELS);
	l->channel[l->channels++] = *c;
	return 0;
}

int lit_remove(struct lit *l, const struct lit_channel *c, struct err *err)
{
	unsigned int i = find(l, c);
	char name[16];

	if (i == l->channels) {
		itu_grid_name(c->ghz, name, sizeof(name));
		return err_set(err, ENOENT, "%s is not on the fibre", name);
	}
	l->channel[i] = l->channel[--l->channels];
	return 0;
}

double lit_counts_per_slot(const struct lit *l, const struct optics_link *link,
                           struct lit_noise *noise)
{
	struct lit_fibre f = {.data = {.length_km = link->distance_km,
	                               .loss_db_km = link->loss_db_per_km,
	                               .dispersion_ps_nm_km = l->dispersion_ps_nm_km,
	                               .gamma_w_km = l->gamma_w_km},
	                      .quantum_db_km = link->loss_db_per_km};

	lit_fibre_noise(&f, &l->quantum, l->channel, l->channels, NULL, 0, noise);
	return lit_counts(noise->total, link->slot_fs * 1e-6, link->receiver_loss_db,
	                  link->efficiency);
}
