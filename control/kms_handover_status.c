/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/handover.h"
#include "control/kms_handover.h"
#include "control/kms_program.h"

json_t *kms_handover_json(void)
{
	struct kms_handover_stats s;
	struct kms_grants_stats g;
	struct kms_audit_stats a;
	json_t *o;

	kms_handover_stats_read(kms_handover(), &s);
	kms_grants_stats_read(kms_program()->grants, &g);
	kms_audit_stats_read(kms_program()->audit, &a);
	o = json_pack("{s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	              "connected", s.connected, "session", s.session, "state", s.state,
	              "connections", (json_int_t)s.connections, "segments", (json_int_t)s.segments,
	              "stored", (json_int_t)s.stored, "refused", (json_int_t)s.refused, "again",
	              (json_int_t)s.again, "peer_sent", (json_int_t)s.peer_sent, "peer_received",
	              (json_int_t)s.peer_received, "peer_lost", (json_int_t)s.peer_lost,
	              "bad_packets", (json_int_t)s.bad_packets, "peer_unknown",
	              (json_int_t)kms_handover_unknown());
	json_object_set_new(o, "grants",
	                    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
	                              (json_int_t)g.sent, "acked", (json_int_t)g.acked, "timed_out",
	                              (json_int_t)g.timed_out, "stored", (json_int_t)g.stored,
	                              "withdrawn", (json_int_t)g.withdrawn, "fetched",
	                              (json_int_t)g.fetched, "keys", (json_int_t)g.keys,
	                              "bad_messages", (json_int_t)g.bad_messages));
	json_object_set_new(
	        o, "audit",
	        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "epochs",
	                  (json_int_t)a.epochs, "segments", (json_int_t)a.segments, "differences",
	                  (json_int_t)a.differences, "voided", (json_int_t)a.voided, "withdrawn",
	                  (json_int_t)a.withdrawn, "dropped", (json_int_t)a.dropped, "both",
	                  (json_int_t)a.both, "position", (json_int_t)a.position, "bad_messages",
	                  (json_int_t)a.bad_messages, "last_difference", a.last_difference));
	return o;
}
