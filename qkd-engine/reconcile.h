/* SPDX-License-Identifier: BSD-3-Clause */

/* The ways to reconcile a block, and why one was taken. */

#ifndef QKD_ENGINE_RECONCILE_H
#define QKD_ENGINE_RECONCILE_H

enum reconcile_method {
	RECONCILE_AUTO, /* of a configuration: what leaves more key */
	RECONCILE_CASCADE,
	RECONCILE_LDPC,
	RECONCILE_METHODS
};

enum reconcile_reason {
	RECONCILE_CONFIGURED, /* the configuration names it */
	RECONCILE_ONLY,       /* no other is valid under the way of counting leak, or has a code */
	RECONCILE_MORE_KEY,   /* its budget leaves more key than the others' */
	RECONCILE_ROUNDS, /* another leaves little more, and takes many round trips that are long */
	RECONCILE_REASONS
};

const char *reconcile_method_name(enum reconcile_method method); /* "auto", "cascade", "ldpc" */
int reconcile_method_find(const char *name, enum reconcile_method *out); /* -EINVAL */
const char *reconcile_reason_name(enum reconcile_reason reason);

#endif
