/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/snapshot.h"

#include <limits.h>
#include <string.h>

#include "common/clock.h"
#include "control/card_json.h"
#include "control/gateway.h"
#include "control/status.h"

#define PAGE           64 /* entries asked for at once */
#define STATUS_TUNNELS 64

#define U64(o, s, member)  json_object_set_new((o), #member, json_integer((json_int_t)(s)->member))
#define REAL(o, s, member) json_object_set_new((o), #member, json_real((s)->member))
#define BOOL(o, s, member) json_object_set_new((o), #member, json_boolean((s)->member))

static json_t *channel_json(const struct channel_stats *s)
{
	static const char *const states[] = {"down", "connecting", "up"};
	json_t *o = json_object();

	json_object_set_new(o, "state", json_string(states[s->state]));
	U64(o, s, sessions);
	U64(o, s, datagrams_sent);
	U64(o, s, datagrams_received);
	U64(o, s, retransmitted);
	U64(o, s, bytes_sent);
	U64(o, s, bytes_received);
	U64(o, s, bad_format);
	U64(o, s, bad_mac);
	U64(o, s, replayed);
	U64(o, s, hello_mac_failures);
	U64(o, s, unknown_session);
	U64(o, s, hello_stale);
	U64(o, s, protocol_errors);
	U64(o, s, rtt_ns);
	U64(o, s, datagram_bytes);
	U64(o, s, mtu_reductions);
	U64(o, s, moves);
	BOOL(o, s, authentication_failing);
	return o;
}

/* How many blocks were lost, by reason. */
static json_t *aborts_json(const struct engine_stats *s)
{
	json_t *o = json_object();

	for (unsigned int i = 1; i < ABORT_REASONS; i++)
		json_object_set_new(o, abort_reason_key(i), json_integer((json_int_t)s->aborts[i]));
	return o;
}

/* What was allocated for blocks. */
static json_t *memory_json(const struct engine_memory *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "blocks", json_integer(m->blocks));
	json_object_set_new(o, "reconciling", json_integer(m->reconciling));
	json_object_set_new(o, "amplifying", json_integer(m->amplifying));
	json_object_set_new(o, "key_blocks", json_integer(m->results));
	json_object_set_new(o, "secret_bytes", json_integer((json_int_t)m->all.secret));
	json_object_set_new(o, "other_bytes", json_integer((json_int_t)m->all.plain));
	return o;
}

static json_t *engine_json(const struct engine_stats *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "role",
	                    json_string(s->role == ENGINE_ALICE ? "transmitter" : "receiver"));
	BOOL(o, s, aligned);
	U64(o, s, detections);
	U64(o, s, sifted_z);
	U64(o, s, sifted_x);
	U64(o, s, sampled_z);
	U64(o, s, sample_errors_z);
	U64(o, s, sampled_signal);
	U64(o, s, sampled_decoy);
	U64(o, s, errors_x);
	REAL(o, s, qber_z);
	REAL(o, s, qber_x);
	REAL(o, s, block_qber_z);
	REAL(o, s, block_qber_x);
	REAL(o, s, efficiency_f);
	U64(o, s, blocks_ok);
	U64(o, s, blocks_aborted);
	U64(o, s, blocks_benchmark);
	U64(o, s, frames);
	U64(o, s, frames_failed);
	U64(o, s, blocks_in_flight);
	U64(o, s, blocks_reconciling);
	U64(o, s, reconcile_waits);
	U64(o, s, blocks_amplifying);
	U64(o, s, amplify_waits);
	U64(o, s, result_waits);
	json_object_set_new(o, "memory", memory_json(&s->memory));
	U64(o, s, jobs_given);
	U64(o, s, jobs_back);
	U64(o, s, jobs_own);
	U64(o, s, random_card);
	U64(o, s, random_kernel);
	U64(o, s, blocks_in_doubt);
	U64(o, s, blocks_computational);
	U64(o, s, tags);
	U64(o, s, hash_key_uses);
	U64(o, s, hash_key_renewals);
	BOOL(o, s, hash_keys_preshared);
	U64(o, s, blocks_sifted_bits);
	U64(o, s, secret_bits);
	U64(o, s, leaked_bits);
	json_object_set_new(
	        o, "delivered_bits",
	        json_integer((json_int_t)(64 * (s->delivered_units[0] + s->delivered_units[1]))));
	U64(o, s, positions_free);
	U64(o, s, positions_short);
	U64(o, s, unaligned);
	U64(o, s, dropped);
	U64(o, s, gaps);
	U64(o, s, stale_choices);
	U64(o, s, protocol_errors);
	U64(o, s, auth_failures);
	U64(o, s, realignments);
	REAL(o, s, eps_total);
	json_object_set_new(o, "method", json_string(reconcile_method_name(s->method)));
	json_object_set_new(o, "method_reason", json_string(reconcile_reason_name(s->reason)));
	json_object_set_new(o, "leak_mode", json_string(leak_mode_name(s->leak_mode)));
	json_object_set_new(o, "aborts", aborts_json(s));
	json_object_set_new(o, "last_abort", json_string(s->last_abort));
	json_object_set_new(o, "disagreement", json_string(s->disagreement));
	return o;
}

json_t *snapshot_link(void)
{
	struct gateway_link link;
	json_t *o;

	if (gateway_ops()->link == NULL)
		return NULL;
	memset(&link, 0, sizeof(link));
	gateway_ops()->link(&link);
	o = json_pack("{s:s, s:b, s:b, s:o, s:o}", "link", link.name, "enabled", link.enabled,
	              "simulated", link.card_present && link.card.simulated, "channel",
	              channel_json(&link.channel), "engine", engine_json(&link.engine));
	if (link.card_present)
		json_object_set_new(o, "card", card_json(&link.card));
	return o;
}

static void rekey_json(json_t *o, const struct rekey_stats *s)
{
	json_object_set_new(o, "keyed_by", json_string(rekey_standing_name(s->standing)));
	U64(o, s, generation);
	U64(o, s, peer_generation);
	U64(o, s, key_age_ms);
	U64(o, s, next_rekey_ms);
	U64(o, s, period_ms);
	U64(o, s, grace_ms);
	BOOL(o, s, stopped);
	json_object_set_new(o, "last_cause", json_string(rekey_cause_name(s->last_cause)));
	json_object_set_new(o, "last_reject",
	                    json_string(s->last_reject != NULL ? s->last_reject : ""));
	U64(o, s, subs);
	U64(o, s, peer_subs);
	U64(o, s, peer_subs_max);
	U64(o, s, rekeys);
	U64(o, s, offers);
	U64(o, s, requests);
	U64(o, s, rejects);
	U64(o, s, timeouts);
	U64(o, s, retransmits);
	U64(o, s, duplicates);
	U64(o, s, deferred);
	U64(o, s, peer_subs_refused);
	U64(o, s, policy_refused);
	U64(o, s, hybrid_failed);
	U64(o, s, bad_messages);
	U64(o, s, no_key);
	U64(o, s, ratchet_steps);
	U64(o, s, policy_changes);
}

/* Where the peer is, if it may move. */
static void peer_json(json_t *o, const struct gateway_tunnel *t)
{
	const struct tunnel_peer_info *p = &t->peer;
	struct config_addr addr = {.ipv6 = t->local.ipv6};
	char text[CONFIG_ADDR_TEXT];
	json_t *peer;

	if (!p->dynamic)
		return;
	memcpy(addr.bytes, p->place.addr, sizeof(addr.bytes));
	peer = json_object();
	json_object_set_new(peer, "address", json_string(config_addr_format(&addr, text)));
	json_object_set_new(peer, "port", json_integer(p->place.port));
	U64(peer, p, moves);
	if (p->moves > 0)
		json_object_set_new(
		        peer, "moved_ms_ago",
		        json_integer((json_int_t)((clock_mono_ns() - p->moved_ns) / NS_PER_MS)));
	U64(peer, p, held);
	U64(peer, p, refused);
	json_object_set_new(o, "peer", peer);
}

/* What crosses its path, if routers are listened to. */
static void path_json(json_t *o, const struct gateway_tunnel *t)
{
	const struct forward_path_info *p = &t->path_mtu;
	json_t *path;

	if (!p->on)
		return;
	path = json_object();
	U64(path, p, mtu);
	U64(path, p, inner_mtu);
	U64(path, p, floor);
	U64(path, p, lowered);
	if (p->left_ns != 0)
		json_object_set_new(path, "forgotten_in_s",
		                    json_integer((json_int_t)(p->left_ns / NS_PER_S)));
	json_object_set_new(o, "path_mtu", path);
}

static json_t *tunnel_json(const struct gateway_tunnel *t)
{
	char local[CONFIG_ADDR_TEXT], remote[CONFIG_ADDR_TEXT];
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(t->name));
	json_object_set_new(o, "local", json_string(config_addr_format(&t->local, local)));
	json_object_set_new(o, "remote", json_string(config_addr_format(&t->remote, remote)));
	if (t->path != NULL)
		json_object_set_new(o, "path", json_string(t->path));
	if (t->state != NULL)
		json_object_set_new(o, "state", json_string(t->state));
	rekey_json(o, &t->rekey);
	U64(o, t, packets_sealed);
	U64(o, t, bytes_sealed);
	U64(o, t, packets_opened);
	U64(o, t, bytes_opened);
	U64(o, t, packets_cleared);
	peer_json(o, t);
	path_json(o, t);
	return o;
}

json_t *snapshot_tunnels(unsigned int offset, unsigned int limit, unsigned int *total)
{
	struct gateway_tunnel page[PAGE];
	json_t *list;

	if (gateway_ops()->tunnels == NULL)
		return NULL;
	list = json_array();
	*total = UINT_MAX;
	while (limit > 0 && offset < *total) {
		unsigned int want = limit < PAGE ? limit : PAGE, n;

		memset(page, 0, sizeof(page));
		*total = gateway_ops()->tunnels(offset, page, want);
		n = *total <= offset ? 0 : *total - offset < want ? *total - offset : want;
		for (unsigned int i = 0; i < n; i++)
			json_array_append_new(list, tunnel_json(&page[i]));
		offset += want;
		limit -= want;
	}
	return list;
}

static json_t *sa_json(const struct gateway_sa *sa, uint64_t now)
{
	const struct sa_info *s = &sa->info;
	json_t *o = json_object();

	json_object_set_new(o, "tunnel", json_string(sa->tunnel));
	json_object_set_new(o, "direction", json_string(s->transmit ? "transmit" : "receive"));
	U64(o, s, spi);
	U64(o, s, generation);
	U64(o, s, sub);
	U64(o, s, core);
	U64(o, s, packets);
	U64(o, s, bytes);
	U64(o, s, sequence);
	U64(o, s, replayed);
	U64(o, s, auth_failed);
	json_object_set_new(o, "age_ms",
	                    json_integer((json_int_t)((now - s->installed_ns) / NS_PER_MS)));
	return o;
}

json_t *snapshot_sas(const char *tunnel, unsigned int offset, unsigned int limit,
                     unsigned int *total)
{
	struct gateway_sa page[PAGE];
	uint64_t now = clock_mono_ns();
	json_t *list;

	if (gateway_ops()->sas == NULL)
		return NULL;
	list = json_array();
	*total = UINT_MAX;
	while (limit > 0 && offset < *total) {
		unsigned int want = limit < PAGE ? limit : PAGE, n;

		memset(page, 0, sizeof(page));
		*total = gateway_ops()->sas(tunnel, offset, page, want);
		n = *total <= offset ? 0 : *total - offset < want ? *total - offset : want;
		for (unsigned int i = 0; i < n; i++)
			json_array_append_new(list, sa_json(&page[i], now));
		offset += want;
		limit -= want;
	}
	return list;
}

json_t *snapshot_keystore(void)
{
	struct keystore_stats s = {0};
	struct key_forecast_view forecast = {0};
	json_t *o, *available;

	if (gateway_ops()->keystore == NULL)
		return NULL;
	gateway_ops()->keystore(&s);
	o = json_object();
	available = json_pack("{s:I, s:I, s:I}", "rekey", (json_int_t)s.available[KEY_REKEY],
	                      "auth_a", (json_int_t)s.available[KEY_AUTH_A], "auth_b",
	                      (json_int_t)s.available[KEY_AUTH_B]);
	json_object_set_new(o, "available", available);
	if (gateway_ops()->key_forecast != NULL)
		gateway_ops()->key_forecast(&forecast);
	key_forecast_json(&forecast, o);
	U64(o, &s, added);
	U64(o, &s, delivered);
	U64(o, &s, voided);
	U64(o, &s, expired);
	U64(o, &s, imported);
	U64(o, &s, blocks);
	REAL(o, &s, eps_total);
	json_object_set_new(o, "preshared",
	                    json_pack("{s:I, s:I, s:I}", "auth_a",
	                              (json_int_t)s.preshared[KEY_AUTH_A], "auth_b",
	                              (json_int_t)s.preshared[KEY_AUTH_B], "hash_key_uses",
	                              (json_int_t)s.preshared_hashes));
	BOOL(o, &s, simulated);
	BOOL(o, &s, has_imported);
	BOOL(o, &s, has_foreign);
	return o;
}

/* The whole list is tunnel_list's. */
static json_t *first_tunnels(void)
{
	unsigned int total;

	return snapshot_tunnels(0, STATUS_TUNNELS, &total);
}

STATUS_SECTION_DEFINE(link, snapshot_link)
STATUS_SECTION_DEFINE(tunnels, first_tunnels)
STATUS_SECTION_DEFINE(keystore, snapshot_keystore)
