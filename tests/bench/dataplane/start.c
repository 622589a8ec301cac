/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/dataplane/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "common/gcm.h"
#include "common/secret.h"
#include "dataplane/worker.h"

#define SECRET_BYTES (16 << 20)

void start_die(const struct start *s, const char *what)
{
	fprintf(stderr, "%s: %s\n", s->program, what);
	exit(1);
}

bool start_option(struct start *s, int c, const char *argument)
{
	if (c == START_CPU)
		s->cpu = atoi(argument);
	else if (c == START_MEMORY)
		s->memory_mb = atoi(argument);
	else if (c == START_HUGEPAGES)
		s->hugepages = true;
	else if (c == START_LIBRARY)
		s->library = argument;
	else if (c == START_PROVIDER)
		s->provider = argument;
	else
		return false;
	return true;
}

void start_eal(const struct start *s, unsigned int lcores)
{
	char program[32], prefix[64], places[32], memory[16];
	char *argv[] = {program,
	                "--lcores",
	                places,
	                "-m",
	                memory,
	                "--no-pci",
	                "--iova-mode=va",
	                "--no-telemetry",
	                "--file-prefix",
	                prefix,
	                "--log-level",
	                "error",
	                s->hugepages ? "--in-memory" : "--no-huge"};

	snprintf(program, sizeof(program), "%s", s->program);
	snprintf(prefix, sizeof(prefix), "lumengate-bench-%d", (int)getpid());
	if (lcores == 2)
		snprintf(places, sizeof(places), "0@%d,1@%d", s->cpu, s->cpu);
	else
		snprintf(places, sizeof(places), "%d", s->cpu);
	snprintf(memory, sizeof(memory), "%d", s->memory_mb);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		start_die(s, rte_strerror(rte_errno));
}

void start_gateway(const struct start *s, unsigned int workers)
{
	struct err err = {0};

	if (secret_init(SECRET_BYTES, &err) < 0 ||
	    gcm_provider_force(s->library, s->provider, &err) < 0 ||
	    workers_create(workers, &err) < 0)
		start_die(s, err.text);
}
