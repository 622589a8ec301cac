/* SPDX-License-Identifier: BSD-3-Clause */

/* One block of sifted key and the stages that make key of it; for the engine's sources. */

#ifndef QKD_ENGINE_BLOCK_H
#define QKD_ENGINE_BLOCK_H

#include "qkd-engine/amplify.h"
#include "qkd-engine/auth.h"
#include "qkd-engine/cascade.h"
#include "qkd-engine/engine.h"
#include "qkd-engine/frame_check.h"
#include "qkd-engine/hash_keys.h"
#include "qkd-engine/key_blocks.h"
#include "qkd-engine/job.h"
#include "qkd-engine/leak.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/monitor.h"
#include "qkd-engine/reconcile_ops.h"
#include "qkd-engine/sift.h"
#include "qkd-engine/verify.h"

struct engine;

/* In order; a block of either end goes through those that its role has. */
enum block_stage {
	BLOCK_FREE,
	BLOCK_ENDING, /* released, but another core still has a job of it, or it is not wiped yet */
	BLOCK_FILLING, /* detections are announced; then until all samples were replied to */
	BLOCK_SIFT,    /* B announces bases, A replies */
	BLOCK_START,   /* A waits for START; B plans and sends it */
	BLOCK_RECONCILE,
	BLOCK_CHECK,  /* A hashes the frames under a key that she draws; B waits for that */
	BLOCK_FAILED, /* A waits for the frames that failed; B hashes his */
	BLOCK_REVEAL, /* A discloses them; B gathers them */
	BLOCK_VERIFY, /* A hashes the block under a key that she draws; B waits for that */
	BLOCK_COUNTS, /* A waits for the errors; B hashes his block and counts them */
	BLOCK_SEED,   /* A draws and sends the seed; B gathers it */
	BLOCK_AMPLIFY,
	BLOCK_TAG,      /* A takes a pad and sends her tag; not B */
	BLOCK_PEER_TAG, /* waiting for the peer's tag and its pad */
	BLOCK_HOLD,     /* until monitoring would have found an attack on its light */
	BLOCK_COMMIT,   /* B has sent his tag; only A decides now */
	BLOCK_STAGES
};

/*
 * A finished block is held until monitoring would have found an attack on its light by what came
 * after it (monitor_found_since()). A block that gives key has more outcomes in X than that takes,
 * so the next one ends it at the latest; but where light stops, 1 s and twice the time that the
 * block took to fill.
 */
#define BLOCK_HOLD_NS    1000000000ULL
#define BLOCK_HOLD_FILLS 2
/* A block whose last batch is not older than this when an attack is found is void. */
#define BLOCK_VOID_NS 500000000ULL
/* The peer's next message of a stage that needs nothing but its work. */
#define BLOCK_TIMEOUT_NS 30000000000ULL

/*
 * Fixed from public figures before reconciliation starts and never changed: Bob states it in
 * START, Alice accepts it only if her own bound allows it (block_plan.c).
 */
struct block_plan {
	enum reconcile_method method;
	enum reconcile_reason reason;
	enum leak_mode mode;
	double qber;         /* chooses block sizes, or the code */
	unsigned int frames; /* that are checked after reconciliation; 0: it does so itself */
	uint64_t errors[2];  /* planned for, by intensity */
	uint32_t budget;     /* bits that may leak, all messages together; charged in full */
	uint32_t secret_bits;
};

/* What either end knows of the block's detections, but for the samples: a bit each. */
enum { BLOCK_X, BLOCK_BIT, BLOCK_DECOY, BLOCK_LIGHT, BLOCK_STRINGS };
#define BLOCK_CROSS BLOCK_DECOY /* Bob's third and last */

/* Secret part, in secret memory for the engine's life. */
struct block_secret {
	struct auth_transcript tx, rx;
	struct auth_pad tx_pad, rx_pad;
	uint64_t bits[]; /* the strings of the detections: BITS_WORDS(cap) each */
};

/* BASES or SIFTED of a part of the block, its payload. */
struct sift_part {
	size_t len;
	uint8_t data[SIFT_REPLY_MAX];
};

#define SIFT_PARTS 32 /* a job has at a time */
/*
 * Parts that B may have asked of and not looked at yet: 524288 detections a round trip, and room
 * for all that may come at either end, so that a block that waits keeps nobody from being heard.
 */
#define SIFT_AHEAD 1024

/* The comparison of bases: what was heard; and what a job has of it, its own while it is on. */
struct block_sift {
	/* What was heard: in RING, those of a job among them; how many when last looked at. */
	unsigned int first, waiting, seen;
	job_step_fn step; /* NULL: there is no job */
	bool replies;     /* RING is SIFTED, else BASES */
	unsigned int parts, done;
	struct sift_told {
		struct monitor_counts shown;
		size_t keys;
	} told[SIFT_PARTS];
	struct sift_part out[SIFT_PARTS], ring[SIFT_AHEAD];
};

/* Hashes of the frames as Alice has sent them. */
struct block_check {
	uint8_t key[16], tags[FRAME_CHECK_FRAMES_MAX * FRAME_CHECK_BYTES];
};

struct block {
	enum block_stage stage;
	size_t at;    /* how far a stage is whose work is done in slices; 0 when it begins */
	size_t wiped; /* when it is released: bytes of all that is to be */
	uint64_t number;
	uint8_t id[16];
	bool tainted;           /* got detections while an alarm was on; will not become key */
	size_t detections, cap; /* not sampled; room for them, and so for the bits */
	size_t asked, heard;    /* of them: bases that B has sent; those that the peer spoke of */
	size_t sifted, said;    /* of those: looked at; and told of */
	size_t bits;
	struct block_secret *secret;
	struct block_sift *sift;
	struct block_check *check;
	/*
	 * In SECRET. The key takes the place of the bits that it is sifted from, and what it is
	 * amplified to its own; ORIGINAL, Bob's from before correction, has that of the bases.
	 */
	uint64_t *string[BLOCK_STRINGS], *key, *original;
	uint64_t *decoy; /* bit string: which key bits come from decoy pulses */
	struct finite_key_counts counts;
	uint64_t sampled[2], sample_errors[2]; /* Z outcomes that were disclosed, by intensity */
	uint64_t first_slot, last_slot;
	uint64_t first_batch_ns, last_batch_ns, progress_ns;
	struct monitor_mark end; /* of its light; of the sequence of blocks when it was sifted */
	struct block_plan plan;
	/* reconciliation */
	const struct reconcile_ops *ops;
	struct reconcile_params params;
	struct workspace *space; /* of the next three; NULL: none yet, or none any more */
	bool waited;             /* for one */
	void *reconciler;        /* this end's half */
	uint8_t *in, *out;       /* one message of it each, OUT behind room for the header */
	size_t io_cap, in_len;
	uint8_t first[8]; /* Alice: the first question, which comes without a workspace */
	bool turn;        /* Bob: it is his to ask */
	struct job job;   /* heavy part of the stage's step, if JOB_ON; its result then */
	bool job_on;
	int job_result;
	struct leak_count leak;
	double qber, efficiency;
	/* frames that failed their check */
	uint8_t failed[FRAME_CHECK_FRAMES_MAX / 8];
	unsigned int failed_frames, reveal; /* how many; the one being disclosed */
	size_t reveal_at;                   /* bytes of it that were */
	/* verification; Bob: the hash that Alice has */
	struct verify verify;
	bool counted;
	uint8_t peer_hash[VERIFY_TAG_BITS / 8];
	/* amplification */
	struct workspace *product; /* of the next two; NULL: none yet, or none any more */
	bool product_waited;       /* for one */
	uint64_t *seed;
	struct amplify *amplify;
	size_t seed_bytes, seed_have;
	/* authentication: what it is hashed under, and what it renews */
	struct hash_keys *hash, *next_hash;
	uint64_t pad_base;
	uint32_t pad_keys, hash_keys;
	uint64_t position;
	uint32_t units[2];
	bool computational;
	struct key_block *result;     /* to be handed over, when it is READY */
	bool ready, result_waited;    /* for one */
	struct evp_md_ctx_st *digest; /* of the key in it */
	/* the peer's tag */
	bool peer_tag, peer_pad_asked, peer_pad;
	uint64_t peer_pad_id;
	uint8_t peer_tag_msg[MESSAGE_TAG_COVERED + AUTH_TAG_BYTES];
};

/* Memory of a block of DETECTIONS and a batch for the engine's life; -ENOMEM. */
int block_init(struct block *b, size_t detections);
void block_fini(struct block *b);

/* A free block becomes number NUMBER, under hash keys KEYS; NULL when none is free. */
struct block *block_open(struct engine *e, uint64_t number, struct hash_keys *keys);

/* Back to free: all secrets wiped. */
void block_release(struct engine *e, struct block *b);

/* Void, and tell the peer unless it told us. */
void block_abort(struct engine *e, struct block *b, enum abort_reason reason, bool tell);

/* Abort what is filling and what was sifted in the last BLOCK_VOID_NS. */
void block_void_recent(struct engine *e, enum abort_reason reason);
/* Abort those that may have light of the attack that monitoring sees now. */
void block_void_suspect(struct engine *e);

/* block_append.c: the disclosed outcomes of G, as monitoring takes them. */
void block_shown(const struct sift_gain *g, struct monitor_counts *c);
/* The block's outcomes C are about to be taken by M; there may be more. */
void block_seen(struct block *b, const struct monitor *m, enum monitor_sequence s,
                const struct monitor_counts *c);
/* N detections into the block that fills: strings, zero beyond, NULL for one that is not kept. */
void block_store(struct block *b, const uint64_t *const from[BLOCK_STRINGS], size_t n);
/* What a sample says of errors in Z; and what detections with their bases known give. */
void block_append_sample(struct block *b, const struct sift_gain *g);
void block_append(struct block *b, const struct sift_gain *g);

/* A batch was stored: its slots; it is void when nothing was to come of it. False: it is. */
bool block_batch_added(struct engine *e, struct block *b, uint64_t first_slot, uint64_t last_slot);

/* block_sift.c: bases and what comes of them. */
bool block_sift_step(struct engine *e, struct block *b);
void block_on_bases(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len);
void block_on_sifted(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len);

/* Hash and send a message of the block. */
void block_send(struct engine *e, struct block *b, const uint8_t *msg, size_t len);
void block_send_message(struct engine *e, struct block *b, const struct message *m);

/* Next stage. */
void block_advance(struct engine *e, struct block *b, enum block_stage stage);

/* block_plan.c */
/* Bob: plan the block; false: aborted. And what START says of the plan. */
bool block_plan(struct engine *e, struct block *b);
void block_plan_encode(const struct engine *e, const struct block *b, struct message *start);
/* Alice: take Bob's plan if it is hers to take; false: aborted. */
/* Frames that reconciliation by METHOD has, in bits. */
uint32_t block_frame_bits(const struct engine *e, enum reconcile_method method);
bool block_plan_take(struct engine *e, struct block *b, const struct message *start);
/* Disclosed so far, with all that is fixed; false: above the budget, and aborted. */
uint64_t block_disclosed(const struct block *b);
bool block_in_budget(struct engine *e, struct block *b);
/* The errors are known: whether the bound reaches the length that was planned; false: aborted. */
bool block_accept(struct engine *e, struct block *b);

/*
 * block_reconcile.c: room for it at one end, messages included. Bob takes a workspace before he
 * plans; false: there is none now. Parameters from START; false: aborted. Then the stage's steps.
 */
int block_reconcile_size(enum engine_role role, const struct reconcile_ops *ops,
                         const struct reconcile_params *p, struct workspace_size *out);
bool block_reconcile_space(struct engine *e, struct block *b);
void block_reconcile_end(struct engine *e, struct block *b);
bool block_reconcile_start(struct engine *e, struct block *b, const struct message *start);
bool block_reconcile_alice(struct engine *e, struct block *b);
bool block_reconcile_bob(struct engine *e, struct block *b);
void block_reconcile_ask(struct engine *e, struct block *b, const struct message *m,
                         const uint8_t *msg, size_t len);
void block_reconcile_answer(struct engine *e, struct block *b, const struct message *m,
                            const uint8_t *msg, size_t len);
void block_reconcile_corrected(struct engine *e, struct block *b, const struct message *m,
                               const uint8_t *msg, size_t len);

/*
 * block_job.c: STEP with B as its context until it is done, here or on another core, which nothing
 * else of the block that STEP uses may be touched by meanwhile. WAITS: nothing was done here.
 */
enum block_job { BLOCK_JOB_WAITS, BLOCK_JOB_MORE, BLOCK_JOB_DONE };
enum block_job block_job(struct engine *e, struct block *b, job_step_fn step);
/* Likewise, of some 10 us in all. */
enum block_job block_job_small(struct engine *e, struct block *b, job_step_fn step);
/* False: another core has it, and is told to leave it. */
bool block_job_end(struct engine *e, struct block *b);

/* block_frames.c: checks of frames, and what comes of those that fail. */
bool block_check_step(struct engine *e, struct block *b);  /* Alice */
bool block_failed_step(struct engine *e, struct block *b); /* Bob */
bool block_reveal_step(struct engine *e, struct block *b); /* Alice */
void block_on_check(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len);
void block_on_failed(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len);
void block_on_reveal(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                     size_t len);

/*
 * block_amplify.c: room for seed and product, for a block of up to BITS. Bob takes it before he
 * says his counts, Alice before she draws the seed; false: there is none now.
 */
int block_amplify_size(size_t bits, struct workspace_size *out);
bool block_amplify_space(struct engine *e, struct block *b);
void block_amplify_end(struct engine *e, struct block *b);
/* The seed is there: start amplification; and a step of it, in the end on to the stage NEXT. */
void block_amplify_start(struct engine *e, struct block *b);
bool block_amplify_step(struct engine *e, struct block *b, enum block_stage next);

/* block_tag.c */
/* Take a pad and send the tag over all sent so far; false: no pad now. */
bool block_send_tag(struct engine *e, struct block *b);
/* The peer's TAG message and, apart from it, the pad that it names. */
void block_peer_tag(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                    size_t len);
void block_peer_pad(struct engine *e, struct block *b, const struct auth_pad *pad);
/* BLOCK_PEER_TAG: ask for the pad, check the tag; true when it did something. */
bool block_peer_tag_step(struct engine *e, struct block *b);

/* Monitoring has nothing against the block. */
bool block_is_clean(const struct engine *e, const struct block *b);

/*
 * Before the other end may use the block: get all that handing it over takes, in slices. DONE: the
 * block is READY, or was aborted.
 */
enum block_job block_prepare(struct engine *e, struct block *b);

/* Counted as no proof allows: wiped at both ends, never key. No pad was spent on it. */
void block_end_benchmark(struct engine *e, struct block *b);

/* Hand the prepared key over; the block is free then. */
void block_deliver(struct engine *e, struct block *b);

/*
 * A stage of one end: what it does by itself, the messages that it takes. WAITS: nothing but
 * the peer's work is missing, which must not take longer than BLOCK_TIMEOUT_NS.
 */
struct block_stage_ops {
	bool (*step)(struct engine *e, struct block *b); /* bounded; true when it did something */
	struct {
		enum message_type type; /* 0: no more */
		void (*take)(struct engine *e, struct block *b, const struct message *m,
		             const uint8_t *msg, size_t len);
	} messages[2];
	bool waits;
};

extern const struct block_stage_ops block_alice_stages[BLOCK_STAGES];
extern const struct block_stage_ops block_bob_stages[BLOCK_STAGES];

/* One bounded step of the block's stage; true when it did something. */
bool block_step(struct engine *e, struct block *b);
/* A message about the block; MSG is M's encoding. */
void block_message(struct engine *e, struct block *b, const struct message *m, const uint8_t *msg,
                   size_t len);

#endif
