/* SPDX-License-Identifier: BSD-3-Clause */

/* lumengate-kms: delivers keys to other equipment. Its parts are the modules of control/kms_*.c. */

#include <errno.h>
#include <event2/event.h>
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
#include "control/program.h"

LOG_COMPONENT_DEFINE(kms_main)

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

int main(int argc, char **argv)
{
	static struct config_kms config;
	struct program_options options = {0};
	struct app app = {.kms = &config};
	struct err err = {0};
	int status;

	status = program_options(argc, argv, "lumengate-kms", &options);
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
		err_prefix(&err, "%s", "/lumengate:kms/store/max-size-kib");
		goto fini_config;
	}
	log_info("%zu MiB of secret memory, %s", secret_size() >> 20, secret_kind_name());
	app.base = event_base_new();
	if (app.base == NULL) {
		err_set(&err, ENOMEM, "libevent: cannot start");
		goto fini_secret;
	}
	if (program_run(&app, config.name, &err) == 0)
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
