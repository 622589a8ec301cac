/* SPDX-License-Identifier: BSD-3-Clause */

/* The link's state, for link*.c only: link.c (notes), link_delivery.c, link_kme.c, link_open.c,
 * link_names.c, link_pads.c, link_presence.c, link_supervise.c, link_tunnels.c (rekeying). */

#ifndef CONTROL_LINK_STATE_H
#define CONTROL_LINK_STATE_H

#include "control/alarm.h"
#include "control/key_forecast.h"
#include "control/key_level.h"
#include "control/ladder.h"
#include "control/link.h"

/* First byte of a message on the control stream. */
enum {
	MESSAGE_SUMMARY = 1,
	MESSAGE_REKEY_1 = 2, /* without a version */
	MESSAGE_REKEY_2 = 3, /* tunnels by number */
	MESSAGE_POWER = 5,
	MESSAGE_SPECTRUM = 6,
	MESSAGE_KMS = 7, /* of the peer's key delivery to the one here */
	MESSAGE_KME = 8,
	MESSAGE_DELIVERY = 9,
	MESSAGE_REKEY = 10,
	MESSAGE_WIRE = 11,
	MESSAGE_TUNNEL = 12
};

struct rekey_context {
	struct link *link;
	unsigned int index;
	struct tunnel *tunnel;
	struct rekey *rekey; /* NULL: the place is free */
	char name[32], resource[64];
	/* link_presence.c */
	bool heard, absent; /* the peer spoke of it in this session; it has none such */
	bool tell_new;
	uint64_t ask_ns;
};

/* A message about a tunnel: what is behind the name. */
struct link_named {
	char name[32];
	const uint8_t *msg;
	size_t len;
};

/* link_delivery.c; without delivery in the configuration all of it is zero. */
struct link_delivery_state {
	struct delivery *delivery;
	struct delivery_socket *socket;
	unsigned int weight[2];  /* percent, as configured */
	unsigned int percent[2]; /* as the role was told */
	uint32_t floor;
	bool below_floor, session;
	bool simulated;             /* the card that was there last */
	bool far;                   /* a key delivery spoke of a position that is not believed */
	uint32_t positions;         /* that a pad brings along */
	uint64_t positions_counted; /* by the key store, at the least */
	uint64_t position;          /* none below is to be used */
	uint64_t started_ns, connected_ns, dropped, dropped_ns;
	uint64_t blocks_ok, block_ns; /* the last that became key */
};

struct link {
	bool site_a;
	char resource[64];
	struct qkd_role *role;
	struct keystore *ks;
	struct rekey_context tunnels[CONFIG_TUNNELS_MAX];
	unsigned int tunnel_count;            /* places, of which some may be free */
	uint16_t by_name[CONFIG_TUNNELS_MAX]; /* the places that are not, sorted; name_count */
	unsigned int name_count;
	/* When each of them is polled, side by side: a turn looks at all. */
	uint64_t wake_ns[CONFIG_TUNNELS_MAX];
	unsigned int next_poll, next_reclaim;
	bool rekeys_connected, old_peer;
	struct rekey_conditions conditions;
	uint8_t *ratchet_secret; /* of the pre-shared secret; REKEY_SECRET_BYTES */
	struct qkd_note *unposted, **unposted_end; /* wait for room in the role's ring */
	unsigned int unposted_count;
	uint64_t session; /* of the notes that are answered */
	/* link_pads.c */
	bool held; /* link_hold() */
	bool allow_computational, bootstrapping;
	uint64_t preshared_again_ns; /* not before that, when few pads are left */
	bool channel_ipv6;
	uint64_t channel_moves; /* of the peer, as far as they are in the log */
	bool summary_sent, summary_failed, summary_taken, channel_up;
	bool (*wire_receive)(uint16_t tunnel, const uint8_t *msg, size_t len); /* or NULL */
	double peer_power; /* that the peer's card sends; of the session */
	uint64_t next_power_ns;
	/* link_spectrum.c */
	uint32_t spectrum_told; /* number of the scan */
	uint64_t spectrum_next_ns, far_ns;
	struct card_ocm_scan far; /* of the peer's channel monitor, taken at far_ns; 0: never */
	char card_reason[256];    /* why there is no card */
	struct link_kme *kme;     /* link_kme.c; NULL: no foreign KME */
	struct ladder ladder;
	uint64_t next_supervise_ns, next_housekeeping_ns;
	struct link_stats stats;
	struct key_level level;
	struct key_forecast forecast; /* of the keys for rekeying */
	struct link_delivery_state delivery;
	struct link_block blocks[LINK_BLOCKS]; /* a ring */
	uint64_t blocks_seen;
};

/* Alarms of one kind at one resource; repeating the same is cheap. */
void link_alarm(bool raised, const char *kind, const char *resource, enum alarm_severity severity,
                const char *text);

/* Both ends have compared what they hold: keys may be named to the peer. */
bool link_stores_agree(const struct link *l);

/* link_kme.c: keys of a foreign KME, where one is configured; false: none is. */
int link_kme_create(struct link *l, const struct config *config, struct err *err);
void link_kme_destroy(struct link *l);
void link_kme_poll(struct link *l, bool connected, uint64_t now);
void link_kme_session(struct link *l, uint64_t now);
bool link_take_kme(struct link *l, const uint8_t *msg, size_t len, uint64_t now);

/* In order; what the role's ring has no room for waits. -EAGAIN: the role stands still. */
int link_post(struct link *l, struct qkd_note *note);

/* link_supervise.c: alarms of card and channel, and what rekeying is told; of the key store. */
void link_supervise(struct link *l, const struct qkd_role_status *s, uint64_t now);
void link_watch_keys(struct link *l, uint64_t now);

/* Scans of the channel monitors, to and from the peer; false: a message is malformed. */
void link_tell_spectrum(struct link *l, uint64_t now);
bool link_take_spectrum(struct link *l, const uint8_t *msg, size_t len, uint64_t now);

/* Keep the role supplied with pads; and what may mask a tag, by the configuration. */
void link_supply_pads(struct link *l, const struct qkd_role_status *s, uint64_t now);
void link_allow_computational(struct link *l, const struct config *config);

/* To the peer's link; TUNNEL: its name, NULL: about none. -ENOMEM, -EAGAIN: not sent. */
int link_send(struct link *l, uint8_t kind, const char *tunnel, const void *msg, size_t len);

/* link_names.c */
void link_names_sort(struct link *l); /* after tunnels came or went */
struct rekey_context *link_tunnel_find(struct link *l, const char *name); /* or NULL */
bool link_name_take(const uint8_t *msg, size_t len, struct link_named *out);

/* link_presence.c: the tunnel is new here; the peer spoke of it, or of one that is not here. */
void link_presence_added(struct rekey_context *t);
void link_presence_removed(struct rekey_context *t);
void link_presence_heard(struct rekey_context *t, uint64_t now);
void link_presence_unknown(struct link *l, const char *tunnel);
void link_presence_session(struct link *l, uint64_t now);
void link_presence_poll(struct rekey_context *t, bool connected, uint64_t now);
/* A message of kind MESSAGE_TUNNEL, behind its kind; false: malformed. */
bool link_take_tunnel(struct link *l, const uint8_t *msg, size_t len, uint64_t now);

/* Delivery of keys to other equipment. */
int link_create_delivery(struct link *l, const struct config *config, const uint8_t *psk,
                         struct err *err);
void link_destroy_delivery(struct link *l);
size_t link_delivery_bytes(const struct config *config); /* of secret memory */
void link_reconfigure_delivery(struct link *l, const struct config *config);
/* Each turn; and each tenth of a second. */
void link_poll_delivery(struct link *l, uint64_t now);
void link_supervise_delivery(struct link *l, const struct qkd_role_status *s, uint64_t now);
/* The channel's session is new; the stores were compared; a block was taken by the store, or not.
 */
void link_delivery_session(struct link *l);
void link_delivery_compared(struct link *l);
void link_delivery_block(struct link *l, const struct key_block *kb, bool taken);
/* A message of kind MESSAGE_KMS or MESSAGE_DELIVERY; false: malformed, or out of place. */
bool link_take_delivery(struct link *l, const uint8_t *msg, size_t len);

/* Rekeying of each tunnel. */
int link_create_rekeys(struct link *l, const struct config *config, struct tunnel *const *tunnels,
                       struct err *err);
void link_reconfigure_rekeys(struct link *l, const struct config *config);
void link_poll_rekeys(struct link *l, bool connected, uint64_t now);
/* A message of kind MESSAGE_REKEY, behind its kind; of a peer of before. */
void link_take_rekey(struct link *l, const uint8_t *msg, size_t len, uint64_t now);
void link_refuse_old_rekey(struct link *l);
/* Something changed for all of them. */
void link_wake_rekeys(struct link *l);

#endif
