/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A secret that a TPM 2.0 holds: an object of type keyedhash, made persistent, with an empty
 * authorisation or a policy of PCRs. By tpm2-tss, which is opened at run time: what is built
 * with its headers runs without it.
 *
 * The machine's TPM is /dev/tpmrm0; LUMENGATE_TPM2_TCTI names another way to one, in the words
 * of tpm2-tss (such as swtpm:port=2321).
 */

#ifndef COMMON_TPM2_H
#define COMMON_TPM2_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct tpm2_sealed {
	uint32_t handle; /* persistent: 0x81000000 to 0x81ffffff */
	uint16_t bank;   /* hash algorithm of the PCRs (TPM2_ALG_ID); 0: no policy */
	uint32_t pcrs;   /* bit i: PCR i */
};

/* HANDLE or HANDLE:BANK:PCR,..., such as 0x81010001:sha256:0,7. EINVAL: it is not that. */
int tpm2_sealed_parse(const char *text, struct tpm2_sealed *out, struct err *err);

/* Is there a TPM, and the library? ENOTSUP: this program was built without. */
int tpm2_there(struct err *err);

/*
 * Unseal LEN bytes to OUT, secret memory. On the way from the TPM they are encrypted for a
 * session whose salt goes to a fresh key of the TPM (TPM 2.0 Library, Part 1, section 19): who
 * listens on its bus learns nothing. ENOENT: there is nothing under that handle, EPERM: the
 * PCRs or the authorisation are not right, EINVAL: it is of another length, EIO: all else.
 */
int tpm2_unseal(const struct tpm2_sealed *sealed, uint8_t *out, size_t len, struct err *err);

#endif
