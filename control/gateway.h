/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the methods ask of the running gateway. The code that joins data plane, engine and
 * drivers registers these functions; without them the methods answer that nothing runs.
 * All are called on the control thread and return copies: never key bytes.
 */

#ifndef CONTROL_GATEWAY_H
#define CONTROL_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "control/key_forecast.h"
#include "dataplane/dataplane.h"
#include "dataplane/forward.h"
#include "dataplane/port.h"
#include "dataplane/rekey.h"
#include "dataplane/spd.h"
#include "dataplane/tunnel.h"
#include "drivers/card.h"
#include "qkd-engine/channel.h"
#include "qkd-engine/engine.h"
#include "qkd-engine/keystore.h"

struct kme_feed_stats;

struct gateway_link {
	char name[32];
	bool enabled, card_present;
	struct card_status card;
	struct channel_stats channel;
	struct engine_stats engine;
};

struct gateway_tunnel {
	char name[32];
	struct config_addr local, remote;
	struct rekey_stats rekey;
	uint64_t packets_sealed, bytes_sealed, packets_opened, bytes_opened;
	const char *path;         /* "primary", "backup"; NULL: there is one */
	const char *state;        /* "up", "no-key", "peer-silent", "not-at-peer" */
	uint64_t packets_cleared; /* sent in the clear for want of a key */
	struct tunnel_peer_info peer;
	struct forward_path_info path_mtu;
};

struct gateway_wire {
	const struct config_wire *config;
	/* "up", "down", "held" (down, as the far one is), "unknown" */
	const char *local_link, *remote_link;
	uint64_t frames_sent, frames_received;
};

struct gateway_sa {
	char tunnel[32];
	struct sa_info info;
};

struct gateway_ops {
	void (*link)(struct gateway_link *out);
	/* Up to MAX entries from the OFFSET-th on; the number there are in all. */
	unsigned int (*tunnels)(unsigned int offset, struct gateway_tunnel *out, unsigned int max);
	/* Of one tunnel, or of all with NULL. */
	unsigned int (*sas)(const char *tunnel, unsigned int offset, struct gateway_sa *out,
	                    unsigned int max);
	/* Of the I-th pseudowire of the configuration. */
	void (*wire)(unsigned int i, struct gateway_wire *out);
	/* As dataplane_learnt(); not to be kept. */
	void (*learnt)(unsigned int iface, struct dataplane_learnt *out);
	/* As spd_list(). */
	unsigned int (*policy)(struct spd_info *out, unsigned int max);
	int (*tunnel_rekey)(const char *tunnel, struct err *err); /* -ENOENT */
	/* Those of the running gateway, NULL before it runs; not to be kept. */
	const struct port *(*port)(enum port_role role);
	void (*keystore)(struct keystore_stats *out);
	void (*key_forecast)(struct key_forecast_view *out); /* or NULL */
	bool (*kme)(struct kme_feed_stats *out);             /* false: no foreign KME */
	/* DATA is wiped by the caller. */
	int (*keystore_import)(const void *data, size_t len, struct err *err);
	/* NEXT passed config_live_change(); all of it or, with an error, nothing. */
	int (*config_apply)(const struct config *next, struct err *err);
};

/* OPS is kept; NULL: the gateway is gone. */
void gateway_register(const struct gateway_ops *ops);
const struct gateway_ops *gateway_ops(void);

/* The configuration that runs, as it was parsed and with all defaults. Copies. */
int gateway_config_set(const struct config *config, const char *normal, struct err *err);
const struct config *gateway_config(void);
const char *gateway_config_text(void);

#endif
