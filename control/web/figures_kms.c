/* SPDX-License-Identifier: BSD-3-Clause */

/* The key delivery's figures, of what kms_status, kms_store and kms_usage say. */

#include "control/web/figure.h"

#define FIGURE_OF(method_, name_, type_, unit_, help_, ...)                                        \
	{                                                                                          \
		.family = {"lumengate_kms_" name_, METRIC_##type_, unit_, help_},                  \
		.method = method_, __VA_ARGS__                                                     \
	}
#define FIGURE(...)     FIGURE_OF("kms_status", __VA_ARGS__)
#define AT(at_, value_) .at = (at_), .value = (value_)
#define IS(name_, value_)                                                                          \
	{                                                                                          \
		name_, "=" value_                                                                  \
	}
#define ANSWERS(code_, member_)                                                                    \
	FIGURE("answers", COUNTER, "", "Answers to SAEs, by status", AT("requests", member_),      \
	       .label = {IS("code", code_)})
#define CALLS(call_, member_)                                                                      \
	FIGURE("calls", COUNTER, "", "Calls of SAEs, by method", AT("requests", member_),          \
	       .label = {IS("call", call_)})
#define STORE(side_, state_)                                                                       \
	FIGURE_OF("kms_store", "store_bytes", GAUGE, "bytes",                                      \
	          "Stored key, by where it is given out and what became of it",                    \
	          AT(side_ "_here", state_), .label = {IS("side", side_), IS("state", state_)},    \
	          .kept = true)
#define STORED(name_, help_, member_)                                                              \
	FIGURE_OF("kms_store", "store_" name_ "_bytes", COUNTER, "bytes", help_,                   \
	          AT("given_here", member_), .label = {IS("side", "given")}),                      \
	        FIGURE_OF("kms_store", "store_" name_ "_bytes", COUNTER, "bytes", "",              \
	                  AT("fetched_here", member_), .label = {IS("side", "fetched")})
#define SAE(name_, help_, member_)                                                                 \
	FIGURE_OF("kms_usage", "sae_" name_, COUNTER, "", help_, AT("*", member_),                 \
	          .label = {{"sae", "id"}})
#define SAE_BYTES(name_, member_)                                                                  \
	FIGURE_OF("kms_usage", "sae_" name_, COUNTER, "bytes", "The same in bytes",                \
	          AT("*", member_), .label = {{"sae", "id"}}, .scale = 0.125)
#define SAE_REFUSED(reason_, member_)                                                              \
	FIGURE_OF("kms_usage", "sae_refusals", COUNTER, "",                                        \
	          "Requests of an SAE that were refused, by reason", AT("*", member_),             \
	          .label = {{"sae", "id"}, IS("reason", reason_)})
#define HTTPS(reason_)                                                                             \
	FIGURE("https_refusals", COUNTER, "", "Connections and requests refused, by reason",       \
	       AT("https", reason_), .label = {IS("reason", reason_)})

static const struct figure figures[] = {
        {.family = {"lumengate_kms", METRIC_INFO, "", "The key delivery that is asked"},
         .method = "kms_status",
         .at = "",
         .label = {{"kme", "kme"}, {"peer_kme", "peer_kme"}}},
        FIGURE("link_up", GAUGE, "", "1 when the gateway's link is up", AT("link", "up")),
        FIGURE("link_key_is_made", GAUGE, "", "1 when key is being distilled",
               AT("link", "key_is_made")),
        FIGURE("gateway_connected", GAUGE, "", "1 when the gateway hands key over",
               AT("gateway", "connected")),
        FIGURE("requests", COUNTER, "", "Requests of SAEs", AT("requests", "requests"),
               .kept = true),
        FIGURE("waiting_requests", GAUGE, "", "Requests that wait for key",
               AT("requests", "waiting")),
        ANSWERS("2xx", "answered_2xx"),
        ANSWERS("400", "answered_400"),
        ANSWERS("401", "answered_401"),
        ANSWERS("404_405", "answered_404_405"),
        ANSWERS("other_4xx", "answered_4xx"),
        ANSWERS("5xx", "answered_5xx"),
        CALLS("status", "status_calls"),
        CALLS("enc_keys", "enc_keys_calls"),
        CALLS("dec_keys", "dec_keys_calls"),
        CALLS("skip", "skip_calls"),
        FIGURE("keys", COUNTER, "", "Keys given here, and fetched here of those given there",
               AT("requests", "keys_given"), .label = {IS("side", "given")}, .kept = true),
        FIGURE("keys", COUNTER, "", "", AT("requests", "keys_fetched"),
               .label = {IS("side", "fetched")}, .kept = true),
        FIGURE("key_bytes", COUNTER, "bytes", "The same in bytes", AT("requests", "bits_given"),
               .label = {IS("side", "given")}, .scale = 0.125),
        FIGURE("key_bytes", COUNTER, "bytes", "", AT("requests", "bits_fetched"), .scale = 0.125,
               .label = {IS("side", "fetched")}),
        FIGURE("refusals", COUNTER, "", "Why requests got no key, and what befell grants",
               AT("refusals/*", "@"), .label = {{"reason", "@"}}),

        FIGURE("https_connections", GAUGE, "", "Connections of SAEs", AT("https", "connections")),
        FIGURE("certificate_expiry_timestamp_seconds", GAUGE, "seconds",
               "When the KME's certificate ends, in seconds since 1970",
               AT("https", "certificate_end")),
        HTTPS("refused_full"),
        HTTPS("refused_address"),
        HTTPS("evicted"),
        HTTPS("handshake_failed"),
        HTTPS("handshake_version"),
        HTTPS("handshake_slow"),
        HTTPS("header_slow"),
        HTTPS("body_slow"),
        HTTPS("answer_slow"),
        HTTPS("malformed"),
        HTTPS("header_large"),
        HTTPS("body_large"),
        HTTPS("body_memory"),
        HTTPS("peer_none"),
        HTTPS("peer_foreign"),
        HTTPS("peer_expired"),
        HTTPS("peer_revoked"),
        HTTPS("peer_no_crl"),

        STORE("given", "available"),
        STORE("given", "reserved"),
        STORE("given", "pending"),
        STORE("given", "held"),
        STORE("fetched", "available"),
        STORE("fetched", "reserved"),
        STORE("fetched", "pending"),
        STORE("fetched", "held"),
        STORED("came", "Key that came from the gateway", "came"),
        STORED("delivered", "Key that was delivered", "delivered"),
        STORED("expired", "Key that grew too old", "expired"),
        STORED("voided", "Key made void, for doubt", "voided"),
        STORED("damaged", "Key that was damaged on disk", "damaged"),
        FIGURE_OF("kms_store", "store_empty_in_seconds", GAUGE, "seconds",
                  "When the key to give is used up, if it goes on so; absent: never",
                  AT("given_here", "empty_in_s")),
        FIGURE_OF("kms_store", "store_low", GAUGE, "", "1 when there is little key to give",
                  AT("", "low")),
        FIGURE_OF("kms_store", "store_commit_failures", COUNTER, "",
                  "Writes of the store that failed", AT("database", "commit_failures")),
        FIGURE_OF("kms_store", "store_file_bytes", GAUGE, "bytes", "Size of the store's file",
                  AT("database", "file_bytes")),

        SAE("requests", "Requests of an SAE", "requests"),
        SAE("given_keys", "Keys given to an SAE", "keys_given"),
        SAE_BYTES("given_key_bytes", "bits_given"),
        SAE("fetched_keys", "Keys that an SAE fetched", "keys_fetched"),
        SAE_BYTES("fetched_key_bytes", "bits_fetched"),
        SAE_REFUSED("refused", "refused"),
        SAE_REFUSED("unavailable", "unavailable"),
        SAE_REFUSED("unauthorized", "unauthorized"),
        SAE_REFUSED("replays", "replays"),
};

const struct figure_table figures_kms = {figures, sizeof(figures) / sizeof(figures[0])};
