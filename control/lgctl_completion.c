/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Completion of lgctl's command line, for bash and zsh. Both have one function of their own,
 * which finds the place of the cursor, and one of the table, _lgctl_words, which says what may
 * stand there: words, or '@' and the kind of what the shell, or the gateway, knows.
 */

#include <errno.h>
#include <string.h>

#include "control/lgctl_words.h"

static const char words_head[] =
        "# Generated from lgctl's table of commands.\n"
        "# What may stand at the place $1, in words of the shell; or @ and a kind of name.\n"
        "_lgctl_words() {\n"
        "\tcase $1 in\n"
        "\tnouns) echo '";

/* Names that the gateway gives, without those that a shell could take for more than names. */
static const char asking[] =
        "_lgctl_known() {\n"
        "\tlocal list=$1\n"
        "\tshift\n"
        "\tif [ \"$list\" = @tunnel ]; then\n"
        "\t\tlgctl \"$@\" tunnel list\n"
        "\telif [ \"$list\" = @alarm ]; then\n"
        "\t\techo; lgctl alarm explain | sed -n 's/^\\([a-z-]*\\): .*/\\1/p'\n"
        "\telse\n"
        "\t\tlgctl \"$@\" methods\n"
        "\tfi 2>/dev/null | awk 'NR > 1 && $1 ~ /^[A-Za-z0-9_.-]+$/ { print $1 }'\n"
        "}\n";

static const char bash_driver[] =
        "_lgctl() {\n"
        "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
        "\tlocal i=1 at=0 command words='' ask=()\n"
        "\tCOMPREPLY=()\n"
        "\twhile ((i < COMP_CWORD)); do\n"
        "\t\tcase ${COMP_WORDS[i]} in\n"
        "\t\t--socket) ask=(--socket \"${COMP_WORDS[i+1]}\"); ((i += 2)) ;;\n"
        "\t\t--json | --help | --version) ((i += 1)) ;;\n"
        "\t\t*) break ;;\n"
        "\t\tesac\n"
        "\tdone\n"
        "\tif ((i > COMP_CWORD)); then\n"
        "\t\twords=@file\n"
        "\telif ((i == COMP_CWORD)); then\n"
        "\t\twords=$(_lgctl_words nouns)\n"
        "\t\t[[ $cur == -* ]] && words='--socket --json --help --version'\n"
        "\telse\n"
        "\t\tcommand=${COMP_WORDS[i]}\n"
        "\t\twords=$(_lgctl_words \"verbs $command\")\n"
        "\t\tif [[ -z $words ]] || ((i + 1 < COMP_CWORD)); then\n"
        "\t\t\t[[ -n $words ]] && command+=\" ${COMP_WORDS[i+1]}\" && ((i += 1))\n"
        "\t\t\t((i += 1))\n"
        "\t\t\twhile ((i < COMP_CWORD)); do\n"
        "\t\t\t\tcase ${COMP_WORDS[i]} in\n"
        "\t\t\t\t--*) ((i += 2)) ;;\n"
        "\t\t\t\t*) ((at += 1, i += 1)) ;;\n"
        "\t\t\t\tesac\n"
        "\t\t\tdone\n"
        "\t\t\tif ((i > COMP_CWORD)); then\n"
        "\t\t\t\twords=$(_lgctl_words \"$command $prev\")\n"
        "\t\t\telse\n"
        "\t\t\t\twords=$(_lgctl_words \"$command $at\")\n"
        "\t\t\t\t[[ -z $words || $cur == -* ]] && words=$(_lgctl_words \"$command options\")\n"
        "\t\t\tfi\n"
        "\t\tfi\n"
        "\tfi\n"
        "\tcase $words in\n"
        "\t@file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "
        "\"$cur\") ;;\n"
        "\t@directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "
        "\"$cur\") ;;\n"
        "\t@*) words=$(_lgctl_known \"$words\" \"${ask[@]}\") ;;&\n"
        "\t*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
        "\tesac\n"
        "}\n"
        "complete -F _lgctl lgctl\n";

static const char zsh_driver[] =
        "_lgctl() {\n"
        "\tinteger i=2 at=0\n"
        "\tlocal command text\n"
        "\tlocal -a ask list\n"
        "\twhile (( i < CURRENT )); do\n"
        "\t\tcase $words[i] in\n"
        "\t\t(--socket) ask=(--socket \"$words[i+1]\"); (( i += 2 )) ;;\n"
        "\t\t(--json|--help|--version) (( i += 1 )) ;;\n"
        "\t\t(*) break ;;\n"
        "\t\tesac\n"
        "\tdone\n"
        "\tif (( i > CURRENT )); then\n"
        "\t\ttext=@file\n"
        "\telif (( i == CURRENT )); then\n"
        "\t\ttext=$(_lgctl_words nouns)\n"
        "\t\t[[ $words[CURRENT] == -* ]] && text='--socket --json --help --version'\n"
        "\telse\n"
        "\t\tcommand=$words[i]\n"
        "\t\ttext=$(_lgctl_words \"verbs $command\")\n"
        "\t\tif [[ -n $text ]] && (( i + 1 == CURRENT )); then\n"
        "\t\t\t_lgctl_verbs $command\n"
        "\t\t\t_describe -t commands \"$command\" list\n"
        "\t\t\treturn\n"
        "\t\tfi\n"
        "\t\t[[ -n $text ]] && command+=\" $words[i+1]\" && (( i += 1 ))\n"
        "\t\t(( i += 1 ))\n"
        "\t\twhile (( i < CURRENT )); do\n"
        "\t\t\tcase $words[i] in\n"
        "\t\t\t(--*) (( i += 2 )) ;;\n"
        "\t\t\t(*) (( at += 1, i += 1 )) ;;\n"
        "\t\t\tesac\n"
        "\t\tdone\n"
        "\t\tif (( i > CURRENT )); then\n"
        "\t\t\ttext=$(_lgctl_words \"$command $words[CURRENT-1]\")\n"
        "\t\telse\n"
        "\t\t\ttext=$(_lgctl_words \"$command $at\")\n"
        "\t\t\tif [[ -z $text || $words[CURRENT] == -* ]]; then\n"
        "\t\t\t\ttext=$(_lgctl_words \"$command options\")\n"
        "\t\t\tfi\n"
        "\t\tfi\n"
        "\tfi\n"
        "\tcase $text in\n"
        "\t(@file) _files ;;\n"
        "\t(@directory) _files -/ ;;\n"
        "\t(@*) compadd -- $(_lgctl_known $text $ask) ;;\n"
        "\t(*) compadd -- ${=text} ;;\n"
        "\tesac\n"
        "}\n"
        "_lgctl \"$@\"\n";

static bool begins_noun(size_t i)
{
	return i == 0 ||
	       strcmp(lgctl_command_at(i - 1)->words[0], lgctl_command_at(i)->words[0]) != 0;
}

static void write_choices(FILE *out, const char *values)
{
	for (const char *c = values; *c != '\0'; c++)
		fputc(*c == '|' ? ' ' : *c, out);
}

static int write_places(FILE *out, const struct lgctl_command *command)
{
	static const char *const kinds[] = {[LGCTL_VALUE_FILE] = "@file",
	                                    [LGCTL_VALUE_DIRECTORY] = "@directory",
	                                    [LGCTL_VALUE_TUNNEL] = "@tunnel",
	                                    [LGCTL_VALUE_METHOD] = "@method",
	                                    [LGCTL_VALUE_ALARM] = "@alarm"};
	struct lgctl_place places[LGCTL_PLACES_MAX];
	int n = lgctl_places_read(command, places), options = 0;
	char name[64];

	if (n < 0)
		return n;
	snprintf(name, sizeof(name), "%s%s%s", command->words[0],
	         command->words[1] != NULL ? " " : "",
	         command->words[1] != NULL ? command->words[1] : "");
	for (int i = 0; i < n; i++) {
		enum lgctl_value value = lgctl_place_value(command, &places[i]);

		options += places[i].option[0] != '\0';
		if (value == LGCTL_VALUE_FREE)
			continue;
		if (places[i].option[0] != '\0')
			fprintf(out, "\t'%s %s') echo '", name, places[i].option);
		else
			fprintf(out, "\t'%s %u') echo '", name, places[i].position);
		if (value == LGCTL_VALUE_WORDS)
			write_choices(out, places[i].values);
		else
			fputs(kinds[value], out);
		fputs("' ;;\n", out);
	}
	if (options == 0)
		return 0;
	fprintf(out, "\t'%s options') echo '", name);
	for (int i = 0; i < n; i++)
		if (places[i].option[0] != '\0')
			fprintf(out, "%s%s", places[i].option, --options > 0 ? " " : "");
	fputs("' ;;\n", out);
	return 0;
}

static int write_words(FILE *out)
{
	const struct lgctl_command *c;
	int rc = 0;

	fputs(words_head, out);
	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++)
		if (begins_noun(i))
			fprintf(out, "%s%s", i > 0 ? " " : "", c->words[0]);
	fputs("' ;;\n", out);
	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL && rc == 0; i++) {
		if (c->words[1] != NULL && begins_noun(i)) {
			fprintf(out, "\t'verbs %s') echo '", c->words[0]);
			for (size_t k = i;
			     lgctl_command_at(k) != NULL && (k == i || !begins_noun(k)); k++)
				fprintf(out, "%s%s", k > i ? " " : "",
				        lgctl_command_at(k)->words[1]);
			fputs("' ;;\n", out);
		}
		rc = write_places(out, c);
	}
	fputs("\tesac\n}\n", out);
	fputs(asking, out);
	return rc;
}

int lgctl_write_bash(FILE *out)
{
	int rc = write_words(out);

	fputs(bash_driver, out);
	return rc;
}

/* Between single quotes, a colon being the end of the word that TEXT describes. */
static void write_about(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else if (*text == ':')
			fputs("\\:", out);
		else
			fputc(*text, out);
}

int lgctl_write_zsh(FILE *out)
{
	const struct lgctl_command *c;
	int rc;

	fputs("#compdef lgctl\n", out);
	rc = write_words(out);
	fputs("_lgctl_verbs() {\n\tcase $1 in\n", out);
	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		if (c->words[1] == NULL)
			continue;
		if (begins_noun(i))
			fprintf(out, "\t(%s) list=(", c->words[0]);
		fprintf(out, "\n\t\t'%s:", c->words[1]);
		write_about(out, c->about);
		fputc('\'', out);
		if (lgctl_command_at(i + 1) == NULL || begins_noun(i + 1))
			fputs(") ;;\n", out);
	}
	fputs("\tesac\n}\n", out);
	fputs(zsh_driver, out);
	return rc;
}
