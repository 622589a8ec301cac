/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's figures, of what status and tunnel_list say. */

#include "control/web/figure.h"

#define FIGURE_OF(method_, name_, type_, unit_, help_, ...)                                        \
	{                                                                                          \
		.family = {"lumengate_" name_, METRIC_##type_, unit_, help_}, .method = method_,   \
		__VA_ARGS__                                                                        \
	}
#define FIGURE(...)     FIGURE_OF("status", __VA_ARGS__)
#define AT(at_, value_) .at = (at_), .value = (value_)
/* A label whose value is fixed. */
#define IS(name_, value_)                                                                          \
	{                                                                                          \
		name_, "=" value_                                                                  \
	}
#define PORT                                                                                       \
	{                                                                                          \
		"port", "@"                                                                        \
	}
#define TUNNEL                                                                                     \
	{                                                                                          \
		"tunnel", "name"                                                                   \
	}

#define PORT_COUNT(name_, unit_, help_, member_)                                                   \
	FIGURE("port_" name_, COUNTER, unit_, help_, AT("ports/*", member_), .label = {PORT})
#define TUNNEL_FIGURE(name_, type_, unit_, help_, member_, ...)                                    \
	FIGURE_OF("tunnel_list", "tunnel_" name_, type_, unit_, help_, AT("*", member_),           \
	          .label = {TUNNEL}, __VA_ARGS__)
#define REKEY_FAILURE(member_)                                                                     \
	FIGURE_OF("tunnel_list", "tunnel_rekey_failures", COUNTER, "",                             \
	          "Exchanges of keys that failed, by reason", AT("*", #member_),                   \
	          .label = {TUNNEL, IS("reason", #member_)})
#define ENGINE(name_, type_, unit_, help_, member_, ...)                                           \
	FIGURE(name_, type_, unit_, help_, AT("link/engine", member_), __VA_ARGS__)
#define CHANNEL(name_, type_, unit_, help_, member_, ...)                                          \
	FIGURE("channel_" name_, type_, unit_, help_, AT("link/channel", member_), __VA_ARGS__)
#define CHANNEL_REFUSED(member_)                                                                   \
	CHANNEL("refused_datagrams", COUNTER, "",                                                  \
	        "Datagrams of the classical channel that were refused, by reason", #member_,       \
	        .label = {IS("reason", #member_)})
#define CYCLES(state_)                                                                             \
	FIGURE("lcore_cycles", COUNTER, "",                                                        \
	       "Cycles of the time stamp counter by what the core did",                            \
	       AT("lcores/*", #state_ "_cycles"),                                                  \
	       .label = {{"role", "name"}, {"lcore", "lcore"}, IS("state", #state_)})
#define CARD(name_, type_, unit_, help_, member_, ...)                                             \
	FIGURE("card_" name_, type_, unit_, help_, AT("link/card", member_), __VA_ARGS__)
#define DELIVERY(name_, type_, unit_, help_, member_, ...)                                         \
	FIGURE("delivery_" name_, type_, unit_, help_, AT("delivery", member_), __VA_ARGS__)

static const struct figure figures[] = {
        FIGURE("gateway", INFO, "", "The gateway that is asked", AT("gateway", ""),
               .label = {{"name", "name"},
                         {"site", "site"},
                         {"link", "link"},
                         {"version", "version"},
                         {"gcm", "gcm"},
                         {"gcm_library", "gcm_library"}}),
        FIGURE("gateway_running", GAUGE, "", "1 when the gateway forwards, 0 while it starts",
               AT("gateway", "state=running")),
        FIGURE("gateway_uptime_seconds", GAUGE, "seconds", "Time since the gateway started",
               AT("gateway", "uptime_s")),
        FIGURE("alarms", GAUGE, "", "Alarms of the gateway that are raised, by severity",
               AT("alarms", "warning"), .label = {IS("severity", "warning")}, .kept = true),
        FIGURE("alarms", GAUGE, "", "", AT("alarms", "minor"), .label = {IS("severity", "minor")},
               .kept = true),
        FIGURE("alarms", GAUGE, "", "", AT("alarms", "major"), .label = {IS("severity", "major")},
               .kept = true),
        FIGURE("alarms", GAUGE, "", "", AT("alarms", "critical"),
               .label = {IS("severity", "critical")}, .kept = true),
        FIGURE("drops", COUNTER, "", "Packets dropped by the data plane, by reason",
               AT("drops/*", "@"), .label = {{"reason", "@drop."}}),
        FIGURE("events", COUNTER, "", "What else the data plane counts, by name",
               AT("counters/*", "@"), .label = {{"event", "@"}}),
        FIGURE("secret_memory_used_bytes", GAUGE, "bytes", "Memory for keys that is taken",
               AT("memory", "secret_used")),
        FIGURE("secret_memory_size_bytes", GAUGE, "bytes", "Memory for keys that there is",
               AT("memory", "secret_size")),

        FIGURE("port_up", GAUGE, "", "1 when the port has a link", AT("ports/*", "link_up"),
               .label = {PORT}),
        PORT_COUNT("received_packets", "", "Packets that a port received", "rx_packets"),
        FIGURE("port_received_bytes", COUNTER, "bytes", "Bytes that a port received",
               AT("ports/*", "rx_bytes"), .label = {PORT}, .kept = true),
        PORT_COUNT("sent_packets", "", "Packets that a port sent", "tx_packets"),
        FIGURE("port_sent_bytes", COUNTER, "bytes", "Bytes that a port sent",
               AT("ports/*", "tx_bytes"), .label = {PORT}, .kept = true),
        PORT_COUNT("missed_packets", "", "Packets for which a port had no room", "rx_missed"),
        PORT_COUNT("receive_errors", "", "Packets that a port received damaged", "rx_errors"),
        PORT_COUNT("send_errors", "", "Packets that a port could not send", "tx_errors"),
        PORT_COUNT("no_buffers", "", "Packets for which there was no buffer", "rx_no_mbuf"),
        PORT_COUNT("link_flaps", "", "Losses of a port's link", "link_flaps"),
        CYCLES(busy),
        CYCLES(idle),
        CYCLES(sleep),

        FIGURE("link_enabled", GAUGE, "", "1 when keys are distilled", AT("link", "enabled")),
        FIGURE("link_simulated", GAUGE, "", "1 when the card is simulated: its key is no secret",
               AT("link", "simulated")),
        CHANNEL("up", GAUGE, "", "1 when the sites' classical channel is up", "state=up",
                .kept = true),
        CHANNEL("rtt_seconds", GAUGE, "seconds", "Round trip of the classical channel", "rtt_ns",
                .scale = 1e-9, .kept = true),
        CHANNEL("sent_bytes", COUNTER, "bytes", "Bytes sent over the classical channel",
                "bytes_sent"),
        CHANNEL("received_bytes", COUNTER, "bytes", "Bytes received over the classical channel",
                "bytes_received"),
        CHANNEL("retransmissions", COUNTER, "", "Datagrams of the classical channel sent again",
                "retransmitted"),
        CHANNEL("sessions", COUNTER, "", "Sessions of the classical channel", "sessions"),
        CHANNEL_REFUSED(bad_format),
        CHANNEL_REFUSED(bad_mac),
        CHANNEL_REFUSED(replayed),
        CHANNEL_REFUSED(hello_mac_failures),
        CHANNEL_REFUSED(hello_stale),
        CHANNEL_REFUSED(unknown_session),

        ENGINE("aligned", GAUGE, "", "1 when both ends count the same slots", "aligned"),
        ENGINE("qber_ratio", GAUGE, "ratio", "Quantum bit error rate of what was sampled, by basis",
               "qber_z", .label = {IS("basis", "z")}, .kept = true),
        ENGINE("qber_ratio", GAUGE, "ratio", "", "qber_x", .label = {IS("basis", "x")},
               .kept = true),
        ENGINE("block_qber_ratio", GAUGE, "ratio",
               "Quantum bit error rate of the last block, by basis", "block_qber_z",
               .label = {IS("basis", "z")}),
        ENGINE("block_qber_ratio", GAUGE, "ratio", "", "block_qber_x", .label = {IS("basis", "x")}),
        ENGINE("reconciliation_efficiency_ratio", GAUGE, "ratio",
               "Bits told to correct errors, to the least that could do", "efficiency_f",
               .kept = true),
        ENGINE("detections", COUNTER, "", "Clicks that the engine took", "detections",
               .kept = true),
        ENGINE("sifted_key_bytes", COUNTER, "bytes", "Sifted key, by basis", "sifted_z",
               .label = {IS("basis", "z")}, .kept = true, .scale = 0.125),
        ENGINE("sifted_key_bytes", COUNTER, "bytes", "", "sifted_x", .label = {IS("basis", "x")},
               .kept = true, .scale = 0.125),
        ENGINE("secret_key_bytes", COUNTER, "bytes", "Secret key distilled", "secret_bits",
               .kept = true, .scale = 0.125),
        ENGINE("leaked_bytes", COUNTER, "bytes", "Bits told to correct errors, in bytes",
               "leaked_bits", .scale = 0.125),
        ENGINE("delivered_key_bytes", COUNTER, "bytes", "Secret key set aside for other equipment",
               "delivered_bits", .scale = 0.125),
        ENGINE("blocks", COUNTER, "", "Blocks of key, by result", "blocks_ok",
               .label = {IS("result", "stored")}, .kept = true),
        ENGINE("blocks", COUNTER, "", "", "blocks_aborted", .label = {IS("result", "aborted")},
               .kept = true),
        FIGURE("block_aborts", COUNTER, "", "Blocks of key given up, by reason",
               AT("link/engine/aborts/*", "@"), .label = {{"reason", "@"}}),
        ENGINE("frames", COUNTER, "", "Frames whose errors were corrected, or could not be",
               "frames", .label = {IS("result", "all")}),
        ENGINE("frames", COUNTER, "", "", "frames_failed", .label = {IS("result", "failed")}),
        ENGINE("authentication_failures", COUNTER, "", "Tags of blocks that were wrong",
               "auth_failures"),
        ENGINE("realignments", COUNTER, "", "Searches for the slots' offset", "realignments"),
        ENGINE("security_epsilon", GAUGE, "",
               "Probability that some of all key so far is not as secret as claimed", "eps_total"),

        CARD("armed", GAUGE, "", "1 when the optical card works", "armed"),
        CARD("lost", GAUGE, "", "1 when the optical card does not answer", "lost"),
        CARD("clicks", COUNTER, "", "Clicks of the detectors", "clicks", .kept = true),
        CARD("double_clicks", COUNTER, "", "Slots with clicks of both detectors", "doubles"),
        CARD("gap_slots", COUNTER, "", "Slots without records, for want of room", "gap_slots"),
        CARD("temperature_celsius", GAUGE, "celsius", "Temperature of the optical card",
             "temperature_mc", .scale = 1e-3, .kept = true),
        CARD("photocurrent_amperes", GAUGE, "amperes", "Photocurrent of the receiver",
             "photocurrent_na", .scale = 1e-9),
        FIGURE("optics_coherence_ratio", GAUGE, "ratio", "Coherence of the clock recovered",
               AT("optics", "coherence")),
        FIGURE("optics_phase_locked", GAUGE, "", "1 when the receiver follows the sender's clock",
               AT("optics", "phase_locked")),
        FIGURE("optics_calibrated", GAUGE, "", "1 when the calibration is done",
               AT("optics/calibration", "done")),
        FIGURE("watch_transmission_decibels", GAUGE, "decibels",
               "What of the light arrives, by the watch on the fibre",
               AT("watch/transmission_db", "value"), .kept = true),
        FIGURE("watch_raised", GAUGE, "", "1 when a monitor of the watch raises its alarm",
               AT("watch/monitors/*", "raised"),
               .label = {{"monitor", "monitor"}, {"alarm", "alarm"}}),
        FIGURE("otdr_traces", COUNTER, "", "Traces of the fibre that were taken",
               AT("otdr", "traces")),
        FIGURE("otdr_failures", COUNTER, "", "Traces of the fibre that failed",
               AT("otdr", "failures")),
        FIGURE("qrng_healthy", GAUGE, "", "1 when the random source passes its tests",
               AT("qrng", "state=ok")),
        FIGURE("qrng_failures", COUNTER, "", "Tests that the random source failed",
               AT("qrng", "failures")),
        FIGURE("qrng_conditioned_bytes", COUNTER, "bytes", "Random bytes made",
               AT("qrng", "conditioned_bytes")),

        FIGURE("keystore_keys", GAUGE, "", "Keys of 256 bits to be had, by use",
               AT("keystore/available/*", "@"), .label = {{"use", "@"}}, .kept = true),
        FIGURE("keystore_empty_in_seconds", GAUGE, "seconds",
               "When the keys for traffic are used up, if it goes on so; absent: never",
               AT("keystore", "empty_in_s"), .kept = true),
        FIGURE("keystore_added_keys", COUNTER, "", "Keys that came into the store",
               AT("keystore", "added")),
        FIGURE("keystore_used_keys", COUNTER, "", "Keys that left the store for use",
               AT("keystore", "delivered")),
        FIGURE("keystore_voided_keys", COUNTER, "", "Keys made void, for doubt",
               AT("keystore", "voided")),
        FIGURE("keystore_expired_keys", COUNTER, "", "Keys that grew too old",
               AT("keystore", "expired")),

        TUNNEL_FIGURE("up", GAUGE, "", "1 when a tunnel carries traffic", "state=up"),
        TUNNEL_FIGURE("stopped", GAUGE, "", "1 when a tunnel seals nothing, for want of a key",
                      "stopped"),
        FIGURE_OF("tunnel_list", "tunnel", INFO, "", "Tunnels, and what their keys are of",
                  .at = "*",
                  .label = {TUNNEL,
                            {"local", "local"},
                            {"remote", "remote"},
                            {"keyed_by", "keyed_by"}}),
        TUNNEL_FIGURE("key_age_seconds", GAUGE, "seconds", "Age of the key that seals",
                      "key_age_ms", .scale = 1e-3),
        TUNNEL_FIGURE("rekeys", COUNTER, "", "Switches to a new key", "rekeys"),
        REKEY_FAILURE(no_key),
        REKEY_FAILURE(timeouts),
        REKEY_FAILURE(rejects),
        REKEY_FAILURE(policy_refused),
        REKEY_FAILURE(hybrid_failed),
        REKEY_FAILURE(bad_messages),
        TUNNEL_FIGURE("ratchet_steps", COUNTER, "", "Keys made of the last one, for want of others",
                      "ratchet_steps"),
        TUNNEL_FIGURE("sealed_packets", COUNTER, "", "Packets sealed", "packets_sealed"),
        TUNNEL_FIGURE("sealed_bytes", COUNTER, "bytes", "Bytes sealed", "bytes_sealed",
                      .kept = true),
        TUNNEL_FIGURE("opened_packets", COUNTER, "", "Packets opened", "packets_opened"),
        TUNNEL_FIGURE("opened_bytes", COUNTER, "bytes", "Bytes opened", "bytes_opened",
                      .kept = true),
        TUNNEL_FIGURE("cleared_packets", COUNTER, "", "Packets passed in the clear, by a rule",
                      "packets_cleared"),

        DELIVERY("connected", GAUGE, "", "1 when the key delivery of this site is connected",
                 "connected"),
        DELIVERY("peer_connected", GAUGE, "", "1 when that of the other site is", "peer_connected"),
        DELIVERY("queued_bytes", GAUGE, "bytes", "Key that waits for the key delivery",
                 "queued_bytes"),
        DELIVERY("bytes", COUNTER, "bytes", "Key that went to the key delivery, by its fate",
                 "acked_bytes", .label = {IS("fate", "stored")}),
        DELIVERY("bytes", COUNTER, "bytes", "", "refused_bytes", .label = {IS("fate", "refused")}),
        DELIVERY("bytes", COUNTER, "bytes", "", "dropped_bytes", .label = {IS("fate", "dropped")}),
        DELIVERY("bytes", COUNTER, "bytes", "", "unsure_bytes", .label = {IS("fate", "unsure")}),
};

const struct figure_table figures_gateway = {figures, sizeof(figures) / sizeof(figures[0])};
