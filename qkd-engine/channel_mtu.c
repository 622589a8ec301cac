/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel_mtu.h"

#include "common/clock.h"
#include "qkd-engine/channel.h"

/* Lengths worth asking for: MTUs of 1360, 1400 and 1420 less the headers, and the longest. */
static const uint16_t sizes[] = {PATH_MTU_BASE, 1312, 1352, 1372, CHANNEL_DATAGRAM_MAX};

#define SIZES        (sizeof(sizes) / sizeof(sizes[0]))
#define FULL_SLACK   8 /* acknowledgements vary by so much in what is full */
#define SUSPECT_FROM 4
#define CONFIRM_NS   (100 * NS_PER_MS)
#define FULL_LOST    6 /* by chance at 5 % loss: once in 6 x 10^7 times */
#define SHORT_ACKED  3
#define TRIES        3
#define NEXT_NS      (500 * NS_PER_MS)
#define AGAIN_NS     (600 * NS_PER_S) /* RFC 8899, section 5.1.1: PMTU_RAISE_TIMER */

void path_mtu_init(struct path_mtu *m)
{
	*m = (struct path_mtu){.size = CHANNEL_DATAGRAM_MAX, .probe_at_ns = UINT64_MAX};
}

static void trust(struct path_mtu *m)
{
	m->suspect = false;
	m->lost = m->full_lost = m->short_acked = 0;
}

void path_mtu_session(struct path_mtu *m, uint64_t now_ns)
{
	trust(m);
	m->probing = false;
	m->tries = 0;
	m->probe_at_ns = m->size < CHANNEL_DATAGRAM_MAX ? now_ns + NEXT_NS : UINT64_MAX;
}

static uint16_t next_size(const struct path_mtu *m)
{
	unsigned int i = 0;

	while (i + 1 < SIZES && sizes[i] <= m->size)
		i++;
	return sizes[i];
}

static bool is_probe(const struct path_mtu *m, uint64_t number)
{
	return m->probing && m->probe_number == number;
}

void path_mtu_acked(struct path_mtu *m, uint64_t number, unsigned int bytes, uint64_t now_ns)
{
	if (is_probe(m, number)) {
		m->probing = false;
		m->size = next_size(m);
		m->tries = 0;
		m->probe_at_ns = m->size < CHANNEL_DATAGRAM_MAX ? now_ns : UINT64_MAX;
		trust(m);
	} else if (bytes + FULL_SLACK >= m->size) {
		trust(m);
	} else if (m->suspect && bytes <= PATH_MTU_BASE && m->short_acked++ == 0) {
		m->full_lost = 0; /* those of an outage tell nothing */
	}
}

void path_mtu_lost(struct path_mtu *m, uint64_t number, unsigned int bytes, uint64_t now_ns)
{
	if (is_probe(m, number)) {
		m->probing = false;
		m->probe_at_ns = now_ns + NEXT_NS;
		if (++m->tries == TRIES) {
			m->tries = 0;
			m->probe_at_ns = now_ns + AGAIN_NS;
		}
		return;
	}
	if (bytes <= PATH_MTU_BASE)
		return;
	m->full_lost += m->suspect && bytes == m->size;
	if (++m->lost >= SUSPECT_FROM && !m->suspect) {
		m->suspect = m->full_turn = true;
		m->confirm_at_ns = now_ns;
	}
}

bool path_mtu_black_hole(struct path_mtu *m, uint64_t now_ns)
{
	if (m->full_lost < FULL_LOST || m->short_acked < SHORT_ACKED)
		return false;
	m->size = PATH_MTU_BASE;
	path_mtu_session(m, now_ns);
	return true;
}

unsigned int path_mtu_ping(struct path_mtu *m, uint64_t number, uint64_t now_ns)
{
	if (m->suspect && now_ns >= m->confirm_at_ns) {
		m->full_turn = !m->full_turn;
		m->confirm_at_ns = now_ns + CONFIRM_NS;
		return m->full_turn ? 1 : m->size;
	}
	if (m->probing || now_ns < m->probe_at_ns)
		return 0;
	m->probing = true;
	m->probe_number = number;
	return next_size(m);
}

uint64_t path_mtu_wake(const struct path_mtu *m)
{
	uint64_t at = m->probing ? UINT64_MAX : m->probe_at_ns;

	return m->suspect && m->confirm_at_ns < at ? m->confirm_at_ns : at;
}
