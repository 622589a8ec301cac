/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int build_tunnel(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->params = json_pack("{s:s}", "tunnel", args[0]);
	return 0;
}

static int build_sas(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->params = n > 0 ? json_pack("{s:s}", "tunnel", args[0]) : NULL;
	return 0;
}

static int build_prefix(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->params = n > 0 ? json_pack("{s:s}", "prefix", args[0]) : NULL;
	return 0;
}

static int build_blocks(char **args, int n, struct lgctl_request *r, struct err *err)
{
	char *end;
	long count;

	if (n == 0)
		return 0;
	count = strtol(args[0], &end, 10);
	if (end == args[0] || *end != '\0')
		return err_set(err, EINVAL, "block list: %s is not a number", args[0]);
	r->params = json_pack("{s:I}", "limit", (json_int_t)count);
	return 0;
}

static int build_watch_baseline(char **args, int n, struct lgctl_request *r, struct err *err)
{
	if (strcmp(args[0], "approve") == 0)
		r->method = "watch_baseline_approve";
	else if (strcmp(args[0], "relearn") == 0)
		r->method = "watch_baseline_relearn";
	else if (strcmp(args[0], "show") != 0)
		return err_set(err, EINVAL, "watch baseline: %s: show, approve or relearn",
		               args[0]);
	return 0;
}

static int build_log(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->params = json_pack("{s:s, s:s}", "component", args[0], "level", args[1]);
	return 0;
}

static int build_rpc(char **args, int n, struct lgctl_request *r, struct err *err)
{
	json_error_t where;

	r->method = args[0];
	if (n < 2)
		return 0;
	r->params = json_loads(args[1], JSON_REJECT_DUPLICATES, &where);
	if (r->params == NULL)
		return err_set(err, EINVAL, "line %d column %d: %s", where.line, where.column,
		               where.text);
	return 0;
}

/* One command a row; the words between braces, since a comma would end the argument. */
#define ROW(...)                                                                                   \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static const struct lgctl_command commands[] = {
        ROW({"status"}, 0, 0, "status", "",
            "What goes on: alarms, counters, cores, ports, tunnels, key store and link.", NULL,
            lgctl_print_status),
        ROW({"top"}, 0, 4, "status", "[--interval SECONDS] [--frames N]",
            "The same as a screen that is alive, until q: link, keys, ports, alarms, cores, "
            "tunnels.",
            lgctl_build_top, lgctl_print_top),
        ROW({"link", "show"}, 0, 0, "link_show", "", "The QKD link: channel, engine and card.",
            NULL, lgctl_print_tree),
        ROW({"tunnel", "list"}, 0, 0, "tunnel_list", "",
            "Tunnels: state, path, age of the key, rekeys.", NULL, lgctl_print_tunnels, "tunnels"),
        ROW({"tunnel", "show"}, 1, 1, "tunnel_show", "NAME",
            "One tunnel in full: what keys it, when it rekeys next, and why.", build_tunnel,
            lgctl_print_tree),
        ROW({"tunnel", "rekey"}, 1, 1, "tunnel_rekey", "NAME", "Rekey a tunnel now.", build_tunnel,
            lgctl_print_done),
        ROW({"wire", "list"}, 0, 0, "wire_list", "", "Pseudowires, and their link at both ends.",
            NULL, lgctl_print_wires),
        ROW({"route", "list"}, 0, 0, "route_list", "", "Routes, configured and learnt.", NULL,
            lgctl_print_routes, "routes"),
        ROW({"policy", "show"}, 0, 0, "policy_list", "", "The rules, and what they decided.", NULL,
            lgctl_print_policy),
        ROW({"sa", "list"}, 0, 1, "sa_list", "[TUNNEL]",
            "Security associations, without their keys.", build_sas, lgctl_print_sas, "sas"),
        ROW({"port", "list"}, 0, 0, "port_list", "", "Ports and their counters.", NULL,
            lgctl_print_ports),
        ROW({"core", "list"}, 0, 0, "core_list", "",
            "Polling cores: what they handled, busy and idle cycles.", NULL, lgctl_print_cores),
        ROW({"counter", "list"}, 0, 1, "counter_list", "[PREFIX]",
            "Counters by name, those alone that begin with PREFIX.", build_prefix,
            lgctl_print_tree),
        ROW({"block", "list"}, 0, 1, "block_list", "[COUNT]",
            "The newest blocks of key, COUNT of them.", build_blocks, lgctl_print_blocks),
        ROW({"keystore", "show"}, 0, 0, "keystore_show", "",
            "Keys at hand, and what became of the others.", NULL, lgctl_print_tree),
        ROW({"keystore", "import"}, 1, 1, "keystore_import", "FILE",
            "Add keys for labs and tests, 32 bytes each; the same file at both ends.",
            lgctl_build_import, lgctl_print_done),
        ROW({"kme", "show"}, 0, 0, "kme_show", "", "The key management entity of another maker.",
            NULL, lgctl_print_tree),
        ROW({"audit", "list"}, 0, 0, "audit_list", "", "Who changed or captured what, and when.",
            NULL, lgctl_print_audit, "entries"),
        ROW({"alarm", "list"}, 0, 1, "alarm_list", "[active|shelved]",
            "Alarms, active and cleared, without the shelved ones; or those alone.",
            lgctl_build_alarm_list, lgctl_print_alarms, "alarms"),
        ROW({"alarm", "explain"}, 0, 1, "alarm explain", "[KIND]",
            "What a kind of alarm means and what to do. Asks no gateway.",
            lgctl_build_alarm_explain, lgctl_print_alarm_kinds),
        ROW({"alarm", "ack"}, 2, 3, "alarm_ack", "KIND RESOURCE [TEXT]",
            "Somebody takes care of an active alarm.", lgctl_build_alarm_ack, lgctl_print_done),
        ROW({"alarm", "unack"}, 2, 3, "alarm_unack", "KIND RESOURCE [TEXT]",
            "Nobody takes care of it any more.", lgctl_build_alarm_ack, lgctl_print_done),
        ROW({"alarm", "shelve"}, 2, 8, "alarm_shelve",
            "[--kind KIND] [--resource RESOURCE] [--duration-s N] [--text TEXT]",
            "Tell nobody of these alarms, for a time or until unshelve. A * at the end of "
            "RESOURCE stands for any rest.",
            lgctl_build_alarm_shelve, lgctl_print_done),
        ROW({"alarm", "unshelve"}, 2, 6, "alarm_unshelve",
            "[--kind KIND] [--resource RESOURCE] [--text TEXT]",
            "Take that back; kind and resource as they were shelved.", lgctl_build_alarm_unshelve,
            lgctl_print_done),
        ROW({"alarm", "shelves"}, 0, 0, "alarm_shelf_list", "",
            "What is shelved, by whom and until when.", NULL, lgctl_print_alarm_shelves),
        ROW({"alarm", "history"}, 0, 4, "alarm_history", "[--kind KIND] [--resource RESOURCE]",
            "What became of alarms, newest first, over restarts.", lgctl_build_alarm_history,
            lgctl_print_alarm_history, "changes"),
        ROW({"why", "key"}, 0, 0, "why_key", "",
            "Why there is no key: the first cause and what to do, in one line.", NULL,
            lgctl_print_why),
        ROW({"why", "traffic"}, 0, 1, "why_traffic", "[TUNNEL]",
            "Why there is no traffic: the first cause and what to do, in one line.",
            lgctl_build_why, lgctl_print_why),
        ROW({"config", "show"}, 0, 1, "config_get", "[running|startup|candidate|NUMBER]",
            "A configuration as it was written: the running one, the file's, the candidate, or one "
            "of the history.",
            lgctl_build_config_show, lgctl_print_json),
        ROW({"config", "get"}, 0, 0, "config_get", "",
            "The configuration that runs, with all defaults.", NULL, lgctl_print_json),
        ROW({"config", "set"}, 1, 6, "config_set",
            "FILE | PATH VALUE [--insert first|last|before|after] [--point PATH]",
            "Change the candidate at a path, such as tunnel[name='dc']/rekey/period-ms. With a "
            "file: commit that at once.",
            lgctl_build_config_set, lgctl_print_done),
        ROW({"config", "edit"}, 2, 7, "config_edit",
            "merge|replace|remove PATH [FILE] [--insert first|last|before|after] [--point PATH]",
            "Change the candidate at a path by what is in a file of JSON; replace: what was there "
            "is gone.",
            lgctl_build_config_edit, lgctl_print_done),
        ROW({"config", "delete"}, 1, 1, "config_edit", "PATH",
            "Remove from the candidate what is at a path.", lgctl_build_config_delete,
            lgctl_print_done),
        ROW({"config", "candidate"}, 0, 0, "config_candidate", "",
            "Who edits since when, and what commits wait for.", NULL, lgctl_print_config_candidate),
        ROW({"config", "diff"}, 0, 2, "config_diff",
            "[running|startup|candidate|NUMBER] [running|startup|candidate|NUMBER]",
            "What differs, from the running configuration to the candidate unless others are "
            "named, and what of it needs a restart.",
            lgctl_build_config_diff, lgctl_print_config_diff, "differences"),
        ROW({"config", "check"}, 0, 1, "config_validate", "[FILE]",
            "Would the candidate, or a file, be accepted? Changes nothing.",
            lgctl_build_config_check, lgctl_print_done),
        ROW({"config", "validate"}, 1, 1, "config_validate", "FILE",
            "Would this configuration be accepted? Changes nothing.", lgctl_build_config,
            lgctl_print_done),
        ROW({"config", "commit"}, 0, 6, "config_commit",
            "[--confirm-timeout SECONDS] [--comment TEXT] [--restart-accepted true|false]",
            "Apply the candidate, all of it or nothing; taken back after the time-out unless "
            "confirmed. What needs a restart is refused, or waits for one in the file.",
            lgctl_build_config_commit, lgctl_print_done),
        ROW({"config", "confirm"}, 0, 0, "config_confirm", "",
            "Keep the commit that would be taken back.", NULL, lgctl_print_done),
        ROW({"config", "discard"}, 0, 2, "config_discard", "[--force true|false]",
            "End the candidate without a commit; with force, another user's, too.",
            lgctl_build_config_discard, lgctl_print_done),
        ROW({"config", "rollback"}, 0, 1, "config_rollback", "[NUMBER]",
            "Make what was committed before the candidate: 1, the last but one, unless another "
            "number of the history is given. A commit follows.",
            lgctl_build_config_rollback, lgctl_print_done),
        ROW({"config", "save"}, 0, 0, "config_save", "",
            "Write what was committed to the file that the gateway starts with.", NULL,
            lgctl_print_done),
        ROW({"config", "history"}, 0, 0, "config_history", "",
            "The last 100 commits, newest first: when, who, why.", NULL, lgctl_print_config_history,
            "commits"),
        ROW({"capture", "start"}, 2, 18, "capture_start",
            "--port lan|wan [--direction rx|tx|both] [--filter EXPRESSION] [--snap-length BYTES] "
            "[--file NAME] [--file-size-max BYTES] [--files N] [--packets N] [--seconds N]",
            "Write frames of a port to pcapng files.", lgctl_build_capture_start,
            lgctl_print_captures),
        ROW({"capture", "stop"}, 0, 2, "capture_stop", "[--port lan|wan]", "End a capture.",
            lgctl_build_port, lgctl_print_captures),
        ROW({"capture", "show"}, 0, 0, "capture_show", "",
            "Captures, and what they caught and lost.", NULL, lgctl_print_captures),
        ROW({"latency", "start"}, 0, 0, "latency_start", "",
            "Begin to measure how long packets stay.", NULL, lgctl_print_done),
        ROW({"latency", "stop"}, 0, 0, "latency_stop", "", "End that, and show what was measured.",
            NULL, lgctl_print_latency),
        ROW({"latency", "show"}, 0, 2, "latency_show", "[--port lan|wan]",
            "How long packets stay, by the port by which they leave.", lgctl_build_port,
            lgctl_print_latency),
        ROW({"plan", "finite-key"}, 0, 2, "plan finite-key",
            "[--protocol wiesemann|rusca|lim|tomamichel] < COUNTS.json",
            "How much key given counts hold. Asks no gateway.", lgctl_build_plan, lgctl_print_plan),
        ROW({"plan", "dwdm"}, 0, 0, "plan dwdm", "< PLAN.json",
            "A quantum channel among data channels on one fibre. Asks no gateway.",
            lgctl_build_plan_dwdm, lgctl_print_plan_dwdm),
        ROW({"plan", "link"}, 0, 0, "plan link", "< LINK.json",
            "Clicks, errors and key of a link against distance. Asks no gateway.",
            lgctl_build_plan_link, lgctl_print_plan_link),
        ROW({"otdr", "run"}, 0, 0, "otdr_run", "", "Trace the fibre now, and wait for the trace.",
            lgctl_build_otdr_run, lgctl_print_otdr),
        ROW({"otdr", "abort"}, 0, 0, "otdr_abort", "", "End the trace under way.", NULL,
            lgctl_print_done),
        ROW({"otdr", "show"}, 0, 4, "otdr_show", "[--trace N] [--history N]",
            "Events of the fibre, and what changed against the baseline.", lgctl_build_otdr_show,
            lgctl_print_otdr),
        ROW({"otdr", "baseline"}, 1, 3, "otdr_baseline", "show|approve|clear [--traces N]",
            "What traces are compared with: show it, take the last traces for it, or forget it.",
            lgctl_build_otdr_baseline, lgctl_print_otdr_baseline),
        ROW({"otdr", "export"}, 1, 3, "otdr_export", "FILE.sor|FILE.svg [--trace N]",
            "Write a trace to a file.", lgctl_build_otdr_export, lgctl_print_tree),
        ROW({"otdr", "import"}, 1, 2, "otdr import", "FILE.sor [PLOT.svg]",
            "Show, and plot, a trace from a file. Asks no gateway.", lgctl_build_otdr_import,
            lgctl_print_otdr_file),
        ROW({"watch", "show"}, 0, 0, "watch_show", "",
            "Monitors of the fibre: what they learnt and find.", NULL, lgctl_print_tree),
        ROW({"watch", "clear"}, 0, 0, "watch_clear", "",
            "End the alarms of these monitors; what is still true raises its alarm again.", NULL,
            lgctl_print_tree),
        ROW({"watch", "baseline"}, 1, 1, "watch_baseline_show", "show|approve|relearn",
            "The file of what the monitors learnt: show it, take the last minute as normal, or "
            "learn anew.",
            build_watch_baseline, lgctl_print_tree),
        ROW({"qrng", "show"}, 0, 0, "qrng_show", "", "Health of the card's random source.", NULL,
            lgctl_print_qrng),
        ROW({"qrng", "rearm"}, 0, 0, "qrng_rearm", "",
            "Let a random source that failed its test start again.", NULL, lgctl_print_done),
        ROW({"qrng", "record"}, 1, 9, "qrng_record",
            "FILE [--stream raw|conditioned] [--bytes N] [--symbol 1|8] [--lane N]",
            "Record what the random source gives, for analysis.", lgctl_build_qrng_record,
            lgctl_print_tree),
        ROW({"qrng", "restart-test"}, 1, 9, "qrng_record",
            "FILE [--restarts N] [--samples N] [--symbol 1|8] [--lane N]",
            "Record what it gives after restarts (SP 800-90B, 3.1.4).",
            lgctl_build_qrng_restart_test, lgctl_print_tree),
        ROW({"dwdm", "show"}, 0, 0, "dwdm_show", "",
            "The channel plan beside what is on the fibre.", NULL, lgctl_print_dwdm),
        ROW({"history", "list"}, 0, 0, "history_list", "",
            "Figures whose past lumengate-web keeps, and since when.", lgctl_build_web,
            lgctl_print_history),
        ROW({"history", "show"}, 1, 5, "history_show", "SERIES [--hours N] [--points N]",
            "The past of a figure, or of all of that name; an hour unless said otherwise. Counters "
            "are rates per second.",
            lgctl_build_history_show, lgctl_print_history_points),
        ROW({"web", "status"}, 0, 0, "web_status", "",
            "The service of figures: whom it asks, and who asks it.", lgctl_build_web,
            lgctl_print_tree),
        ROW({"web", "reload"}, 0, 0, "web_reload", "",
            "Read its certificate and revocation lists again.", lgctl_build_web, lgctl_print_done),
        ROW({"web", "sinks"}, 0, 0, "web_sink_list", "",
            "Where alarms are told: syslog, journal, webhooks.", lgctl_build_web,
            lgctl_print_web_sinks),
        ROW({"web", "alarms"}, 0, 0, "alarm_list", "", "Alarms of the service of figures.",
            lgctl_build_web, lgctl_print_alarms, "alarms"),
        ROW({"kms", "status"}, 0, 0, "kms_status", "",
            "Key delivery: who is connected, what was delivered.", lgctl_build_kms,
            lgctl_print_tree),
        ROW({"kms", "store"}, 0, 0, "kms_store", "", "Keys of the key delivery at hand.",
            lgctl_build_kms, lgctl_print_tree),
        ROW({"kms", "why"}, 0, 0, "kms_why", "",
            "Why there is no key to give: the first cause and what to do, in one line.",
            lgctl_build_kms, lgctl_print_why),
        ROW({"kms", "usage"}, 0, 0, "kms_usage", "",
            "What each application (SAE) asked for and got.", lgctl_build_kms,
            lgctl_print_kms_usage, "saes"),
        ROW({"kms", "reload"}, 0, 0, "kms_reload", "",
            "Read certificates and revocation lists again.", lgctl_build_kms, lgctl_print_done),
        ROW({"kms", "alarms"}, 0, 0, "alarm_list", "", "Alarms of the key delivery.",
            lgctl_build_kms, lgctl_print_alarms, "alarms"),
        ROW({"kms", "sae"}, 1, 28, "kms_sae_list",
            "list | add|set ID [--side local|peer] [--identity TEXT] [--enabled true|false] "
            "[--skip "
            "true|false] [--priority 0-7] [--weight N] [--cap-bits N] [--requests-per-s N] "
            "[--requests-burst N] [--bits-per-s N] [--bits-burst N] [--quota-bits N] "
            "[--quota-period-s N] | remove|unlock ID",
            "Applications (SAE) that may ask for keys, and their terms.", lgctl_build_kms_sae,
            lgctl_print_done),
        ROW({"doctor"}, 0, 10, "doctor",
            "[--config FILE] [--kms-config FILE] [--web-config FILE] [--yang-dir DIR] [--root DIR]",
            "Is this machine fit for a gateway, and if one runs, is all well? Says what to do.",
            lgctl_build_doctor, lgctl_print_doctor),
        ROW({"support-bundle"}, 0, 11, "support-bundle",
            "[FILE.tar.gz] [--config FILE] [--kms-config FILE] [--web-config FILE] "
            "[--kms-socket FILE] [--yang-dir DIR]",
            "Write what others need to find a fault to an archive, without secrets.",
            lgctl_build_bundle, lgctl_print_bundle),
        ROW({"log", "set"}, 2, 2, "log_set", "COMPONENT err|warning|info|debug",
            "How much a component logs: err, warning, info or debug.", build_log, lgctl_print_done),
        ROW({"methods"}, 0, 0, "get_methods", "", "Methods of the control socket.", NULL,
            lgctl_print_methods),
        ROW({"rpc"}, 1, 2, NULL, "METHOD [JSON]",
            "Call a method of the control socket with parameters in JSON.", build_rpc,
            lgctl_print_json),
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct lgctl_command *lgctl_command_at(size_t i)
{
	return i < COMMANDS ? &commands[i] : NULL;
}

void lgctl_usage(FILE *out)
{
	fputs("usage: lgctl [--socket PATH] [--json] COMMAND\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "       %s%s%s%s%s\n", commands[i].words[0],
		        commands[i].words[1] != NULL ? " " : "",
		        commands[i].words[1] != NULL ? commands[i].words[1] : "",
		        commands[i].args[0] != '\0' ? " " : "", commands[i].args);
}

/* With which words behind NOUN there are commands. */
static int complain_of_noun(const char *noun, struct err *err)
{
	char words[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].words[1] != NULL && strcmp(commands[i].words[0], noun) == 0 &&
		    len < sizeof(words))
			len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
			                        len > 0 ? ", " : "", commands[i].words[1]);
	if (len == 0)
		return err_set(err, EINVAL, "there is no command %s, see lgctl --help", noun);
	return err_set(err, EINVAL, "%s: needs one of %s behind it", noun, words);
}

int lgctl_command(int argc, char **argv, struct lgctl_request *out, struct err *err)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct lgctl_command *c = &commands[i];
		int words = c->words[1] != NULL ? 2 : 1;

		if (argc < words || strcmp(argv[0], c->words[0]) != 0 ||
		    (words == 2 && strcmp(argv[1], c->words[1]) != 0))
			continue;
		if (argc - words < c->min_args || argc - words > c->max_args)
			return err_set(err, EINVAL, "%s%s%s: takes %s", c->words[0],
			               words == 2 ? " " : "", words == 2 ? c->words[1] : "",
			               c->args[0] != '\0' ? c->args : "no arguments");
		*out = (struct lgctl_request){
		        .method = c->method, .print = c->print, .list = c->list};
		return c->build != NULL ? c->build(argv + words, argc - words, out, err) : 0;
	}
	if (argc == 1)
		return complain_of_noun(argv[0], err);
	return err_set(err, EINVAL, "there is no command %s%s%s, see lgctl --help",
	               argc > 0 ? argv[0] : "\"\"", argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
}
