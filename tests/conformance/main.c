/* SPDX-License-Identifier: BSD-3-Clause */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/conformance.h"

static const char help[] =
        "usage: card-conformance [--transport NAME] [--alice CARD] [--bob CARD] [option...]\n"
        "Holds optical cards to docs/optical-card.md, check by check.\n"
        "\n"
        "  --transport NAME   shm (default): CARD is the file; vfio: CARD is a PCI address\n"
        "  --control PATH     the simulator's socket (or a serial line to it), for the checks\n"
        "                     that unplug a card or open its interlock\n"
        "  --only WORD        checks with WORD in their names\n"
        "  --list             names of the checks\n"
        "\n"
        "Status 0: all hold. Checks that a card or transport cannot have are told as absent.\n";

static const struct check *const groups[] = {checks_registers, checks_control,     checks_resets,
                                             checks_rings,     checks_descriptors, checks_streams,
                                             checks_qrng,      checks_choices,     checks_light,
                                             checks_host,      checks_otdr,        checks_monitor};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static unsigned int passed, failed, absent;

static void begin(struct rig *rig)
{
	struct end *ends[] = {&rig->alice, &rig->bob};

	rig->failures = 0;
	rig->absent = NULL;
	for (unsigned int i = 0; i < 2; i++) {
		if (ends[i]->role == 0 || (ends[i]->t == NULL && end_open(rig, ends[i]) < 0))
			continue;
		reset(rig, ends[i]);
		ends[i]->features = get(ends[i], CARD_FEATURES_LO);
	}
}

static void run(struct rig *rig, const struct check *c, struct end *e)
{
	uint64_t start = clock_mono_ns();
	const char *where = e != NULL ? e->name : "link";

	begin(rig);
	if (rig->failures == 0)
		c->run(rig, e);
	if (rig->failures > 0) {
		failed++;
		printf("FAIL   %-5s %s (%u)\n", where, c->name, rig->failures);
	} else if (rig->absent != NULL) {
		absent++;
		printf("absent %-5s %s: %s\n", where, c->name, rig->absent);
	} else {
		passed++;
		printf("pass   %-5s %s, %llu ms\n", where, c->name,
		       (unsigned long long)((clock_mono_ns() - start) / NS_PER_MS));
	}
	fflush(stdout);
}

static void run_all(struct rig *rig, const char *only)
{
	for (size_t g = 0; g < GROUPS; g++) {
		for (const struct check *c = groups[g]; c->name != NULL; c++) {
			if (only != NULL && strstr(c->name, only) == NULL)
				continue;
			if (c->roles == ON_LINK && rig->alice.role != 0 && rig->bob.role != 0)
				run(rig, c, NULL);
			if ((c->roles & ON_ALICE) != 0 && rig->alice.role != 0)
				run(rig, c, &rig->alice);
			if ((c->roles & ON_BOB) != 0 && rig->bob.role != 0)
				run(rig, c, &rig->bob);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"transport", required_argument, NULL, 't'},
	                                        {"alice", required_argument, NULL, 'a'},
	                                        {"bob", required_argument, NULL, 'b'},
	                                        {"control", required_argument, NULL, 'c'},
	                                        {"only", required_argument, NULL, 'o'},
	                                        {"list", no_argument, NULL, 'l'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	const char *transport = "shm", *only = NULL;
	struct rig rig = {.alice.name = "alice", .bob.name = "bob"};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't':
			transport = optarg;
			break;
		case 'a':
			rig.alice.path = optarg;
			rig.alice.role = CARD_ROLE_ALICE;
			break;
		case 'b':
			rig.bob.path = optarg;
			rig.bob.role = CARD_ROLE_BOB;
			break;
		case 'c':
			rig.control = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		case 'l':
			for (size_t g = 0; g < GROUPS; g++)
				for (const struct check *k = groups[g]; k->name != NULL; k++)
					puts(k->name);
			return 0;
		default:
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	rig.alice.ops = rig.bob.ops = transport_find(transport);
	if (rig.alice.ops == NULL || optind < argc || (rig.alice.role | rig.bob.role) == 0) {
		fputs(help, stderr);
		return 2;
	}
	run_all(&rig, only);
	end_close(&rig.alice);
	end_close(&rig.bob);
	if (absent > 0)
		printf("%u absent\n", absent);
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
