/* SPDX-License-Identifier: BSD-3-Clause */

/* The fixed messages of ETSI GS QKD 014 sections 5.2 and 5.3, to the letter. */

#ifndef CONTROL_KMS_FAULT_H
#define CONTROL_KMS_FAULT_H

#include "control/http/fault.h"

#define KMS_MANDATORY_UNSUPPORTED "not all extension_mandatory parameters are supported"
#define KMS_MANDATORY_UNMET       "not all extension_mandatory request options could be met"
#define KMS_OPTIONAL_UNHANDLED    "not all extension_optional request options handled"
#define KMS_SIZE_NOT_BYTES        "size shall be a multiple of 8"
#define KMS_KEY_NOT_FOUND         "one or more keys specified are not found on KME"

/* 401 has no message of the standard. */
#define KMS_KEY_OF_OTHERS "one or more keys were issued to other SAEs"

#endif
