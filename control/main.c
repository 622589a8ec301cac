/* SPDX-License-Identifier: BSD-3-Clause */

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "config/config.h"
#include "control/gateway.h"
#include "control/method.h"
#include "control/module.h"
#include "control/notify.h"

LOG_COMPONENT_DEFINE(main)

#define EXIT_BAD_INPUT 2

struct options {
	const char *config, *yang_dir;
	bool check;
};

static void usage(FILE *out)
{
	fprintf(out, "usage: lumengate --config FILE [--check] [--yang-dir DIR]\n"
	             "       lumengate --methods | --version | --help\n");
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
	                                      {"check", no_argument, NULL, 'k'},
	                                      {"yang-dir", required_argument, NULL, 'y'},
	                                      {"methods", no_argument, NULL, 'm'},
	                                      {"version", no_argument, NULL, 'v'},
	                                      {"help", no_argument, NULL, 'h'},
	                                      {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'y':
			o->yang_dir = optarg;
			break;
		case 'm':
			return method_table_print(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		case 'v':
			printf("lumengate %s\n", LUMENGATE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_BAD_INPUT;
		}
	}
	if (o->config == NULL || optind != argc) {
		usage(stderr);
		return EXIT_BAD_INPUT;
	}
	return -1;
}

static void on_signal(evutil_socket_t signal_number, short what, void *base)
{
	event_base_loopbreak(base);
}

static int run(struct app *app, struct err *err)
{
	struct event *term = evsignal_new(app->base, SIGTERM, on_signal, app->base);
	struct event *interrupt = evsignal_new(app->base, SIGINT, on_signal, app->base);
	int rc;

	/* A client that hung up is an error of write(), not the end. */
	signal(SIGPIPE, SIG_IGN);
	evsignal_add(term, NULL);
	evsignal_add(interrupt, NULL);
	rc = modules_init(app, err);
	if (rc == 0)
		rc = modules_start(app, err);
	if (rc == 0) {
		method_state_set(METHOD_RUNTIME);
		log_info("%s runs", app->config->name);
		rc = notify_dispatch(app->base, "serves", err);
		log_info("%s stops", app->config->name);
	}
	modules_stop(app);
	modules_fini(app);
	event_free(interrupt);
	event_free(term);
	return rc;
}

int main(int argc, char **argv)
{
	static struct config config;
	struct options options = {0};
	struct app app = {.config = &config};
	struct err err = {0};
	char *normal = NULL;
	int status;

	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	status = EXIT_BAD_INPUT;
	if (config_init(options.yang_dir, &err) != 0)
		goto out;
	if (config_load_normal(options.config, &config, &normal, &err) != 0)
		goto fini_config;
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
	if (run(&app, &err) == 0)
		status = EXIT_SUCCESS;
	event_base_free(app.base);
fini_gateway:
	gateway_config_set(NULL, NULL, NULL);
fini_config:
	free(normal);
	config_fini();
out:
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "lumengate: %s\n", err.text);
	return status;
}
