/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl.h"

#include <errno.h>
#include <string.h>

#include "control/jsonrpc.h"
#include "control/lgctl_table.h"

/* Options come before the command; the number of words that they take, or -1. */
static int parse_options(int argc, char **argv, struct lgctl_options *o, bool *help, bool *version)
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			o->json = true;
		else if (strcmp(argv[i], "--help") == 0)
			*help = true;
		else if (strcmp(argv[i], "--version") == 0)
			*version = true;
		else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
			o->socket = argv[++i];
		else
			return -1;
	}
	return i;
}

/* What was wrong may quote the input. */
static void complain(FILE *errors, const char *text)
{
	char clean[sizeof(((struct err *)NULL)->text)];

	snprintf(clean, sizeof(clean), "%s", text);
	lgctl_clean(clean);
	fprintf(errors, "lgctl: %s\n", clean);
}

const char *lgctl_status_about(int status)
{
	static const char *const about[] = {
	        [LGCTL_OK] = "The command was carried out; of a command that checks: all is well.",
	        [LGCTL_REFUSED] = "The gateway, or the key delivery, refused; a command that "
	                          "checks found something; a file could not be written.",
	        [LGCTL_USAGE] = "The command line is wrong, or a file that it names cannot be "
	                        "used: nobody was asked.",
	        [LGCTL_UNREACHABLE] = "Nobody answers at the socket: whether the command was "
	                              "carried out is not known.",
	};

	return status >= 0 && status <= LGCTL_UNREACHABLE ? about[status] : NULL;
}

/* STATUS, unless nobody could read what was printed. */
static int written(FILE *out, FILE *errors, int status)
{
	if (fflush(out) == 0 && !ferror(out))
		return status;
	complain(errors, "the output cannot be written");
	return LGCTL_REFUSED;
}

int lgctl_run(int argc, char **argv, FILE *out, FILE *errors)
{
	struct lgctl_options options = {0};
	struct lgctl_request request = {0};
	json_t *result = NULL;
	struct err err = {0};
	bool help = false, version = false;
	int words, rc;

	words = parse_options(argc, argv, &options, &help, &version);
	if (help)
		lgctl_usage(out);
	else if (version)
		fprintf(out, "lgctl %s\n", LUMENGATE_VERSION);
	if (help || version)
		return written(out, errors, LGCTL_OK);
	if (words < 0 || words == argc) {
		fputs("lgctl: usage: lgctl [--socket PATH] [--json] COMMAND, see lgctl --help\n",
		      errors);
		return LGCTL_USAGE;
	}
	/* Keys to import pass through jansson's memory. */
	jsonrpc_wipe_memory();
	if (lgctl_command(argc - words, argv + words, &request, &err) != 0) {
		json_decref(request.params);
		complain(errors, err.text);
		return LGCTL_USAGE;
	}
	if (request.run != NULL) {
		rc = request.run(&request, options.socket, &result, &err);
	} else if (request.answer != NULL) {
		result = request.answer;
		rc = 0;
	} else {
		if (options.socket == NULL)
			options.socket =
			        request.socket != NULL ? request.socket : LGCTL_SOCKET_DEFAULT;
		rc = lgctl_call_all(options.socket, &request, &result, &err);
		if (rc == 0 && request.follow != NULL) {
			rc = request.follow(&request, options.socket, &result,
			                    options.json ? NULL : out, &err);
			if (rc != 0)
				json_decref(result);
		}
	}
	json_decref(request.params);
	if (rc != 0) {
		complain(errors, err.text);
		return rc == -ENOTCONN ? LGCTL_UNREACHABLE : LGCTL_REFUSED;
	}
	if (options.json)
		lgctl_print_json(out, result);
	else
		request.print(out, result);
	json_decref(result);
	return written(out, errors, request.status);
}
