/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's watch, at site A: names that are its own in this program. */

#define fibre_watch_start   site_a_start
#define fibre_watch_poll    site_a_poll
#define fibre_watch_card    site_a_card
#define fibre_watch_counts  site_a_counts
#define fibre_watch_holds   site_a_holds
#define fibre_watch_relearn site_a_relearn
#define fibre_watch_accept  site_a_accept
#define fibre_watch_clear   site_a_clear
#define fibre_watch_learnt  site_a_learnt
#define fibre_watch_resume  site_a_resume
#define fibre_watch_cause   site_a_cause
#define fibre_watch_json    site_a_json
#include "control/fibre_watch.c"

#include "tests/bench/attacks/site.h"

const struct site_watch site_a_watch = {.start = site_a_start,
                                        .poll = site_a_poll,
                                        .card = site_a_card,
                                        .counts = site_a_counts,
                                        .holds = site_a_holds,
                                        .json = site_a_json};
