/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Twice as much data as a gateway forwards, and as its device sends: the channel's datagrams
 * come through, every one, and in order.
 */

#include "tests/unit/dataplane/gateway_rig.h"

#define TURNS   400
#define A_TURN  3  /* datagrams */
#define FORWARD 32 /* packets that a core takes from a port in a turn */

static uint32_t sent, got;

static void test_start(void)
{
	dpdk_start(1, 512, NULL, NULL);
}

static void send_datagrams(void)
{
	for (unsigned int i = 0; i < A_TURN; i++) {
		uint8_t payload[40] = {0};

		put_be32(payload, sent++);
		CU_ASSERT_EQUAL(channel_mux_send(gw[0].mux, payload, sizeof(payload), NULL), 0);
	}
}

static void receive_datagrams(void)
{
	uint8_t payload[64];

	while (channel_mux_receive(gw[1].mux, payload, sizeof(payload), NULL) != 0) {
		CU_ASSERT_EQUAL(get_be32(payload), got);
		got++;
	}
}

static void send_data(unsigned int n)
{
	uint8_t udp[48] = {0};

	for (unsigned int i = 0; i < n; i++) {
		put_be16(udp, (uint16_t)(1000 + i));
		put_be16(udp + 4, sizeof(udp));
		rig_send(0, test_ipv4(rig_pool, "10.1.0.10", "10.2.0.10", 17, udp, sizeof(udp)));
	}
}

static unsigned int receive_data(void)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = rig_receive(1)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

static void begin(struct rig_shape a, struct rig_shape b, unsigned int wire)
{
	const struct rig_shape shape[2] = {a, b};

	rig_start_shapes(shape, false, wire);
	rig_key(0, 1);
	sent = got = 0;
	for (unsigned int i = 0; i < 6; i++) {
		send_data(1);
		rig_turns(4);
		receive_data();
	}
}

static void end(void)
{
	for (unsigned int i = 0; i < 60; i++) {
		rig_turns(1);
		receive_datagrams();
		receive_data();
	}
	CU_ASSERT_EQUAL(sent, TURNS * A_TURN);
	CU_ASSERT_EQUAL(got, sent);
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

/* A turns twice while B turns once: what A seals is twice what B opens. */
static void overload_receiver(unsigned int b_cores)
{
	unsigned int data = 0;

	begin((struct rig_shape){.cores = 1},
	      (struct rig_shape){.cores = b_cores, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1}, 1024);
	for (unsigned int t = 0; t < TURNS; t++) {
		send_datagrams();
		for (unsigned int i = 0; i < 2; i++) {
			send_data(FORWARD);
			rig_turn(0);
		}
		rig_turn(1);
		receive_datagrams();
		data += receive_data();
	}
	/* Overloaded it was, and the data went on. */
	CU_ASSERT_TRUE(rig_count(1, "drop.overload") > TURNS * FORWARD / 2);
	CU_ASSERT_TRUE(data > TURNS * FORWARD * 9 / 10);
	CU_ASSERT_EQUAL(rig_count(0, "drop.wan_tx_full"), 0);
	end();
}

static void test_receiver(void)
{
	overload_receiver(1);
}

static void test_receiver_of_two_cores(void)
{
	overload_receiver(2);
}

/* A device that sends half of what A seals: its ring has 32 places, B empties it once a turn. */
static void overload_sender(unsigned int wan_tx)
{
	begin((struct rig_shape){.cores = 1, .wan_tx = wan_tx}, (struct rig_shape){.cores = 1}, 32);
	for (unsigned int t = 0; t < TURNS; t++) {
		send_datagrams();
		for (unsigned int i = 0; i < 2; i++) {
			send_data(FORWARD);
			rig_turn(0);
		}
		rig_turn(1);
		receive_datagrams();
		receive_data();
	}
	CU_ASSERT_TRUE(rig_count(0, "drop.wan_tx_full") > TURNS * FORWARD / 2);
	end();
}

static void test_sender(void)
{
	overload_sender(1);
}

/* The channel has a tx queue of its own, onto the same wire. */
static void test_sender_with_channel_queue(void)
{
	overload_sender(2);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_receiver), UNIT(test_receiver_of_two_cores),
          UNIT(test_sender), UNIT(test_sender_with_channel_queue))
