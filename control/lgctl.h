/* SPDX-License-Identifier: BSD-3-Clause */

/* Parts of lgctl: the command line, the connection, tables for people. */

#ifndef CONTROL_LGCTL_H
#define CONTROL_LGCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"

#define LGCTL_SOCKET_DEFAULT     "/run/lumengate/control.sock"
#define LGCTL_KMS_SOCKET_DEFAULT "/run/lumengate-kms/control.sock"
#define LGCTL_WEB_SOCKET_DEFAULT "/run/lumengate-web/control.sock"

/* The exit status: scripts rely on these figures, they do not change. */
enum { LGCTL_OK = 0, LGCTL_REFUSED = 1, LGCTL_USAGE = 2, LGCTL_UNREACHABLE = 3 };

/* What STATUS tells, a sentence; NULL past the last. */
const char *lgctl_status_about(int status);

struct lgctl_options {
	const char *socket;
	bool json;
};

struct lgctl_request {
	const char *method;
	json_t *params; /* NULL: none */
	void (*print)(FILE *out, const json_t *result);
	const char *list; /* the array of the result that comes in pages, or NULL */
	json_t *answer;   /* what is known without a gateway: nobody is asked */
	/*
	 * Instead of asking: asks itself, whom it wants, or nobody. SOCKET is the one that the user
	 * named, or NULL. It may set the status.
	 */
	int (*run)(struct lgctl_request *r, const char *socket, json_t **result, struct err *err);
	/* What is still to be done with the answer, or NULL. OUT: where progress goes, or NULL. */
	int (*follow)(const struct lgctl_request *r, const char *socket, json_t **result, FILE *out,
	              struct err *err);
	const char *path;   /* of a file to write */
	const char *socket; /* of whom to ask where the user names none; NULL: the gateway */
	int status;         /* LGCTL_*, of the process when all went well */
};

/* The words, then how many arguments follow them and what these become. */
struct lgctl_command {
	const char *words[2]; /* the second NULL where one is all */
	int min_args, max_args;
	const char *method;
	const char *args;  /* "FILE [--trace N]": what lgctl_places_read() takes apart */
	const char *about; /* a sentence */
	int (*build)(char **args, int n, struct lgctl_request *r, struct err *err);
	void (*print)(FILE *out, const json_t *result);
	const char *list; /* the array of the result that comes in pages, or NULL */
};

/* The I-th of all commands, those with the same first word in a row; NULL past the last. */
const struct lgctl_command *lgctl_command_at(size_t i);

/*
 * The request that the words of a command mean; reads the files they name. -EINVAL for a
 * command that there is not, or a file that cannot be used.
 */
int lgctl_command(int argc, char **argv, struct lgctl_request *out, struct err *err);
void lgctl_usage(FILE *out);

/*
 * Ask the gateway. 0 and *RESULT; -EREMOTEIO with its error; -ENOTCONN when there is no
 * talking to it; -ENOMEM.
 */
int lgctl_call(const char *socket_path, const struct lgctl_request *request, json_t **result,
               struct err *err);

/*
 * "--snap-length 96" to the parameter snap_length, a number or a text: OPTIONS are COUNT of
 * the names that COMMAND has, with '=' before those of numbers. -EINVAL names the option.
 */
int lgctl_options_build(const char *command, const char *const *options, size_t count, char **args,
                        int n, json_t **params, struct err *err);
/* lgctl_file.c */
int lgctl_build_config(char **args, int n, struct lgctl_request *r, struct err *err);
/* JSON from a file, the caller's. -EINVAL: there is none, or it is none. */
int lgctl_read_json(const char *path, json_t **out, struct err *err);
/* lgctl_config.c */
json_t *lgctl_config_prefixed(json_t *config); /* CONFIG, with the module's prefix at its top */
int lgctl_build_config_set(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_delete(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_edit(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_check(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_show(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_diff(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_commit(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_discard(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_config_rollback(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_config_diff(FILE *out, const json_t *result);
void lgctl_print_config_history(FILE *out, const json_t *result);
void lgctl_print_config_candidate(FILE *out, const json_t *result);
int lgctl_build_import(char **args, int n, struct lgctl_request *r, struct err *err);
/* lgctl_capture.c: the options of these commands. */
int lgctl_build_capture_start(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_port(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_ports(FILE *out, const json_t *result);
void lgctl_print_cores(FILE *out, const json_t *result);
void lgctl_print_latency(FILE *out, const json_t *result);
void lgctl_print_captures(FILE *out, const json_t *result);

/*
 * lgctl_plan.c: the bound that PROTOCOL (NULL: that of the member "proof") gives for the counts
 * in INPUT. -EINVAL names the field and what is wrong with it.
 */
int lgctl_plan_finite_key(FILE *input, const char *protocol, json_t **result, struct err *err);
int lgctl_build_plan(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_plan(FILE *out, const json_t *result);
/* lgctl_plan_link.c: the link that the parameter file in INPUT describes, against distance. */
int lgctl_plan_link(FILE *input, json_t **result, struct err *err);
int lgctl_build_plan_link(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_plan_link(FILE *out, const json_t *result);
/* lgctl_plan_dwdm.c: the quantum channel among the data channels that INPUT lists. */
int lgctl_plan_dwdm(FILE *input, json_t **result, struct err *err);
int lgctl_build_plan_dwdm(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_plan_dwdm(FILE *out, const json_t *result);

/* lgctl_dwdm.c */
void lgctl_print_dwdm(FILE *out, const json_t *result);

/* lgctl_otdr.c, lgctl_otdr_file.c */
struct sor;
int lgctl_write_svg(const char *path, const struct sor *sor, const char *title, struct err *err);
int lgctl_build_otdr_run(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_otdr_show(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_otdr_export(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_otdr_baseline(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_otdr_import(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_otdr(FILE *out, const json_t *result);
void lgctl_print_otdr_baseline(FILE *out, const json_t *result);
void lgctl_print_otdr_file(FILE *out, const json_t *result);

/* lgctl_history.c: what that keeps. */
int lgctl_build_history_show(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_history(FILE *out, const json_t *result);
void lgctl_print_history_points(FILE *out, const json_t *result);

/* lgctl_web.c: the service of figures, at its own socket. */
int lgctl_build_web(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_web_sinks(FILE *out, const json_t *result);

/* lgctl_kms.c: the key delivery, at its own socket. */
int lgctl_build_kms(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_kms_sae(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_kms_saes(FILE *out, const json_t *result);
void lgctl_print_kms_usage(FILE *out, const json_t *result);

/* lgctl_doctor.c */
int lgctl_build_doctor(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_doctor(FILE *out, const json_t *result);

/* lgctl_alarm.c */
int lgctl_build_alarm_list(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_alarm_ack(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_alarm_shelve(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_alarm_unshelve(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_alarm_history(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_alarm_explain(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_alarms(FILE *out, const json_t *result);
void lgctl_print_alarm_history(FILE *out, const json_t *result);
void lgctl_print_alarm_shelves(FILE *out, const json_t *result);
void lgctl_print_alarm_kinds(FILE *out, const json_t *result);
int lgctl_build_why(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_why(FILE *out, const json_t *result);

/* lgctl_bundle.c */
int lgctl_build_bundle(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_bundle_run(struct lgctl_request *r, const char *socket, json_t **result, struct err *err);
void lgctl_print_bundle(FILE *out, const json_t *result);

/* lgctl_top.c */
int lgctl_build_top(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_top_follow(const struct lgctl_request *r, const char *socket, json_t **result, FILE *out,
                     struct err *err);
void lgctl_print_top(FILE *out, const json_t *result);

/* lgctl_qrng.c */
int lgctl_build_qrng_restart_test(char **args, int n, struct lgctl_request *r, struct err *err);
int lgctl_build_qrng_record(char **args, int n, struct lgctl_request *r, struct err *err);
void lgctl_print_qrng(FILE *out, const json_t *result);

/* The same, page by page, until the list is whole. */
int lgctl_call_all(const char *socket_path, const struct lgctl_request *request, json_t **result,
                   struct err *err);

void lgctl_print_tree(FILE *out, const json_t *result);
/* As a tree, of counters and drops only what is not zero. */
void lgctl_print_status(FILE *out, const json_t *result);
void lgctl_print_json(FILE *out, const json_t *result);
void lgctl_print_done(FILE *out, const json_t *result);
void lgctl_print_wires(FILE *out, const json_t *result);
void lgctl_print_routes(FILE *out, const json_t *result);
void lgctl_print_policy(FILE *out, const json_t *result);
void lgctl_print_tunnels(FILE *out, const json_t *result);
void lgctl_print_sas(FILE *out, const json_t *result);
void lgctl_print_audit(FILE *out, const json_t *result);
/* With the error rates that follow from the counts. */
void lgctl_print_blocks(FILE *out, const json_t *result);
void lgctl_print_methods(FILE *out, const json_t *result);

/* All of lgctl but main(): the exit status. */
int lgctl_run(int argc, char **argv, FILE *out, FILE *errors);

#endif
