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

/* As one end sees a channel, or does not: SEEN may be NULL. */
static void end_json(json_t *o, const char *expected, const char *seen_name, double want,
                     const struct card_ocm_seen *seen)
{
	json_object_set_new(o, expected, real_or_null(want));
	if (seen != NULL)
		json_object_set_new(o, seen_name, json_real(seen->power_mdbm * 1e-3));
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
	end_json(o, "expected_dbm", "seen_dbm", want, s);
	if (s == NULL)
		return o;
	json_object_set_new(o, "drift_db", real_or_null(s->power_mdbm * 1e-3 - want));
	json_object_set_new(o, "drift_ghz",
	                    isfinite(want) ? json_real(s->centre_mhz * 1e-3 - ghz) : json_null());
	json_object_set_new(o, "osnr_db", json_real(s->osnr_mdb * 1e-3));
	return o;
}

/* What both ends are held against, from the end that asks. */
struct ends {
	const struct config_dwdm *plan;
	bool bob;
	const struct card_ocm_scan *here, *far; /* either may be NULL */
};

static void add_planned(const struct ends *e, unsigned int i, json_t *list)
{
	const struct config_dwdm_channel *c = &e->plan->channel[i];
	double ghz = itu_grid_ghz(c->name), want = dwdm_expected(e->plan, e->bob, ghz);
	double far = dwdm_expected(e->plan, !e->bob, ghz);
	const struct card_ocm_seen *s = e->here != NULL ? dwdm_seen(e->here, ghz) : NULL;
	const char *word = "unknown";
	json_t *o;

	if (e->here != NULL)
		word = state(e->plan, want, e->here->floor_mdbm * 1e-3, s,
		             s != NULL ? s->centre_mhz * 1e-3 - ghz : 0);
	o = channel_json(ghz, c->counter ? "counter" : "co", c->power_dbm, want, s, word);
	if (e->far != NULL) {
		s = dwdm_seen(e->far, ghz);
		end_json(o, "far_expected_dbm", "far_dbm", far, s);
		word = state(e->plan, far, e->far->floor_mdbm * 1e-3, s,
		             s != NULL ? s->centre_mhz * 1e-3 - ghz : 0);
		json_object_set_new(o, "far_state", json_string(word));
	}
	json_array_append_new(list, o);
}

/* Seen at this end, or at the other alone. */
static void add_unplanned(const struct ends *e, double ghz, json_t *list)
{
	static const struct card_ocm_scan nothing;
	const struct card_ocm_scan *here = e->here != NULL ? e->here : &nothing;
	const struct card_ocm_seen *s = dwdm_seen(here, ghz);
	const struct card_ocm_seen *far = e->far != NULL ? dwdm_seen(e->far, ghz) : NULL;
	enum dwdm_launch launch = dwdm_launched(e->plan, here, e->far, ghz);
	const char *word = e->plan->planned ? "new" : "unknown", *direction = "unknown";
	double dbm = -INFINITY;
	json_t *o;

	if (launch != DWDM_ANYWHERE) {
		direction = (launch == DWDM_HERE) == e->bob ? "counter" : "co";
		dbm = (launch == DWDM_HERE ? s : far)->power_mdbm * 1e-3;
	}
	o = channel_json(ghz, direction, dbm, -INFINITY, s, s != NULL ? word : "not-here");
	if (e->far != NULL) {
		end_json(o, "far_expected_dbm", "far_dbm", -INFINITY, far);
		json_object_set_new(o, "far_state", json_string(far != NULL ? word : "not-there"));
	}
	json_array_append_new(list, o);
}

static json_t *channels_json(const struct ends *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->plan->count; i++)
		add_planned(e, i, list);
	for (uint32_t i = 0; e->here != NULL && i < e->here->count; i++) {
		double ghz = e->here->channel[i].centre_mhz * 1e-3;

		if (dwdm_planned(e->plan, ghz) < 0)
			add_unplanned(e, ghz, list);
	}
	for (uint32_t i = 0; e->far != NULL && i < e->far->count; i++) {
		double ghz = e->far->channel[i].centre_mhz * 1e-3;

		if (dwdm_planned(e->plan, ghz) < 0 &&
		    (e->here == NULL || dwdm_seen(e->here, ghz) == NULL))
			add_unplanned(e, ghz, list);
	}
	return list;
}

static json_t *monitor_json(const struct card_ocm_scan *scan)
{
	return scan != NULL ? json_pack("{s:I, s:f}", "scan", (json_int_t)scan->scan, "floor_dbm",
	                                scan->floor_mdbm * 1e-3)
	                    : json_null();
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
                  const struct card_ocm_scan *far, double qber_z, double qber_x)
{
	const struct config_dwdm *plan = &config->qkd.dwdm;
	const struct ends e = {plan, config->site == CONFIG_SITE_B, scan, far};
	struct dwdm_prediction p;

	dwdm_predict(config, slot_hz, scan, far, &p);
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:{s:f, s:f}}", "planned", plan->planned,
	                 "end", e.bob ? "receiver" : "transmitter", "monitor", monitor_json(scan),
	                 "far_monitor", monitor_json(far), "channels", channels_json(&e),
	                 "predicted", predicted_json(&p), "measured", "qber_z", qber_z, "qber_x",
	                 qber_x);
}
