/* SPDX-License-Identifier: BSD-3-Clause */

/* Runs when lgctl is built: lgctl_pages bash|zsh|man > FILE. */

#include <string.h>

#include "control/lgctl_words.h"

int main(int argc, char **argv)
{
	int rc;

	if (argc == 2 && strcmp(argv[1], "bash") == 0)
		rc = lgctl_write_bash(stdout);
	else if (argc == 2 && strcmp(argv[1], "zsh") == 0)
		rc = lgctl_write_zsh(stdout);
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		rc = lgctl_write_man(stdout, LUMENGATE_VERSION);
	else
		rc = -1;
	if (rc != 0)
		fprintf(stderr,
		        "usage: %s bash|zsh|man; or the table's args are not as they should be\n",
		        argv[0]);
	return rc != 0 || fflush(stdout) != 0;
}
