/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which of two next hops outer packets take: a state machine without I/O for one peer. The other
 * one is taken when the neighbour of the active one is gone, or nothing comes through the tunnel
 * over it; only ever then, or to come back, since packets of both ways may overtake each other.
 */

#ifndef CONTROL_WAN_PATH_H
#define CONTROL_WAN_PATH_H

#include <stdbool.h>
#include <stdint.h>

#define WAN_PATH_GONE_NS (500 * 1000000ULL) /* unresolved so long: gone */
/* A path that was just taken is not given up for silence: the peer may need as long to follow. */
#define WAN_PATH_DWELL_NS (10 * 1000000000ULL)
/* Reachable so long before it is taken back; doubled each time that it was silent again. */
#define WAN_PATH_BACK_NS     (10 * 1000000000ULL)
#define WAN_PATH_BACK_MAX_NS (3600 * 1000000000ULL)

struct wan_path {
	uint8_t active; /* 0: primary, 1: backup */
	uint64_t changes;
	uint64_t changed_ns;
	uint64_t gone_ns; /* since when the active one is unresolved; 0: it is not */
	uint64_t good_ns; /* since when the primary, not active, is reachable; 0: it is not */
	uint64_t back_ns; /* how long it must be, now; 0: the least */
};

struct wan_path_input {
	bool has_backup;
	bool reachable[2]; /* its link address is known, and it answers */
	bool silent;       /* nothing authentic comes through the tunnel */
	bool stay;         /* do not come back while the backup does */
};

/* True: the other one is active from now on. */
bool wan_path_poll(struct wan_path *p, const struct wan_path_input *in, uint64_t now_ns);

#endif
