/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's configuration: RFC 7951 JSON, checked against config/lumengate.yang. */

#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"

#define CONFIG_ADDRESSES_MAX 8
#define CONFIG_ROUTES_MAX    4096
#define CONFIG_LEARN_MAX     4096 /* of a port, its VLANs included */
#define CONFIG_TUNNELS_MAX   1024
#define CONFIG_PREFIXES_MAX  64
#define CONFIG_RULES_MAX     2048
#define CONFIG_SUBS_MAX      16

struct config_addr {
	bool ipv6;
	uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
};

struct config_prefix {
	struct config_addr addr;
	uint8_t len;
};

struct config_port {
	char device[256]; /* PCI address, or DPDK virtual device "net_af_packet0,iface=lan0" */
	uint16_t mtu;
	uint16_t vlan;      /* WAN: tag of all its frames; 0: none */
	char exception[16]; /* kernel interface for routing daemons, "" for none */
	bool loose_source;  /* LAN: any source of the LAN's side, else of this interface's alone */
	uint16_t learn_routes; /* the most to take over from there */
	struct config_prefix
	        addresses[CONFIG_ADDRESSES_MAX]; /* interface address with its prefix */
	unsigned int address_count;
};

/* A VLAN of the LAN port that the gateway has addresses in. */
struct config_sub {
	uint16_t vlan;
	struct config_port port; /* no device */
};

enum config_via { CONFIG_VIA_LAN, CONFIG_VIA_WAN, CONFIG_VIA_TUNNEL };

struct config_route {
	struct config_prefix prefix;
	enum config_via via;
	struct config_addr next_hop; /* LAN and WAN */
	bool has_backup, stay;       /* WAN: another next hop; not left while it does */
	struct config_addr backup;
	char tunnel[32]; /* via tunnel */
};

/* What happens to a tunnel's traffic when keys run out. */
enum config_policy { CONFIG_REQUIRE_QKD, CONFIG_RATCHET, CONFIG_BYPASS, CONFIG_HYBRID };

struct config_tunnel {
	char name[32];
	struct config_addr local, remote;
	uint32_t replay_window;
	enum config_policy policy;
	uint32_t ratchet_life_s;
	uint32_t rekey_period_ms, hard_life_ms;
	uint64_t rekey_bytes, rekey_packets; /* 0: no limit */
	uint32_t rekey_stretch;              /* times the period, while keys are few */
	uint32_t queue_delay_ms;             /* on the path between the gateways */
	bool rekey_lan;                      /* profile: short paths, short grace */
	bool udp, udp_spread;                /* ESP in UDP; a source port a sub-SA */
	uint16_t udp_port;                   /* of ESP in UDP */
	uint8_t liveness_losses;             /* probes without answer, 0: no probes */
	uint16_t nat_keepalive;              /* seconds, 0: none */
	bool nat_dynamic;                    /* the peer's address and port may change */
	bool outer_fragment;
	bool mss_clamp;
	bool mtu_discovery; /* routers of the WAN may lower the path's MTU */
	uint16_t mtu_floor; /* to no less */
	bool dscp_mapped;   /* outer DSCP by dscp[], else copied */
	bool ecn_compatible;
	uint8_t dscp[64];     /* by inner DSCP */
	uint8_t class_of[64]; /* by inner DSCP */
	uint8_t classes;      /* 1 to 4 */
	uint8_t peer_subs;    /* sub-SAs that the peer may send with; 0: not said */
};

enum config_rule_action { CONFIG_RULE_DISCARD, CONFIG_RULE_PROTECT, CONFIG_RULE_BYPASS };

/* One rule; the first that matches decides. */
struct config_rule {
	char name[32];
	enum config_rule_action action;
	char tunnel[32];      /* protect; "": the one that the route names */
	bool clear_no_key;    /* protect: in the clear while there is no key */
	bool from_wan;        /* packets that came in by the WAN port, else by the LAN port */
	char from_tunnel[32]; /* or, unless "", out of this tunnel */
	bool has_vlan;        /* of the LAN port; else in any, or none */
	uint16_t vlan;        /* 0: untagged */
	bool has_source, has_destination;
	struct config_prefix source, destination;
	bool has_protocol;
	uint8_t protocol;
	/* Inclusive; of ICMP, type * 256 + code is the destination. */
	bool has_ports;
	uint16_t sport_min, sport_max, dport_min, dport_max;
};

#define CONFIG_WIRES_MAX 64
#define CONFIG_VLANS     4096

/* A layer-2 pseudowire: the LAN port, or VLANs of it, through a tunnel. */
struct config_wire {
	char name[32], tunnel[32];
	uint32_t key; /* GRE, RFC 2890 */
	bool whole;   /* all frames of the port */
	bool lldp, lacp, cfm;
	bool link_loss; /* forward the loss of the LAN link; whole ports only */
	uint32_t link_loss_hold_s;
	uint8_t vlans[CONFIG_VLANS / 8]; /* bit set; 0: frames without a VLAN */
};

static inline bool config_wire_has_vlan(const struct config_wire *w, unsigned int vlan)
{
	return (w->vlans[vlan / 8] >> (vlan % 8) & 1) != 0;
}

enum config_site { CONFIG_SITE_A, CONFIG_SITE_B };

/* What else is on the quantum channel's fibre. */
#define CONFIG_DWDM_MAX 64
struct config_dwdm {
	bool planned;         /* the plan is known: what is not in it is worth an alarm */
	double fibre_loss_db; /* of data channels, from end to end */
	double tolerance_db, tolerance_ghz;
	struct config_dwdm_prediction {
		bool known;
		double km, quantum_db, bandwidth_nm, gate_ns; /* gate 0: the whole slot */
		char quantum[12];                             /* as a channel's name */
		double dispersion, receiver_db, efficiency, dark, misalignment, afterpulse;
	} prediction;
	unsigned int count;
	struct config_dwdm_channel {
		char name[12]; /* "C34", or THz */
		bool counter;  /* from site b to site a */
		double power_dbm;
	} channel[CONFIG_DWDM_MAX];
};

/* Keys from a key management entity of another maker, by ETSI GS QKD 014. */
struct config_foreign_kme {
	bool enabled;
	char url[256]; /* https://HOST[:PORT] */
	char ca[256], certificate[256], private_key[256];
	char sae[256];                  /* this end's name at the KME; "": not checked */
	char peer_sae[256];             /* the other end's */
	char socket[108], group[32];    /* of the client */
	uint16_t batch;                 /* keys in a request */
	uint32_t low_water, high_water; /* site A fetches from the one to the other */
	uint32_t timeout_s;
};

struct config {
	char name[64];
	enum config_site site; /* A: transmitter (Alice), initiates; B: receiver (Bob) */
	char link[32];
	struct {
		unsigned int forward_lcores; /* 1 to 16 */
		unsigned int qkd_lcores;     /* 0 to 8, beside that of the QKD role */
		char cpus[64];               /* CPU list for all lcores, "" = all */
		unsigned int memory_mb;      /* DPDK memory */
		char file_prefix[64];
		bool hugepages;   /* use them where they are */
		bool chained;     /* buffers of 2 KiB, else one holds the longest frame */
		bool secondaries; /* let DPDK's secondary processes attach */
	} eal;
	struct config_port lan, wan;
	struct config_sub lan_subs[CONFIG_SUBS_MAX];
	unsigned int lan_sub_count;
	struct config_route routes[CONFIG_ROUTES_MAX];
	unsigned int route_count;
	struct config_tunnel tunnels[CONFIG_TUNNELS_MAX];
	unsigned int tunnel_count;
	struct config_rule rules[CONFIG_RULES_MAX];
	unsigned int rule_count;
	struct config_wire wires[CONFIG_WIRES_MAX];
	unsigned int wire_count;
	struct {
		struct config_addr local, remote;
		uint16_t port; /* UDP, both ends */
		bool dynamic;  /* the peer's address and port may change */
		char psk_file[256];
	} channel;
	struct {
		bool enabled;
		char transport[16], path[256]; /* the card: its file, or its PCI address */
		uint32_t block_bits;
		unsigned int blocks_in_flight;
		double mu1, mu2, p_mu1, p_z;
		uint32_t holdoff_ns;
		bool gates_follow;    /* else they stay open */
		bool detectors_set;   /* their temperature; else as the card was calibrated */
		int32_t detectors_mc; /* 10^-3 C */
		struct {
			uint32_t interval_s, wavelength_nm, pulse_ns, range_m, averages, keep;
			bool gated;
			double group_index, backscatter_db, threshold_db;
			char history[256];
		} otdr;
		struct {
			double min_entropy; /* of a raw bit */
			uint32_t alpha;     /* false alarms: 2^-alpha each decision */
		} qrng;
		struct config_dwdm dwdm;
		char proof[24]; /* of the key's length, as qkd-engine/finite_key.h names it */
		char reconciliation[16]; /* as qkd-engine/reconcile.h names it */
		char leak_mode[16];      /* as qkd-engine/leak.h names it */
		double eps_sec, eps_cor;
		double qber_abort, qber_alarm;
		bool computational_bootstrap; /* blocks may be so authenticated for want of pads */
	} qkd;
	struct {
		char path[256];
		char storage_key[256]; /* its name: common/storage_key.h */
		uint32_t max_keys, low_water;
		uint64_t ttl_s;
	} keystore;
	struct config_foreign_kme foreign_kme;
	struct {
		bool enabled;
		char socket[108];
		char group[32];             /* "": root and us alone */
		uint8_t link_number;        /* in key identifiers */
		uint8_t weight_a, weight_b; /* percent */
		uint32_t floor;             /* keys for rekeying below which nothing is delivered */
	} delivery;                         /* of keys to other equipment */
	struct {
		char socket[108];
		char group[32]; /* members may do everything; "": nobody but root and us */
		char read_only_group[32]; /* members may only read; "": none */
		char capture_group[32];   /* of those, members may capture; "": root and us */
		char capture_directory[256];
		char history_directory[256]; /* of commits; "": beside the key store */
	} control;
	char ipsec_mb[256];      /* path of the library, "" for the system's */
	char gcm_provider[16];   /* "auto", or the code to take of it, or "cryptodev" */
	char crypto_device[128]; /* then; else "" */
};

/*
 * Load config/lumengate.yang from directory YANG_DIR, NULL for where it is installed. Call
 * once before what follows; all of it runs on one thread (the control thread).
 */
int config_init(const char *yang_dir, struct err *err);
void config_fini(void);

/*
 * Parse and check JSON text. On failure ERR holds the path and the reason and OUT is
 * untouched. config_load() reads a file.
 */
int config_parse(const char *json, struct config *out, struct err *err);
int config_load(const char *path, struct config *out, struct err *err);

/*
 * The same, and the configuration as it was understood, with all defaults, as RFC 7951 JSON
 * in *NORMAL: the caller frees it. Either of OUT and NORMAL may be NULL.
 */
int config_parse_normal(const char *json, struct config *out, char **normal, struct err *err);
int config_load_normal(const char *path, struct config *out, char **normal, struct err *err);

/* The text of a file, for free(). */
int config_file_text(const char *path, char **text, struct err *err);

/*
 * Is what CONFIG names there, for this process on this machine: the kernel interfaces of
 * virtual devices, the groups, the files of secrets? -ENOENT with path and reason in ERR.
 */
int config_check_system(const struct config *config, struct err *err);

/*
 * May NEXT replace CURRENT without a restart? 0, or -EPERM with the path that cannot change
 * live in ERR. Routes, rules, policies, lives of keys and the error rate thresholds may.
 */
int config_live_change(const struct config *current, const struct config *next, struct err *err);

/* All such paths, each told to FN; how many there are. */
typedef void (*config_live_fn)(void *ctx, const char *path);
unsigned int config_live_each(const struct config *current, const struct config *next,
                              config_live_fn fn, void *ctx);

/*
 * NEXT in OUT, with the tunnels that CURRENT has, too, by name, where CURRENT has them, and the
 * others in free places. A place that is free has no name, and is below tunnel_count or not.
 * -ENOSPC: there are none left.
 */
int config_place(const struct config *current, const struct config *next, struct config *out,
                 struct err *err);
/* How many tunnels there are, without free places. */
unsigned int config_tunnel_number(const struct config *config);
static inline bool config_tunnel_used(const struct config_tunnel *t)
{
	return t->name[0] != '\0';
}

/* Buffer for an address or a prefix as text. */
#define CONFIG_ADDR_TEXT 64

/* "192.0.2.1" or "fd00::1"; false when TEXT is neither. */
bool config_addr_parse(const char *text, struct config_addr *out);
/* "10.1.0.1/24"; bits after the length are kept. */
bool config_prefix_parse(const char *text, struct config_prefix *out);
const char *config_addr_format(const struct config_addr *addr, char buf[CONFIG_ADDR_TEXT]);
const char *config_prefix_format(const struct config_prefix *prefix, char buf[CONFIG_ADDR_TEXT]);

/* PORT in the host's order. */
void config_addr_sockaddr(const struct config_addr *addr, uint16_t port,
                          struct sockaddr_storage *out);

bool config_addr_equal(const struct config_addr *a, const struct config_addr *b);
/* Does PREFIX (with or without bits after its length) cover ADDR? */
bool config_prefix_covers(const struct config_prefix *prefix, const struct config_addr *addr);
/*
 * Bonded ports. CONFIG_MEMBERS_MAX is the most; config_bond_members() returns how many DEVICE
 * has, 0 when it is none. config_bond_argument(): the INDEX-th argument behind the name, of a
 * member its device alone; false past the last.
 */
#define CONFIG_MEMBERS_MAX 8
#define CONFIG_MEMBER_TEXT 64
struct config_bond_argument {
	bool is_member;
	char text[CONFIG_MEMBER_TEXT];
};
bool config_device_is_bond(const char *device);
bool config_bond_argument(const char *device, unsigned int index, struct config_bond_argument *out);
unsigned int config_bond_members(const char *device, char (*out)[CONFIG_MEMBER_TEXT],
                                 unsigned int max);

/* Index of the tunnel of this name; -1: there is none. */
int config_tunnel_index(const struct config *config, const char *name);

bool config_prefix_overlaps(const struct config_prefix *a, const struct config_prefix *b);

#endif
