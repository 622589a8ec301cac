/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The store thread: the one that touches the disk. Under load it goes round and round, and each
 * turn is one transaction for all that waits; without, it sleeps until the bell.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/kms_program.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(kms_store)

static struct {
	struct kms_program program;
	pthread_t thread;
	int bell;
	atomic_bool rung, stop;
} committer = {.bell = -1};

struct kms_program *kms_program(void)
{
	return &committer.program;
}

void kms_program_bell(void *ctx)
{
	/* Rung already, and not yet heard: no system call. */
	if (!atomic_exchange(&committer.rung, true) && committer.bell >= 0)
		eventfd_write(committer.bell, 1);
}

/* Once for each failure, not once a turn. */
static void say(struct err *said, const struct err *err)
{
	if (err->code != 0 && strcmp(err->text, said->text) != 0)
		log_err("%s", err->text);
	else if (err->code == 0 && said->code != 0)
		log_info("the disk is well again");
	*said = *err;
}

/* One turn; true: there was something to do. */
static bool turn(struct kms_program *p, bool flush)
{
	static struct err said;
	struct err err = {0}, rows = {0};
	bool did = kms_store_work(p->store, &err);
	int rc = 0;

	say(&said, &err);
	if (p->grants != NULL)
		did |= kms_grants_work(p->grants, clock_mono_ns(), clock_wall_ns());
	if (p->audit != NULL)
		did |= kms_audit_work(p->audit, clock_mono_ns(), clock_wall_ns());
	did |= kms_registry_work(p->registry, clock_mono_ns(), clock_wall_ns(), flush, &rc, &rows);
	if (did)
		kms_service_arrived(p->service, clock_mono_ns());
	return did;
}

static void sleep_until(uint64_t deadline_ns)
{
	struct pollfd pfd = {.fd = committer.bell, .events = POLLIN};
	uint64_t now = clock_mono_ns();
	eventfd_t rings;

	if (now < deadline_ns)
		poll(&pfd, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
	eventfd_read(committer.bell, &rings);
	/* What is asked from here on rings again; what was asked before is found by the next turn.
	 */
	atomic_store(&committer.rung, false);
}

static void *run(void *arg)
{
	struct kms_program *p = &committer.program;
	uint64_t tick = clock_mono_ns();
	struct err err = {0};

	while (!atomic_load(&committer.stop)) {
		if (clock_mono_ns() >= tick) {
			kms_store_tick(p->store, clock_wall_ns(), clock_mono_ns(), &err);
			tick = clock_mono_ns() + NS_PER_S;
		}
		if (!turn(p, false))
			sleep_until(tick);
	}
	/* What SAEs consumed, and what is still to be made durable. */
	while (turn(p, true))
		;
	return NULL;
}

static int init(struct app *app, struct err *err)
{
	committer.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return committer.bell >= 0 ? 0 : err_set(err, errno, "%s", strerror(errno));
}

static int start(struct app *app, struct err *err)
{
	sigset_t all, before;
	int rc;

	atomic_store(&committer.stop, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&committer.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : err_set(err, rc, "thread: %s", strerror(rc));
}

static void stop(struct app *app)
{
	atomic_store(&committer.stop, true);
	eventfd_write(committer.bell, 1);
	pthread_join(committer.thread, NULL);
}

static void fini(struct app *app)
{
	close(committer.bell);
	committer.bell = -1;
}

MODULE_DEFINE(kms_committer, .depends_on = {"kms_service"}, .init = init, .start = start,
              .stop = stop, .fini = fini)
