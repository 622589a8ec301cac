/* SPDX-License-Identifier: BSD-3-Clause */

/* What the programs that are made of modules have in common: options, signals, their life. */

#ifndef CONTROL_PROGRAM_H
#define CONTROL_PROGRAM_H

#include <stdbool.h>

#include "control/module.h"

/* Exit status for wrong usage and configurations: starting again does not help. */
#define EXIT_BAD_INPUT 2

struct program_options {
	const char *config, *yang_dir;
	bool check;
};

/* The command line of the program NAME: -1 to go on, else the exit status. */
int program_options(int argc, char **argv, const char *name, struct program_options *out);

/* All modules, until SIGTERM or SIGINT; SITE is what the log calls it. 0, or ERR set. */
int program_run(struct app *app, const char *site, struct err *err);

#endif
