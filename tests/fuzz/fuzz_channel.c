/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two channels, and an input that says what happens to them: datagrams of any content,
 * with a wrong tag or with the right one, time, messages, restarts. The right tag is
 * made with the victim's peer's own keys, so that the code behind the MAC is reached.
 *
 * Checked beside what the sanitizers see: without a datagram that the input made under a right
 * tag, no session ends for breaking the rules and messages arrive as they were sent.
 */

#include <stdlib.h>

#include "qkd-engine/channel_internal.h"
#include "tests/fuzz/input.h"
#include "tests/unit/qkd-engine/lossy_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct lossy_pair pair;
	bool forged; /* a datagram of the input's making had a right tag */
	uint8_t sent[2][CHANNEL_STREAMS], received[2][CHANNEL_STREAMS];
	uint8_t session[2][16];
};

static size_t take_bytes(struct input *in, uint8_t *out, size_t max)
{
	size_t n = (size_t)take(in) << 3 | take(in) % 8;

	if (n > max)
		n = max;
	if (n > in->left)
		n = in->left;
	memcpy(out, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

/* Frames or a hello's body of the input, under a right tag of FROM. */
static void forge(struct world *w, struct channel *from, struct channel *to, struct input *in)
{
	uint8_t buf[CHANNEL_DATAGRAM_MAX], type = take(in) % 8;
	size_t n;

	memset(buf, 0, sizeof(buf));
	if (type < WIRE_INIT || type >= WIRE_DATA) {
		const struct channel_session *s = type == 7 ? &from->hs.next : &from->current;
		uint64_t number = from->tx.next_number;

		if (!s->valid)
			return;
		if (type == 6)
			number += (uint64_t)take(in) << (take(in) % 56);
		n = wire_put_data_head(buf, s->id, number);
		n += take_bytes(in, buf + n, sizeof(buf) - n - WIRE_TAG_BYTES);
		if (number == from->tx.next_number)
			from->tx.next_number++;
		n = session_seal_data(from, s, buf, n, number);
	} else {
		uint8_t iv[WIRE_IV_BYTES], body[2 * WIRE_NONCE_BYTES] = {0};

		take_bytes(in, body, sizeof(body));
		if (take(in) % 2 == 0)
			memcpy(body, type == WIRE_HINT ? to->current.id : to->hs.nonce_a,
			       type == WIRE_HINT ? WIRE_SESSION_BYTES : WIRE_NONCE_BYTES);
		if (take(in) % 2 == 0)
			memcpy(body + WIRE_NONCE_BYTES, to->hs.nonce_b, WIRE_NONCE_BYTES);
		lossy_fill(&w->pair.random_state, iv, sizeof(iv));
		n = wire_put_hello(buf, type, iv, body,
		                   type == WIRE_INIT   ? WIRE_NONCE_BYTES
		                   : type == WIRE_HINT ? WIRE_SESSION_BYTES
		                                       : 2 * WIRE_NONCE_BYTES);
		n = session_seal_hello(from, buf, n);
	}
	w->forged = true;
	channel_input(to, buf, n, w->pair.now_ns);
}

/* Messages of STREAM count from 0 in each session; every byte is the count. */
static void send_message(struct world *w, unsigned int side, struct input *in)
{
	static uint8_t msg[CHANNEL_MESSAGE_MAX + 1];
	struct channel *ch = side == 0 ? w->pair.a : w->pair.b;
	unsigned int stream = take(in) % CHANNEL_STREAMS;
	size_t len = (size_t)take(in) << (take(in) % 14);
	uint8_t id[16];

	if (!channel_session(ch, id))
		return;
	if (memcmp(id, w->session[side], 16) != 0) {
		memcpy(w->session[side], id, 16);
		memset(w->sent[side], 0, CHANNEL_STREAMS);
	}
	if (len > CHANNEL_MESSAGE_MAX)
		len = CHANNEL_MESSAGE_MAX + 1;
	memset(msg, w->sent[side][stream], len);
	if (channel_send(ch, stream, msg, len) == 0)
		w->sent[side][stream]++;
}

static void receive(struct world *w, unsigned int side)
{
	struct channel *ch = side == 0 ? w->pair.a : w->pair.b;
	static uint8_t last[2][16];
	uint8_t id[16];
	const uint8_t *m;
	size_t len;

	if (channel_session(ch, id) && memcmp(id, last[side], 16) != 0) {
		memcpy(last[side], id, 16);
		memset(w->received[side], 0, CHANNEL_STREAMS);
	}
	for (int stream = 0; stream < CHANNEL_STREAMS; stream++) {
		while ((m = channel_receive(ch, stream, &len)) != NULL) {
			uint8_t want = w->received[side][stream]++;

			if (len > CHANNEL_MESSAGE_MAX)
				abort();
			for (size_t i = 0; i < len; i++)
				if (m[i] != want && !w->forged)
					abort();
		}
	}
}

static void act(struct world *w, struct input *in)
{
	uint8_t op = take(in), buf[CHANNEL_DATAGRAM_MAX + 8];
	unsigned int side = op >> 7;
	struct channel *to = side == 0 ? w->pair.a : w->pair.b;
	struct channel *from = side == 0 ? w->pair.b : w->pair.a;
	size_t n;

	switch (op & 7) {
	case 0:
		n = take_bytes(in, buf, sizeof(buf));
		channel_input(to, buf, n, w->pair.now_ns);
		break;
	case 1:
		forge(w, from, to, in);
		break;
	case 2:
		send_message(w, side, in);
		break;
	case 3:
		receive(w, side);
		break;
	case 4:
		lossy_pair_step(&w->pair, (uint64_t)take(in) << (take(in) % 26));
		break;
	case 5:
		for (int i = take(in) % 64; i >= 0; i--)
			lossy_pair_step(&w->pair, NS_PER_MS);
		break;
	case 6:
		w->pair.ab.cut = take(in) & 1;
		w->pair.ba.cut = take(in) & 1;
		break;
	default:
		if (take(in) % 16 != 0)
			break;
		if (side == 0)
			lossy_pair_restart_a(&w->pair);
		else
			lossy_pair_restart_b(&w->pair);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct lossy_config config = {.drop = take(&in) / 1024.0,
	                              .duplicate = take(&in) / 1024.0,
	                              .reorder = take(&in) / 1024.0,
	                              .corrupt = take(&in) / 1024.0,
	                              .send_buffer_bytes = 1};
	static struct world w;
	struct channel_stats a, b;

	memset(&w, 0, sizeof(w));
	config.delay_ns = (uint64_t)take(&in) << 18;
	if (!lossy_pair_init(&w.pair, &config, 1))
		abort();
	lossy_pair_connect(&w.pair, NS_PER_S);
	for (int i = 0; in.left > 0 && i < 400; i++)
		act(&w, &in);
	channel_stats_read(w.pair.a, &a);
	channel_stats_read(w.pair.b, &b);
	if (!w.forged && a.protocol_errors + b.protocol_errors > 0)
		abort();
	lossy_pair_fini(&w.pair);
	if (secret_used() != 0)
		abort();
	return 0;
}
