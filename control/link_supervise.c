/* SPDX-License-Identifier: BSD-3-Clause */

/* What the link watches for the operator: card, channel, how many keys there are. */

#include "control/link_state.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "control/qrng_watch.h"
#include "control/steer_watch.h"

LOG_COMPONENT_DEFINE(link_supervise)

#define POWER_NS (1 * NS_PER_S)

static void watch_card(struct link *l, uint64_t now)
{
	struct err err = {0};
	bool present = qkd_role_supervise(l->role, now, &err);

	if (err.code != 0)
		memcpy(l->card_reason, err.text, sizeof(l->card_reason));
	link_alarm(!present, "no-card", l->resource, ALARM_MAJOR,
	           present ? "the optical card runs" : l->card_reason);
}

const struct ladder *link_ladder(const struct link *l)
{
	return &l->ladder;
}

static void watch_ladder(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	bool raised;

	ladder_poll(&l->ladder, s, s->optics.present ? "" : l->card_reason, now);
	raised = ladder_alarms(&l->ladder, s);
	link_alarm(raised, "calibration", l->resource, ALARM_MINOR,
	           raised ? l->ladder.late_reason : "the light's start-up goes on");
}

static void watch_channel(struct link *l, const struct qkd_role_status *s)
{
	bool failing = s->channel.authentication_failing;

	l->channel_up = s->channel.state == CHANNEL_UP;
	l->conditions.rtt_ns = s->channel.rtt_ns;
	link_alarm(failing, "authentication", l->resource, ALARM_CRITICAL,
	           failing ? "the peer's hellos carry wrong tags: the pre-shared secrets differ"
	                   : "the peer is authenticated");
	link_alarm(!l->channel_up, "channel-down", l->resource, ALARM_MAJOR,
	           l->channel_up ? "the classical channel is up"
	                         : "the classical channel has no session");
}

/* Where the channel's peer went, for the log. */
static void watch_place(struct link *l, const struct qkd_role_status *s)
{
	static const struct channel_place configured;
	struct config_addr addr = {.ipv6 = l->channel_ipv6};
	char text[CONFIG_ADDR_TEXT];

	if (s->channel.moves == l->channel_moves)
		return;
	l->channel_moves = s->channel.moves;
	memcpy(addr.bytes, s->peer.bytes, sizeof(addr.bytes));
	if (memcmp(&s->peer, &configured, sizeof(configured)) == 0)
		log_info("%s: the channel's peer is where it is configured to be", l->resource);
	else
		log_info("%s: the channel's peer moved to %s port %u", l->resource,
		         config_addr_format(&addr, text), get_be16(s->peer.bytes + 16));
}

/*
 * The other end's loss tracking divides by it: it goes out each second while there is light. What
 * leaves is better than what goes into the attenuator, where the card can tell.
 */
static void tell_power(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	const struct card_status *c = &s->optics.card;
	uint32_t power = c->monitor ? c->output_fw : c->tx_power_nw;
	uint8_t msg[4];

	if (now < l->next_power_ns || !l->channel_up || !l->site_a || !s->optics.present ||
	    power == 0)
		return;
	l->next_power_ns = now + POWER_NS;
	put_be32(msg, power);
	link_send(l, MESSAGE_POWER, NULL, msg, sizeof(msg));
}

void link_supervise(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	watch_channel(l, s);
	watch_place(l, s);
	if (s->quantum) {
		watch_card(l, now);
		qrng_watch(l->resource, &s->optics, now);
		steer_watch(l->resource, &s->optics);
		watch_ladder(l, s, now);
	}
	tell_power(l, s, now);
	if (s->quantum)
		link_tell_spectrum(l, now);
}

void link_key_forecast(const struct link *l, struct key_forecast_view *out)
{
	key_forecast_read(&l->forecast, out);
}

void link_watch_keys(struct link *l, uint64_t now)
{
	struct keystore_stats s;
	char text[96];
	bool low;

	keystore_stats_read(l->ks, &s);
	key_forecast_look(&l->forecast, now, s.available[KEY_REKEY], s.added + s.imported,
	                  s.voided + s.expired);
	l->conditions.keys = s.available[KEY_REKEY];
	l->conditions.low_water = l->level.low_water;
	low = key_level_low(&l->level, s.available[KEY_REKEY]);
	snprintf(text, sizeof(text), "%s: low-water-keys is %u",
	         low ? "few keys for rekeying are left" : "enough keys for rekeying",
	         l->level.low_water);
	link_alarm(low, "key-store-low", l->resource, ALARM_WARNING, text);
}
