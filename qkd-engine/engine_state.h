/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The engine's state, for its own sources only: engine.c (life), engine_config.c,
 * engine_memory.c, engine_poll.c (a turn), outbox.c (sending), alarms.c, agree.c, block*.c (a
 * block's stages), engine_alice.c, engine_bob.c (light, alignment), bob_sift.c (announcements).
 */

#ifndef QKD_ENGINE_ENGINE_STATE_H
#define QKD_ENGINE_ENGINE_STATE_H

#include "qkd-engine/align.h"
#include "qkd-engine/amplify.h"
#include "qkd-engine/auth.h"
#include "qkd-engine/block.h"
#include "qkd-engine/engine.h"
#include "qkd-engine/leak_track.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/monitor.h"
#include "qkd-engine/sift.h"
#include "qkd-engine/workspace_pool.h"

#define BATCHES_MAX 2048 /* announced, not yet replied to: 10 ms at 10^8 detections a second */
#define GAPS_MAX    8

/* A message that the channel did not take yet. */
struct outbox_entry {
	struct outbox_entry *next;
	size_t len;
	uint8_t msg[];
};

/* Alice: an announced batch until the card has looked up its slots. */
struct batch_in {
	struct sift_batch batch;
	bool counts; /* for its block, which was under way when it came */
};

struct alice {
	enum source_mode mode;
	bool mode_wanted; /* a change that the card has not taken yet */
	bool refused;     /* and said so */
	uint64_t retry_ns;
	enum source_mode wanted;
	uint32_t attempt;
	uint64_t next_slot; /* least slot that may be announced */
	uint64_t next_sequence;
	struct batch_in *batches; /* BATCHES_MAX */
	uint64_t head, asked, tail;
	/* Where each is, a ring; and places that are free, those used last on top: in the cache. */
	uint16_t place[BATCHES_MAX], free_place[BATCHES_MAX];
	unsigned int free_places;
	uint64_t orphans; /* lookups whose answer nobody waits for */
};

/* Bob: an announced batch until its reply; its sample is in bob.samples. */
struct batch_out {
	uint64_t sequence, block;
	size_t count;
	bool last; /* of the block */
	uint64_t sent_ns;
};

/* The batch that fills. */
struct batch_pending {
	struct sift_batch batch;
	struct sift_outcomes outcomes; /* of all its detections */
};

enum sync_state {
	SYNC_IDLE,    /* no session */
	SYNC_ASKED,   /* waiting for the pattern */
	SYNC_CLOCK,   /* the light is on, the own clock is not recovered yet */
	SYNC_COLLECT, /* gathering detections of it */
	SYNC_SEARCH,  /* looking for the offset */
	SYNC_FOUND,   /* waiting for key light */
	SYNC_ALIGNED
};

struct gap {
	uint64_t first, last;
};

struct bob {
	enum sync_state sync;
	uint32_t attempt;
	uint64_t asked_ns, asked_slot;
	uint64_t mode_slot;    /* Alice's first slot of the pattern, then of key light */
	int64_t center, half;  /* window of offsets */
	uint64_t collect_from; /* own slot */
	uint64_t collect_ns;
	uint64_t collect[ALIGN_DETECTIONS];
	size_t collected;
	struct align align;
	int64_t offset; /* Alice's slot - own slot */
	uint64_t next_slot;
	/* for the alarms */
	uint64_t trying_ns;    /* since when there is no working alignment */
	uint64_t trying_light; /* detections since then */
	uint64_t last_light_ns;
	/* ranges of own slots in which detections were lost */
	struct gap gaps[GAPS_MAX];
	unsigned int gap_next;
	uint64_t gap_last; /* none reaches beyond */
	/* the batch that fills; in secret memory */
	struct batch_pending *pending;
	uint64_t pending_ns;
	bool dropping; /* for want of room; one gap however long */
	/* sampling of detections: before the next sampled one, after it in its interval */
	bool sampling; /* the next one was drawn */
	uint64_t sample_skip;
	uint32_t sample_left;
	uint32_t sample_pool[64];
	unsigned int sample_pool_left;
	uint64_t next_sequence;
	struct batch_out batches[BATCHES_MAX]; /* ring */
	struct sift_outcomes *samples;         /* of the batches */
	uint64_t head, tail;
};

/* Whether the peer's parameters are ours; of a session. */
enum agreement { AGREE_UNKNOWN, AGREE_YES, AGREE_NOT };

struct engine {
	struct engine_config config;
	struct engine_ops ops;
	void *ctx;
	struct channel *channel;
	struct hash_keys *hash, *preshared_hash; /* those of blocks that begin now; of a session */
	struct hash_keys *last_hash;             /* before HASH, or NULL */
	uint64_t now_ns;
	bool session_up;
	uint8_t session[16];
	enum agreement agree;
	uint64_t ldpc_number; /* stated likewise */
	struct outbox_entry *outbox, **outbox_end;
	size_t outbox_bytes;
	struct monitor monitor;
	bool held; /* engine_hold() */
	/*
	 * Delivery. Alice: the percentages, and positions that she has; Bob: the next one that a
	 * tag may name. Sessions come and go, positions are never used again.
	 */
	unsigned int delivery[2];
	uint64_t position_next, position_end, position_least;
	struct block blocks[ENGINE_BLOCKS_MAX];
	unsigned int block_count;       /* of them, in use */
	struct workspace_pool spaces;   /* for reconciliation */
	struct workspace_pool products; /* for amplification */
	struct key_blocks *results;
	struct block *open;      /* to which what is announced now belongs */
	size_t block_detections; /* at which a block ends, samples not counted */
	uint64_t last_number;    /* highest block number of the session */
	unsigned int step_next;
	uint64_t random_until_ns;  /* all that the card's source gave up to here is tested */
	bool worked;               /* something was done in this poll that may go on at once */
	double eps_auth;           /* of the tags since the last committed block */
	uint64_t preshared_hashes; /* likewise: own tags under the pre-shared hash keys */
	struct leak_track leak_track;
	uint64_t warned_ns;    /* last log line about a protocol error */
	uint64_t pads_wait_ns; /* since when a pad is wanted; 0: none is */
	struct engine_stats stats;
	struct alice alice;
	struct bob bob;
};

/* From ops.random, as far as it has them; what can do without the card's gets the kernel's. */
int engine_random(struct engine *e, void *buf, size_t n);
void engine_random_any(struct engine *e, void *buf, size_t n);

/* agree.c */
/* A session begins: state the own parameters. */
void agree_state(struct engine *e);
/* PARAMETERS of the peer. */
void agree_take(struct engine *e, const uint8_t *msg, size_t len);
/* Another message came: whether it is to be heard. */
bool agree_holds(struct engine *e);

/* outbox.c */
void engine_send(struct engine *e, const uint8_t *msg, size_t len);
/* Encodes and sends a message that belongs to no block's transcript. */
void engine_send_message(struct engine *e, const struct message *m);
void outbox_flush(struct engine *e);
void outbox_clear(struct engine *e);
/* More should not be made now than is needed to answer. */
static inline bool outbox_full(const struct engine *e)
{
	return e->outbox_bytes > 0;
}

/* alarms.c */
/* No block may become key. */
bool alarms_block_key(const struct engine *e);
void alarm_set(struct engine *e, enum engine_alarm alarm, bool raised, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/* Feed outcomes, the next of their sequence, to monitoring and act on what it says. */
void alarms_errors(struct engine *e, enum monitor_sequence s, const struct monitor_counts *c);
/* A pad was wanted and there (or not). */
void alarms_pads(struct engine *e, bool there);

/* engine_config.c */
/* -EINVAL: ERR names the parameter. */
int engine_config_check(const struct engine_config *c, struct err *err);

/* engine.c */
/* Drop all that is under way; nobody is told. */
void engine_drop_session(struct engine *e);
/* Statistics of a reply: STALE slots, KEYS bits, what it showed. */
void engine_count_sifted(struct engine *e, unsigned int stale, size_t keys,
                         const struct monitor_counts *c);
/* Of a sample's reply, with what is in G of intensities besides. */
void engine_count_sample(struct engine *e, unsigned int stale, const struct sift_gain *g,
                         const struct monitor_counts *c);

/* engine_poll.c */
/*
 * Before anything is sent: what is under way belongs to one session of the channel and must
 * not reach the peer in the next. False when there is none.
 */
bool engine_check_session(struct engine *e);
void engine_protocol_error(struct engine *e, const char *what);
struct block *engine_block(struct engine *e, uint64_t number);

/* engine_memory.c */
/* ALL of what there is. */
void engine_memory_sum(struct engine_memory *m);
/* -EINVAL: more than is allowed. */
int engine_memory_check(const struct engine_config *c, struct err *err);
/* Blocks under way at the most. */
unsigned int engine_block_count(const struct engine_config *c);
/*
 * So many give block_bits that match in Z, if both ends choose it with p_z. It follows from the
 * configuration alone, and so does a block's end: neither bases nor bits may decide about it.
 */
double engine_block_detections(const struct engine_config *c);

/* engine_alice.c */
int alice_init(struct engine *e); /* -ENOMEM */
void alice_reset(struct engine *e);
void alice_tick(struct engine *e);
void alice_message(struct engine *e, int type, const uint8_t *msg, size_t len);

/* engine_bob.c */
/* Detections so far say that slots do not match. */
void engine_realign(struct engine *e, const char *why);
void bob_session(struct engine *e);
void bob_reset(struct engine *e);
void bob_tick(struct engine *e);
void bob_message(struct engine *e, const struct message *m);

/* bob_sift.c */
/* Detections of an aligned link. */
void bob_detections(struct engine *e, const struct detection *d, size_t n);
/* Take out of the batch that fills what lies in a gap. */
void bob_sift_gap(struct engine *e);
void bob_sift_tick(struct engine *e);
void bob_sift_drop(struct engine *e);
void bob_reply(struct engine *e, const uint8_t *msg, size_t len);
/* More may be announced: there is room for a batch at both ends, and a block for it. */
bool bob_room(const struct engine *e);

#endif
