/* SPDX-License-Identifier: BSD-3-Clause */

/* Link-loss forwarding between the LAN port, the peer and the alarms. Control thread only. */

#ifndef CONTROL_WIRE_WATCH_H
#define CONTROL_WIRE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct wire_watch_ops {
	/* What the port of the wire says, and take its link to UP: 0, or -ENOTSUP. */
	bool (*local_up)(void *ctx);
	int (*set)(void *ctx, bool up);
	/* The session of the channel, 0: there is none. */
	uint64_t (*session)(void *ctx);
	/* To the peer; not 0: not now. */
	int (*send)(void *ctx, uint16_t tunnel, const void *msg, size_t len);
};

void wire_watch_start(const struct config *config, const struct wire_watch_ops *ops, void *ctx,
                      uint64_t now_ns);
void wire_watch_poll(uint64_t now_ns);
/* Lets go of a link that is held. */
void wire_watch_stop(void);

/* A message of the peer's about TUNNEL, from behind its index; false: it is wrong. */
bool wire_watch_receive(uint16_t tunnel, const uint8_t *msg, size_t len);

struct wire_watch_status {
	bool forwarded; /* link loss is forwarded for this wire */
	bool local_up, held, remote_known, remote_up;
};
/* Of wire number I of the configuration. */
void wire_watch_read(unsigned int i, struct wire_watch_status *out);

#endif
