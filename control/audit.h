/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who changed what: every call of a method that changes something or shows plaintext, done,
 * failed or refused, is a line of the log that no log level silences, and an entry here.
 * Secrets are in neither. Control thread.
 */

#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/method.h"

#define AUDIT_ENTRIES_MAX  1024
#define AUDIT_TEXT_MAX     256 /* bytes kept of one string or object among the parameters */
#define AUDIT_REFUSALS_MAX 8   /* recorded a second: who may not write floods no log */

struct audit_entry {
	uint64_t number;  /* from 1, since start */
	uint64_t time_ns; /* wall clock */
	uid_t uid;
	pid_t pid;
	const char *method; /* name */
	char *params;       /* JSON, without secrets */
	int code;           /* of JSON-RPC; 0: done */
	char reason[160];   /* of an error, else "" */
};

struct audit_counts {
	uint64_t recorded;   /* since start; the newest AUDIT_ENTRIES_MAX are kept */
	uint64_t suppressed; /* refusals beyond AUDIT_REFUSALS_MAX in a second */
};

/* Forget everything and take time from WALL_NS; NULL for the system's clock. */
void audit_reset(uint64_t (*wall_ns)(void));

/* Method M was called with PARAMS, which may be NULL or anything, by method_caller(). */
void audit_record(const struct method *m, const json_t *params, const struct jsonrpc_error *error);

/* The I-th entry, newest first; NULL past the oldest kept. */
const struct audit_entry *audit_at(size_t i);

/* For clients; a new reference. */
json_t *audit_entry_json(const struct audit_entry *e);

void audit_counts_read(struct audit_counts *out);

#endif
