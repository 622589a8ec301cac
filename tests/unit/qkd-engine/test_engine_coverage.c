/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blocks of both engines beside the truth: the clicks are the device model's, how many photons were
 * in each is drawn by Bayes' rule (drivers/model/photons.h), and what Bob announces is read on its
 * way (the linker wraps channel_receive()). Each record's counts must be those of the clicks in its
 * slots, and the bounds must hold for what they were.
 */

#include "drivers/model/photons.h"

#include "dataplane/squash.h"
#include "drivers/card_regs.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/sift.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000
#define HOLDOFF    1000       /* slots */
#define RECENT     (1u << 16) /* hold-offs that are remembered: 65 ms */
#define BATCHES    16384
#define BLOCKS     4

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

static const struct lossy_config good = {.delay_ns = NS_PER_MS};
static const struct optics_source light = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.6};

/* What one detection was. */
struct seen {
	uint64_t slot; /* Alice's */
	struct choice choice;
	uint8_t basis, bit, photons;
	bool cross, phase_error;
};

/* What is true of the detections of a batch, or of a block. */
struct truth {
	struct finite_key_counts counts;
	uint64_t z[3], x[3]; /* by photons: 0, 1, more */
	uint64_t v_x1, phase_errors;
};

static struct {
	struct rig rig;
	struct clicks clicks;
	struct photons photons;
	struct rng rng;
	bool lit;
	uint64_t pulse_of_now; /* pulse n arrives at n + this, by the rig's clock */
	struct seen seen[RECENT];
	struct {
		uint64_t first_slot;
		struct truth truth;
	} announced[BATCHES];
	size_t batches;
	bool forgotten; /* a slot was announced of which nothing is known */
} run;

/* By slot: the hold-off, between arrivals within slots, keeps two clicks from one place. */
static struct seen *seen_at(uint64_t slot)
{
	return &run.seen[slot / (HOLDOFF - 1) % RECENT];
}

static void add(struct truth *t, const struct seen *s)
{
	unsigned int decoy = s->choice.intensity, n = s->photons < 2 ? s->photons : 2;
	bool error = s->bit != s->choice.bit;

	if (s->basis == 1 && s->cross)
		t->counts.cross[s->basis != s->choice.basis]++;
	if (s->basis != s->choice.basis)
		return;
	if (s->basis == 1) {
		t->counts.n_x[decoy]++;
		t->counts.m_x[decoy] += error;
		t->x[n]++;
		t->v_x1 += n == 1 && error;
		return;
	}
	t->counts.n_z[decoy]++;
	t->counts.m_z[decoy] += error;
	t->z[n]++;
	t->phase_errors += n == 1 && s->phase_error;
}

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg = __real_channel_receive(ch, stream, len);
	static struct sift_batch b;

	if (msg == NULL || *len == 0 || msg[0] != MESSAGE_ANNOUNCE || run.batches == BATCHES ||
	    sift_announce_decode(msg, *len, 0, &b) < 0)
		return msg;
	run.announced[run.batches].first_slot = b.slot[0];
	for (size_t i = 0; i < b.count; i++) {
		const struct seen *s = seen_at(b.slot[i]);

		run.forgotten |= s->slot != b.slot[i];
		if (!bits_get(b.sampled, i))
			add(&run.announced[run.batches].truth, s);
	}
	run.batches++;
	return msg;
}

static void remember(const struct click *k, uint64_t slot, struct detection *d)
{
	unsigned int choice = k->choice;
	struct squashed s = squash(k->detectors, (unsigned int)(rng_next(&run.rng) >> 62));
	double wrong = k->origin == CLICK_LIGHT ? run.photons.phase_error : 0.5;
	struct seen *seen = seen_at(slot);

	if (!k->has_choice)
		choice = (rng_uniform(&run.rng) < light.p_z ? 0 : CHOICE_BASIS_X) |
		         (rng_next(&run.rng) >> 63 ? CHOICE_BIT : 0) |
		         (rng_uniform(&run.rng) < light.p_mu1 ? 0 : CHOICE_MU2);
	*seen = (struct seen){
	        .slot = slot,
	        .choice = {(choice & CHOICE_BASIS_X) != 0, (choice & CHOICE_BIT) != 0,
	                   (choice & CHOICE_MU2) != 0, 1},
	        .basis = s.basis,
	        .bit = s.bit,
	        .cross = s.cross,
	        .photons = (uint8_t)photons_draw(&run.photons, choice,
	                                         k->has_choice ? k->detectors : 0, &run.rng),
	        .phase_error = rng_uniform(&run.rng) < wrong,
	};
	*d = (struct detection){.basis = s.basis, .bit = s.bit, .cross = s.cross};
}

/* Key light is the model's; the pattern before it is the rig's own. */
static void photons(struct rig *r)
{
	struct detection d[512];
	struct click k[512];
	uint64_t until;
	size_t n;

	if (r->mode != SOURCE_QKD || rig_slot_a(r) < r->mode_slot + r->flight_ns) {
		rig_photons(r);
		return;
	}
	if (!run.lit)
		run.pulse_of_now = r->wire.now_ns - run.clicks.n;
	run.lit = true;
	until = r->wire.now_ns - run.pulse_of_now;
	n = clicks_run(&run.clicks, until, k, 512);
	for (size_t i = 0; i < n; i++) {
		uint64_t arrives = k[i].pulse + run.pulse_of_now;

		remember(&k[i], arrives - r->flight_ns + r->offset_a, &d[i]);
		d[i].slot = arrives + r->offset_b;
	}
	engine_detections(r->b.engine, d, n, r->wire.now_ns);
}

static void answer_lookups(struct rig *r)
{
	struct choice c[512];

	for (unsigned int i = 0; i < r->lookup_count; i++) {
		for (size_t k = 0; k < r->lookups[i].n; k++) {
			const struct seen *seen = seen_at(r->lookups[i].slot[k]);

			c[k] = seen->slot == r->lookups[i].slot[k] ? seen->choice
			                                           : (struct choice){0};
		}
		engine_choices(r->a.engine, c, r->lookups[i].n);
	}
	r->lookup_count = 0;
}

static void step(struct rig *r)
{
	lossy_pair_step(&r->wire, r->step_ns);
	photons(r);
	answer_lookups(r);
	rig_answer_pads(&r->a);
	rig_answer_pads(&r->b);
	for (unsigned int i = 0; i < r->polls; i++) {
		bool more = engine_poll(r->a.engine, r->wire.now_ns);

		more |= engine_poll(r->b.engine, r->wire.now_ns);
		if (!more)
			break;
	}
}

static void sum(uint64_t *to, const uint64_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] += from[i];
}

/* Of all batches of the block: nothing but counts is in there. */
static void truth_of(const struct key_block *k, struct truth *t)
{
	memset(t, 0, sizeof(*t));
	for (size_t b = 0; b < run.batches; b++)
		if (run.announced[b].first_slot >= k->first_slot &&
		    run.announced[b].first_slot <= k->last_slot)
			sum((uint64_t *)t, (const uint64_t *)&run.announced[b].truth,
			    sizeof(*t) / sizeof(uint64_t));
}

static void check(const struct key_block *k)
{
	struct finite_key_input in = {.source = k->source, .counts = k->counts};
	struct finite_key_result r;
	struct truth t;

	truth_of(k, &t);
	CU_ASSERT_FALSE(run.forgotten);
	CU_ASSERT(run.batches < BATCHES);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(t.counts.n_z[i], k->counts.n_z[i]);
		CU_ASSERT_EQUAL(t.counts.m_z[i], k->counts.m_z[i]);
		CU_ASSERT_EQUAL(t.counts.n_x[i], k->counts.n_x[i]);
		CU_ASSERT_EQUAL(t.counts.m_x[i], k->counts.m_x[i]);
		CU_ASSERT_EQUAL(t.counts.cross[i], k->counts.cross[i]);
	}
	CU_ASSERT(k->counts.cross[0] > 0 && k->counts.cross[1] > 0);
	in.leak = (double)k->leaked_bits;
	CU_ASSERT_EQUAL(finite_key_bound(k->proof, &in, &r), 0);
	CU_ASSERT(r.z.s1_lower > 0 && r.z.s1_lower <= (double)t.z[1]);
	CU_ASSERT(r.z.s0_lower <= (double)t.z[0]);
	CU_ASSERT(r.x.s1_lower > 0 && r.x.s1_lower <= (double)t.x[1]);
	CU_ASSERT(r.x.v1_upper >= (double)t.v_x1);
	CU_ASSERT(r.phi_z_upper < 0.5);
	CU_ASSERT((double)t.phase_errors <= r.phi_z_upper * (double)t.z[1]);
	if (getenv("COVERAGE_VERBOSE"))
		fprintf(stderr,
		        "block %llu: s_z1 %.0f of %llu, s_x1 %.0f of %llu, v_x1 %.0f of %llu, phi "
		        "%.4f of %.4f, cross %llu and %llu\n",
		        (unsigned long long)k->number, r.z.s1_lower, (unsigned long long)t.z[1],
		        r.x.s1_lower, (unsigned long long)t.x[1], r.x.v1_upper,
		        (unsigned long long)t.v_x1, r.phi_z_upper,
		        (double)t.phase_errors / (double)t.z[1],
		        (unsigned long long)k->counts.cross[0],
		        (unsigned long long)k->counts.cross[1]);
}

/* Octets of all keys, those of pads and hash keys left out. */
static unsigned int octets[256];

static void count_octets(const struct key_block *k)
{
	for (size_t i = 32 * (size_t)(k->pad_keys + k->hash_keys); i < k->bits / 8; i++)
		octets[k->key[i]]++;
}

static void make_blocks(const struct attack *attack, uint64_t seed)
{
	struct light mode = {.mode = CARD_TX_MODE_QKD, .source = light, .attack = *attack};
	struct optics_link link = optics_link_default;
	struct rig *r = &run.rig;
	struct rng rng;

	memset(&run, 0, sizeof(run));
	link.p_z_bob = 0.6;
	rng_init_seed(&rng, seed);
	rng_init_seed(&run.rng, seed + 1);
	clicks_init(&run.clicks, &link, &rng);
	clicks_set_receiver(&run.clicks, true, HOLDOFF, 0, 256);
	CU_ASSERT_EQUAL(clicks_set_light(&run.clicks, &mode), 0);
	photons_init(&run.photons, &link, &light, attack);
	CU_ASSERT_TRUE_FATAL(rig_init(r, BLOCK_BITS, &good, seed));
	for (unsigned int done = 0; done < BLOCKS;) {
		CU_ASSERT_TRUE_FATAL(r->wire.now_ns < 60 * NS_PER_S);
		step(r);
		for (; done < r->a.block_count && done < r->b.block_count; done++) {
			const struct key_block *a = r->a.blocks[done];

			CU_ASSERT_EQUAL(
			        memcmp(&a->counts, &r->b.blocks[done]->counts, sizeof(a->counts)),
			        0);
			check(a);
			count_octets(a);
		}
	}
	CU_ASSERT_EQUAL(rig_common_blocks(r), (int)r->a.block_count);
	rig_fini(r);
}

static void test_honest(void)
{
	const struct attack none = {.kind = ATTACK_NONE};

	make_blocks(&none, 1);
}

/* Below the alarm, and little enough that key is left. */
static void test_attacked(void)
{
	const struct attack resend = {ATTACK_INTERCEPT_RESEND, 0.03, 0.5};
	const struct attack plus = {ATTACK_MINUS_TO_PLUS, 0.01, 0};

	make_blocks(&resend, 2);
	make_blocks(&plus, 3);
}

/*
 * Chi square over octets: of 255 degrees of freedom it leaves 120 to 450 less than once in 10^9
 * times.
 */
static void test_keys_are_uniform(void)
{
	double n = 0, chi = 0;

	for (int i = 0; i < 256; i++)
		n += octets[i];
	CU_ASSERT_FATAL(n >= 5120);
	for (int i = 0; i < 256; i++)
		chi += (octets[i] - n / 256) * (octets[i] - n / 256) / (n / 256);
	CU_ASSERT(chi > 120 && chi < 450);
	if (getenv("COVERAGE_VERBOSE"))
		fprintf(stderr, "%.0f octets of key, chi square %.1f\n", n, chi);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_attacked), UNIT(test_keys_are_uniform))
