/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl dwdm: the fibre's channel plan beside what is on the fibre. */

#include "control/lgctl.h"

static const char *string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static void number(FILE *out, const json_t *o, const char *name, const char *format)
{
	const json_t *v = json_object_get(o, name);
	char text[32] = "-";

	if (json_is_number(v))
		snprintf(text, sizeof(text), format, json_number_value(v));
	fprintf(out, " %10s", text);
}

static void print_errors(FILE *out, const char *what, const json_t *o)
{
	if (!json_is_object(o))
		return;
	fprintf(out, "%-24s", what);
	number(out, o, "counts_per_slot", "%.3g");
	fprintf(out, " %8.3f %8.3f\n", 100 * json_number_value(json_object_get(o, "qber_z")),
	        100 * json_number_value(json_object_get(o, "qber_x")));
}

void lgctl_print_dwdm(FILE *out, const json_t *result)
{
	const json_t *monitor = json_object_get(result, "monitor"), *v;
	const json_t *predicted = json_object_get(result, "predicted");
	size_t i;

	if (!json_is_true(json_object_get(result, "planned")))
		fprintf(out, "there is no channel plan (qkd/dwdm)\n");
	if (json_is_object(monitor))
		fprintf(out, "scan %lld of the channel monitor at the %s, floor %.1f dBm\n\n",
		        (long long)json_integer_value(json_object_get(monitor, "scan")),
		        string(result, "end"),
		        json_number_value(json_object_get(monitor, "floor_dbm")));
	else
		fprintf(out, "no scan: the card is not there, or has no channel monitor\n\n");
	fprintf(out, "%-10s %-8s %10s %10s %10s %10s %10s %10s %10s  %s\n", "CHANNEL", "",
	        "LAUNCH dBm", "HERE dBm", "SEEN dBm", "DRIFT dB", "DRIFT GHz", "FAR dBm",
	        "SEEN dBm", "STATE, FAR");
	json_array_foreach (json_object_get(result, "channels"), i, v) {
		fprintf(out, "%-10s %-8s", string(v, "channel"), string(v, "direction"));
		number(out, v, "launch_dbm", "%.2f");
		number(out, v, "expected_dbm", "%.2f");
		number(out, v, "seen_dbm", "%.2f");
		number(out, v, "drift_db", "%+.2f");
		number(out, v, "drift_ghz", "%+.2f");
		number(out, v, "far_expected_dbm", "%.2f");
		number(out, v, "far_dbm", "%.2f");
		fprintf(out, "  %s%s%s\n", string(v, "state"),
		        json_object_get(v, "far_state") != NULL ? ", " : "",
		        string(v, "far_state"));
	}
	fprintf(out, "\n%-24s %10s %8s %8s\n", "ERRORS", "COUNTS", "QBER Z %", "QBER X %");
	if (!json_is_object(predicted))
		fprintf(out, "not predicted: there is no qkd/dwdm/prediction, or no card\n");
	print_errors(out, "predicted from the plan", json_object_get(predicted, "plan"));
	print_errors(out, "from the scan, least", json_object_get(predicted, "seen_least"));
	print_errors(out, "from the scan, most", json_object_get(predicted, "seen_most"));
	print_errors(out, "measured, last second", json_object_get(result, "measured"));
}
