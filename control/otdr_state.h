/* SPDX-License-Identifier: BSD-3-Clause */

/* State of the OTDR's watch, shared by the files otdr*.c. */

#ifndef CONTROL_OTDR_STATE_H
#define CONTROL_OTDR_STATE_H

#include "control/otdr.h"
#include "control/otdr_store.h"
#include "drivers/trace_change.h"

#define OTDR_KINDS (TRACE_CHANGE_REFLECTION + 1)

struct otdr {
	char resource[64], link[32];
	bool site_a;
	struct otdr_store *store;
	bool forgets; /* in memory: the file could not be opened */

	/* schedule */
	struct optics_otdr *card; /* of the last poll */
	bool commanded, running;
	uint64_t next_ns, started_ns, deadline_ns, started_wall_ns;
	struct card_otdr_settings set;
	double group_index, backscatter_db, threshold_db;
	uint32_t keep;
	unsigned int failed_in_row;
	uint64_t traces, failures;
	char last_error[128];

	/* changes */
	bool has_baseline;
	struct trace_baseline baseline;
	struct trace_watch watch;
	unsigned int quiet[OTDR_KINDS]; /* traces in a row without this kind */
	struct trace_changes changes;   /* of the newest trace */
	bool compared;
	char baseline_error[256];
};

/* otdr_json.c */
json_t *otdr_report_json(const struct otdr *o, const struct trace *t, const struct trace_events *e);

/* otdr_alarm.c: the alarms after a comparison, and all of them taken back. */
void otdr_alarms(struct otdr *o);
void otdr_alarms_clear(struct otdr *o, const char *why);

#endif
