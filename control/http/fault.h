/* SPDX-License-Identifier: BSD-3-Clause */

/* What is wrong with a request: HTTP status, and the Error object of ETSI GS QKD 014 section 6.5.
 */

#ifndef CONTROL_HTTP_FAULT_H
#define CONTROL_HTTP_FAULT_H

#define HTTP_DETAILS 8

struct http_fault {
	int status;                 /* HTTP status code */
	unsigned int retry_after_s; /* header Retry-After, 0: none */
	const char *allow;          /* header Allow, NULL: none */
	char message[224];
	unsigned int count; /* of details; more than HTTP_DETAILS are not kept */
	struct http_detail {
		char name[48];
		char reason[160];
	} detail[HTTP_DETAILS];
};

/* A fault with a message and no details yet; returns -STATUS. */
int http_fault_set(struct http_fault *f, int status, const char *message);

/* A fault of one member or parameter: message "NAME: REASON", and the same as a detail. */
int http_fault_field(struct http_fault *f, int status, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* One more detail; returns -STATUS. */
int http_fault_add(struct http_fault *f, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* 503: no fewer keys than asked, none; to ask again in RETRY_AFTER_S. */
int http_fault_unavailable(struct http_fault *f, const char *message, unsigned int retry_after_s);

/* The Error object in UTF-8, for free(); NULL without memory. */
char *http_fault_body(const struct http_fault *f);

#endif
