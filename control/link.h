/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The control thread's side of the quantum link: joins the QKD role, the key store and the
 * rekeying of the tunnels. The role's notes come in, blocks go into the store, pads and
 * rekey messages go out.
 */

#ifndef CONTROL_LINK_H
#define CONTROL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "control/delivery.h"
#include "control/delivery_socket.h"
#include "control/key_forecast.h"
#include "control/kme_feed.h"
#include "control/ladder.h"
#include "dataplane/qkd_role.h"
#include "dataplane/rekey.h"
#include "dataplane/tunnel.h"
#include "qkd-engine/keystore.h"

struct link;

/* Secret memory that the blocks of CONFIG's link take, beside keys. */
size_t link_secret_bytes(const struct config *config);

/* Opens the key store and reads the secrets that CONFIG names; TUNNELS: one a config entry. */
struct link *link_create(const struct config *config, struct channel_mux *mux,
                         struct tunnel *const *tunnels, struct err *err);
void link_destroy(struct link *l);

/* The context of the polling role. */
struct qkd_role *link_role(struct link *l);

/* Call it every few milliseconds. */
void link_poll(struct link *l, uint64_t now_ns);

/*
 * Tunnels of NEXT (config_place()) that are new, with TUNNELS by their places: they are keyed from
 * now on. -ENOMEM: drop them again. Then those that CONFIG does not have: nothing refers to their
 * struct tunnel any more.
 */
int link_add_tunnels(struct link *l, const struct config *next, struct tunnel *const *tunnels,
                     struct err *err);
void link_drop_tunnels(struct link *l, const struct config *config);

/* What else may change live: lives of keys, policies and thresholds. */
void link_reconfigure(struct link *l, const struct config *config);

struct keystore *link_keystore(struct link *l);
struct rekey *link_rekey(struct link *l, unsigned int tunnel);
/* On command; -ENOENT: there is no such tunnel. */
int link_rekey_now(struct link *l, unsigned int tunnel);
/* The peer has said that it has no tunnel of this name. */
bool link_tunnel_absent(const struct link *l, unsigned int tunnel);

/* The record of a block that became key, without the key. */
struct link_block {
	uint64_t number;
	uint64_t time_wall_ns;
	uint64_t first_slot, last_slot; /* of its detections, in the transmitter's slots */
	uint64_t sifted_bits, leaked_bits, disclosed_bits, planned_z[2];
	uint32_t secret_bits;
	double efficiency_f, eps_auth;
	enum finite_key_proof proof;
	enum leak_mode leak_mode;
	enum reconcile_method method;
	enum reconcile_reason reason;
	struct finite_key_source source;
	struct finite_key_counts counts;
	bool simulated, computational;
};

/* The I-th newest, NULL past the oldest that is remembered. */
#define LINK_BLOCKS 256
const struct link_block *link_block_at(const struct link *l, unsigned int i);

/* Of pseudowires: the session in which the peer hears, 0: none; whose messages go to RECEIVE. */
uint64_t link_session(const struct link *l);
int link_wire_send(struct link *l, uint16_t tunnel, const void *msg, size_t len);
void link_wire_receiver(struct link *l,
                        bool (*receive)(uint16_t tunnel, const uint8_t *msg, size_t len));

/* What the peer's power monitor reads, nW, as of the last second or so; 0: not known. */
double link_peer_power(const struct link *l);
/* The last scan of the peer's channel monitor, 5 s old at most; NULL: there is none. */
const struct card_ocm_scan *link_far_spectrum(const struct link *l, uint64_t now_ns);

/* When the keys for rekeying are used up. */
void link_key_forecast(const struct link *l, struct key_forecast_view *out);

/* How far its light has come up. */
const struct ladder *link_ladder(const struct link *l);
/* Whether something says that no block may become key; repeating the same is no cost. */
void link_hold(struct link *l, bool held);

/* Keys of a foreign KME; false: none is configured. */
bool link_kme_stats(const struct link *l, struct kme_feed_stats *out);
/* Delivery of keys; false: it is not configured. */
struct link_delivery {
	struct delivery_stats stats;
	struct delivery_socket_stats socket;
	unsigned int weight[2];  /* percent, as configured; from A, from B */
	unsigned int percent[2]; /* in force: site A's */
	uint32_t floor;
	bool below_floor;
	const char *why[2]; /* a stream gets nothing; "open": nothing keeps it from that */
};
bool link_delivery_read(const struct link *l, struct link_delivery *out);

/* The figures that are the control thread's own. */
struct link_stats {
	bool connected; /* the channel has a session and the stores were compared */
	uint64_t sessions, blocks_stored, blocks_refused, pads_fetched, pads_unknown;
	uint64_t bad_messages;
	uint64_t notes_dropped; /* to the role: no memory, or it stood still */
};
void link_stats_read(const struct link *l, struct link_stats *out);

#endif
