/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does the peer of a tunnel live? What is authentic and arrived a second ago or less says so. Else
 * it is asked once a second, and silent after some questions without an answer. A state machine
 * without I/O, to be polled about four times a second or more.
 */

#ifndef CONTROL_TUNNEL_LIVE_H
#define CONTROL_TUNNEL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

enum tunnel_live_state { TUNNEL_LIVE_NO_KEY, TUNNEL_LIVE_UP, TUNNEL_LIVE_SILENT };

struct tunnel_live {
	uint8_t state; /* enum tunnel_live_state */
	uint8_t asked; /* questions since something was heard */
	uint64_t opened;
	uint64_t heard_ns, next_ns;
};

/*
 * OPENED: authentic packets, ever. LOSSES: questions without an answer until the peer is silent;
 * 0: never ask. True: ask now.
 */
bool tunnel_live_poll(struct tunnel_live *t, bool has_key, uint64_t opened, unsigned int losses,
                      uint64_t now_ns);

const char *tunnel_live_name(const struct tunnel_live *t);

#endif
