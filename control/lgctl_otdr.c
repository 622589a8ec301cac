/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl otdr: traces of the fibre, as tables, files and plots. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "control/lgctl.h"
#include "drivers/sor.h"
#include "drivers/sor_svg.h"

#define LOOK_NS    500000000 /* between looks at one that runs */
#define LOOKS_MAX  7200      /* an hour of them */
#define ANSWER_END ".svg"

static double real(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static const char *string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void number(FILE *out, const json_t *o, const char *name, const char *format)
{
	const json_t *v = json_object_get(o, name);

	if (json_is_number(v))
		fprintf(out, format, json_number_value(v));
	else
		fprintf(out, "%*s", 10, "-");
}

static void print_events(FILE *out, const json_t *report)
{
	const json_t *list = json_object_get(report, "events"), *e;
	size_t i;

	fprintf(out, "%3s %-11s %10s %8s %10s %10s %10s %8s\n", "", "EVENT", "KM", "+- M",
	        "LOSS DB", "+- DB", "REFL DB", "CONF");
	json_array_foreach (list, i, e) {
		fprintf(out, "%3zu %-11s %10.4f %8.1f ", i + 1, string(e, "kind"), real(e, "km"),
		        1e3 * real(e, "km_deviation"));
		number(out, e, "loss_db", "%10.4f");
		number(out, e, "loss_deviation_db", " %10.4f");
		number(out, e, "reflectance_db", " %10.2f");
		fprintf(out, " %8.4f\n", real(e, "confidence"));
	}
}

static void print_changes(FILE *out, const json_t *report)
{
	const json_t *list = json_object_get(report, "changes"), *c;
	size_t i;

	if (list == NULL)
		return;
	fprintf(out,
	        "changes against the baseline: %zu (largest statistic %.2f deviations in %g "
	        "cells, spread %.2f)\n",
	        json_array_size(list), real(report, "largest"), real(report, "cells"),
	        real(report, "spread"));
	json_array_foreach (list, i, c) {
		fprintf(out, "    %-11s %10.4f km +- %.1f m", string(c, "kind"), real(c, "km"),
		        1e3 * real(c, "km_deviation"));
		if (json_object_get(c, "loss_db") != NULL)
			fprintf(out, "  loss %.4f +- %.4f dB", real(c, "loss_db"),
			        real(c, "loss_deviation_db"));
		else
			fprintf(out, "  reflectance %.2f dB", real(c, "reflectance_db"));
		fprintf(out, "  %.2f deviations, confidence %.6f%s\n", real(c, "deviations"),
		        real(c, "confidence"),
		        json_is_true(json_object_get(c, "in_dead_zone")) ? ", in a dead zone" : "");
	}
}

static void print_report(FILE *out, const json_t *r)
{
	if (!json_is_object(r)) {
		fputs("no trace yet\n", out);
		return;
	}
	fprintf(out, "trace of %s%s: %g nm, %g ns, %g averages in %.1f s, %g points of %.2f m\n",
	        string(r, "time"),
	        json_is_true(json_object_get(r, "simulated")) ? " by a simulated card" : "",
	        real(r, "wavelength_nm"), real(r, "pulse_ns"), real(r, "averages"),
	        real(r, "seconds"), real(r, "points"), 1e3 * real(r, "spacing_km"));
	fprintf(out,
	        "%s at %.4f km, total loss %.3f dB, %.4f dB/km, return loss %.2f dB, dynamic range "
	        "%.1f dB\n",
	        json_is_true(json_object_get(r, "has_end")) ? "end" : "no end seen; light until",
	        real(r, "end_km"), real(r, "total_loss_db"), real(r, "slope_db_km"),
	        real(r, "return_loss_db"), real(r, "dynamic_range_db"));
	print_events(out, r);
	print_changes(out, r);
}

static void print_baseline(FILE *out, const json_t *state)
{
	const json_t *b = json_object_get(state, "baseline"), *zones, *z;
	size_t i;

	if (!json_is_object(b)) {
		fprintf(out, "baseline: none%s%s\n", string(state, "baseline_error")[0] ? ": " : "",
		        string(state, "baseline_error"));
		return;
	}
	fprintf(out,
	        "baseline: %g traces, the newest of %s; deviation at most %.4f dB, so a loss is "
	        "found from %.3f dB on\n",
	        real(b, "traces"), string(b, "newest"), real(b, "deviation_most_db"),
	        real(b, "found_from_db"));
	zones = json_object_get(b, "dead_zones");
	json_array_foreach (zones, i, z)
		fprintf(out, "    dead zone %9.4f to %9.4f km: %s\n", real(z, "from_km"),
		        real(z, "to_km"), string(z, "why"));
	if (string(state, "baseline_error")[0] != '\0')
		fprintf(out, "    %s\n", string(state, "baseline_error"));
}

static void print_history(FILE *out, const json_t *list)
{
	const json_t *r;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	fprintf(out, "%8s %-24s %10s %10s %7s %8s\n", "TRACE", "TIME", "END KM", "LOSS DB",
	        "EVENTS", "CHANGES");
	json_array_foreach (list, i, r)
		fprintf(out, "%8.0f %-24s %10.4f %10.3f %7.0f %8.0f\n", real(r, "trace"),
		        string(r, "time"), real(r, "end_km"), real(r, "total_loss_db"),
		        real(r, "events"), real(r, "changes"));
}

void lgctl_print_otdr(FILE *out, const json_t *result)
{
	const json_t *state = json_object_get(result, "state");

	if (json_is_true(json_object_get(state, "running")))
		fprintf(out, "a trace is under way: %.0f %%\n", 100 * real(state, "progress"));
	if (string(state, "last_error")[0] != '\0')
		fprintf(out, "last trouble: %s\n", string(state, "last_error"));
	print_baseline(out, state);
	if (json_object_get(result, "report") != NULL)
		print_report(out, json_object_get(result, "report"));
	print_history(out, json_object_get(result, "history"));
}

/* Until the trace that was asked for is there, with progress for a terminal. */
static int follow_run(const struct lgctl_request *r, const char *socket, json_t **result, FILE *out,
                      struct err *err)
{
	const struct lgctl_request show = {.method = "otdr_show"};
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	double before = -1, told = -1, failures = -1;

	(void)r;
	for (int i = 0; i < LOOKS_MAX; i++) {
		const json_t *state;
		int rc;

		json_decref(*result);
		*result = NULL;
		rc = lgctl_call(socket, &show, result, err);
		if (rc != 0)
			return rc;
		state = json_object_get(*result, "state");
		if (before < 0) {
			before = real(state, "traces");
			failures = real(state, "failures");
		}
		if (real(state, "failures") > failures)
			return err_set(err, EIO, "otdr run: %s", string(state, "last_error"));
		if (!json_is_true(json_object_get(state, "running")) &&
		    real(state, "traces") > before)
			return 0;
		if (out != NULL && real(state, "progress") >= told + 0.1) {
			told = real(state, "progress");
			fprintf(out, "%3.0f %%\n", 100 * told);
			fflush(out);
		}
		nanosleep(&pause, NULL);
	}
	return err_set(err, ETIMEDOUT, "otdr run: no trace within an hour");
}

static int write_file(const char *path, const uint8_t *data, size_t n, struct err *err)
{
	FILE *f = fopen(path, "we");
	bool ok;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	ok = fwrite(data, 1, n, f) == n;
	ok = fclose(f) == 0 && ok;
	return ok ? 0 : err_set(err, EIO, "%s: cannot be written", path);
}

int lgctl_write_svg(const char *path, const struct sor *sor, const char *title, struct err *err)
{
	FILE *f = fopen(path, "we");
	int rc;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	rc = sor_svg(sor, title, f);
	if (fclose(f) != 0)
		rc = -EIO;
	return rc == 0 ? 0 : err_set(err, EIO, "%s: cannot be written", path);
}

/* .svg: a plot, made here; .sor: the file as it came. */
static int follow_export(const struct lgctl_request *r, const char *socket, json_t **result,
                         FILE *out, struct err *err)
{
	const char *text = json_string_value(json_object_get(*result, "data"));
	size_t len = text != NULL ? strlen(text) : 0;
	uint8_t *file = malloc(len + 1);
	struct sor sor;
	ssize_t n;
	int rc;

	(void)socket;
	(void)out;
	n = file != NULL && text != NULL ? base64_decode(text, len, file) : -1;
	if (n < 0) {
		rc = err_set(err, EPROTO, "otdr export: the answer is no file");
	} else if (!ends_with(r->path, ANSWER_END)) {
		rc = write_file(r->path, file, (size_t)n, err);
	} else {
		rc = sor_read(file, (size_t)n, &sor, err);
		if (rc == 0) {
			rc = lgctl_write_svg(r->path, &sor, sor.fibre, err);
			sor_free(&sor);
		}
	}
	free(file);
	json_decref(*result);
	*result = rc == 0 ? json_pack("{s:s}", "written", r->path) : NULL;
	return rc;
}

int lgctl_build_otdr_run(char **args, int n, struct lgctl_request *r, struct err *err)
{
	(void)args;
	(void)n;
	(void)err;
	r->follow = follow_run;
	return 0;
}

int lgctl_build_otdr_show(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"=trace", "=history"};

	return lgctl_options_build("otdr show", options, 2, args, n, &r->params, err);
}

int lgctl_build_otdr_export(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"=trace"};

	if (!ends_with(args[0], ".sor") && !ends_with(args[0], ".svg"))
		return err_set(err, EINVAL, "otdr export: %s is not FILE.sor or FILE.svg", args[0]);
	r->path = args[0];
	r->follow = follow_export;
	return lgctl_options_build("otdr export", options, 1, args + 1, n - 1, &r->params, err);
}

int lgctl_build_otdr_baseline(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"=traces"};

	if (strcmp(args[0], "show") == 0 && n == 1) {
		r->method = "otdr_show";
		return 0;
	}
	if (strcmp(args[0], "clear") == 0 && n == 1) {
		r->params = json_pack("{s:b}", "clear", 1);
		return 0;
	}
	if (strcmp(args[0], "approve") == 0)
		return lgctl_options_build("otdr baseline approve", options, 1, args + 1, n - 1,
		                           &r->params, err);
	return err_set(err, EINVAL, "otdr baseline: %s is not show, approve or clear", args[0]);
}

void lgctl_print_otdr_baseline(FILE *out, const json_t *result)
{
	print_baseline(out, json_object_get(result, "state"));
}
