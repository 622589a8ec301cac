/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a foreign KME answers (ETSI GS QKD 014 V1.1.1, section 6), read with distrust. An error's
 * text has words of ours alone, never of a body that holds keys.
 */

#ifndef CONTROL_KME_ANSWER_H
#define CONTROL_KME_ANSWER_H

#include <stddef.h>

#include "common/err.h"
#include "control/kme_wire.h"

#define KME_ANSWER_MAX ((size_t)256 << 10) /* bytes of a body */

/*
 * Status (6.1). SAE: who we should be, "" when that is not checked. 0 and M as a KME_STATUS
 * message; -EPROTO: no Status; -EACCES: it is about another SAE, or has no keys of 256 bits.
 */
int kme_answer_status(const char *body, size_t len, const char *sae, struct kme_message *m,
                      struct err *err);

/*
 * Key container (6.3) of just N keys of 256 bits into ENTRIES, n * KME_ENTRY_BYTES of secret
 * memory. IDS: the keys that it must have, n * KME_ID_BYTES, in whose order they are written; NULL:
 * any that differ. -EPROTO with nothing in ENTRIES.
 */
int kme_answer_keys(const char *body, size_t len, const uint8_t *ids, unsigned int n,
                    uint8_t *entries, struct err *err);

/* The message of an Error (6.5), "" when there is none. */
void kme_answer_message(const char *body, size_t len, char text[KME_TEXT_MAX + 1]);

#endif
