/* SPDX-License-Identifier: BSD-3-Clause */

/* The telemetry of a card. */

#ifndef DRIVERS_MODEL_SHM_MONITOR_H
#define DRIVERS_MODEL_SHM_MONITOR_H

struct shm_card;

void shm_monitor_reset(struct shm_card *card);
void shm_monitor_turn(struct shm_card *card);

#endif
