/* SPDX-License-Identifier: BSD-3-Clause */

/* Errors that the light on the fibre makes, by the closed forms of `lgctl plan dwdm`. */

#include <math.h>
#include <string.h>

#include "control/dwdm_compare.h"
#include "control/plan_dwdm.h"
#include "drivers/physics/itu_grid.h"

static void parameters(const struct config *c, double slot_hz, struct plan_dwdm *d)
{
	const struct config_dwdm *plan = &c->qkd.dwdm;
	struct plan_link *l = &d->link;

	memset(d, 0, sizeof(*d));
	*l = plan_link_default;
	l->slot_hz = slot_hz;
	l->mu[0] = c->qkd.mu1;
	l->mu[1] = c->qkd.mu2;
	l->p[0] = c->qkd.p_mu1;
	l->p[1] = 1 - c->qkd.p_mu1;
	l->p_z_alice = l->p_z_bob = c->qkd.p_z;
	l->splitter = true;
	l->loss_db_per_km = plan->prediction.quantum_db / plan->prediction.km;
	l->receiver_loss_db = plan->prediction.receiver_db;
	l->efficiency = plan->prediction.efficiency;
	l->dark_probability = plan->prediction.dark;
	l->e_d[0] = l->e_d[1] = plan->prediction.misalignment;
	l->afterpulse = plan->prediction.afterpulse;
	d->fibre =
	        (struct lit_fibre){.data = {.length_km = plan->prediction.km,
	                                    .loss_db_km = plan->fibre_loss_db / plan->prediction.km,
	                                    .dispersion_ps_nm_km = plan->prediction.dispersion,
	                                    .gamma_w_km = 1.3},
	                           .quantum_db_km = l->loss_db_per_km};
	d->o_band_db_km = l->loss_db_per_km; /* it was measured, in whichever band */
	d->quantum = plan_dwdm_quantum;
	d->quantum.ghz = itu_grid_ghz(plan->prediction.quantum);
	d->quantum.bandwidth_nm = plan->prediction.bandwidth_nm;
	d->quantum.gate_ns =
	        plan->prediction.gate_ns > 0 ? plan->prediction.gate_ns : 1e9 / slot_hz;
}

static void add(struct plan_dwdm *d, double ghz, double dbm, bool counter)
{
	if (d->channel_count < LIT_CHANNELS_MAX && dbm > LIT_OFF_DBM)
		d->channels[d->channel_count++] =
		        (struct lit_channel){.ghz = ghz, .dbm = dbm, .counter = counter};
}

static void add_planned(struct plan_dwdm *d, const struct config_dwdm *plan, bool bob,
                        const struct card_ocm_scan *scan)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct config_dwdm_channel *c = &plan->channel[i];
		double ghz = itu_grid_ghz(c->name), want = dwdm_expected(plan, bob, ghz);
		double dbm = c->power_dbm;

		if (scan != NULL && want >= scan->floor_mdbm * 1e-3) {
			const struct card_ocm_seen *s = dwdm_seen(scan, ghz);

			if (s == NULL)
				continue;
			dbm += s->power_mdbm * 1e-3 - want;
			ghz = s->centre_mhz * 1e-3;
		}
		add(d, ghz, dbm, c->counter);
	}
}

/*
 * A channel seen at this end: as it is launched, or, where nobody knows that, of both directions
 * the one which makes less noise, or the more.
 */
static void add_unplanned(struct plan_dwdm *d, double loss_db, bool bob, double ghz, double dbm,
                          enum dwdm_launch launch, bool most)
{
	const struct lit_channel here = {.ghz = ghz, .dbm = dbm, .counter = bob};
	const struct lit_channel far = {.ghz = ghz, .dbm = dbm + loss_db, .counter = !bob};
	struct lit_noise a, b;

	lit_fibre_noise(&d->fibre, &d->quantum, &here, 1, NULL, 0, &a);
	lit_fibre_noise(&d->fibre, &d->quantum, &far, 1, NULL, 0, &b);
	if (launch == DWDM_HERE || (launch == DWDM_ANYWHERE && (a.total > b.total) == most))
		add(d, here.ghz, here.dbm, here.counter);
	else
		add(d, far.ghz, far.dbm, far.counter);
}

/* Launched at the other end, and too weak to be seen at this one. */
static void add_far(struct plan_dwdm *d, const struct config_dwdm *plan, bool bob,
                    const struct card_ocm_scan *scan, const struct card_ocm_scan *far)
{
	for (uint32_t i = 0; far != NULL && i < far->count; i++) {
		double ghz = far->channel[i].centre_mhz * 1e-3;

		if (dwdm_planned(plan, ghz) < 0 && dwdm_seen(scan, ghz) == NULL &&
		    dwdm_launched(plan, scan, far, ghz) == DWDM_FAR)
			add(d, ghz, far->channel[i].power_mdbm * 1e-3, !bob);
	}
}

static void errors(const struct plan_dwdm *d, struct dwdm_errors *out)
{
	struct plan_lit at;

	plan_dwdm_at(d, d->quantum.ghz, &at);
	*out = (struct dwdm_errors){at.counts, at.point.z.qber, at.point.x.qber};
}

void dwdm_predict(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                  const struct card_ocm_scan *far, struct dwdm_prediction *out)
{
	const struct config_dwdm *plan = &config->qkd.dwdm;
	bool bob = config->site == CONFIG_SITE_B;
	static struct plan_dwdm d; /* the control thread's; large */

	memset(out, 0, sizeof(*out));
	if (!plan->planned || !plan->prediction.known || slot_hz <= 0)
		return;
	out->known = true;
	parameters(config, slot_hz, &d);
	add_planned(&d, plan, bob, NULL);
	errors(&d, &out->plan);
	if (scan == NULL)
		return;
	out->scanned = true;
	for (int most = 0; most < 2; most++) {
		d.channel_count = 0;
		add_planned(&d, plan, bob, scan);
		for (uint32_t i = 0; i < scan->count; i++) {
			double ghz = scan->channel[i].centre_mhz * 1e-3;

			if (dwdm_planned(plan, ghz) < 0)
				add_unplanned(&d, plan->fibre_loss_db, bob, ghz,
				              scan->channel[i].power_mdbm * 1e-3,
				              dwdm_launched(plan, scan, far, ghz), most);
		}
		add_far(&d, plan, bob, scan, far);
		errors(&d, most ? &out->most : &out->least);
	}
}
