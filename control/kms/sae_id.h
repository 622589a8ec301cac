/* SPDX-License-Identifier: BSD-3-Clause */

/* SAE IDs: free text of 1 to 255 bytes in UTF-8, compared byte by byte. */

#ifndef CONTROL_KMS_SAE_ID_H
#define CONTROL_KMS_SAE_ID_H

#include <stddef.h>

#define KMS_SAE_ID    255
#define KMS_SAE_SHORT 52

/*
 * NULL when N bytes at ID are an SAE ID, else what is wrong with them. Control characters are
 * refused: a null would end the name early, a line feed would forge a line of the log.
 */
const char *kms_sae_id_fault(const char *id, size_t n);

/* ID as messages name it: whole, or its beginning and "...", in whole characters. Returns OUT. */
const char *kms_sae_id_short(const char *id, char out[KMS_SAE_SHORT]);

#endif
