/* SPDX-License-Identifier: BSD-3-Clause */

/* What may leave the machine of a configuration or of an answer, for people elsewhere to read. */

#ifndef CONTROL_REDACT_H
#define CONTROL_REDACT_H

#include <jansson.h>

#define REDACTED "(left out)"

/*
 * A copy of V, a new reference, without secrets: texts whose name says that they are one, unless
 * they say where the secret is (a path, credential:, tpm2:), and of URLs all but scheme, host and
 * port. Within strings that hold JSON nothing is looked for. NULL: out of memory.
 */
json_t *redact(const json_t *v);

#endif
