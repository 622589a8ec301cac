/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/wire.h"

#include <string.h>

#define TYPE_SLOW 0x8809 /* LACP among others: IEEE 802.3 annex 57A */
#define TYPE_LLDP 0x88cc
#define TYPE_CFM  0x8902
#define TYPE_MAC  0x8808 /* MAC control: pause, between neighbours on a link alone */

void wire_table_init(struct wire_table *t, const struct config *config)
{
	memset(t, 0, sizeof(*t));
	for (unsigned int i = 0; i < config->wire_count; i++) {
		const struct config_wire *cw = &config->wires[i];
		struct wire *w = &t->wire[t->count++];

		memcpy(w->name, cw->name, sizeof(w->name));
		while (strcmp(config->tunnels[w->tunnel].name, cw->tunnel) != 0)
			w->tunnel++;
		w->key = cw->key;
		w->lldp = cw->lldp;
		w->lacp = cw->lacp;
		w->cfm = cw->cfm;
		for (unsigned int vlan = 0; vlan < WIRE_VLANS; vlan++)
			if (cw->whole || config_wire_has_vlan(cw, vlan))
				t->of_vlan[vlan] = (uint8_t)(i + 1);
	}
}

/* 01-80-C2-00-00-00 to -0F, which no bridge passes on (IEEE 802.1Q table 8-1), and -30 to -3F. */
static bool is_reserved_group(const uint8_t *to)
{
	static const uint8_t prefix[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return memcmp(to, prefix, sizeof(prefix)) == 0 && (to[5] < 0x10 || to[5] >> 4 == 3);
}

static bool carries(const struct wire *w, const uint8_t *frame, unsigned int n)
{
	unsigned int at = 12;
	uint16_t type;

	if (!is_reserved_group(frame))
		return true;
	/* CFM may run inside a VLAN. */
	while (n >= at + 6 && (get_be16(frame + at) == 0x8100 || get_be16(frame + at) == 0x88a8))
		at += 4;
	type = get_be16(frame + at);
	switch (type) {
	case TYPE_MAC:
		return false;
	case TYPE_LLDP:
		return w->lldp;
	case TYPE_SLOW:
		return w->lacp;
	case TYPE_CFM:
		return w->cfm;
	default:
		return true;
	}
}

const struct wire *wire_of_frame(const struct wire_table *t, const uint8_t *frame, unsigned int n)
{
	unsigned int index = t->of_vlan[wire_vlan(frame, n)];

	if (index == 0 || !carries(&t->wire[index - 1], frame, n))
		return NULL;
	return &t->wire[index - 1];
}

void wire_put_header(uint8_t *h, const struct wire *w)
{
	put_be16(h, WIRE_GRE_FLAGS);
	put_be16(h + 2, WIRE_GRE_TEB);
	put_be32(h + 4, w->key);
}

const struct wire *wire_of_packet(const struct wire_table *t, uint16_t tunnel, const uint8_t *h,
                                  unsigned int n)
{
	unsigned int index = t->of_vlan[wire_vlan(h + WIRE_HEADER, n - WIRE_HEADER)];
	const struct wire *w;

	if (index == 0)
		return NULL;
	w = &t->wire[index - 1];
	if (!wire_is_header(h, n) || w->tunnel != tunnel || w->key != get_be32(h + 4))
		return NULL;
	return w;
}
