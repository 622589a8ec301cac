/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's watch, at site A. */

#define SITE(name) site_a_##name
#include "tests/bench/attacks/site_watch.h"
