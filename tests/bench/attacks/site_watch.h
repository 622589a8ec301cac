/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's watch as one site's: SITE(NAME) gives its names, which are otherwise the same at
 * both, a prefix of its own in this program. Included once by each site's source.
 */

#define fibre_watch_start   SITE(start)
#define fibre_watch_poll    SITE(poll)
#define fibre_watch_card    SITE(card)
#define fibre_watch_counts  SITE(counts)
#define fibre_watch_holds   SITE(holds)
#define fibre_watch_relearn SITE(relearn)
#define fibre_watch_accept  SITE(accept)
#define fibre_watch_clear   SITE(clear)
#define fibre_watch_learnt  SITE(learnt)
#define fibre_watch_resume  SITE(resume)
#define fibre_watch_cause   SITE(cause)
#define fibre_watch_json    SITE(json)
#include "control/fibre_watch.c"

#include "tests/bench/attacks/site.h"

const struct site_watch SITE(watch) = {.start = SITE(start),
                                       .poll = SITE(poll),
                                       .card = SITE(card),
                                       .counts = SITE(counts),
                                       .holds = SITE(holds),
                                       .json = SITE(json)};
