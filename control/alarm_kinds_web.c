/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms of lumengate-web. */

#include "control/alarm_kinds.h"

#include <stddef.h>

#define HOLD_S 30

const struct alarm_kind alarm_kinds_web[] = {
        {.kind = "web-no-answer",
         .resource = "gateway, kms",
         .severities = ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "A program does not answer on its control socket: its figures and alarms are not "
                  "known",
         .action = "The text says why: is the program up (systemctl status), is the socket's path "
                   "the same in both configurations, is lumengate-web in the groups of the socket"},
        {.kind = "web-history",
         .resource = "web",
         .severities = ALARM_KIND_MINOR,
         .hold_s = HOLD_S,
         .cause = "The history of figures cannot be kept: what is not written is lost, the figures "
                  "themselves are served",
         .action = "The text names file and reason: make room on its disk, let lumengate-web write "
                   "there; a damaged file may be removed, a new one is begun at the next start"},
        {.kind = "web-reload",
         .resource = "web",
         .severities = ALARM_KIND_MAJOR,
         .cause = "New files cannot be used: what was loaded before stays",
         .action = "The text names file and reason: put the right files there, then lgctl web "
                   "reload"},
        {.kind = "web-certificate",
         .resource = "web",
         .severities = ALARM_KIND_MINOR | ALARM_KIND_MAJOR,
         .cause =
                 "Minor: the certificate of lumengate-web ends within 14 days. Major: it has ended",
         .action = "Have the CA issue a new one, put it in place, then lgctl web reload"},
        {.kind = "web-sink",
         .resource = "web/syslog/NAME, web/journal/journal, web/webhook/NAME",
         .severities = ALARM_KIND_MINOR | ALARM_KIND_MAJOR,
         .hold_s = HOLD_S,
         .cause = "Alarms are told to somebody who does not take them: they wait (minor), or are "
                  "lost or given up (major)",
         .action = "The text has what came back; is the receiver up, its certificate good, its "
                   "address right? lgctl web sinks"},
        {0},
};
