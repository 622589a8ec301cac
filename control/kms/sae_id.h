/* SPDX-License-Identifier: BSD-3-Clause */

/* SAE IDs: free text of 1 to 255 bytes in UTF-8, compared byte by byte. */

#ifndef CONTROL_KMS_SAE_ID_H
#define CONTROL_KMS_SAE_ID_H

#include "control/http/identity.h"

#define KMS_SAE_ID    HTTP_IDENTITY
#define KMS_SAE_SHORT 52

/* ID as messages name it: whole, or its beginning and "...", in whole characters. Returns OUT. */
const char *kms_sae_id_short(const char *id, char out[KMS_SAE_SHORT]);

#endif
