/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/kms_load_options.h"

#include <getopt.h>
#include <stdlib.h>

static FILE *open_or_die(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	return f;
}

static bool whole(const struct kms_load_options *o)
{
	return o->port > 0 && o->port < 65536 && o->ca != NULL && o->cert != NULL &&
	       o->key != NULL && (o->get == NULL) != (o->list == NULL) && o->connections > 0 &&
	       o->connections <= KMS_LOAD_CONNECTIONS &&
	       (o->list != NULL || o->requests > 0 || o->seconds > 0);
}

void kms_load_options(int argc, char **argv, struct kms_load_options *o)
{
	static const struct option known[] = {
	        {"connect", 1, NULL, 'c'},
	        {"ca", 1, NULL, 'a'},
	        {"cert", 1, NULL, 'e'},
	        {"key", 1, NULL, 'k'},
	        {"get", 1, NULL, 'g'},
	        {"list", 1, NULL, 'l'},
	        {"connections", 1, NULL, 'n'},
	        {"requests", 1, NULL, 'r'},
	        {"seconds", 1, NULL, 's'},
	        {"rate", 1, NULL, 'R'},
	        {"new", 0, NULL, 'N'},
	        {"tls12", 0, NULL, 't'},
	        {"keys", 1, NULL, 'K'},
	        {"ids", 1, NULL, 'i'},
	        {NULL, 0, NULL, 0},
	};
	int which;

	*o = (struct kms_load_options){.connections = 16};
	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (which) {
		case 'c':
			o->port = (unsigned int)atoi(optarg);
			break;
		case 'a':
			o->ca = optarg;
			break;
		case 'e':
			o->cert = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'g':
			o->get = optarg;
			break;
		case 'l':
			o->list = open_or_die(optarg, "r");
			break;
		case 'n':
			o->connections = (unsigned int)atoi(optarg);
			break;
		case 'r':
			o->requests = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o->seconds = atof(optarg);
			break;
		case 'R':
			o->rate = atof(optarg);
			break;
		case 'N':
			o->new_each = true;
			break;
		case 't':
			o->tls12 = true;
			break;
		case 'K':
			o->keys = open_or_die(optarg, "ab");
			break;
		case 'i':
			o->ids = open_or_die(optarg, "a");
			break;
		default:
			exit(2);
		}
	}
	if (!whole(o)) {
		fprintf(stderr,
		        "kms_load: options are missing: see tests/bench/kms_load_options.h\n");
		exit(2);
	}
}
