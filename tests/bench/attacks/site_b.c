/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's watch, at site B. */

#define SITE(name) site_b_##name
#include "tests/bench/attacks/site_watch.h"
