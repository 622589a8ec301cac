/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/http/https.h"

const char *https_count_name(enum https_count count)
{
	static const char *const names[HTTPS_COUNTS] = {
	        [HTTPS_ACCEPTED] = "accepted",
	        [HTTPS_FULL] = "refused_full",
	        [HTTPS_ADDRESS] = "refused_address",
	        [HTTPS_EVICTED] = "evicted",
	        [HTTPS_HANDSHAKES] = "handshakes",
	        [HTTPS_HANDSHAKE_FAILED] = "handshake_failed",
	        [HTTPS_HANDSHAKE_VERSION] = "handshake_version",
	        [HTTPS_HANDSHAKE_ALPN] = "handshake_alpn",
	        [HTTPS_HANDSHAKE_PLAIN] = "handshake_plain_http",
	        [HTTPS_HANDSHAKE_SLOW] = "handshake_slow",
	        [HTTPS_REQUESTS] = "requests",
	        [HTTPS_HEADER_SLOW] = "header_slow",
	        [HTTPS_BODY_SLOW] = "body_slow",
	        [HTTPS_ANSWER_SLOW] = "answer_slow",
	        [HTTPS_IDLE] = "idle",
	        [HTTPS_MALFORMED] = "malformed",
	        [HTTPS_HEADER_LARGE] = "header_large",
	        [HTTPS_BODY_LARGE] = "body_large",
	        [HTTPS_BODY_MEMORY] = "body_memory",
	        [HTTPS_MEDIA_TYPE] = "media_type",
	        [HTTPS_KEY_UPDATES] = "key_updates",
	        [HTTPS_LOST] = "lost",
	        [HTTPS_PEER + TLS_PEER_NONE] = "peer_none",
	        [HTTPS_PEER + TLS_PEER_FOREIGN] = "peer_foreign",
	        [HTTPS_PEER + TLS_PEER_EXPIRED] = "peer_expired",
	        [HTTPS_PEER + TLS_PEER_EARLY] = "peer_not_yet",
	        [HTTPS_PEER + TLS_PEER_REVOKED] = "peer_revoked",
	        [HTTPS_PEER + TLS_PEER_NO_CRL] = "peer_no_crl",
	        [HTTPS_PEER + TLS_PEER_PURPOSE] = "peer_purpose",
	        [HTTPS_PEER + TLS_PEER_NAME] = "peer_name",
	        [HTTPS_PEER + TLS_PEER_WEAK] = "peer_weak",
	        [HTTPS_PEER + TLS_PEER_OTHER] = "peer_other",
	};

	return count < HTTPS_COUNTS ? names[count] : NULL;
}
