/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the table of commands says about lgctl to shells and readers: the completion of bash
 * and zsh and the page of the manual are made from it when lgctl is built.
 */

#ifndef CONTROL_LGCTL_WORDS_H
#define CONTROL_LGCTL_WORDS_H

#include "control/lgctl.h"

#define LGCTL_PLACES_MAX 24

/* An argument by its position, or the value of an option. */
struct lgctl_place {
	char option[32];       /* "--port"; empty for an argument */
	unsigned int position; /* from 0 on; of an argument */
	char values[96];       /* as in the table: "lan|wan", "FILE.sor|FILE.svg", "N" */
};

enum lgctl_value {
	LGCTL_VALUE_FREE, /* nobody knows */
	LGCTL_VALUE_WORDS,
	LGCTL_VALUE_FILE,
	LGCTL_VALUE_DIRECTORY,
	LGCTL_VALUE_TUNNEL, /* the gateway knows them */
	LGCTL_VALUE_METHOD,
	LGCTL_VALUE_ALARM /* a kind */
};

/*
 * The places of COMMAND's arguments, each once: alternatives ("list | add ID") are joined. The
 * number of them, or -EINVAL for an args text that is not in the table's grammar.
 */
int lgctl_places_read(const struct lgctl_command *command, struct lgctl_place *out);
enum lgctl_value lgctl_place_value(const struct lgctl_command *command,
                                   const struct lgctl_place *place);

/* lgctl_completion.c, lgctl_man.c. -EINVAL as of lgctl_places_read(). */
int lgctl_write_bash(FILE *out);
int lgctl_write_zsh(FILE *out);
int lgctl_write_man(FILE *out, const char *version);

#endif
