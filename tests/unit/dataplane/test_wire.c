/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/wire.h"
#include "tests/unit/unit.h"

static struct config config;
static struct wire_table table;

static struct config_wire *add(const char *name, const char *tunnel, uint32_t key)
{
	struct config_wire *w = &config.wires[config.wire_count++];

	memset(w, 0, sizeof(*w));
	strcpy(w->name, name);
	strcpy(w->tunnel, tunnel);
	w->key = key;
	return w;
}

static void begin(void)
{
	memset(&config, 0, sizeof(config));
	config.tunnel_count = 2;
	strcpy(config.tunnels[0].name, "t0");
	strcpy(config.tunnels[1].name, "t1");
}

/* Headers of a frame: TO's last byte after 01-80-C2-00-00, or 0xff for a station. */
static const uint8_t *frame(uint8_t to, uint16_t outer, uint16_t vlan, uint16_t type)
{
	static uint8_t f[32];
	static const uint8_t group[5] = {0x01, 0x80, 0xc2, 0, 0};

	memset(f, 0, sizeof(f));
	f[0] = 2;
	if (to != 0xff) {
		memcpy(f, group, 5);
		f[5] = to;
	}
	if (outer == 0) {
		put_be16(f + 12, type);
		return f;
	}
	put_be16(f + 12, outer);
	put_be16(f + 14, vlan);
	put_be16(f + 16, type);
	return f;
}

static void test_vlans_choose(void)
{
	struct config_wire *w;

	begin();
	w = add("a", "t1", 7);
	w->vlans[100 / 8] |= 1 << 100 % 8;
	w = add("b", "t0", 7);
	w->vlans[0] = 1;
	w->vlans[4094 / 8] |= 1 << 4094 % 8;
	wire_table_init(&table, &config);
	CU_ASSERT_PTR_EQUAL(wire_of_frame(&table, frame(0xff, 0x8100, 100, 0x800), 32),
	                    &table.wire[0]);
	/* Priority bits are no part of the identifier. */
	CU_ASSERT_PTR_EQUAL(wire_of_frame(&table, frame(0xff, 0x88a8, 0xe000 | 4094, 0x8100), 32),
	                    &table.wire[1]);
	CU_ASSERT_PTR_EQUAL(wire_of_frame(&table, frame(0xff, 0, 0, 0x800), 32), &table.wire[1]);
	CU_ASSERT_PTR_EQUAL(wire_of_frame(&table, frame(0xff, 0x8100, 0xe000, 0x800), 32),
	                    &table.wire[1]);
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0xff, 0x8100, 101, 0x800), 32));
	/* A tag that is cut off is none. */
	CU_ASSERT_PTR_EQUAL(wire_of_frame(&table, frame(0xff, 0x8100, 100, 0x800), 17),
	                    &table.wire[1]);
	CU_ASSERT_EQUAL(table.wire[0].tunnel, 1);
	CU_ASSERT_EQUAL(table.wire[1].tunnel, 0);
}

static void test_protocols_between_neighbours(void)
{
	struct config_wire *w;

	begin();
	w = add("whole", "t0", 1);
	w->whole = true;
	wire_table_init(&table, &config);
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0x0e, 0, 0, 0x88cc), 32));
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0x02, 0, 0, 0x8809), 32));
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0x31, 0, 0, 0x8902), 32));
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0x31, 0x8100, 9, 0x8902), 32));
	/* Spanning trees span the wire. */
	CU_ASSERT_PTR_NOT_NULL(wire_of_frame(&table, frame(0x00, 0, 0, 0x26), 32));
	w->lldp = w->lacp = w->cfm = true;
	wire_table_init(&table, &config);
	CU_ASSERT_PTR_NOT_NULL(wire_of_frame(&table, frame(0x0e, 0, 0, 0x88cc), 32));
	CU_ASSERT_PTR_NOT_NULL(wire_of_frame(&table, frame(0x02, 0, 0, 0x8809), 32));
	CU_ASSERT_PTR_NOT_NULL(wire_of_frame(&table, frame(0x31, 0x8100, 9, 0x8902), 32));
	/* A pause is for the neighbour alone. */
	CU_ASSERT_PTR_NULL(wire_of_frame(&table, frame(0x01, 0, 0, 0x8808), 32));
}

static void test_peer_reaches_its_wires_alone(void)
{
	uint8_t packet[WIRE_HEADER + 32];
	struct config_wire *w;

	begin();
	w = add("a", "t0", 7);
	w->vlans[100 / 8] |= 1 << 100 % 8;
	w = add("b", "t0", 8);
	w->vlans[101 / 8] |= 1 << 101 % 8;
	wire_table_init(&table, &config);
	wire_put_header(packet, &table.wire[0]);
	CU_ASSERT_TRUE(wire_is_header(packet, sizeof(packet)));
	memcpy(packet + WIRE_HEADER, frame(0xff, 0x8100, 100, 0x800), 32);
	CU_ASSERT_PTR_EQUAL(wire_of_packet(&table, 0, packet, sizeof(packet)), &table.wire[0]);
	/* By another tunnel, with another wire's key, to another wire's VLAN, without a VLAN. */
	CU_ASSERT_PTR_NULL(wire_of_packet(&table, 1, packet, sizeof(packet)));
	put_be32(packet + 4, 8);
	CU_ASSERT_PTR_NULL(wire_of_packet(&table, 0, packet, sizeof(packet)));
	put_be32(packet + 4, 7);
	memcpy(packet + WIRE_HEADER, frame(0xff, 0x8100, 101, 0x800), 32);
	CU_ASSERT_PTR_NULL(wire_of_packet(&table, 0, packet, sizeof(packet)));
	memcpy(packet + WIRE_HEADER, frame(0xff, 0, 0, 0x800), 32);
	CU_ASSERT_PTR_NULL(wire_of_packet(&table, 0, packet, sizeof(packet)));
	/* Sequence numbers and checksums are not ours. */
	memcpy(packet + WIRE_HEADER, frame(0xff, 0x8100, 100, 0x800), 32);
	packet[0] = 0x30;
	CU_ASSERT_PTR_NULL(wire_of_packet(&table, 0, packet, sizeof(packet)));
}

UNIT_MAIN(UNIT(test_vlans_choose), UNIT(test_protocols_between_neighbours),
          UNIT(test_peer_reaches_its_wires_alone))
