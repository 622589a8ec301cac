/* SPDX-License-Identifier: BSD-3-Clause */

/* The JSON object of a request's body, within bounds that a client cannot widen. */

#ifndef CONTROL_KMS_BODY_H
#define CONTROL_KMS_BODY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "control/kms/fault.h"

#define KMS_BODY_BYTES ((size_t)256 << 10)
#define KMS_BODY_DEPTH 16   /* of arrays and objects */
#define KMS_BODY_NODES 8192 /* arrays, objects and commas: what a body costs in memory */

/*
 * An object of N bytes at TEXT into *OUT, for json_decref(). 0, or -STATUS with F set: 413 when it
 * is too long, 400 when it is too deep, of too many parts, no JSON in UTF-8, no object, or names a
 * member twice. *OUT is NULL then.
 */
int kms_body_parse(const char *text, size_t n, json_t **out, struct http_fault *f);

/* A member that is null is as none: clients write all that they know of. */

/* Member NAME, an integer from MIN to MAX, into *OUT, which stays as it is when there is none. */
int kms_body_number(const json_t *body, const char *name, uint32_t min, uint32_t max, uint32_t *out,
                    struct http_fault *f);

/* Member NAME, an array, into *OUT; NULL when there is none. */
int kms_body_array(const json_t *body, const char *name, const json_t **out, struct http_fault *f);

#endif
