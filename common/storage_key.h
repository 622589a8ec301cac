/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The storage key: 32 bytes under which a key store rests sealed. Its name says where it is:
 *
 *   /PATH                       a file that its owner alone may read
 *   credential:NAME             a systemd credential, $CREDENTIALS_DIRECTORY/NAME, that the
 *                               service has by LoadCredential= or LoadCredentialEncrypted=
 *   tpm2:HANDLE                 sealed in a TPM 2.0 under a persistent handle, 0x81...
 *   tpm2:HANDLE:BANK:PCR,...    likewise, under a policy of PCRs, such as sha256:0,7
 */

#ifndef COMMON_STORAGE_KEY_H
#define COMMON_STORAGE_KEY_H

#include <stdint.h>

#include "common/err.h"

#define STORAGE_KEY_BYTES 32

/*
 * Could NAME be read on this machine, by this process? Nothing secret is read: a file or
 * credential is there, or there is a TPM and a library for it. EINVAL: NAME is none. In errors
 * FIELD, of the configuration, comes first.
 */
int storage_key_check(const char *name, const char *field, struct err *err);

/* Read it into secret memory; the caller frees *KEY with secret_free(). A TPM may take a second. */
int storage_key_read(const char *name, const char *field, uint8_t **key, struct err *err);

#endif
