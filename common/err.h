/* SPDX-License-Identifier: BSD-3-Clause */

/* Errors as values: a negative errno to act on, one sentence for people. */

#ifndef COMMON_ERR_H
#define COMMON_ERR_H

struct err {
	int code;       /* positive errno, 0 when nothing was recorded */
	char text[256]; /* one sentence that names the field and the reason */
};

/*
 * Record CODE (positive errno) and a sentence in ERR, which may be NULL.
 * Returns -CODE, so that a caller writes `return err_set(err, EINVAL, ...)`.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "PREFIX: " before the recorded sentence; returns -err->code. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
