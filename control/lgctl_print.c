/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void tree(FILE *out, const json_t *o, int indent)
{
	const char *name;
	char text[256];
	json_t *v, *element;
	size_t i;

	json_object_foreach ((json_t *)o, name, v) {
		if (json_is_object(v)) {
			fprintf(out, "%*s%s:\n", indent, "", name);
			tree(out, v, indent + 2);
		} else if (json_is_array(v)) {
			json_array_foreach (v, i, element) {
				if (json_is_object(element)) {
					fprintf(out, "%*s%s %zu:\n", indent, "", name, i);
					tree(out, element, indent + 2);
					continue;
				}
				lgctl_cell(element, text, sizeof(text));
				fprintf(out, "%*s%-*s %s\n", indent, "", 28 - indent, name, text);
			}
		} else {
			lgctl_cell(v, text, sizeof(text));
			fprintf(out, "%*s%-*s %s\n", indent, "", 28 - indent, name, text);
		}
	}
}

void lgctl_print_tree(FILE *out, const json_t *result)
{
	tree(out, result, 0);
}

static json_t *without_zeros(const json_t *counters)
{
	json_t *o = json_object(), *v;
	const char *name;

	json_object_foreach ((json_t *)counters, name, v)
		if (!json_is_integer(v) || json_integer_value(v) != 0)
			json_object_set(o, name, v);
	return o;
}

void lgctl_print_status(FILE *out, const json_t *result)
{
	json_t *shown = json_copy((json_t *)result);

	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "counters" : "drops";
		const json_t *all = json_object_get(result, name);
		json_t *rest = without_zeros(all);

		if (json_is_object(all))
			json_object_set_new(shown, name,
			                    json_object_size(rest) > 0 ? json_incref(rest)
			                                               : json_string("none"));
		json_decref(rest);
	}
	tree(out, shown, 0);
	json_decref(shown);
}

void lgctl_print_json(FILE *out, const json_t *result)
{
	json_dumpf(result, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', out);
}

void lgctl_print_done(FILE *out, const json_t *result)
{
	if (json_object_size(result) > 0)
		tree(out, result, 0);
	else
		fputs("ok\n", out);
}

void lgctl_print_tunnels(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"NAME", "name"},
	        {"LOCAL", "local"},
	        {"REMOTE", "remote"},
	        {"STATE", "state"},
	        {"PATH", "path"},
	        {"GENERATION", "generation"},
	        {"KEY AGE ms", "key_age_ms"},
	        {"REKEYS", "rekeys"},
	        {"SEALED", "packets_sealed"},
	        {"OPENED", "packets_opened"},
	        {"STOPPED", "stopped"},
	};

	LGCTL_TABLE(out, json_object_get(result, "tunnels"), columns);
}

void lgctl_print_wires(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"NAME", "name"},
	        {"TUNNEL", "tunnel"},
	        {"KEY", "key"},
	        {"VLANS", "vlans"},
	        {"LOCAL LINK", "local_link"},
	        {"REMOTE LINK", "remote_link"},
	        {"SENT", "frames_sent"},
	        {"RECEIVED", "frames_received"},
	};

	LGCTL_TABLE(out, json_object_get(result, "wires"), columns);
}

void lgctl_print_routes(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"PREFIX", "prefix"}, {"VIA", "via"}, {"TO", "to"}, {"ORIGIN", "origin"}};

	LGCTL_TABLE(out, json_object_get(result, "routes"), columns);
}

void lgctl_print_policy(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"RULE", "name"},       {"FROM", "from"},   {"ACTION", "action"},
	        {"PACKETS", "packets"}, {"BYTES", "bytes"},
	};

	LGCTL_TABLE(out, json_object_get(result, "policy"), columns);
}

void lgctl_print_sas(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"TUNNEL", "tunnel"},         {"DIRECTION", "direction"}, {"SPI", "spi"},
	        {"GENERATION", "generation"}, {"CORE", "core"},           {"PACKETS", "packets"},
	        {"SEQUENCE", "sequence"},     {"REPLAYED", "replayed"},   {"FAILED", "auth_failed"},
	        {"AGE ms", "age_ms"},
	};

	LGCTL_TABLE(out, json_object_get(result, "sas"), columns);
}

void lgctl_print_captures(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"PORT", "port"},       {"STATE", "state"},   {"DIRECTION", "direction"},
	        {"PACKETS", "packets"}, {"BYTES", "bytes"},   {"LOST", "dropped"},
	        {"FILE", "file"},       {"FILTER", "filter"}, {"REASON", "reason"},
	};

	LGCTL_TABLE(out, json_object_get(result, "captures"), columns);
}

void lgctl_print_ports(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"PORT", "name"},           {"UP", "link_up"},
	        {"FLAPS", "link_flaps"},    {"RX PACKETS", "rx_packets"},
	        {"RX BYTES", "rx_bytes"},   {"TX PACKETS", "tx_packets"},
	        {"TX BYTES", "tx_bytes"},   {"RX MISSED", "rx_missed"},
	        {"RX ERRORS", "rx_errors"}, {"NO BUFFER", "rx_no_mbuf"},
	        {"TX ERRORS", "tx_errors"}, {"DEVICE", "device"},
	};

	LGCTL_TABLE(out, json_object_get(result, "ports"), columns);
}

void lgctl_print_cores(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"LCORE", "lcore"},
	        {"ROLE", "name"},
	        {"LOOPS", "loops"},
	        {"BUSY LOOPS", "busy_loops"},
	        {"WORK", "work"},
	        {"BUSY CYCLES", "busy_cycles"},
	        {"IDLE CYCLES", "idle_cycles"},
	        {"SLEEP CYCLES", "sleep_cycles"},
	        {"BUSY", "busy_share"},
	};

	LGCTL_TABLE(out, json_object_get(result, "cores"), columns);
}

void lgctl_print_latency(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"FROM", "from"},       {"TO", "to"},
	        {"PACKETS", "packets"}, {"MEAN ns", "mean_ns"},
	        {"P50 ns", "p50_ns"},   {"P90 ns", "p90_ns"},
	        {"P99 ns", "p99_ns"},   {"P99.9 ns", "p999_ns"},
	        {"MAX ns", "max_ns"},
	};

	LGCTL_TABLE(out, json_object_get(result, "latency"), columns);
}

void lgctl_print_kms_saes(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"SAE", "id"},
	        {"SIDE", "side"},
	        {"IDENTITY", "identity"},
	        {"ENABLED", "enabled"},
	        {"SKIP", "skip"},
	        {"PRIORITY", "priority"},
	        {"WEIGHT", "weight"},
	        {"CREDIT CAP", "cap_bits"},
	        {"BITS FOR IT", "bits_for_it"},
	        {"REQUESTS/S", "requests_per_s"},
	        {"BITS/S", "bits_per_s"},
	        {"QUOTA BITS", "quota_bits"},
	        {"LOCKED s", "locked_out_s"},
	};

	LGCTL_TABLE(out, json_object_get(result, "saes"), columns);
}

void lgctl_print_kms_usage(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"SAE", "id"},
	        {"REQUESTS", "requests"},
	        {"GIVEN", "keys_given"},
	        {"BITS GIVEN", "bits_given"},
	        {"FETCHED", "keys_fetched"},
	        {"BITS FETCHED", "bits_fetched"},
	        {"REFUSED", "refused"},
	        {"503", "unavailable"},
	        {"401", "unauthorized"},
	        {"REPLAYS", "replays"},
	        {"LAST", "last"},
	};

	LGCTL_TABLE(out, json_object_get(result, "saes"), columns);
}

void lgctl_print_audit(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"NUMBER", "number"}, {"TIME", "time"},     {"UID", "uid"},       {"PID", "pid"},
	        {"METHOD", "method"}, {"RESULT", "result"}, {"PARAMS", "params"},
	};

	LGCTL_TABLE(out, json_object_get(result, "entries"), columns);
}

/* Errors a hundred outcomes, over both intensities; null when there were no outcomes. */
static json_t *percent(const json_t *block, const char *errors, const char *outcomes)
{
	const json_t *m = json_object_get(block, errors), *n = json_object_get(block, outcomes);
	double sum = 0, wrong = 0;

	for (size_t i = 0; i < json_array_size(n); i++) {
		sum += json_number_value(json_array_get(n, i));
		wrong += json_number_value(json_array_get(m, i));
	}
	return sum > 0 ? json_real(round(1e4 * wrong / sum) / 100) : json_null();
}

void lgctl_print_blocks(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"BLOCK", "number"},       {"TIME", "time"},
	        {"SIFTED", "sifted_bits"}, {"LEAKED", "leaked_bits"},
	        {"SECRET", "secret_bits"}, {"LEAK MODE", "leak_mode"},
	        {"METHOD", "method"},      {"QBER Z %", "qber_z"},
	        {"QBER X %", "qber_x"},    {"F", "f"},
	};
	json_t *rows = json_array(), *block, *row;
	size_t i;

	json_array_foreach (json_object_get(result, "blocks"), i, block) {
		double f = json_number_value(json_object_get(block, "efficiency_f"));

		row = json_copy(block);
		json_object_set_new(row, "qber_z", percent(block, "m_z", "n_z"));
		json_object_set_new(row, "qber_x", percent(block, "m_x", "n_x"));
		json_object_set_new(row, "f", json_real(round(1e3 * f) / 1e3));
		json_array_append_new(rows, row);
	}
	LGCTL_TABLE(out, rows, columns);
	json_decref(rows);
}

void lgctl_print_methods(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"METHOD", "name"}, {"RIGHT", "right"}, {"SUMMARY", "summary"}};

	LGCTL_TABLE(out, result, columns);
}
