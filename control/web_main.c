/* SPDX-License-Identifier: BSD-3-Clause */

/* lumengate-web: figures for other programs. Its parts are the modules of control/web_*.c. */

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/secret.h"
#include "config/config.h"
#include "config/config_web.h"
#include "control/program.h"

LOG_COMPONENT_DEFINE(web_main)

/* No keys are here; the HTTP front writes out of such memory. */
#define SECRET_BYTES (256 << 10)

int main(int argc, char **argv)
{
	static struct config_web config;
	struct program_options options = {0};
	struct app app = {.web = &config};
	struct err err = {0};
	int status;

	status = program_options(argc, argv, "lumengate-web", &options);
	if (status >= 0)
		return status;
	status = EXIT_BAD_INPUT;
	if (config_init(options.yang_dir, &err) != 0)
		goto out;
	if (config_web_load(options.config, &config, &err) != 0)
		goto fini_config;
	if (options.check) {
		puts("ok");
		status = EXIT_SUCCESS;
		goto fini_config;
	}
	if (config_web_check_system(&config, &err) != 0)
		goto fini_config;
	status = EXIT_FAILURE;
	if (secret_init(SECRET_BYTES, &err) != 0)
		goto fini_config;
	app.base = event_base_new();
	if (app.base == NULL) {
		err_set(&err, ENOMEM, "libevent: cannot start");
		goto fini_secret;
	}
	if (program_run(&app, "lumengate-web", &err) == 0)
		status = EXIT_SUCCESS;
	event_base_free(app.base);
fini_secret:
	secret_fini();
fini_config:
	config_fini();
out:
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "lumengate-web: %s\n", err.text);
	return status;
}
