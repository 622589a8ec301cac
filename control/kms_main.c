/* SPDX-License-Identifier: BSD-3-Clause */

/* lumengate-kms: delivers keys to other equipment. Its parts are the modules of control/kms_*.c. */

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/secret.h"
#include "config/config.h"
#include "config/config_kms.h"
#include "control/jsonrpc.h"
#include "control/kms/store.h"
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
	fprintf(out, "usage: lumengate-kms --config FILE [--check] [--yang-dir DIR]\n"
	             "       lumengate-kms --methods | --version | --help\n");
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
			printf("lumengate-kms %s\n", LUMENGATE_VERSION);
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

/* Keys pass through buffers of libraries, too: no core of this process is ever written. */
static int forbid_cores(struct err *err)
{
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(err, errno, "core dumps cannot be forbidden: %s", strerror(errno));
	return 0;
}

/* The usual soft limit is less than what the system would let us have. */
static void raise_locked_memory(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
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
		log_info("%s runs", app->kms->name);
		rc = notify_dispatch(app->base, "serves", err);
		log_info("%s stops", app->kms->name);
	}
	modules_stop(app);
	modules_fini(app);
	event_free(interrupt);
	event_free(term);
	return rc;
}

int main(int argc, char **argv)
{
	static struct config_kms config;
	struct options options = {0};
	struct app app = {.kms = &config};
	struct err err = {0};
	int status;

	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	status = EXIT_BAD_INPUT;
	if (config_init(options.yang_dir, &err) != 0)
		goto out;
	if (config_kms_load(options.config, &config, NULL, &err) != 0)
		goto fini_config;
	if (options.check) {
		puts("ok");
		status = EXIT_SUCCESS;
		goto fini_config;
	}
	if (config_kms_check_system(&config, &err) != 0)
		goto fini_config;
	status = EXIT_FAILURE;
	/* Before any thread: the JSON library's memory has no lock, and bodies name keys. */
	jsonrpc_wipe_memory();
	raise_locked_memory();
	if (forbid_cores(&err) != 0)
		goto fini_config;
	if (secret_init_hidden(KMS_STORE_SECRET(config.store.max_bytes) +
	                               ((size_t)config.secret_memory_mb << 20),
	                       &err) != 0) {
		err_prefix(&err, "%s", "/lumengate:kms/store/max-size");
		goto fini_config;
	}
	log_info("%zu MiB of secret memory, %s", secret_size() >> 20, secret_kind_name());
	app.base = event_base_new();
	if (app.base == NULL) {
		err_set(&err, ENOMEM, "libevent: cannot start");
		goto fini_secret;
	}
	if (run(&app, &err) == 0)
		status = EXIT_SUCCESS;
	event_base_free(app.base);
fini_secret:
	secret_fini();
fini_config:
	config_fini();
out:
	if (status != EXIT_SUCCESS)
		fprintf(stderr, "lumengate-kms: %s\n", err.text);
	return status;
}
