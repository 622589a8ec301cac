/* SPDX-License-Identifier: BSD-3-Clause */

/* What link.c makes of the role's notes: the test is the role. */

#include "control/link.h"
#include "tests/unit/control/link_rig.h"

#include <errno.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "common/bytes.h"
#include "control/dwdm_message.h"

#define QUEUE 8192

static struct qkd_note *to_link[QUEUE], *from_link[QUEUE];
static unsigned int to_head, to_tail, from_count, room;
static struct qkd_role_status status;
static unsigned int pads_around;
static bool present, scanned;
static struct card_ocm_scan scan;

struct qkd_note *__wrap_qkd_role_receive(struct qkd_role *q);
int __wrap_qkd_role_post(struct qkd_role *q, struct qkd_note *note);
unsigned int __wrap_qkd_role_pads(const struct qkd_role *q);
bool __wrap_qkd_role_supervise(struct qkd_role *q, uint64_t now_ns, struct err *err);
void __wrap_qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out);
bool __wrap_qkd_role_ocm(struct qkd_role *q, struct card_ocm_scan *out);

bool __wrap_qkd_role_ocm(struct qkd_role *q, struct card_ocm_scan *out)
{
	*out = scan;
	return scanned;
}

struct qkd_note *__wrap_qkd_role_receive(struct qkd_role *q)
{
	return to_head == to_tail ? NULL : to_link[to_head++];
}

int __wrap_qkd_role_post(struct qkd_role *q, struct qkd_note *note)
{
	if (from_count == room)
		return -EAGAIN;
	from_link[from_count++] = note;
	return 0;
}

unsigned int __wrap_qkd_role_pads(const struct qkd_role *q)
{
	return pads_around;
}

bool __wrap_qkd_role_supervise(struct qkd_role *q, uint64_t now_ns, struct err *err)
{
	if (!present)
		err_set(err, ENOENT, "the card's file is not there");
	return present;
}

void __wrap_qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out)
{
	*out = status;
}

static void start(unsigned int site)
{
	rig_start();
	memset(&status, 0, sizeof(status));
	to_head = to_tail = from_count = pads_around = 0;
	room = QUEUE;
	rig_link(site);
}

static void forget(void)
{
	while (from_count > 0)
		qkd_note_free(from_link[--from_count]);
}

static void stop(void)
{
	forget();
	rig_stop();
}

static void turn(unsigned int site)
{
	rig_worker.now_ns += 100 * NS_PER_MS;
	link_poll(ends[site].link, rig_worker.now_ns);
}

static struct qkd_note *tell(enum qkd_note_type type, size_t len)
{
	struct qkd_note *note = qkd_note_new(type, len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(note);
	CU_ASSERT_FATAL(to_tail < QUEUE);
	to_link[to_tail++] = note;
	return note;
}

/* A session whose stores agree: the peer's summary is this end's own. */
static void agree(unsigned int site, uint64_t session)
{
	struct qkd_note *note = tell(QKD_NOTE_SESSION, 0);
	uint8_t summary[4096];
	size_t len;

	note->session = session;
	CU_ASSERT_EQUAL_FATAL(
	        keystore_summary(link_keystore(ends[site].link), summary, sizeof(summary), &len),
	        0);
	note = tell(QKD_NOTE_MESSAGE, 1 + len);
	note->session = session;
	note->data[0] = 1;
	memcpy(note->data + 1, summary, len);
	status.channel.state = CHANNEL_UP;
	turn(site);
	CU_ASSERT_TRUE(rig_stats(site).connected);
}

static void test_blocks_are_stored_once(void)
{
	start(0);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(2, 10);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	turn(0);
	CU_ASSERT_EQUAL(rig_stats(0).blocks_stored, 2);
	CU_ASSERT_EQUAL(rig_stats(0).blocks_refused, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(link_block_at(ends[0].link, 1));
	CU_ASSERT_EQUAL(link_block_at(ends[0].link, 0)->number, 2);
	CU_ASSERT_EQUAL(link_block_at(ends[0].link, 1)->number, 1);
	CU_ASSERT_EQUAL(link_block_at(ends[0].link, 1)->secret_bits, 2560);
	CU_ASSERT_PTR_NULL(link_block_at(ends[0].link, 2));
	CU_ASSERT_EQUAL(rig_keys(0).available[KEY_REKEY], 2 * (10 - RIG_AUTH_KEYS));
	stop();
}

/* The number of pad I of block 1. */
static uint64_t pad_id(unsigned int i)
{
	return RIG_PADS_FROM + 8 + i;
}

static void test_every_wanted_pad_is_answered(void)
{
	start(0);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = pad_id(1);
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = pad_id(1);
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = pad_id(6); /* the block has no such pad */
	room = 0;
	turn(0);
	/* The role's ring is full: answers wait, in order. */
	CU_ASSERT_EQUAL(from_count, 0);
	room = 1;
	turn(0);
	room = QUEUE;
	turn(0);
	CU_ASSERT_EQUAL_FATAL(from_count, 3);
	CU_ASSERT_EQUAL(from_link[0]->type, QKD_NOTE_PAD_FETCHED);
	CU_ASSERT_EQUAL(from_link[0]->pad.id, pad_id(1));
	CU_ASSERT_EQUAL(from_link[0]->pad.bits[15], 1);
	CU_ASSERT_EQUAL(from_link[1]->type, QKD_NOTE_PAD_UNKNOWN);
	CU_ASSERT_EQUAL(from_link[1]->pad.id, pad_id(1));
	CU_ASSERT_EQUAL(from_link[2]->type, QKD_NOTE_PAD_UNKNOWN);
	CU_ASSERT_EQUAL(from_link[2]->pad.id, pad_id(6));
	CU_ASSERT_EQUAL(rig_stats(0).pads_fetched, 1);
	CU_ASSERT_EQUAL(rig_stats(0).pads_unknown, 2);
	stop();
}

static unsigned int count(enum qkd_note_type type)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < from_count; i++)
		n += from_link[i]->type == type;
	return n;
}

/* A key delivery that is connected, and has said HELLO and that it has room. */
static int start_delivery(unsigned int site, uint64_t next_position)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct handover_message m = {.type = HANDOVER_KMS_HELLO};
	struct config *c = &ends[site].config;
	uint8_t packet[64];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	rig_start();
	memset(&status, 0, sizeof(status));
	to_head = to_tail = from_count = pads_around = 0;
	room = QUEUE;
	c->delivery.enabled = true;
	c->delivery.link_number = 7;
	c->delivery.weight_a = 30;
	c->delivery.weight_b = 20;
	c->delivery.floor = 3;
	c->qkd.block_bits = 100000;
	snprintf(c->delivery.socket, sizeof(c->delivery.socket), "%s/delivery", rig_dir);
	rig_link(site);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", c->delivery.socket);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	CU_ASSERT_EQUAL(send(fd, packet, (size_t)handover_encode(&m, packet, sizeof(packet)), 0),
	                3);
	m = (struct handover_message){.type = HANDOVER_ROOM,
	                              .room = {1 << 20, 1 << 20, next_position, 3}};
	CU_ASSERT_EQUAL(send(fd, packet, (size_t)handover_encode(&m, packet, sizeof(packet)), 0),
	                33);
	turn(site);
	return fd;
}

/* The other gateway's words: kind 9 of the control stream. */
static void peer_says(uint8_t type, const void *rest, size_t len)
{
	struct qkd_note *note = tell(QKD_NOTE_MESSAGE, 2 + len);

	note->session = 1;
	note->data[0] = 9;
	note->data[1] = type;
	memcpy(note->data + 2, rest, len);
}

static const struct qkd_note *last(enum qkd_note_type type)
{
	for (unsigned int i = from_count; i > 0; i--)
		if (from_link[i - 1]->type == type)
			return from_link[i - 1];
	return NULL;
}

static uint64_t delivered(int fd, struct handover_message *m, uint8_t *packet)
{
	uint64_t bytes = 0;
	ssize_t n;

	while ((n = recv(fd, packet, HANDOVER_PACKET_MAX, 0)) > 0) {
		CU_ASSERT_EQUAL_FATAL(handover_decode(packet, (size_t)n, true, m), 0);
		bytes += m->type == HANDOVER_SEGMENT ? m->segment.units * 8u : 0;
	}
	return bytes;
}

/*
 * The role is told the weights when both sites have a key delivery with room and the gateway has
 * keys enough of its own; a block's share goes out when the peer has the block.
 */
static void test_delivery(void)
{
	static uint8_t packet[HANDOVER_PACKET_MAX], peer_room[26];
	struct handover_message m;
	struct link_delivery d;
	struct key_block *kb;
	uint64_t keys;
	int fd = start_delivery(0, 5000);

	agree(0, 1);
	turn(0);
	/* That the streams are older than this store. */
	CU_ASSERT_EQUAL(count(QKD_NOTE_DELIVERY), 1);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->position, 5000);
	peer_room[0] = 1;
	put_be64(peer_room + 1, 1 << 20);
	put_be64(peer_room + 9, 1 << 20);
	put_be64(peer_room + 17, 6000);
	peer_room[25] = 7;
	peer_says(1, peer_room, 26);
	turn(0);
	/* Below the floor nothing. */
	CU_ASSERT_TRUE(link_delivery_read(ends[0].link, &d));
	CU_ASSERT_TRUE(d.below_floor);
	CU_ASSERT_STRING_EQUAL(d.why[0], "open");
	CU_ASSERT_PTR_NOT_NULL_FATAL(last(QKD_NOTE_DELIVERY));
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->percent[0], 0);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->position, 6000);
	rig_add(0, 1, RIG_AUTH_KEYS + 30);
	turn(0);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->percent[0], 30);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->percent[1], 20);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->position, 6000);
	/* One that leaves no position is not believed, whoever says it. */
	CU_ASSERT_FALSE(rig_alarm("delivery-position", "link/test"));
	put_be64(peer_room + 17, ENGINE_POSITIONS - 1);
	peer_says(1, peer_room, 26);
	turn(0);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->position, 6000);
	CU_ASSERT_TRUE(rig_alarm("delivery-position", "link/test"));
	ends[0].config.delivery.weight_a = 10;
	link_reconfigure(ends[0].link, &ends[0].config);
	turn(0);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->percent[0], 10);
	CU_ASSERT_EQUAL(count(QKD_NOTE_DELIVERY), 4);
	/* A block: held until the peer says that it has it. */
	kb = rig_block(2, 40);
	kb->units[0] = 4 * 10;
	kb->units[1] = 4 * 5;
	kb->position = 6000;
	tell(QKD_NOTE_BLOCK, 0)->block = kb;
	keys = rig_keys(0).available[KEY_REKEY];
	turn(0);
	/* Rekeying may take one meanwhile. */
	keys = rig_keys(0).available[KEY_REKEY] - keys;
	CU_ASSERT(keys == 40 - RIG_AUTH_KEYS - 15 || keys == 39 - RIG_AUTH_KEYS - 15);
	CU_ASSERT_EQUAL(delivered(fd, &m, packet), 0);
	memset(packet, 2, 16);
	peer_says(2, packet, 16);
	turn(0);
	CU_ASSERT_EQUAL(delivered(fd, &m, packet), 15 * 32);
	CU_ASSERT_EQUAL(m.segment.position, 6000);
	CU_ASSERT_EQUAL(m.segment.bytes[7], 2);
	/* The peer's key delivery goes. */
	peer_room[0] = 0;
	peer_says(1, peer_room, 26);
	turn(0);
	CU_ASSERT_EQUAL(last(QKD_NOTE_DELIVERY)->percent[0], 0);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages, 0);
	peer_says(7, peer_room, 26);
	turn(0);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages, 1);
	CU_ASSERT_FALSE(rig_alarm("kms-down", "link/test"));
	close(fd);
	for (int i = 0; i < 105; i++)
		turn(0);
	CU_ASSERT_TRUE(rig_alarm("kms-down", "link/test"));
	stop();
}

/* Site B tells what it has, and what its store did not take; weights are not its business. */
static void test_delivery_at_b(void)
{
	static uint8_t packet[HANDOVER_PACKET_MAX];
	struct handover_message m;
	struct key_block *kb;
	int fd = start_delivery(1, 0);

	agree(1, 1);
	for (int i = 0; i < 3; i++) {
		kb = rig_block(3 + (uint64_t)(i == 1), 40);
		kb->units[1] = 4 * 5;
		tell(QKD_NOTE_BLOCK, 0)->block = kb;
	}
	turn(1);
	CU_ASSERT_PTR_NULL(last(QKD_NOTE_DELIVERY));
	/* The third is the first again. */
	CU_ASSERT_EQUAL(last(QKD_NOTE_SEND)->data[0], 9);
	CU_ASSERT_EQUAL(delivered(fd, &m, packet), 2 * 5 * 32);
	CU_ASSERT_EQUAL(rig_stats(1).blocks_refused, 1);
	for (unsigned int i = 0, k = 0; i < from_count; i++) {
		const struct qkd_note *n = from_link[i];

		if (n->type != QKD_NOTE_SEND || n->data[0] != 9 || n->data[1] == 1)
			continue;
		CU_ASSERT_EQUAL(n->data[1], k == 2 ? 3 : 2);
		CU_ASSERT_EQUAL(n->data[2], k == 1 ? 4 : 3);
		CU_ASSERT(++k <= 3);
	}
	close(fd);
	stop();
}

/* The last: secret memory stays cut into these sizes. */
static void test_full_secret_memory_is_an_answer_too(void)
{
	static void *taken[1 << 17];
	size_t n = 0, size = 1 << 20;

	start(0);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	turn(0);
	for (; size >= 64; size /= 2)
		while (n < sizeof(taken) / sizeof(taken[0]) &&
		       (taken[n] = secret_alloc(size)) != NULL)
			n++;
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = pad_id(1);
	turn(0);
	CU_ASSERT_EQUAL_FATAL(from_count, 1);
	CU_ASSERT_EQUAL(from_link[0]->type, QKD_NOTE_PAD_UNKNOWN);
	CU_ASSERT_EQUAL(from_link[0]->pad.id, pad_id(1));
	while (n > 0)
		secret_free(taken[--n]);
	stop();
	rmdir(rig_dir);
}

static void test_pads_are_supplied_while_sifting(void)
{
	const uint64_t pads = (PSK_LEAST - PSK_PADS) / KEY_BYTES / 2;

	start(1);
	agree(1, 1);
	status.engine.aligned = true;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), 0); /* no quantum link is configured */
	status.quantum = true;
	status.engine.aligned = false;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), 0);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_AUTH_B], pads);
	status.engine.aligned = true;
	turn(1);
	/* Two are all that the pre-shared secret gives ahead. */
	CU_ASSERT_EQUAL_FATAL(count(QKD_NOTE_PAD), 2);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_AUTH_B], pads - 1);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_AUTH_A], pads);
	CU_ASSERT_EQUAL(from_link[from_count - 2]->pad.id, 0);
	CU_ASSERT_EQUAL(from_link[from_count - 1]->pad.id, 1);
	pads_around = 2;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), 2);
	/* QKD gives as many as the role holds. */
	rig_add(1, 1, 64);
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), 4);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_AUTH_B], pads - 1 + 3 - 1);
	for (unsigned int i = 0; i < from_count; i++)
		for (unsigned int k = 0; k < i; k++)
			if (from_link[i]->type == QKD_NOTE_PAD &&
			    from_link[k]->type == QKD_NOTE_PAD)
				CU_ASSERT(from_link[i]->pad.id != from_link[k]->pad.id);
	stop();
}

/* A gateway that fails and starts anew, over and over, does not use up what is left. */
static void test_restarts_at_the_floor(void)
{
	unsigned int taken, left;

	start(1);
	agree(1, 1);
	status.engine.aligned = status.quantum = true;
	while (rig_keys(1).preshared[KEY_AUTH_B] > 16)
		turn(1);
	left = (unsigned int)rig_keys(1).preshared[KEY_AUTH_B];
	for (int i = 0; i < 3; i++) {
		link_destroy(ends[1].link);
		to_head = to_tail = 0;
		forget();
		rig_link(1);
		agree(1, 1);
		for (int k = 0; k < 10; k++)
			turn(1);
		CU_ASSERT_EQUAL(rig_keys(1).preshared[KEY_AUTH_B], left);
		CU_ASSERT_TRUE(rig_alarm("preshared-low", "link/test"));
	}
	taken = count(QKD_NOTE_PAD);
	rig_worker.now_ns += 600 * NS_PER_S;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), taken + 2);
	CU_ASSERT_EQUAL(rig_keys(1).preshared[KEY_AUTH_B], left - 1);
	stop();
}

/* The last of the pre-shared secret is used slowly, and the operator may spare it. */
static void test_the_last_preshared_pads(void)
{
	const unsigned int floor = 16;
	struct config next;
	unsigned int taken;

	start(1);
	agree(1, 1);
	status.engine.aligned = status.quantum = true;
	while (rig_keys(1).preshared[KEY_AUTH_B] > floor) {
		taken = count(QKD_NOTE_PAD);
		turn(1);
		CU_ASSERT_EQUAL_FATAL(count(QKD_NOTE_PAD), taken + 2);
	}
	CU_ASSERT_FALSE(rig_alarm("preshared-low", "link/test"));
	taken = count(QKD_NOTE_PAD);
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), taken + 2);
	for (unsigned int i = 0; i < 100; i++)
		turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), taken + 2);
	CU_ASSERT_TRUE(rig_alarm("preshared-low", "link/test"));
	rig_worker.now_ns += 600 * NS_PER_S;
	turn(1);
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), taken + 4);
	CU_ASSERT_EQUAL(rig_keys(1).preshared[KEY_AUTH_B], floor - 2);
	CU_ASSERT_FALSE(rig_alarm("computational-bootstrap", "link/test"));
	/* The peer may not say so on its own. */
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = AUTH_PAD_COMPUTATIONAL | 2;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD_UNKNOWN), 1);

	next = ends[1].config;
	next.qkd.computational_bootstrap = true;
	link_reconfigure(ends[1].link, &next);
	rig_worker.now_ns += 600 * NS_PER_S;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD), taken + 5);
	CU_ASSERT_TRUE((from_link[from_count - 1]->pad.id & AUTH_PAD_COMPUTATIONAL) != 0);
	CU_ASSERT_EQUAL(rig_keys(1).preshared[KEY_AUTH_B], floor - 2);
	CU_ASSERT_TRUE(rig_alarm("computational-bootstrap", "link/test"));
	tell(QKD_NOTE_PAD_WANTED, 0)->pad.id = AUTH_PAD_COMPUTATIONAL | 2;
	turn(1);
	CU_ASSERT_EQUAL(count(QKD_NOTE_PAD_FETCHED), 1);
	/* A block that one-time pads authenticated ends it. */
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	pads_around = 4;
	turn(1);
	turn(1);
	CU_ASSERT_FALSE(rig_alarm("computational-bootstrap", "link/test"));
	stop();
}

static void test_messages_of_other_sessions_are_void(void)
{
	struct qkd_note *note;

	start(1);
	agree(1, 1);
	note = tell(QKD_NOTE_MESSAGE, 2);
	note->session = 0;
	turn(1);
	CU_ASSERT_EQUAL(rig_stats(1).bad_messages, 0);
	/* A second summary is older than the blocks that came since the first. */
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	note = tell(QKD_NOTE_MESSAGE, 1);
	note->session = 1;
	note->data[0] = 1;
	note = tell(QKD_NOTE_MESSAGE, 3); /* a name that is cut off */
	note->session = 1;
	memcpy(note->data, "\12\2t", 3);
	tell(QKD_NOTE_MESSAGE, 0)->session = 1;
	turn(1);
	CU_ASSERT_EQUAL(rig_stats(1).bad_messages, 3);
	CU_ASSERT_EQUAL(rig_keys(1).voided, 0);
	CU_ASSERT_EQUAL(rig_keys(1).available[KEY_REKEY], 10 - RIG_AUTH_KEYS);
	stop();
}

static void test_no_offer_before_the_own_summary(void)
{
	struct qkd_note *note;

	start(0);
	tell(QKD_NOTE_BLOCK, 0)->block = rig_block(1, 10);
	turn(0);
	CU_ASSERT_FALSE(rig_stats(0).connected);
	CU_ASSERT_EQUAL(from_count, 0);
	agree(0, 1);
	turn(0);
	CU_ASSERT_EQUAL_FATAL(from_count, 2);
	note = from_link[0];
	CU_ASSERT_EQUAL(note->type, QKD_NOTE_SEND);
	CU_ASSERT_EQUAL(note->session, 1);
	CU_ASSERT_EQUAL(note->data[0], 1);
	note = from_link[1];
	CU_ASSERT_EQUAL(note->type, QKD_NOTE_SEND);
	CU_ASSERT_EQUAL(memcmp(note->data, "\12\2t0", 4), 0);
	stop();
}

/*
 * A gateway of before rekey messages had a version, or of before they named their tunnel: said so,
 * until it is updated.
 */
static void test_an_old_peer_is_named(void)
{
	struct qkd_note *note;

	for (uint8_t kind = 2; kind <= 3; kind++) {
		start(1);
		agree(1, 1);
		note = tell(QKD_NOTE_MESSAGE, 60);
		note->session = 1;
		note->data[0] = kind;
		note->data[2] = 1; /* OFFER */
		turn(1);
		CU_ASSERT_EQUAL(rig_stats(1).bad_messages, 1);
		CU_ASSERT_TRUE(rig_alarm("rekey-version", "link/test"));
		CU_ASSERT_EQUAL(rig_rekey(1).bad_messages, 0);
		note = tell(QKD_NOTE_MESSAGE, 5);
		note->session = 1;
		memcpy(note->data, "\12\2t0", 5);
		turn(1);
		CU_ASSERT_FALSE(rig_alarm("rekey-version", "link/test"));
		CU_ASSERT_EQUAL(rig_rekey(1).bad_messages, 1);
		stop();
	}
}

static void say_of(const void *msg, size_t len)
{
	struct qkd_note *note = tell(QKD_NOTE_MESSAGE, len);

	note->session = 1;
	memcpy(note->data, msg, len);
	turn(1);
}

/* Words about tunnels that are there and not, and what is no word. */
static void test_words_about_tunnels(void)
{
	static const struct {
		const char *msg;
		size_t len;
		const char *answer; /* or NULL */
		bool bad, absent;
	} words[] = {
	        {"\12\2zz\2", 5, "\14\2zz\1", false, false}, /* REKEY: ABSENT */
	        {"\14\2zz\2", 5, "\14\2zz\1", false, false}, /* NEW, ASK */
	        {"\14\2zz\3", 5, "\14\2zz\1", false, false},
	        {"\14\2zz\1", 5, NULL, false, false}, /* no word about what neither has */
	        {"\14\2zz\4", 5, NULL, false, false},
	        {"\14\2t0\3", 5, "\14\2t0\4", false, false}, /* ASK: PRESENT */
	        {"\14\2t0\1", 5, NULL, false, true},         /* ABSENT */
	        {"\14\2t0\2", 5, NULL, false, false},        /* NEW */
	        {"\14\2t0\0", 5, NULL, true, false},
	        {"\14\2t0\5", 5, NULL, true, false},
	        {"\14\2t0", 4, NULL, true, false},
	        {"\14\2t0\3\3", 6, NULL, true, false},
	        {"\14\0\3", 3, NULL, true, false},
	        {"\14\2t\0\3", 5, NULL, true, false},
	        {"\14\40aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\3", 35, NULL, true, false},
	        {"\14\377a", 3, NULL, true, false},
	        {"\14", 1, NULL, true, false},
	};

	start(1);
	agree(1, 1);
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint64_t bad = rig_stats(1).bad_messages;
		unsigned int before = from_count;

		say_of(words[i].msg, words[i].len);
		CU_ASSERT_EQUAL(rig_stats(1).bad_messages - bad, words[i].bad);
		CU_ASSERT_EQUAL(link_tunnel_absent(ends[1].link, 0), words[i].absent);
		CU_ASSERT_EQUAL(rig_alarm("tunnel-not-at-peer", "tunnel/t0"), words[i].absent);
		CU_ASSERT_EQUAL(from_count - before, words[i].answer != NULL);
		if (words[i].answer != NULL && from_count > before)
			CU_ASSERT_EQUAL(memcmp(from_link[from_count - 1]->data, words[i].answer, 5),
			                0);
	}
	stop();
}

static void tell_alarm(enum engine_alarm alarm, bool raised)
{
	struct qkd_note *note = tell(QKD_NOTE_ALARM, 8);

	note->alarm = alarm;
	note->raised = raised;
	memcpy(note->data, "reason.", 8);
}

static void test_alarms(void)
{
	start(0);
	status.quantum = true;
	tell_alarm(ENGINE_ALARM_QBER_X, true);
	tell_alarm(ENGINE_ALARM_AUTH, true);
	turn(0);
	turn(0);
	CU_ASSERT_TRUE(rig_alarm("qber-x", "link/test"));
	CU_ASSERT_STRING_EQUAL(alarm_find("qber-x", "link/test")->text, "reason.");
	/* The channel's own figure is good, but a block's tag was wrong. */
	CU_ASSERT_TRUE(rig_alarm("transcript", "link/test"));
	CU_ASSERT_FALSE(rig_alarm("authentication", "link/test"));
	CU_ASSERT_TRUE(rig_alarm("no-card", "link/test"));
	CU_ASSERT_STRING_EQUAL(alarm_find("no-card", "link/test")->text,
	                       "the card's file is not there");
	CU_ASSERT_TRUE(rig_alarm("channel-down", "link/test"));
	present = true;
	status.channel.state = CHANNEL_UP;
	tell_alarm(ENGINE_ALARM_AUTH, false);
	turn(0);
	CU_ASSERT_FALSE(rig_alarm("transcript", "link/test"));
	CU_ASSERT_FALSE(rig_alarm("no-card", "link/test"));
	CU_ASSERT_FALSE(rig_alarm("channel-down", "link/test"));
	status.channel.authentication_failing = true;
	turn(0);
	CU_ASSERT_TRUE(rig_alarm("authentication", "link/test"));
	stop();
}

/* The spectrum that went out last, or NULL. */
static const struct qkd_note *spectrum_sent(void)
{
	for (unsigned int i = from_count; i > 0; i--)
		if (from_link[i - 1]->type == QKD_NOTE_SEND && from_link[i - 1]->data[0] == 6)
			return from_link[i - 1];
	return NULL;
}

static void hear_spectrum(const uint8_t *msg, size_t len)
{
	struct qkd_note *note = tell(QKD_NOTE_MESSAGE, 1 + len);

	note->session = 7;
	note->data[0] = 6;
	memcpy(note->data + 1, msg, len);
}

static void test_scans_go_both_ways(void)
{
	uint8_t msg[DWDM_MESSAGE_MAX];
	const struct card_ocm_scan *far;
	const struct qkd_note *sent;
	struct card_ocm_scan got;
	uint64_t bad;
	size_t len;

	start(0);
	present = scanned = status.quantum = true;
	scan = (struct card_ocm_scan){.scan = 3, .count = 1, .floor_mdbm = -50000};
	scan.channel[0].centre_mhz = 194000000;
	scan.channel[0].power_mdbm = -12340;
	turn(0);
	CU_ASSERT_PTR_NULL(spectrum_sent()); /* there is no session */
	agree(0, 7);
	turn(0);
	sent = spectrum_sent();
	CU_ASSERT_PTR_NOT_NULL_FATAL(sent);
	CU_ASSERT_TRUE(dwdm_message_get(sent->data + 1, sent->len - 1, &got));
	CU_ASSERT_EQUAL(got.scan, 3);
	CU_ASSERT_EQUAL(got.channel[0].power_mdbm, -12340);
	/* Each once, and not more than one a second. */
	forget();
	for (int i = 0; i < 15; i++)
		turn(0);
	CU_ASSERT_PTR_NULL(spectrum_sent());
	scan.scan = 4;
	turn(0);
	CU_ASSERT_PTR_NOT_NULL(spectrum_sent());
	forget();
	scan.scan = 5;
	turn(0);
	CU_ASSERT_PTR_NULL(spectrum_sent());
	/* What comes is the peer's, until it is old. */
	CU_ASSERT_PTR_NULL(link_far_spectrum(ends[0].link, rig_worker.now_ns));
	scan.channel[0].power_mdbm = -16340;
	len = dwdm_message_put(&scan, msg);
	hear_spectrum(msg, len);
	turn(0);
	far = link_far_spectrum(ends[0].link, rig_worker.now_ns);
	CU_ASSERT_PTR_NOT_NULL_FATAL(far);
	CU_ASSERT_EQUAL(far->channel[0].power_mdbm, -16340);
	/* Malformed: counted, and the last good one stays. */
	bad = rig_stats(0).bad_messages;
	hear_spectrum(msg, len - 1);
	turn(0);
	CU_ASSERT_EQUAL(rig_stats(0).bad_messages, bad + 1);
	CU_ASSERT_PTR_NOT_NULL(link_far_spectrum(ends[0].link, rig_worker.now_ns));
	for (int i = 0; i < 51; i++)
		turn(0);
	CU_ASSERT_PTR_NULL(link_far_spectrum(ends[0].link, rig_worker.now_ns));
	hear_spectrum(msg, len);
	turn(0);
	CU_ASSERT_PTR_NOT_NULL(link_far_spectrum(ends[0].link, rig_worker.now_ns));
	status.channel.state = CHANNEL_DOWN;
	turn(0);
	CU_ASSERT_PTR_NULL(link_far_spectrum(ends[0].link, rig_worker.now_ns));
	present = scanned = false;
	stop();
}

static void test_role_that_stands_still(void)
{
	start(0);
	room = 0;
	for (unsigned int i = 0; i < 4096 + 10; i++)
		link_reconfigure(ends[0].link, &ends[0].config);
	CU_ASSERT_EQUAL(rig_stats(0).notes_dropped, 10);
	room = QUEUE;
	turn(0);
	CU_ASSERT_EQUAL(from_count, 4096);
	CU_ASSERT_EQUAL(from_link[4095]->type, QKD_NOTE_THRESHOLDS);
	CU_ASSERT_EQUAL(from_link[4095]->qber_abort, 0.08);
	link_reconfigure(ends[0].link, &ends[0].config);
	CU_ASSERT_EQUAL(from_count, 4097);
	/* What waits at the end is freed with the link. */
	room = from_count;
	link_reconfigure(ends[0].link, &ends[0].config);
	stop();
}

UNIT_MAIN(UNIT(test_blocks_are_stored_once), UNIT(test_delivery), UNIT(test_delivery_at_b),
          UNIT(test_every_wanted_pad_is_answered), UNIT(test_pads_are_supplied_while_sifting),
          UNIT(test_the_last_preshared_pads), UNIT(test_restarts_at_the_floor),
          UNIT(test_messages_of_other_sessions_are_void),
          UNIT(test_no_offer_before_the_own_summary), UNIT(test_an_old_peer_is_named),
          UNIT(test_words_about_tunnels), UNIT(test_alarms), UNIT(test_scans_go_both_ways),
          UNIT(test_role_that_stands_still), UNIT(test_full_secret_memory_is_an_answer_too))
