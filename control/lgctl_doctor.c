/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl_doctor.h"

#include <errno.h>

#include "control/lgctl.h"
#include "control/lgctl_table.h"

#define FOLDER "/etc/lumengate/"

json_t *lgctl_doctor(const struct lgctl_doctor_options *o)
{
	static struct doctor d;

	doctor_run(&d, o->root, &o->files);
	lgctl_doctor_live(&d, o->socket, o->kms_socket);
	return doctor_json(&d);
}

static int run(struct lgctl_request *r, const char *socket, json_t **result, struct err *err)
{
	const char *config = json_string_value(json_object_get(r->params, "config"));
	const char *kms = json_string_value(json_object_get(r->params, "kms_config"));
	const char *web = json_string_value(json_object_get(r->params, "web_config"));
	const char *root = json_string_value(json_object_get(r->params, "root"));
	const struct lgctl_doctor_options o = {
	        .files = {.config = config != NULL ? config : FOLDER "gateway.json",
	                  .kms_config = kms != NULL ? kms : FOLDER "kms.json",
	                  .web_config = web != NULL ? web : FOLDER "web.json",
	                  .kms_asked = kms != NULL,
	                  .web_asked = web != NULL,
	                  .yang_dir = json_string_value(json_object_get(r->params, "yang_dir"))},
	        .root = root != NULL ? root : "",
	        .socket = socket};

	*result = lgctl_doctor(&o);
	if (*result == NULL)
		return err_set(err, ENOMEM, "out of memory");
	r->status = json_is_true(json_object_get(*result, "ready")) ? LGCTL_OK : LGCTL_REFUSED;
	return 0;
}

int lgctl_build_doctor(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"config", "kms_config", "web_config", "yang_dir",
	                                      "root"};

	r->run = run;
	return lgctl_options_build("doctor", options, 5, args, n, &r->params, err);
}

static int count(const json_t *result, const char *level)
{
	return (int)json_integer_value(json_object_get(result, level));
}

void lgctl_print_doctor(FILE *out, const json_t *result)
{
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(result, "checks"), i, c) {
		const char *advice = json_string_value(json_object_get(c, "advice"));

		char text[512];

		lgctl_cell(json_object_get(c, "text"), text, sizeof(text));
		fprintf(out, "%-5s %-18s %s\n", json_string_value(json_object_get(c, "level")),
		        json_string_value(json_object_get(c, "check")), text);
		if (advice[0] != '\0')
			fprintf(out, "%24s -> %s\n", "", advice);
	}
	fprintf(out, "%d ok, %d warnings, %d failed: %s\n", count(result, "ok"),
	        count(result, "warn"), count(result, "fail"),
	        json_is_true(json_object_get(result, "ready")) ? "ready for a gateway"
	                                                       : "no gateway will run like this");
}
