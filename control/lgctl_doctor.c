/* SPDX-License-Identifier: BSD-3-Clause */

/* `lgctl doctor`: asks no gateway. */

#include <errno.h>

#include "control/doctor.h"
#include "control/lgctl.h"

#define CONFIG_DEFAULT "/etc/lumengate/gateway.json"

int lgctl_build_doctor(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"config", "yang_dir", "root"};
	static struct doctor d;
	const char *config, *root;

	if (lgctl_options_build("doctor", options, 3, args, n, &r->params, err) < 0)
		return -EINVAL;
	config = json_string_value(json_object_get(r->params, "config"));
	root = json_string_value(json_object_get(r->params, "root"));
	doctor_run(&d, root != NULL ? root : "", config != NULL ? config : CONFIG_DEFAULT,
	           json_string_value(json_object_get(r->params, "yang_dir")));
	r->answer = doctor_json(&d);
	r->status = doctor_count(&d, DOCTOR_FAIL) == 0 ? LGCTL_OK : LGCTL_REFUSED;
	return 0;
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

		fprintf(out, "%-5s %-18s %s\n", json_string_value(json_object_get(c, "level")),
		        json_string_value(json_object_get(c, "check")),
		        json_string_value(json_object_get(c, "text")));
		if (advice[0] != '\0')
			fprintf(out, "%24s -> %s\n", "", advice);
	}
	fprintf(out, "%d ok, %d warnings, %d failed: %s\n", count(result, "ok"),
	        count(result, "warn"), count(result, "fail"),
	        json_is_true(json_object_get(result, "ready")) ? "ready for a gateway"
	                                                       : "no gateway will run like this");
}
