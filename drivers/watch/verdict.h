/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an attack is called when several monitors see it. A monitor that looks at the cause explains
 * those that see its effects: shifted pulses meet a less efficient detector, so the loss steps as
 * well, but it is no tap. Who is explained raises no alarm of its own while the other's lasts.
 * Effects that show before their cause can are told a little later.
 */

#ifndef DRIVERS_WATCH_VERDICT_H
#define DRIVERS_WATCH_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/monitors.h"

/* Those that M explains, a bit each. */
uint32_t watch_explains(enum watch_monitor m);

/* Of the monitors that fired, a bit each, those to name. */
uint32_t watch_named(uint32_t fired);

/*
 * Seconds for which an alarm of M waits for another that explains it: photon-number splitting
 * shows in each pulse's clicks at once, but in the decoys' share only when a block is counted.
 */
double watch_wait_s(enum watch_monitor m);

#endif
