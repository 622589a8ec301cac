/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The methods of the control socket. A file defines its methods, they register themselves:
 *
 *     struct rekey_params {
 *             const char *tunnel;
 *     };
 *     static const struct method_param rekey_params[] = {
 *             METHOD_PARAM(struct rekey_params, tunnel, PARAM_STRING, .max = 31,
 *                          .help = "name of the tunnel"),
 *     };
 *     static int tunnel_rekey(const void *params, json_t **result, struct err *err) { ... }
 *     METHOD_DEFINE(tunnel_rekey, .summary = "Rekey a tunnel now", .fn = tunnel_rekey,
 *                   .params = rekey_params, .param_count = 1, .right = METHOD_WRITE);
 *
 * All of it belongs to the control thread.
 */

#ifndef CONTROL_METHOD_H
#define CONTROL_METHOD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/err.h"
#include "control/jsonrpc.h"

enum method_state { METHOD_STARTUP = 1, METHOD_RUNTIME = 2 };
/* Each includes those before it. METHOD_CAPTURE: to see plaintext. */
enum method_right { METHOD_READ, METHOD_WRITE, METHOD_CAPTURE };
enum param_type {
	PARAM_STRING,  /* const char *, valid during the call; at most max bytes */
	PARAM_UINT,    /* uint64_t, min to max */
	PARAM_BOOL,    /* bool */
	PARAM_OBJECT,  /* const json_t *, valid during the call */
	PARAM_STRINGS, /* const json_t *, an array of strings, valid during the call */
	PARAM_ANY,     /* const json_t *, whatever it is, valid during the call */
};

struct method_param {
	const char *name;
	enum param_type type;
	bool optional; /* then the member stays zero */
	size_t offset; /* in the method's struct of parameters */
	uint64_t min;  /* PARAM_UINT that is given */
	uint64_t max;  /* 0: no limit of its own */
	bool secret;   /* keys: never in a log */
	/* PARAM_STRING and PARAM_STRINGS: of these ("rx|tx|both") and nothing else; NULL: any. */
	const char *choices;
	/* What an optional one is where the client does not say; 0 and NULL: as above, zero. */
	uint64_t preset;         /* PARAM_UINT */
	const char *preset_text; /* PARAM_STRING */
	const char *help;
};

#define METHOD_PARAM(struct_, member, type_, ...)                                                  \
	{                                                                                          \
		.name = #member, .type = (type_), .offset = offsetof(struct_, member), __VA_ARGS__ \
	}

#define METHOD_PARAMS_BYTES_MAX 256 /* of a method's struct of parameters */

/*
 * 0 and *RESULT (NULL means an empty object), or negative errno and ERR: -EINVAL is an error
 * of the parameters, everything else says that the gateway refused or could not.
 */
typedef int (*method_fn)(const void *params, json_t **result, struct err *err);

struct method {
	const char *name;    /* noun_verb */
	const char *summary; /* one sentence */
	method_fn fn;
	const struct method_param *params;
	size_t param_count;
	unsigned int states; /* 0: METHOD_RUNTIME */
	enum method_right right;
	struct method *next;
};

#define METHOD_DEFINE(name_, ...)                                                                  \
	static struct method name_##_method_ = {.name = #name_, __VA_ARGS__};                      \
	__attribute__((constructor)) static void name_##_method_register_(void)                    \
	{                                                                                          \
		method_register(&name_##_method_);                                                 \
	}

/* Called by constructors; aborts on a duplicate name. */
void method_register(struct method *method);

/* Methods in the order of their names. */
const struct method *method_first(void);

/* All of them as get_methods gives them; a program prints its own without running. */
json_t *method_table(void);
int method_table_print(FILE *out);

/* METHOD_STARTUP until this says METHOD_RUNTIME. */
void method_state_set(enum method_state state);
enum method_state method_state(void);

/* Whose request is being handled, for what is recorded with its name: by the socket's server. */
struct method_caller {
	uid_t uid;
	pid_t pid;
	uint64_t client; /* number of its connection; 0: it has none */
};
void method_caller_set(const struct method_caller *caller);
const struct method_caller *method_caller(void);
const char *method_right_name(enum method_right right);

/* Run a method for a client; a jsonrpc_call_fn whose CTX points to what the client may do. */
json_t *method_call(void *right, const char *name, const json_t *params,
                    struct jsonrpc_error *error);

#endif
