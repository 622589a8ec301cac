/* SPDX-License-Identifier: BSD-3-Clause */

/* Commands of lgctl with options. */

#include "control/lgctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does the argument ARG ("--snap-length") name the parameter NAME ("snap_length")? */
static bool names(const char *arg, const char *name)
{
	if (strncmp(arg, "--", 2) != 0)
		return false;
	for (arg += 2; *arg != '\0' && *name != '\0'; arg++, name++)
		if (*arg != (*name == '_' ? '-' : *name))
			return false;
	return *arg == '\0' && *name == '\0';
}

static json_t *number(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	return errno != 0 || end == text || *end != '\0' || n < 0 ? NULL : json_integer(n);
}

int lgctl_options_build(const char *command, const char *const *options, size_t count, char **args,
                        int n, json_t **params, struct err *err)
{
	*params = json_object();
	for (int i = 0; i < n; i += 2) {
		bool numeric = false;
		const char *name = NULL;
		json_t *value;

		for (size_t o = 0; o < count && name == NULL; o++) {
			numeric = options[o][0] == '=';
			if (names(args[i], options[o] + numeric))
				name = options[o] + numeric;
		}
		if (name == NULL)
			return err_set(err, EINVAL, "%s: there is no option %s", command, args[i]);
		if (json_object_get(*params, name) != NULL)
			return err_set(err, EINVAL, "%s: %s is there twice", command, args[i]);
		if (i + 1 == n)
			return err_set(err, EINVAL, "%s: %s takes a value", command, args[i]);
		value = numeric ? number(args[i + 1]) : json_string(args[i + 1]);
		if (value == NULL)
			return err_set(err, EINVAL, "%s: %s: %s is not a %s", command, args[i],
			               args[i + 1], numeric ? "number" : "text");
		json_object_set_new(*params, name, value);
	}
	return 0;
}

int lgctl_build_capture_start(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"port",   "direction",    "filter",
	                                      "file",   "=snap_length", "=file_size_max",
	                                      "=files", "=packets",     "=seconds"};

	return lgctl_options_build("capture start", options, sizeof(options) / sizeof(options[0]),
	                           args, n, &r->params, err);
}

int lgctl_build_port(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"port"};
	/* As the words on the command line. */
	char command[32], *gap;

	snprintf(command, sizeof(command), "%s", r->method);
	gap = strchr(command, '_');
	if (gap != NULL)
		*gap = ' ';
	return lgctl_options_build(command, options, 1, args, n, &r->params, err);
}
