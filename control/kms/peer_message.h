/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the KMEs of both sites say to each other, through the gateways and their authenticated
 * channel: in order, while there is a session; what is under way when it ends is lost. At most
 * HANDOVER_PEER_MAX bytes, the kind first, integers big-endian. Text: length 1, bytes.
 *
 *      1 ASK          number 4, link 1, class 1, from 8, to 8, segments 4, HMAC 32
 *      2 SAME         number 4
 *      3 WAIT         number 4: not yet to be compared
 *      4 DIFFERS      number 4, to 8, then of each segment before TO: position 8, units 2, HMAC 16
 *      5 VOID         number 4, link 1, class 1, of each range: position 8, units 8
 *      6 VOIDED       number 4
 *      7 FETCHED      number 4, link 1, class 1, of each segment: position 8, units 2, bitmap
 *      8 FETCHED_ACK  number 4
 *      9 WITHDRAWN    number 4, link 1, class 1, of each range: position 8, units 8
 *     10 WITHDRAWN_ACK  number 4
 *     16 GRANT        process 8, number 8, expiry 8, master text, slaves 1, texts, keys 2,
 *                     identifiers 16 each
 *     17 GRANT_ACK    process 8, number 8, verdict 1: 0 stored, 1 full, 2 failed
 *     18 WITHDRAW     process 8, number 8
 *
 * The HMACs are HMAC-SHA-256 under a key that both have; what they cover is in audit.c.
 */

#ifndef CONTROL_KMS_PEER_MESSAGE_H
#define CONTROL_KMS_PEER_MESSAGE_H

enum kms_peer_kind {
	KMS_PEER_ASK = 1,
	KMS_PEER_SAME,
	KMS_PEER_WAIT,
	KMS_PEER_DIFFERS,
	KMS_PEER_VOID,
	KMS_PEER_VOIDED,
	KMS_PEER_FETCHED,
	KMS_PEER_FETCHED_ACK,
	KMS_PEER_WITHDRAWN,
	KMS_PEER_WITHDRAWN_ACK,
	KMS_PEER_GRANT = 16,
	KMS_PEER_GRANT_ACK,
	KMS_PEER_WITHDRAW,
};

#define KMS_PEER_IS_AUDIT(kind) ((kind) >= KMS_PEER_ASK && (kind) <= KMS_PEER_WITHDRAWN_ACK)
#define KMS_PEER_IS_GRANT(kind) ((kind) >= KMS_PEER_GRANT && (kind) <= KMS_PEER_WITHDRAW)

#endif
