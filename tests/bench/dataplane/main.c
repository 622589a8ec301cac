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

#include "common/secret.h"
#include "tests/bench/dataplane/frames.h"
#include "tests/bench/dataplane/row.h"
#include "tests/bench/dataplane/start.h"

#define WORKERS 4

static const struct row *const rows[] = {&row_seal, &row_open, &row_miss, &row_rekey, &row_tunnels};

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
	                                        {"window", required_argument, NULL, 'w'},
	                                        {"dir", required_argument, NULL, 'd'},
	                                        {"spells", no_argument, NULL, 'p'},
	                                        START_OPTIONS,
	                                        START_GCM_OPTIONS,
	                                        {0}};
	struct start start = {.program = "dataplane_rig", .memory_mb = 512};
	struct row_options o = {.seconds = 2, .window = 4096, .dir = "/tmp"};
	const struct row *row;
	struct err err = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o.seconds = strtod(optarg, NULL);
		else if (c == 'w')
			o.window = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'd')
			o.dir = optarg;
		else if (c == 'p')
			o.spells = true;
		else if (!start_option(&start, c, optarg))
			return 2;
	}
	if (optind + 1 != argc)
		start_die(&start, "name one row");
	o.name = argv[optind];
	row = find(&o);
	if (row == NULL)
		start_die(&start, "no such row");
	row_keep_cpus(start.cpu);
	start_eal(&start, 1);
	start_gateway(&start, WORKERS);
	if (row->run(&o, &err) < 0)
		start_die(&start, err.text);
	fflush(stdout);
	/* What is left goes with the process: a row is measured once. */
	secret_fini();
	_exit(0);
}
