/* SPDX-License-Identifier: BSD-3-Clause */

/* Do packets of the LAN cross the tunnels whole? */

#include <stdio.h>

#include "control/doctor.h"

/* RFC 4303 with AES-GCM of 8 bytes of IV and 16 of ICV (RFC 4106), in UDP by RFC 3948. */
#define ESP_FRONT 16
#define ESP_ICV   16
#define UDP       8

static unsigned int around(const struct config_tunnel *t)
{
	return (t->local.ipv6 ? 40u : 20u) + (t->udp ? UDP : 0u) + ESP_FRONT + ESP_ICV;
}

/* Padding, its length and the next header fill a multiple of 4. */
static unsigned int outside(const struct config_tunnel *t, unsigned int inner)
{
	return around(t) + ((inner + 2 + 3) & ~3u);
}

static unsigned int inside(const struct config_tunnel *t, unsigned int wan)
{
	return wan < around(t) + 4 ? 0 : ((wan - around(t)) & ~3u) - 2;
}

void doctor_mtu(struct doctor *d)
{
	const struct config *c = d->config;
	const struct config_tunnel *worst = NULL;
	unsigned int most = 0;
	struct doctor_check *check;

	for (unsigned int i = 0; i < c->tunnel_count; i++) {
		unsigned int needs = outside(&c->tunnels[i], c->lan.mtu);

		if (needs > most) {
			most = needs;
			worst = &c->tunnels[i];
		}
	}
	if (worst == NULL)
		return;
	if (most <= c->wan.mtu) {
		doctor_add(d, "mtu", DOCTOR_OK,
		           "LAN packets of %u bytes take up to %u of the WAN's %u", c->lan.mtu,
		           most, c->wan.mtu);
		return;
	}
	check = doctor_add(d, "mtu", DOCTOR_WARN,
	                   "tunnel %s: LAN packets above %u bytes do not cross whole, the LAN's "
	                   "MTU is %u",
	                   worst->name, inside(worst, c->wan.mtu), c->lan.mtu);
	doctor_advise(check,
	              "an MTU of %u on the whole way between the sites and in port/wan/mtu%s", most,
	              worst->outer_fragment ? "; until then ESP goes in fragments"
	              : worst->mss_clamp    ? "; TCP is clamped until then"
	                                    : ", or mss-clamp for TCP");
}
