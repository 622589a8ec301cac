/* SPDX-License-Identifier: BSD-3-Clause */

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "control/gateway.h"
#include "control/program.h"

int main(int argc, char **argv)
{
	static struct config config;
	struct program_options options = {0};
	struct app app = {.config = &config};
	struct err err = {0};
	char *normal = NULL, *source = NULL;
	int status;

	status = program_options(argc, argv, "lumengate", &options);
	if (status >= 0)
		return status;
	status = EXIT_BAD_INPUT;
	if (config_init(options.yang_dir, &err) != 0)
		goto out;
	if (config_file_text(options.config, &source, &err) != 0)
		goto fini_config;
	if (config_parse_normal(source, &config, &normal, &err) != 0) {
		err_prefix(&err, "%s", options.config);
		goto fini_config;
	}
	app.config_file = options.config;
	app.config_source = source;
	if (options.check) {
		puts("ok");
		status = EXIT_SUCCESS;
		goto fini_config;
	}
	if (config_check_system(&config, &err) != 0)
		goto fini_config;
	status = EXIT_FAILURE;
	if (gateway_config_set(&config, normal, &err) != 0)
		goto fini_config;
	app.base = event_base_new();
	if (app.base == NULL) {
		err_set(&err, 1, "libevent: cannot start");
		goto fini_gateway;
	}
	if (program_run(&app, config.name, &err) == 0)
		status = EXIT_SUCCESS;
	event_base_free(app.base);
fini_gateway:
	gateway_config_set(NULL, NULL, NULL);
fini_config:
	free(normal);
	free(source);
	config_fini();
out:
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "lumengate: %s\n", err.text);
	return status;
}
