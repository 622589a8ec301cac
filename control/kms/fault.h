/* SPDX-License-Identifier: BSD-3-Clause */

/* What is wrong with a request: HTTP status, and the Error object of ETSI GS QKD 014 section 6.5.
 */

#ifndef CONTROL_KMS_FAULT_H
#define CONTROL_KMS_FAULT_H

/* The fixed messages of the standard (sections 5.2 and 5.3), to the letter. */
#define KMS_MANDATORY_UNSUPPORTED "not all extension_mandatory parameters are supported"
#define KMS_MANDATORY_UNMET       "not all extension_mandatory request options could be met"
#define KMS_OPTIONAL_UNHANDLED    "not all extension_optional request options handled"
#define KMS_SIZE_NOT_BYTES        "size shall be a multiple of 8"
#define KMS_KEY_NOT_FOUND         "one or more keys specified are not found on KME"

/* 401 has no message of the standard. */
#define KMS_KEY_OF_OTHERS "one or more keys were issued to other SAEs"

#define KMS_DETAILS 8

struct kms_fault {
	int status;                 /* HTTP status code */
	unsigned int retry_after_s; /* header Retry-After, 0: none */
	const char *allow;          /* header Allow, NULL: none */
	char message[224];
	unsigned int count; /* of details; more than KMS_DETAILS are not kept */
	struct kms_detail {
		char name[48];
		char reason[160];
	} detail[KMS_DETAILS];
};

/* A fault with a message and no details yet; returns -STATUS. */
int kms_fault_set(struct kms_fault *f, int status, const char *message);

/* A fault of one member or parameter: message "NAME: REASON", and the same as a detail. */
int kms_fault_field(struct kms_fault *f, int status, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* One more detail; returns -STATUS. */
int kms_fault_add(struct kms_fault *f, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* 503: no fewer keys than asked, none; to ask again in RETRY_AFTER_S. */
int kms_fault_unavailable(struct kms_fault *f, const char *message, unsigned int retry_after_s);

/* The Error object in UTF-8, for free(); NULL without memory. */
char *kms_fault_body(const struct kms_fault *f);

#endif
