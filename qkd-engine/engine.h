/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The QKD engine of one end of a link: detections (Bob) or choices (Alice) and the peer's
 * messages in, blocks of key out. One thread drives it; it blocks on nothing.
 *
 * Life of a block: batches of detections fill it; it ends with the batch that brings them to a
 * number fixed by configuration; bases are announced and compared; leak and length are planned;
 * reconciliation; checks of frames;
 * verification; counts; seed; amplification; tag A to B, tag and verdict B to A, commit A to
 * B. Several blocks may be under way, while sifting goes on.
 */

#ifndef QKD_ENGINE_ENGINE_H
#define QKD_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/random.h"
#include "qkd-engine/abort.h"
#include "qkd-engine/channel.h"
#include "qkd-engine/finite_key.h"
#include "qkd-engine/job.h"
#include "qkd-engine/leak.h"
#include "qkd-engine/reconcile.h"
#include "qkd-engine/workspace.h"

enum engine_role { ENGINE_ALICE, ENGINE_BOB };
enum source_mode { SOURCE_DARK, SOURCE_QKD, SOURCE_SYNC };

/* One detection on the transmitter's slot grid, up to a constant that alignment finds. */
struct detection {
	uint64_t slot;
	uint8_t basis; /* 0 Z, 1 X */
	uint8_t bit;
	uint8_t cross; /* 1: clicks in both bases, of which a fair coin took this one */
};

struct choice {
	uint8_t basis, bit, intensity, valid;
};

struct engine_config {
	enum engine_role role;
	uint32_t block_bits;             /* sifted Z bits of a block, about, e.g. 1000000 */
	double p_z;                      /* probability of Z, at either end: sizes the blocks */
	unsigned int blocks_in_flight;   /* the one that fills included; 0: the default */
	uint32_t frame_bits;             /* Cascade frame, 65536 */
	struct finite_key_source source; /* intensities, probabilities, epsilons */
	enum finite_key_proof proof;     /* one for one decoy */
	enum leak_mode leak_mode;        /* not ERROR_PATTERN; ALICE_ONLY: no block becomes key */
	enum reconcile_method reconciliation;
	double qber_abort;        /* a block above this error rate is aborted, e.g. 0.08 */
	double qber_alarm;        /* monitoring alarm threshold per basis, e.g. 0.05 */
	uint32_t sample_interval; /* one click in so many is disclosed for monitoring, e.g. 64 */
	uint8_t hash_key_ab[16], hash_key_ba[16]; /* authentication hash keys per direction */
	char link[32];
};

#define ENGINE_BLOCKS_MIN     2
#define ENGINE_BLOCKS_DEFAULT 6
#define ENGINE_BLOCKS_MAX     64

/* What a configuration may take at the most, bytes. */
#define ENGINE_MEMORY_MAX ((size_t)1 << 30)

/*
 * Memory that is allocated when the engine is created, and then used for one block after the
 * other: each block under way has room for its detections; those that are reconciled at a time have
 * a workspace besides, for which the others wait; likewise those that are amplified, for seed and
 * product; and blocks of key that were not handed over yet, or not freed by who has them.
 */
struct engine_memory {
	unsigned int blocks, reconciling;
	unsigned int amplifying, results;
	struct workspace_size block, space, product, result; /* of one */
	struct workspace_size all;
};
/* For a configuration of which block_bits, p_z and qber_abort are in range. */
void engine_memory(const struct engine_config *config, struct engine_memory *out);

/* A block of key, agreed by both ends. In secret memory; whoever gets it frees it. */
struct key_blocks;
struct key_block {
	struct key_blocks *home; /* key_blocks.h; NULL: secret memory of its own */
	uint8_t id[16];          /* session and number; the same at both ends */
	uint64_t number;
	uint32_t bits;    /* multiple of 256, the rest was cut off */
	uint8_t hash[32]; /* SHA-256 of the key bytes */
	/* the record that goes with it */
	enum finite_key_proof proof;
	enum leak_mode leak_mode; /* one that is proven */
	enum reconcile_method method;
	enum reconcile_reason reason;
	struct finite_key_source source;
	double eps_auth; /* that a tag was forged since the block before, refused ones included */
	/* Its first keys become pads, numbered from pad_base; the next one hash keys, or none. */
	uint64_t pad_base;
	uint32_t pad_keys, hash_keys;
	/*
	 * Its last bytes leave the gateway: so many units of ENGINE_UNIT_BYTES of the stream that
	 * is given from A, then of that from B, both from the same position in their streams on.
	 */
	uint64_t position;
	uint32_t units[2];
	bool computational;        /* a pad of its tags was: AUTH_PAD_COMPUTATIONAL */
	uint64_t preshared_hashes; /* tags under the pre-shared hash keys since the block before */
	double qber_z, qber_x, efficiency_f;
	struct finite_key_counts counts;
	uint64_t sifted_bits;
	uint64_t leaked_bits;    /* charged: the budget that was fixed before reconciliation */
	uint64_t disclosed_bits; /* of it, used */
	uint64_t planned_z[FINITE_KEY_INTENSITIES]; /* errors that the length was fixed for */
	bool simulated; /* the owner's to say, in block_ready(); likewise the time */
	uint64_t first_slot, last_slot;
	uint64_t time_wall_ns;
	uint8_t key[]; /* bits / 8 bytes */
};
void key_block_free(struct key_block *kb); /* any thread */

/*
 * One-time pad bits for a tag. Alice's brings along what the tag's block gives back to the store
 * of pads, should it become key.
 */
#define AUTH_PAD_BYTES 16
struct auth_pad {
	uint64_t id; /* its number: names it to the other end; never given twice */
	uint8_t bits[AUTH_PAD_BYTES];
	uint64_t grant_base; /* number of the block's first pad; never given twice either */
	uint8_t grant_keys;  /* keys of 256 bits that become pads; even */
	/* Positions for what the blocks to come deliver, from which on; never given twice. */
	uint64_t grant_position;
	uint32_t grant_positions; /* 0: none */
};

/* Streams of delivery: their unit; positions are below 2^42, for key identifiers have so many bits.
 */
#define ENGINE_UNIT_BYTES 8
#define ENGINE_POSITIONS  (UINT64_C(1) << 42)

/* Numbers of pads that are bits of a cipher, for want of one-time bits: keystore_pads.c. */
#define AUTH_PAD_COMPUTATIONAL (UINT64_C(1) << 63)

enum engine_alarm {
	ENGINE_ALARM_QBER_Z,     /* errors in the key basis: intercept-resend measuring X, or
	                            misalignment */
	ENGINE_ALARM_QBER_X,     /* errors in the test basis: intercept-resend measuring Z */
	ENGINE_ALARM_INTERCEPT,  /* both */
	ENGINE_ALARM_SYNC,       /* no alignment */
	ENGINE_ALARM_AUTH,       /* a transcript tag failed */
	ENGINE_ALARM_NO_LIGHT,   /* no detections */
	ENGINE_ALARM_PADS,       /* no authentication pads left */
	ENGINE_ALARM_PARAMETERS, /* those of the peer are others */
	ENGINE_ALARM_COUNT
};
const char *
engine_alarm_name(enum engine_alarm alarm); /* "qber-z", "qber-x", "intercept-resend", ... */

/* What the engine asks of its surroundings; called on its own thread, must not block. */
struct engine_ops {
	/* Alice: change the light; *from_slot gets the first slot of the new mode. -EAGAIN. */
	int (*source_mode)(void *ctx, enum source_mode mode, uint64_t *from_slot);
	/* The card's slot counter now (Alice's, or Bob's on the recovered grid); 0: unknown. */
	uint64_t (*slot_now)(void *ctx);
	/* Alice: look up N slots (at most 512); answered by engine_choices() in order. -EAGAIN. */
	int (*lookup)(void *ctx, const uint64_t *slots, size_t n);
	/* The next pad for this end's tags; durably marked used before. -EAGAIN: none at hand. */
	int (*pad_take)(void *ctx, struct auth_pad *pad);
	/* Ask for the pad that the peer named; answered by engine_pad(). -EAGAIN: ask again. */
	int (*pad_fetch)(void *ctx, uint64_t id);
	/* A block was committed; ownership passes. */
	void (*block_ready)(void *ctx, struct key_block *kb);
	/* An alarm was raised or cleared; TEXT says what was seen. */
	void (*alarm)(void *ctx, enum engine_alarm alarm, bool raised, const char *text);
	/*
	 * QRNG bytes; -EAGAIN when they are not there yet. Alice waits for them; Bob, whose card
	 * may have none, takes getrandom() then: he needs them for samples and permutations.
	 */
	struct random_source random;
	/*
	 * Let another core do a job (job.h); false: none has time, the engine does it itself. NULL:
	 * there is no other core. Whoever does jobs has stopped before engine_destroy().
	 */
	bool (*give)(void *ctx, struct job *job);
};

struct engine_stats {
	enum engine_role role;
	bool aligned;
	uint64_t detections, announced, sifted_z, sifted_x, sampled_z;
	uint64_t sample_errors_z, errors_x; /* cumulative, over sampled_z and sifted_x */
	/* Of the latter two, the samples' part; the rest comes with a block's bases. */
	uint64_t sampled_x, sample_errors_x;
	uint64_t sampled_signal, sampled_decoy; /* matched samples of either basis, by intensity */
	double qber_z, qber_x;                  /* last second's */
	double block_qber_z, block_qber_x;      /* of the last finished block */
	double efficiency_f;                    /* of the last block: Alice's parities / n h(Q) */
	uint64_t blocks_ok, blocks_aborted, secret_bits, leaked_bits, blocks_sifted_bits;
	uint64_t aborts[ABORT_REASONS]; /* of blocks_aborted, by reason */
	uint64_t counted[2]; /* Bob: detections by intensity, of all blocks that were counted */
	uint64_t blocks_benchmark;      /* counted as no proof allows: wiped, not key */
	uint64_t frames, frames_failed; /* checked after reconciliation */
	uint64_t blocks_in_flight;
	uint64_t blocks_reconciling, reconcile_waits; /* now; that had to wait for a workspace */
	uint64_t blocks_amplifying, amplify_waits;    /* likewise */
	uint64_t result_waits;       /* blocks that had to wait for a key_block to be free */
	struct engine_memory memory; /* what there is */
	/* jobs (job.h): given to other cores, of these back; done here, for want of one that has
	 * time */
	uint64_t jobs_given, jobs_back, jobs_own;
	uint64_t random_card, random_kernel; /* bytes by their source: ops.random, getrandom() */
	uint64_t blocks_in_doubt;            /* Bob: the session ended between his tag and COMMIT */
	uint64_t blocks_computational;       /* of blocks_ok: a tag had a computational pad */
	uint64_t tags;                       /* of this end */
	uint64_t delivered_units[2];         /* of blocks_ok, from A and from B */
	uint64_t positions_free;             /* Alice: at hand */
	uint64_t positions_short; /* Alice: blocks that delivered nothing for want of them */
	uint64_t hash_key_uses, hash_key_renewals; /* tags under those in use; since the start */
	bool hash_keys_preshared;                  /* those in use are the pre-shared ones */
	enum leak_mode leak_mode; /* of the last block that was planned; likewise the next two */
	enum reconcile_method method;
	enum reconcile_reason reason;
	uint64_t unaligned; /* detections without alignment, among them those of the pattern */
	uint64_t dropped;   /* detections dropped in gaps, or given without room (engine_takes()) */
	uint64_t gaps, stale_choices, protocol_errors, auth_failures, realignments;
	char last_abort[96];    /* reason of the last aborted block */
	char disagreement[224]; /* parameters that differ from the peer's; empty: none known */
	uint32_t alarms;        /* bit per enum engine_alarm */
	double eps_total;       /* sum of the blocks' epsilons, their tags' included */
};

struct engine;

struct engine *engine_create(const struct engine_config *config, const struct engine_ops *ops,
                             void *ctx, struct channel *channel, struct err *err);
void engine_destroy(struct engine *e);

/*
 * Bob: whether there is room for N detections, 512 at the most; where they are of no use in any
 * case, there is. When not, they are best left at the card, until its memory is full and a GAP says
 * which were lost; but older ones than ENGINE_PATIENCE_NS are no good, as Alice's card forgets what
 * it sent after 2 s, and are told as a gap. The engine keeps them as long itself.
 */
#define ENGINE_PATIENCE_NS 500000000ULL
bool engine_takes(const struct engine *e, size_t n);

/*
 * Bob: detections in slot order; and a range of slots in which some were lost, told before
 * any detection of later slots. Neither may be called from within one of the ops.
 */
void engine_detections(struct engine *e, const struct detection *d, size_t n, uint64_t now_ns);
void engine_gap(struct engine *e, uint64_t first_slot, uint64_t last_slot);

/* Alice: the answer to the oldest lookup. */
void engine_choices(struct engine *e, const struct choice *c, size_t n);

/* Alice: the card was reopened, lookups without an answer will get none. */
void engine_lookups_lost(struct engine *e);

/* Bob: the slot numbers of detections start anew (card reopened, phase lost): align again. */
void engine_slots_restarted(struct engine *e);

/* The answer to pad_fetch; PAD NULL: unknown or used before. */
void engine_pad(struct engine *e, uint64_t id, const struct auth_pad *pad);

/*
 * The card's random source failed: every block under way is void but those that Bob has tagged,
 * whose fate is Alice's. And what its tests have seen: all that it gave up to UNTIL_NS is good,
 * UINT64_MAX when nobody tests it. No block with later light becomes key.
 */
void engine_random_failed(struct engine *e);
void engine_random_tested(struct engine *e, uint64_t until_ns);

/* Thresholds that may change live. */
void engine_thresholds(struct engine *e, double qber_abort, double qber_alarm);

/*
 * HELD: something outside the engine says that a proof's assumption may be broken. The block that
 * fills and young ones are void at once, and none becomes key, at either end, until it is over.
 */
void engine_hold(struct engine *e, bool held);

/*
 * Alice: of what a block has left beside pads and hash keys, so many percent leave the gateways,
 * from A and from B; a key is left for rekeying in any case. Bob follows what her tags say.
 */
void engine_delivery(struct engine *e, unsigned int percent_a, unsigned int percent_b);
/* Alice: of the positions at hand those below LEAST are not to be used. */
void engine_positions_from(struct engine *e, uint64_t least);

/*
 * Receive what waits on CHANNEL_QKD and do a bounded step (about 50 us); returns true when
 * there is more to do at once.
 */
bool engine_poll(struct engine *e, uint64_t now_ns);

/* Copy of the figures; call on the engine's thread. */
void engine_stats_read(const struct engine *e, struct engine_stats *out);

#endif
