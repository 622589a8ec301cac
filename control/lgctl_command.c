/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/lgctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "common/base64.h"

#define IMPORT_MAX ((size_t)64 << 10) /* bytes; the gateway takes no more at once */
#define CONFIG_MAX ((size_t)4 << 20)

/* The words, then how many arguments follow them and what these become. */
struct command {
	const char *words[2];
	int min_args, max_args;
	const char *method, *help;
	int (*build)(char **args, int n, struct lgctl_request *r, struct err *err);
	void (*print)(FILE *out, const json_t *result);
	const char *list; /* the array of the result that comes in pages, or NULL */
};

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
	r->params = json_pack("{s:I}", "count", (json_int_t)count);
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

/* The whole file; the caller wipes and frees CAP bytes. */
static int read_file(const char *path, size_t max, char **out, size_t *len, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *buf;
	int rc = 0;

	if (f == NULL)
		return err_set(err, EINVAL, "%s: %s", path, strerror(errno));
	setvbuf(f, NULL, _IONBF, 0);
	buf = calloc(1, max + 2);
	*len = buf != NULL ? fread(buf, 1, max + 1, f) : 0;
	if (buf == NULL)
		rc = err_set(err, EINVAL, "%s: out of memory", path);
	else if (ferror(f))
		rc = err_set(err, EINVAL, "%s: cannot be read", path);
	else if (*len > max)
		rc = err_set(err, EINVAL, "%s: larger than %zu bytes", path, max);
	fclose(f);
	if (rc != 0 && buf != NULL) {
		secret_wipe(buf, max + 2);
		free(buf);
	}
	*out = buf;
	return rc;
}

static int build_config(char **args, int n, struct lgctl_request *r, struct err *err)
{
	json_error_t where;
	json_t *config;
	char *text;
	size_t len;
	int rc;

	rc = read_file(args[0], CONFIG_MAX, &text, &len, err);
	if (rc != 0)
		return rc;
	config = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	free(text);
	if (config == NULL)
		return err_set(err, EINVAL, "%s: line %d column %d: %s", args[0], where.line,
		               where.column, where.text);
	r->params = json_pack("{s:o}", "config", config);
	return 0;
}

static int build_import(char **args, int n, struct lgctl_request *r, struct err *err)
{
	size_t len, text_size = (IMPORT_MAX + 2) / 3 * 4 + 1;
	char *data, *text;
	int rc;

	rc = read_file(args[0], IMPORT_MAX, &data, &len, err);
	if (rc != 0)
		return rc;
	text = malloc(text_size);
	if (len == 0 || len % 32 != 0 || text == NULL) {
		rc = err_set(err, EINVAL, "%s: %zu bytes are not a multiple of 32", args[0], len);
	} else {
		base64_encode((const uint8_t *)data, len, text);
		r->params = json_pack("{s:s}", "data", text);
	}
	secret_wipe(data, IMPORT_MAX + 2);
	free(data);
	if (text != NULL)
		secret_wipe(text, text_size);
	free(text);
	return rc;
}

static const struct command commands[] = {
        {{"status"}, 0, 0, "status", "", NULL, lgctl_print_status},
        {{"link", "show"}, 0, 0, "link_show", "", NULL, lgctl_print_tree},
        {{"tunnel", "list"}, 0, 0, "tunnel_list", "", NULL, lgctl_print_tunnels, "tunnels"},
        {{"tunnel", "show"}, 1, 1, "tunnel_show", "NAME", build_tunnel, lgctl_print_tree},
        {{"tunnel", "rekey"}, 1, 1, "tunnel_rekey", "NAME", build_tunnel, lgctl_print_done},
        {{"wire", "list"}, 0, 0, "wire_list", "", NULL, lgctl_print_wires},
        {{"route", "list"}, 0, 0, "route_list", "", NULL, lgctl_print_routes, "routes"},
        {{"policy", "show"}, 0, 0, "policy_list", "", NULL, lgctl_print_policy},
        {{"sa", "list"}, 0, 1, "sa_list", "[TUNNEL]", build_sas, lgctl_print_sas, "sas"},
        {{"port", "list"}, 0, 0, "port_list", "", NULL, lgctl_print_ports},
        {{"core", "list"}, 0, 0, "core_list", "", NULL, lgctl_print_cores},
        {{"counter", "list"}, 0, 1, "counter_list", "[PREFIX]", build_prefix, lgctl_print_tree},
        {{"block", "list"}, 0, 1, "block_list", "[COUNT]", build_blocks, lgctl_print_blocks},
        {{"keystore", "show"}, 0, 0, "keystore_show", "", NULL, lgctl_print_tree},
        {{"keystore", "import"}, 1, 1, "keystore_import", "FILE", build_import, lgctl_print_done},
        {{"kme", "show"}, 0, 0, "kme_show", "", NULL, lgctl_print_tree},
        {{"audit", "list"}, 0, 0, "audit_list", "", NULL, lgctl_print_audit, "entries"},
        {{"alarm", "list"}, 0, 0, "alarm_list", "", NULL, lgctl_print_alarms},
        {{"config", "get"}, 0, 0, "config_get", "", NULL, lgctl_print_json},
        {{"config", "validate"}, 1, 1, "config_validate", "FILE", build_config, lgctl_print_done},
        {{"config", "set"}, 1, 1, "config_set", "FILE", build_config, lgctl_print_done},
        {{"capture", "start"},
         2,
         18,
         "capture_start",
         "--port lan|wan [--direction rx|tx|both] [--filter EXPRESSION] [--snap-length BYTES] "
         "[--file NAME] [--file-size-max BYTES] [--files N] [--packets N] [--seconds N]",
         lgctl_build_capture_start,
         lgctl_print_captures},
        {{"capture", "stop"},
         0,
         2,
         "capture_stop",
         "[--port lan|wan]",
         lgctl_build_port,
         lgctl_print_captures},
        {{"capture", "show"}, 0, 0, "capture_show", "", NULL, lgctl_print_captures},
        {{"latency", "start"}, 0, 0, "latency_start", "", NULL, lgctl_print_done},
        {{"latency", "stop"}, 0, 0, "latency_stop", "", NULL, lgctl_print_latency},
        {{"latency", "show"},
         0,
         2,
         "latency_show",
         "[--port lan|wan]",
         lgctl_build_port,
         lgctl_print_latency},
        {{"plan", "finite-key"},
         0,
         2,
         "plan finite-key",
         "[--protocol wiesemann|rusca|lim|tomamichel] < COUNTS.json",
         lgctl_build_plan,
         lgctl_print_plan},
        {{"plan", "dwdm"},
         0,
         0,
         "plan dwdm",
         "< PLAN.json",
         lgctl_build_plan_dwdm,
         lgctl_print_plan_dwdm},
        {{"plan", "link"},
         0,
         0,
         "plan link",
         "< LINK.json",
         lgctl_build_plan_link,
         lgctl_print_plan_link},
        {{"otdr", "run"}, 0, 0, "otdr_run", "", lgctl_build_otdr_run, lgctl_print_otdr},
        {{"otdr", "abort"}, 0, 0, "otdr_abort", "", NULL, lgctl_print_done},
        {{"otdr", "show"},
         0,
         4,
         "otdr_show",
         "[--trace N] [--history N]",
         lgctl_build_otdr_show,
         lgctl_print_otdr},
        {{"otdr", "baseline"},
         1,
         3,
         "otdr_baseline",
         "show|approve|clear [--traces N]",
         lgctl_build_otdr_baseline,
         lgctl_print_otdr_baseline},
        {{"otdr", "export"},
         1,
         3,
         "otdr_export",
         "FILE.sor|FILE.svg [--trace N]",
         lgctl_build_otdr_export,
         lgctl_print_tree},
        {{"otdr", "import"},
         1,
         2,
         "otdr import",
         "FILE.sor [PLOT.svg]",
         lgctl_build_otdr_import,
         lgctl_print_otdr_file},
        {{"watch", "show"}, 0, 0, "watch_show", "", NULL, lgctl_print_tree},
        {{"watch", "clear"}, 0, 0, "watch_clear", "", NULL, lgctl_print_tree},
        {{"watch", "baseline"},
         1,
         1,
         "watch_baseline_show",
         "show|approve|relearn",
         build_watch_baseline,
         lgctl_print_tree},
        {{"qrng", "show"}, 0, 0, "qrng_show", "", NULL, lgctl_print_qrng},
        {{"qrng", "rearm"}, 0, 0, "qrng_rearm", "", NULL, lgctl_print_done},
        {{"qrng", "record"},
         1,
         9,
         "qrng_record",
         "FILE [--stream raw|conditioned] [--bytes N] [--symbol 1|8] [--lane N]",
         lgctl_build_qrng_record,
         lgctl_print_tree},
        {{"qrng", "restart-test"},
         1,
         9,
         "qrng_record",
         "FILE [--restarts N] [--samples N] [--symbol 1|8] [--lane N]",
         lgctl_build_qrng_restart_test,
         lgctl_print_tree},
        {{"dwdm", "show"}, 0, 0, "dwdm_show", "", NULL, lgctl_print_dwdm},
        {{"kms", "status"}, 0, 0, "kms_status", "", lgctl_build_kms, lgctl_print_tree},
        {{"kms", "store"}, 0, 0, "kms_store", "", lgctl_build_kms, lgctl_print_tree},
        {{"kms", "usage"}, 0, 0, "kms_usage", "", lgctl_build_kms, lgctl_print_kms_usage},
        {{"kms", "reload"}, 0, 0, "kms_reload", "", lgctl_build_kms, lgctl_print_done},
        {{"kms", "alarms"}, 0, 0, "alarm_list", "", lgctl_build_kms, lgctl_print_alarms},
        {{"kms", "sae"},
         1,
         28,
         "kms_sae_list",
         "list | add|set ID [--side local|peer] [--identity TEXT] [--enabled true|false] [--skip "
         "true|false] [--priority 0-7] [--weight N] [--cap-bits N] [--requests-per-s N] "
         "[--requests-burst N] [--bits-per-s N] [--bits-burst N] [--quota-bits N] "
         "[--quota-period-s N] | remove|unlock ID",
         lgctl_build_kms_sae,
         lgctl_print_done},
        {{"doctor"},
         0,
         6,
         "doctor",
         "[--config FILE] [--yang-dir DIR] [--root DIR]",
         lgctl_build_doctor,
         lgctl_print_doctor},
        {{"log", "set"}, 2, 2, "log_set", "COMPONENT LEVEL", build_log, lgctl_print_done},
        {{"methods"}, 0, 0, "get_methods", "", NULL, lgctl_print_methods},
        {{"rpc"}, 1, 2, NULL, "METHOD [JSON]", build_rpc, lgctl_print_json},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

void lgctl_usage(FILE *out)
{
	fputs("usage: lgctl [--socket PATH] [--json] COMMAND\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "       %s%s%s%s%s\n", commands[i].words[0],
		        commands[i].words[1] != NULL ? " " : "",
		        commands[i].words[1] != NULL ? commands[i].words[1] : "",
		        commands[i].help[0] != '\0' ? " " : "", commands[i].help);
}

int lgctl_command(int argc, char **argv, struct lgctl_request *out, struct err *err)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		int words = c->words[1] != NULL ? 2 : 1;

		if (argc < words || strcmp(argv[0], c->words[0]) != 0 ||
		    (words == 2 && strcmp(argv[1], c->words[1]) != 0))
			continue;
		if (argc - words < c->min_args || argc - words > c->max_args)
			return err_set(err, EINVAL, "%s%s%s: takes %s", c->words[0],
			               words == 2 ? " " : "", words == 2 ? c->words[1] : "",
			               c->help[0] != '\0' ? c->help : "no arguments");
		*out = (struct lgctl_request){
		        .method = c->method, .print = c->print, .list = c->list};
		return c->build != NULL ? c->build(argv + words, argc - words, out, err) : 0;
	}
	return err_set(err, EINVAL, "there is no command %s%s%s, see lgctl --help",
	               argc > 0 ? argv[0] : "\"\"", argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
}
