/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_json.h"

#include <math.h>

#include "drivers/physics/itu_grid.h"

static json_t *real_or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static const char *state(const struct config_dwdm *plan, double want, double floor_dbm,
                         const struct card_ocm_seen *s, double off_ghz)
{
	if (s == NULL)
		return want < floor_dbm ? "too-weak-to-see" : "missing";
	if (fabs(s->power_mdbm * 1e-3 - want) > plan->tolerance_db)
		return "power";
	return fabs(off_ghz) > plan->tolerance_ghz ? "drift" : "as-planned";
}

static json_t *channel_json(double ghz, const char *direction, double launch_dbm, double want,
                            const struct card_ocm_seen *s, const char *word)
{
	char name[16];
	json_t *o;

	itu_grid_name(ghz, name, sizeof(name));
	o = json_pack("{s:s, s:f, s:f, s:s, s:s}", "channel", name, "thz", ghz * 1e-3, "nm",
	              itu_wavelength_nm(ghz), "direction", direction, "state", word);
	json_object_set_new(o, "launch_dbm", real_or_null(launch_dbm));
	json_object_set_new(o, "expected_dbm", real_or_null(want));
	if (s == NULL)
		return o;
	json_object_set_new(o, "seen_dbm", json_real(s->power_mdbm * 1e-3));
	json_object_set_new(o, "drift_db", real_or_null(s->power_mdbm * 1e-3 - want));
	json_object_set_new(o, "drift_ghz",
	                    isfinite(want) ? json_real(s->centre_mhz * 1e-3 - ghz) : json_null());
	json_object_set_new(o, "osnr_db", json_real(s->osnr_mdb * 1e-3));
	return o;
}

static json_t *channels_json(const struct config_dwdm *plan, bool bob,
                             const struct card_ocm_scan *scan)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < plan->count; i++) {
		const struct config_dwdm_channel *c = &plan->channel[i];
		double ghz = itu_grid_ghz(c->name), want = dwdm_expected(plan, bob, ghz);
		const struct card_ocm_seen *s = scan != NULL ? dwdm_seen(scan, ghz) : NULL;
		const char *word = "unknown";

		if (scan != NULL)
			word = state(plan, want, scan->floor_mdbm * 1e-3, s,
			             s != NULL ? s->centre_mhz * 1e-3 - ghz : 0);
		json_array_append_new(list, channel_json(ghz, c->counter ? "counter" : "co",
		                                         c->power_dbm, want, s, word));
	}
	for (uint32_t i = 0; scan != NULL && i < scan->count; i++) {
		double ghz = scan->channel[i].centre_mhz * 1e-3;

		if (dwdm_planned(plan, ghz) < 0)
			json_array_append_new(list,
			                      channel_json(ghz, "unknown", -INFINITY, -INFINITY,
			                                   &scan->channel[i],
			                                   plan->planned ? "new" : "unknown"));
	}
	return list;
}

static json_t *errors_json(const struct dwdm_errors *e)
{
	return json_pack("{s:f, s:f, s:f}", "counts_per_slot", e->counts, "qber_z", e->qber_z,
	                 "qber_x", e->qber_x);
}

static json_t *predicted_json(const struct dwdm_prediction *p)
{
	json_t *o;

	if (!p->known)
		return json_null();
	o = json_pack("{s:o}", "plan", errors_json(&p->plan));
	if (p->scanned) {
		json_object_set_new(o, "seen_least", errors_json(&p->least));
		json_object_set_new(o, "seen_most", errors_json(&p->most));
	}
	return o;
}

json_t *dwdm_json(const struct config *config, double slot_hz, const struct card_ocm_scan *scan,
                  double qber_z, double qber_x)
{
	const struct config_dwdm *plan = &config->qkd.dwdm;
	struct dwdm_prediction p;

	dwdm_predict(config, slot_hz, scan, &p);
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:{s:f, s:f}}", "planned", plan->planned, "end",
	                 config->site == CONFIG_SITE_B ? "receiver" : "transmitter", "monitor",
	                 scan != NULL ? json_pack("{s:I, s:f}", "scan", (json_int_t)scan->scan,
	                                          "floor_dbm", scan->floor_mdbm * 1e-3)
	                              : json_null(),
	                 "channels", channels_json(plan, config->site == CONFIG_SITE_B, scan),
	                 "predicted", predicted_json(&p), "measured", "qber_z", qber_z, "qber_x",
	                 qber_x);
}
