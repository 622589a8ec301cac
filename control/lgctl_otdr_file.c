/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl otdr import: what is in an OTDR file of any maker, and a plot of it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lgctl.h"
#include "drivers/sor.h"

#define FILE_MAX ((size_t)8 << 20)

static double real(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static const char *string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static json_t *sor_events_json(const struct sor *s)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < s->event_count; i++) {
		const struct sor_event *e = &s->events[i];

		json_array_append_new(
		        list, json_pack("{s:i, s:f, s:s, s:f, s:f, s:f, s:s%}", "number",
		                        (int)e->number, "km", sor_distance_km(s, e->time), "type",
		                        e->type, "loss_db", e->loss * 1e-3, "reflectance_db",
		                        e->reflectance * 1e-3, "slope_db_km", e->slope * 1e-3,
		                        "comment", e->comment, strlen(e->comment)));
	}
	return list;
}

/* Texts of makers are of any code page: what JSON cannot hold becomes '?'. */
static const char *plain(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c > '~' || (unsigned char)*c < ' ')
			*c = '?';
	return text;
}

/* A file of any maker: what is in it, and a plot when a second name is given. */
int lgctl_build_otdr_import(char **args, int n, struct lgctl_request *r, struct err *err)
{
	FILE *f = fopen(args[0], "re");
	uint8_t *data = malloc(FILE_MAX + 1);
	struct sor s;
	size_t size;
	int rc;

	if (f == NULL || data == NULL) {
		rc = err_set(err, EINVAL, "%s: %s", args[0], strerror(f == NULL ? errno : ENOMEM));
		if (f != NULL)
			fclose(f);
		free(data);
		return rc;
	}
	size = fread(data, 1, FILE_MAX + 1, f);
	fclose(f);
	rc = size > FILE_MAX ? err_set(err, EINVAL, "larger than %zu bytes", FILE_MAX)
	                     : sor_read(data, size, &s, err);
	free(data);
	if (rc < 0) {
		err_prefix(err, "%s", args[0]);
		err->code = EINVAL;
		return -EINVAL;
	}
	for (unsigned int i = 0; i < s.event_count; i++) {
		plain(s.events[i].comment);
		plain(s.events[i].type);
	}
	r->answer =
	        json_pack("{s:s, s:i, s:s, s:f, s:i, s:I, s:I, s:f, s:f, s:f, s:s, s:s, s:s, s:o}",
	                  "file", args[0], "version", (int)s.version, "checksum",
	                  s.checksum == SOR_CHECKSUM_GOOD   ? "good"
	                  : s.checksum == SOR_CHECKSUM_NONE ? "none"
	                                                    : "of another kind",
	                  "wavelength_nm", sor_wavelength_nm(&s), "pulse_ns", (int)s.pulse_ns,
	                  "averages", (json_int_t)s.averages, "points", (json_int_t)s.point_count,
	                  "range_km", sor_distance_km(&s, (double)s.spacing * s.point_count * 1e-4),
	                  "total_loss_db", s.total_loss * 1e-3, "return_loss_db",
	                  s.return_loss * 1e-3, "supplier", plain(s.supplier), "otdr",
	                  plain(s.otdr), "fibre", plain(s.fibre), "events", sor_events_json(&s));
	if (r->answer == NULL)
		rc = err_set(err, EINVAL, "%s: the name is no text in UTF-8", args[0]);
	else if (n > 1)
		rc = lgctl_write_svg(args[1], &s, args[0], err);
	sor_free(&s);
	if (rc < 0) {
		json_decref(r->answer);
		r->answer = NULL;
	}
	return rc;
}

void lgctl_print_otdr_file(FILE *out, const json_t *r)
{
	const json_t *list = json_object_get(r, "events"), *e;
	size_t i;

	fprintf(out, "%s: version %g, checksum %s, by %s %s, fibre %s\n", string(r, "file"),
	        real(r, "version"), string(r, "checksum"), string(r, "supplier"), string(r, "otdr"),
	        string(r, "fibre"));
	fprintf(out,
	        "%g nm, %g ns, %g averages, %g points to %.3f km, total loss %.3f dB, return loss "
	        "%.2f dB\n",
	        real(r, "wavelength_nm"), real(r, "pulse_ns"), real(r, "averages"),
	        real(r, "points"), real(r, "range_km"), real(r, "total_loss_db"),
	        real(r, "return_loss_db"));
	fprintf(out, "%3s %-9s %10s %9s %9s %9s\n", "", "TYPE", "KM", "LOSS DB", "REFL DB",
	        "DB/KM");
	json_array_foreach (list, i, e)
		fprintf(out, "%3.0f %-9s %10.4f %9.3f %9.2f %9.3f %s\n", real(e, "number"),
		        string(e, "type"), real(e, "km"), real(e, "loss_db"),
		        real(e, "reflectance_db"), real(e, "slope_db_km"), string(e, "comment"));
}
