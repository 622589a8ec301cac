/* SPDX-License-Identifier: BSD-3-Clause */

/* The page lgctl(1) of the manual, in man(7). */

#include <string.h>

#include "control/lgctl_words.h"

static const char head[] =
        ".SH NAME\n"
        "lgctl \\- look at and steer a gateway or a key delivery of lumengate\n"
        ".SH SYNOPSIS\n"
        ".B lgctl\n"
        "[\\fB\\-\\-socket\\fR \\fIPATH\\fR] [\\fB\\-\\-json\\fR] \\fICOMMAND\\fR\n"
        ".br\n"
        ".B lgctl \\-\\-help | \\-\\-version\n"
        ".SH DESCRIPTION\n"
        "Asks\n"
        ".BR lumengate ,\n"
        "or\n"
        ".B lumengate\\-kms\n"
        "for commands that begin with\n"
        ".BR kms ,\n"
        "over its control socket, and prints tables for people. A command that changes\n"
        "something needs the right to write, which the socket's owner gives by groups.\n"
        ".SH OPTIONS\n"
        "They come before the command.\n"
        ".TP\n"
        "\\fB\\-\\-socket\\fR \\fIPATH\\fR\n"
        "The socket to ask, where it is not the default.\n"
        ".TP\n"
        ".B \\-\\-json\n"
        "Print the result as it came, for programs.\n"
        ".TP\n"
        ".B \\-\\-help\n"
        "List the commands.\n"
        ".TP\n"
        ".B \\-\\-version\n"
        "Print the version.\n"
        ".SH COMMANDS\n";

static const char tail[] = ".SH FILES\n"
                           ".TP\n"
                           ".I " LGCTL_SOCKET_DEFAULT "\n"
                           "The gateway's control socket.\n"
                           ".TP\n"
                           ".I " LGCTL_KMS_SOCKET_DEFAULT "\n"
                           "That of the key delivery.\n"
                           ".TP\n"
                           ".I " LGCTL_WEB_SOCKET_DEFAULT "\n"
                           "That of the service of figures.\n"
                           ".TP\n"
                           ".I /etc/lumengate/gateway.json\n"
                           "The configuration that\n"
                           ".B lgctl doctor\n"
                           "reads.\n"
                           ".SH SEE ALSO\n"
                           "The documents\n"
                           ".I operating.md\n"
                           "(commands, alarms, counters) and\n"
                           ".I json\\-rpc.md\n"
                           "(the methods behind the commands) of lumengate.\n";

/* In roff '-' is a hyphen, which no shell takes for a minus, and '\\' begins an escape. */
static void write_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '-' || *text == '\\')
			fprintf(out, *text == '-' ? "\\-" : "\\e");
		else
			fputc(*text, out);
}

int lgctl_write_man(FILE *out, const char *version)
{
	const struct lgctl_command *c;

	fprintf(out,
	        ".\\\" Generated from lgctl's table of commands.\n.TH LGCTL 1 \"\" \"lumengate ");
	write_text(out, version);
	fputs("\" \"lumengate\"\n", out);
	fputs(head, out);
	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		fputs(".TP\n\\fB", out);
		write_text(out, c->words[0]);
		if (c->words[1] != NULL) {
			fputc(' ', out);
			write_text(out, c->words[1]);
		}
		fputs("\\fR", out);
		if (c->args[0] != '\0') {
			fputc(' ', out);
			write_text(out, c->args);
		}
		/* No sentence begins with a dot or a quote, which would be a request. */
		fputc('\n', out);
		write_text(out, c->about);
		fputc('\n', out);
	}
	fputs(".SH EXIT STATUS\n", out);
	for (int status = 0; lgctl_status_about(status) != NULL; status++) {
		fprintf(out, ".TP\n.B %d\n", status);
		write_text(out, lgctl_status_about(status));
		fputc('\n', out);
	}
	fputs(tail, out);
	return 0;
}
