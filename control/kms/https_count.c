/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/https.h"

const char *https_count_name(enum https_count count)
{
	static const char *const names[HTTPS_COUNTS] = {
	        [HTTPS_ACCEPTED] = "accepted",
	        [HTTPS_FULL] = "refused-full",
	        [HTTPS_ADDRESS] = "refused-address",
	        [HTTPS_EVICTED] = "evicted",
	        [HTTPS_HANDSHAKES] = "handshakes",
	        [HTTPS_HANDSHAKE_FAILED] = "handshake-failed",
	        [HTTPS_HANDSHAKE_VERSION] = "handshake-version",
	        [HTTPS_HANDSHAKE_ALPN] = "handshake-alpn",
	        [HTTPS_HANDSHAKE_PLAIN] = "handshake-plain-http",
	        [HTTPS_HANDSHAKE_SLOW] = "handshake-slow",
	        [HTTPS_REQUESTS] = "requests",
	        [HTTPS_HEADER_SLOW] = "header-slow",
	        [HTTPS_BODY_SLOW] = "body-slow",
	        [HTTPS_ANSWER_SLOW] = "answer-slow",
	        [HTTPS_IDLE] = "idle",
	        [HTTPS_MALFORMED] = "malformed",
	        [HTTPS_HEADER_LARGE] = "header-large",
	        [HTTPS_BODY_LARGE] = "body-large",
	        [HTTPS_BODY_MEMORY] = "body-memory",
	        [HTTPS_MEDIA_TYPE] = "media-type",
	        [HTTPS_KEY_UPDATES] = "key-updates",
	        [HTTPS_LOST] = "lost",
	        [HTTPS_PEER + TLS_PEER_NONE] = "peer-none",
	        [HTTPS_PEER + TLS_PEER_FOREIGN] = "peer-foreign",
	        [HTTPS_PEER + TLS_PEER_EXPIRED] = "peer-expired",
	        [HTTPS_PEER + TLS_PEER_EARLY] = "peer-not-yet",
	        [HTTPS_PEER + TLS_PEER_REVOKED] = "peer-revoked",
	        [HTTPS_PEER + TLS_PEER_NO_CRL] = "peer-no-crl",
	        [HTTPS_PEER + TLS_PEER_PURPOSE] = "peer-purpose",
	        [HTTPS_PEER + TLS_PEER_NAME] = "peer-name",
	        [HTTPS_PEER + TLS_PEER_WEAK] = "peer-weak",
	        [HTTPS_PEER + TLS_PEER_OTHER] = "peer-other",
	};

	return count < HTTPS_COUNTS ? names[count] : NULL;
}
