/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms of lumengate-kms. */

#include "control/alarm_kinds.h"

#include <stddef.h>

#define HOLD_S 30

const struct alarm_kind alarm_kinds_kms[] = {
        {.kind = "kms-reload",
         .resource = "kms",
         .severities = ALARM_KIND_MAJOR,
         .cause = "New files cannot be used: what was loaded before stays",
         .action = "The text names file and reason: put the right files there, then lgctl kms "
                   "reload"},
        {.kind = "kms-certificate",
         .resource = "kms",
         .severities = ALARM_KIND_MINOR | ALARM_KIND_CRITICAL,
         .cause = "Minor: the KME's certificate ends within 14 days. Critical: it has ended",
         .action = "Have the CA issue a new one, put it in place, then lgctl kms reload"},
        {.kind = "kms-key-low",
         .resource = "kms",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "Less key to give than low-water-kib",
         .action = "lgctl kms why says whether key comes; if it does, the SAEs take more than "
                   "that: their quotas, or a larger share of delivery"},
        {.kind = "kms-disk",
         .resource = "kms",
         .severities = ALARM_KIND_CRITICAL,
         .hold_s = HOLD_S,
         .cause = "The database cannot be written: dec_keys is 503, enc_keys goes on with what is "
                  "reserved",
         .action = "Make room on the disk of store/path, and let lumengate-kms write there; the "
                   "text has what the system said"},
        {.kind = "kms-damaged",
         .resource = "kms",
         .severities = ALARM_KIND_MAJOR,
         .cause = "Segments of the database could not be opened and are void",
         .action = "Nothing to do for the keys: the other site voids its half. Check the disk; the "
                   "text says how many"},
        {.kind = "kms-gateway",
         .resource = "kms",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The gateway was not there for 10 s, is of the other site or not understood, as "
                  "of another version: no key comes, and no word of the other KME",
         .action = "Is lumengate running, is gateway-socket its delivery/socket, and lumengate-kms "
                   "a member of delivery/group? The text has the reason"},
        {.kind = "kms-divergence",
         .resource = "kms",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "The audit found segments that the sites do not share: they are void at both; "
                  "the text says where. Ends after a minute without",
         .action =
                 "If it comes back, look whether a database was restored from a copy at one site"},
        {.kind = "kms-lockout",
         .resource = "kms",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "An SAE asked five times for keys of others: locked out for a minute",
         .action = "Ask its owner; lgctl kms usage counts, lgctl kms sae unlock lifts it at once"},
        {.kind = "kms-replay",
         .resource = "kms",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "An SAE asks again and again for keys that were delivered to it",
         .action = "Ask its owner why it asks again: a client that lost answers, or somebody who "
                   "has its certificate"},
        {.kind = "kms-unknown-sae",
         .resource = "kms",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "Certificates of our authorities that no SAE is registered for, five within a "
                  "minute of each other",
         .action = "Register the SAE (lgctl kms sae add), or find out who has such a certificate; "
                   "the log names it"},
        {0}};
