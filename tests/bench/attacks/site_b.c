/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's watch, at site B: names that are its own in this program. */

#define fibre_watch_start   site_b_start
#define fibre_watch_poll    site_b_poll
#define fibre_watch_card    site_b_card
#define fibre_watch_counts  site_b_counts
#define fibre_watch_holds   site_b_holds
#define fibre_watch_relearn site_b_relearn
#define fibre_watch_accept  site_b_accept
#define fibre_watch_clear   site_b_clear
#define fibre_watch_learnt  site_b_learnt
#define fibre_watch_resume  site_b_resume
#define fibre_watch_cause   site_b_cause
#define fibre_watch_json    site_b_json
#include "control/fibre_watch.c"

#include "tests/bench/attacks/site.h"

const struct site_watch site_b_watch = {.start = site_b_start,
                                        .poll = site_b_poll,
                                        .card = site_b_card,
                                        .counts = site_b_counts,
                                        .holds = site_b_holds,
                                        .json = site_b_json};
