/* SPDX-License-Identifier: BSD-3-Clause */

/* A plot of an OTDR file: the trace, its events, and a table of them. */

#ifndef DRIVERS_SOR_SVG_H
#define DRIVERS_SOR_SVG_H

#include <stdio.h>

#include "drivers/sor.h"

/* -EIO when OUT takes no more. */
int sor_svg(const struct sor *sor, const char *title, FILE *out);

#endif
