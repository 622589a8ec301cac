/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Measure one row of the data-plane benchmark; tests/bench/bench_dataplane.py runs this once
 * a row.
 *
 *     dataplane_rig ROW [--seconds S] [--cpu N] [--window W] [--library PATH]
 *                       [--provider NAME] [--dir DIR]
 *                       [--memory MB] [--hugepages] [--spells]
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "common/secret.h"
#include "tests/bench/dataplane/frames.h"
#include "tests/bench/dataplane/row.h"

#define WORKERS 4

static const struct row *const rows[] = {&row_seal, &row_open, &row_miss, &row_rekey, &row_tunnels};

static void die(const char *what)
{
	fprintf(stderr, "dataplane_rig: %s\n", what);
	exit(1);
}

static void start_eal(int cpu, int memory_mb, bool hugepages)
{
	char prefix[64], core[16], memory[16];
	char *argv[] = {"dataplane_rig",
	                "-l",
	                core,
	                "-m",
	                memory,
	                "--no-pci",
	                "--iova-mode=va",
	                "--no-telemetry",
	                "--file-prefix",
	                prefix,
	                "--log-level",
	                "error",
	                hugepages ? "--in-memory" : "--no-huge"};

	snprintf(prefix, sizeof(prefix), "lumengate-bench-%d", (int)getpid());
	snprintf(core, sizeof(core), "%d", cpu);
	snprintf(memory, sizeof(memory), "%d", memory_mb);
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		die(rte_strerror(rte_errno));
}

static const struct row *find(struct row_options *o)
{
	const char *slash = strchr(o->name, '/');
	size_t n = slash == NULL ? strlen(o->name) : (size_t)(slash - o->name);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int size;

		if (strlen(rows[i]->stem) != n || strncmp(rows[i]->stem, o->name, n) != 0)
			continue;
		/* What follows the slash of rekey/100ms is no size. */
		size = slash == NULL || rows[i] == &row_rekey ? 64 : frames_size_parse(slash + 1);
		if (size < 0)
			return NULL;
		o->size = (unsigned int)size;
		return rows[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
	                                        {"cpu", required_argument, NULL, 'c'},
	                                        {"window", required_argument, NULL, 'w'},
	                                        {"library", required_argument, NULL, 'l'},
	                                        {"provider", required_argument, NULL, 'g'},
	                                        {"dir", required_argument, NULL, 'd'},
	                                        {"memory", required_argument, NULL, 'm'},
	                                        {"hugepages", no_argument, NULL, 'h'},
	                                        {"spells", no_argument, NULL, 'p'},
	                                        {0}};
	struct row_options o = {.seconds = 2, .window = 4096, .dir = "/tmp"};
	const char *library = NULL, *provider = NULL;
	int cpu = 0, memory_mb = 512, c;
	const struct row *row;
	bool hugepages = false;
	struct err err = {0};

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o.seconds = strtod(optarg, NULL);
		else if (c == 'c')
			cpu = atoi(optarg);
		else if (c == 'w')
			o.window = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			library = optarg;
		else if (c == 'g')
			provider = optarg;
		else if (c == 'd')
			o.dir = optarg;
		else if (c == 'm')
			memory_mb = atoi(optarg);
		else if (c == 'h')
			hugepages = true;
		else if (c == 'p')
			o.spells = true;
		else
			return 2;
	}
	if (optind + 1 != argc)
		die("name one row");
	o.name = argv[optind];
	row = find(&o);
	if (row == NULL)
		die("no such row");
	row_keep_cpus(cpu);
	start_eal(cpu, memory_mb, hugepages);
	if (secret_init(16 << 20, &err) < 0 || gcm_provider_force(library, provider, &err) < 0 ||
	    workers_create(WORKERS, &err) < 0 || row->run(&o, &err) < 0)
		die(err.text);
	fflush(stdout);
	/* What is left goes with the process: a row is measured once. */
	secret_fini();
	_exit(0);
}
