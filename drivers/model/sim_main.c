/* SPDX-License-Identifier: BSD-3-Clause */

/* lumengate-optics-sim: two cards, the fibre between them, at the pace of real time. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "drivers/model/control_socket.h"
#include "drivers/model/shm_file.h"
#include "drivers/model/sim_link.h"
#include "drivers/model/sim_options.h"

#define TURN_NS 250000
/* The socket may wait for some turns: an accept() and a recv() cost more than a turn. */
#define TURNS_PER_POLL 20

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void run(struct sim_link *link, struct control_socket *control)
{
	const struct timespec pause = {.tv_nsec = TURN_NS};
	bool told = false;

	for (unsigned int turn = 0; !stop; turn++) {
		uint64_t now = clock_mono_ns();

		sim_link_turn(link, now);
		if (link->skips > 0 && !told) {
			fprintf(stderr,
			        "lumengate-optics-sim: %llu ms behind real time, left out as a "
			        "gap; the socket's status counts further ones\n",
			        (unsigned long long)link->skipped_ms);
			told = true;
		}
		if (turn % TURNS_PER_POLL == 0)
			control_socket_poll(control, link, now);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

static int serve(const struct sim_options *o, struct sim_link *link, struct err *err)
{
	struct shm_file alice = {.map = NULL}, bob = {.map = NULL};
	struct control_socket control;
	struct rng rng;
	int rc;

	if (o->seeded)
		rng_init_seed(&rng, o->seed);
	else
		rng_init(&rng);
	rc = control_socket_open(&control, o->control, o->alice_owner.mode, err);
	if (rc < 0)
		return rc;
	rc = shm_file_create(&alice, o->alice, &o->alice_owner, err);
	if (rc == 0)
		rc = shm_file_create(&bob, o->bob, &o->bob_owner, err);
	if (rc == 0 && sim_link_init(link, &o->link, &rng, alice.map, bob.map, clock_mono_ns()) < 0)
		rc = err_set(err, ENOMEM, "out of memory for the transmitter's choices");
	if (rc == 0)
		alice_keep(&link->alice, o->retention_s);
	if (rc == 0)
		rc = shm_file_publish(&alice, err);
	if (rc == 0)
		rc = shm_file_publish(&bob, err);
	if (rc == 0)
		sim_link_lit(link, &o->lit);
	if (rc == 0 && o->attack.kind != ATTACK_NONE)
		sim_link_attack(link, &o->attack);
	if (rc == 0)
		run(link, &control);
	sim_link_free(link);
	shm_file_remove(&alice);
	shm_file_remove(&bob);
	control_socket_close(&control);
	return rc;
}

int main(int argc, char **argv)
{
	struct sim_options options;
	struct sim_link *link;
	struct err err;
	int rc = 1;

	if (sim_options_parse(&options, argc, argv, &err) < 0) {
		fprintf(stderr, "lumengate-optics-sim: %s\n", err.text);
		return 2;
	}
	if (options.help) {
		fputs(sim_options_help, stdout);
		return 0;
	}
	catch_signals();
	link = calloc(1, sizeof(*link));
	if (link == NULL)
		fputs("lumengate-optics-sim: out of memory\n", stderr);
	else if (serve(&options, link, &err) < 0)
		fprintf(stderr, "lumengate-optics-sim: %s\n", err.text);
	else
		rc = 0;
	free(link);
	return rc;
}
