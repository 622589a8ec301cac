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
#include "drivers/model/ivshmem.h"
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

/* Where a card is seen: a file, or a device of a machine. */
struct place {
	bool in_machine;
	struct shm_file file;
	struct ivshmem device;
};

static int place_open(struct place *p, const char *path, const struct shm_file_owner *owner,
                      const struct guest_memory *guest, struct err *err)
{
	p->in_machine = strncmp(path, SIM_IVSHMEM, strlen(SIM_IVSHMEM)) == 0;
	if (p->in_machine)
		return ivshmem_create(&p->device, path + strlen(SIM_IVSHMEM), guest, err);
	return shm_file_create(&p->file, path, owner, err);
}

static uint8_t *place_bar(const struct place *p)
{
	return p->in_machine ? p->device.bar : p->file.map;
}

/* The card is whole now: let its host find it. */
static int place_show(struct place *p, struct shm_card *card, struct err *err)
{
	struct shm_card_host host;

	if (!p->in_machine)
		return shm_file_publish(&p->file, err);
	host = ivshmem_host(&p->device);
	shm_card_host(card, &host);
	return 0;
}

static void place_close(struct place *p)
{
	if (p->in_machine)
		ivshmem_destroy(&p->device);
	else
		shm_file_remove(&p->file);
}

static void run(struct sim_link *link, struct control_socket *control, struct place places[2])
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
		if (turn % TURNS_PER_POLL == 0) {
			control_socket_poll(control, link, now);
			for (unsigned int i = 0; i < 2; i++)
				if (places[i].in_machine)
					ivshmem_poll(&places[i].device);
		}
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

static int serve(const struct sim_options *o, struct sim_link *link, struct err *err)
{
	struct place places[2] = {{.in_machine = false}, {.in_machine = false}};
	struct place *alice = &places[0], *bob = &places[1];
	struct guest_memory guest = {.base = NULL};
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
	if (o->guest_memory != NULL)
		rc = guest_memory_open(&guest, o->guest_memory, err);
	if (rc == 0)
		rc = place_open(alice, o->alice, &o->alice_owner, &guest, err);
	if (rc == 0)
		rc = place_open(bob, o->bob, &o->bob_owner, &guest, err);
	if (rc == 0 && sim_link_init(link, &o->link, &rng, place_bar(alice), place_bar(bob),
	                             clock_mono_ns()) < 0)
		rc = err_set(err, ENOMEM, "out of memory for the transmitter's choices");
	if (rc == 0) {
		qrng_card_build(&link->alice.card, (unsigned int)o->qrng_lanes, o->qrng_tests);
		qrng_card_build(&link->bob.card, (unsigned int)o->qrng_lanes, o->qrng_tests);
	}
	if (rc == 0)
		alice_keep(&link->alice, o->retention_s);
	if (rc == 0)
		rc = place_show(alice, &link->alice.card, err);
	if (rc == 0)
		rc = place_show(bob, &link->bob.card, err);
	if (rc == 0)
		sim_link_lit(link, &o->lit);
	if (rc == 0 && o->attack.kind != ATTACK_NONE && sim_link_attack(link, &o->attack) < 0)
		rc = err_set(err, EINVAL,
		             "--attack: its place is not on the fibre, or its lane not "
		             "in the card");
	if (rc == 0)
		run(link, &control, places);
	sim_link_free(link);
	place_close(alice);
	place_close(bob);
	guest_memory_close(&guest);
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
