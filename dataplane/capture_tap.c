/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "dataplane/capture_filter.h"
#include "dataplane/mbuf_chain.h"

#define VLAN_TAG 4
#define MACS     12

/*
 * A frame that a device had no room for is offered again in the next turn. The mark keeps it
 * from being captured twice; a fresh mbuf has none of these flags.
 */
static uint64_t offered_flag;

static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* A device strips and inserts tags; the wire has them. */
static bool has_loose_tag(const struct capture_tap *tap, const struct rte_mbuf *m)
{
	return (m->ol_flags & (tap->transmit ? RTE_MBUF_F_TX_VLAN : RTE_MBUF_F_RX_VLAN_STRIPPED)) !=
	       0;
}

/* A frame as on the wire, in one piece, up to the size of scratch; its length in *LENGTH. */
static const uint8_t *linear(struct capture_tap *tap, const struct rte_mbuf *m, uint32_t *captured,
                             uint32_t *length)
{
	bool tag = has_loose_tag(tap, m) && m->pkt_len >= MACS;
	uint8_t *out = tap->scratch;
	uint32_t n;

	*length = m->pkt_len + (tag ? VLAN_TAG : 0);
	if (!tag && m->nb_segs == 1) {
		*captured = m->data_len;
		return rte_pktmbuf_mtod(m, const uint8_t *);
	}
	*captured = RTE_MIN(*length, (uint32_t)sizeof(tap->scratch));
	if (!tag) {
		chain_read(m, 0, *captured, out);
		return out;
	}
	n = *captured - VLAN_TAG;
	chain_read(m, 0, MACS, out);
	out[MACS] = RTE_ETHER_TYPE_VLAN >> 8;
	out[MACS + 1] = RTE_ETHER_TYPE_VLAN & 0xff;
	out[MACS + 2] = (uint8_t)(m->vlan_tci >> 8);
	out[MACS + 3] = (uint8_t)m->vlan_tci;
	chain_read(m, MACS, n - MACS, out + MACS + VLAN_TAG);
	return out;
}

static void take(struct capture_tap *tap, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t seen = 0, matched = 0, dropped = 0, tsc = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct capture_record *record;
		uint32_t captured, length;
		const uint8_t *frame;

		if (tap->transmit) {
			if ((m->ol_flags & offered_flag) != 0)
				continue;
			m->ol_flags |= offered_flag;
		}
		seen++;
		frame = linear(tap, m, &captured, &length);
		if (!capture_filter_match(tap->filter, frame, captured, length))
			continue;
		matched++;
		captured = RTE_MIN(captured, tap->snap_length);
		record = capture_ring_reserve(&tap->ring, captured);
		if (record == NULL) {
			dropped++;
			continue;
		}
		record->tsc = tsc;
		record->captured = captured;
		record->length = length;
		memcpy(record->data, frame, captured);
		capture_ring_commit(&tap->ring, record);
	}
	capture_ring_publish(&tap->ring);
	count(&tap->seen, seen);
	count(&tap->matched, matched);
	count(&tap->dropped, dropped);
}

static uint16_t on_rx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
                      uint16_t max, void *arg)
{
	struct capture_tap *tap = arg;

	if (n > 0 && !__atomic_load_n(&tap->closed, __ATOMIC_RELAXED))
		take(tap, pkts, n);
	return n;
}

static uint16_t on_tx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n, void *arg)
{
	struct capture_tap *tap = arg;

	if (n > 0 && !__atomic_load_n(&tap->closed, __ATOMIC_RELAXED))
		take(tap, pkts, n);
	return n;
}

int capture_tap_prepare(struct err *err)
{
	static const struct rte_mbuf_dynflag flag = {.name = "lumengate_dynflag_captured"};
	int bit;

	if (offered_flag != 0)
		return 0;
	bit = rte_mbuf_dynflag_register(&flag);
	if (bit < 0)
		return err_set(err, rte_errno, "capture: no flag left in the packet buffers");
	offered_flag = RTE_BIT64(bit);
	return 0;
}

struct capture_tap *capture_tap_create(const struct port *port, bool transmit, uint16_t queue,
                                       uint32_t snap_length, const struct bpf_program *filter,
                                       size_t ring_bytes)
{
	struct capture_tap *tap = aligned_alloc(_Alignof(struct capture_tap), sizeof(*tap));

	if (tap == NULL)
		return NULL;
	memset(tap, 0, sizeof(*tap));
	tap->ring.size = ring_bytes;
	/* Touched here: the core must not meet the page faults. */
	tap->ring.bytes = malloc(ring_bytes);
	if (tap->ring.bytes == NULL) {
		free(tap);
		return NULL;
	}
	memset(tap->ring.bytes, 0xff, ring_bytes);
	tap->filter = filter;
	tap->snap_length = snap_length;
	tap->transmit = transmit;
	tap->port_id = port->id;
	tap->queue = queue;
	return tap;
}

int capture_tap_add(struct capture_tap *tap, struct err *err)
{
	tap->callback = tap->transmit
	                        ? rte_eth_add_tx_callback(tap->port_id, tap->queue, on_tx, tap)
	                        : rte_eth_add_rx_callback(tap->port_id, tap->queue, on_rx, tap);
	if (tap->callback == NULL)
		return err_set(err, rte_errno > 0 ? rte_errno : ENOMEM,
		               "capture: no callback on queue %u (%s)", tap->queue,
		               rte_strerror(rte_errno));
	return 0;
}

void capture_tap_remove(struct capture_tap *tap)
{
	__atomic_store_n(&tap->closed, true, __ATOMIC_RELAXED);
	if (tap->callback == NULL)
		return;
	if (tap->transmit)
		rte_eth_remove_tx_callback(tap->port_id, tap->queue, tap->callback);
	else
		rte_eth_remove_rx_callback(tap->port_id, tap->queue, tap->callback);
}

void capture_tap_destroy(struct capture_tap *tap)
{
	if (tap == NULL)
		return;
	/* libethdev leaves this to the application (rte_eth_remove_rx_callback()). */
	rte_free((void *)(uintptr_t)tap->callback);
	/* Plaintext does not outlive the capture in freed memory. */
	explicit_bzero(tap->ring.bytes, tap->ring.size);
	explicit_bzero(tap->scratch, sizeof(tap->scratch));
	free(tap->ring.bytes);
	free(tap);
}
