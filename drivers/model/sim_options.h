/* SPDX-License-Identifier: BSD-3-Clause */

/* Command line of lumengate-optics-sim. */

#ifndef DRIVERS_MODEL_SIM_OPTIONS_H
#define DRIVERS_MODEL_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "drivers/model/attack.h"
#include "drivers/model/lit.h"
#include "drivers/model/physics.h"
#include "drivers/model/qrng_card.h"
#include "drivers/model/shm_file.h"

#define SIM_IVSHMEM "ivshmem:"

struct sim_options {
	struct optics_link link;
	/* A file, or SIM_IVSHMEM and a socket for a card in the machine of guest_memory. */
	const char *alice, *bob;
	const char *control, *guest_memory;
	struct shm_file_owner alice_owner, bob_owner;
	struct attack attack;
	struct lit lit;
	double retention_s;
	double qrng_lanes; /* and: qrng_card_build() */
	enum qrng_card_tests qrng_tests;
	bool seeded, help;
	uint64_t seed;
};

/* EINVAL: the sentence names the option and the reason. */
int sim_options_parse(struct sim_options *o, int argc, char **argv, struct err *err);

extern const char sim_options_help[];

#endif
