/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/program.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "control/method.h"
#include "control/notify.h"

LOG_COMPONENT_DEFINE(main)

static void usage(const char *name, FILE *out)
{
	fprintf(out,
	        "usage: %s --config FILE [--check] [--yang-dir DIR]\n"
	        "       %s --methods | --version | --help\n",
	        name, name);
}

int program_options(int argc, char **argv, const char *name, struct program_options *o)
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
			printf("%s %s\n", name, LUMENGATE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(name, stdout);
			return EXIT_SUCCESS;
		default:
			usage(name, stderr);
			return EXIT_BAD_INPUT;
		}
	}
	if (o->config == NULL || optind != argc) {
		usage(name, stderr);
		return EXIT_BAD_INPUT;
	}
	return -1;
}

static void on_signal(evutil_socket_t signal_number, short what, void *base)
{
	event_base_loopbreak(base);
}

int program_run(struct app *app, const char *site, struct err *err)
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
		log_info("%s runs", site);
		rc = notify_dispatch(app->base, "serves", err);
		log_info("%s stops", site);
	}
	modules_stop(app);
	modules_fini(app);
	event_free(interrupt);
	event_free(term);
	return rc;
}
