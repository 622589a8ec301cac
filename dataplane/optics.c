/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/optics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "dataplane/optics_clicks.h"
#include "drivers/card_analog.h"

LOG_COMPONENT_DEFINE(optics)

#define REOPEN_NS (200 * NS_PER_MS)
/* A card that does not answer gets one part in so many of the control thread's time. */
#define REOPEN_SHARE 10
/* One that its own limits took down is left dark for so long. */
#define TRIPPED_NS  (5 * NS_PER_S)
#define ANSWERS_MAX 8 /* a turn */

struct optics {
	/* both: ro */
	struct card_config config;

	/* control: wo while `given_up`, role: ro */
	struct card *card;
	bool simulated; /* any card so far */
	/* role sets it and forgets the card, control clears it with a new one */
	bool given_up;

	/* each by its turn */
	struct optics_otdr otdr;
	struct optics_qrng qrng;
	struct optics_monitor monitor;
	bool tripped; /* control: rw while `given_up`, role: wo else; as the monitor's trips */
	bool dark;    /* control: wo with the card, role: ro: it was opened but not armed */

	/* control: rw */
	uint64_t next_open_ns;
	bool failed_before;

	/* role: rw */
	_Alignas(64) struct optics_clicks clicks;
	struct optics_gate gate;
};

struct optics *optics_create(const struct card_config *config, double claim,
                             unsigned int alpha_log2, struct err *err)
{
	struct optics *o = aligned_alloc(64, (sizeof(*o) + 63) / 64 * 64);

	if (o == NULL) {
		err_set(err, ENOMEM, "optics: out of memory");
		return NULL;
	}
	*o = (struct optics){.config = *config, .given_up = true};
	optics_gate_init(&o->gate, config->gates_follow);
	if (qrng_create(claim, alpha_log2, &o->qrng.qrng, err) < 0) {
		free(o);
		return NULL;
	}
	o->config.qrng = o->qrng.qrng;
	return o;
}

void optics_destroy(struct optics *o)
{
	if (o == NULL)
		return;
	if (o->card != NULL)
		card_close(o->card);
	qrng_destroy(o->qrng.qrng);
	secret_wipe(o, sizeof(*o)); /* bits of key in the coins */
	free(o);
}

static int open_and_arm(struct optics *o, struct card **card, struct err *err)
{
	struct card_status status;
	int rc = card_open(&o->config, card, err);

	if (rc < 0)
		return rc;
	/* Without a random source there is nothing to send or to measure; it can be tested dark. */
	o->dark = qrng_state(o->qrng.qrng) == QRNG_FAILED;
	rc = o->dark ? 0 : card_arm(*card, err);
	if (rc == 0 && !o->dark)
		rc = card_bias_find(*card, err);
	if (rc < 0) {
		o->tripped = optics_monitor_lost(&o->monitor, card_fault(*card));
		card_close(*card);
		return rc;
	}
	card_status_read(*card, &status);
	if (status.simulated)
		__atomic_store_n(&o->simulated, true, __ATOMIC_RELAXED);
	return 0;
}

bool optics_supervise(struct optics *o, uint64_t now_ns, struct err *err)
{
	uint64_t start, pause;
	int rc;

	if (!__atomic_load_n(&o->given_up, __ATOMIC_ACQUIRE))
		return true;
	if (o->tripped)
		o->next_open_ns = now_ns + TRIPPED_NS;
	o->tripped = false;
	if (now_ns < o->next_open_ns)
		return false;
	start = clock_mono_ns();
	optics_otdr_closing(&o->otdr);
	card_close(o->card);
	o->card = NULL;
	rc = open_and_arm(o, &o->card, err);
	pause = REOPEN_SHARE * (clock_mono_ns() - start);
	o->next_open_ns = now_ns + (pause > REOPEN_NS ? pause : REOPEN_NS);
	if (rc < 0) {
		o->card = NULL;
		if (!o->failed_before)
			log_warn("%s", err->text);
		o->failed_before = true;
		return false;
	}
	o->failed_before = false;
	log_info("card %s is %s", o->config.path,
	         o->dark ? "open but dark: its random source has failed" : "armed");
	__atomic_store_n(&o->given_up, false, __ATOMIC_RELEASE);
	return true;
}

static struct card *usable(struct optics *o)
{
	return __atomic_load_n(&o->given_up, __ATOMIC_ACQUIRE) ? NULL : o->card;
}

bool optics_ocm(struct optics *o, struct card_ocm_scan *out)
{
	const struct card *card = usable(o);

	return card != NULL && card_ocm_read(card, out);
}

static unsigned int receive_choices(struct optics *o, struct engine *engine)
{
	struct card_choice got[CARD_LOOKUP_MAX];
	struct choice choices[CARD_LOOKUP_MAX];
	unsigned int done = 0;
	size_t n;

	for (int i = 0; i < ANSWERS_MAX && (n = card_choices(o->card, got)) > 0; i++) {
		for (size_t k = 0; k < n; k++)
			choices[k] = (struct choice){got[k].basis, got[k].bit, got[k].intensity,
			                             got[k].valid};
		engine_choices(engine, choices, n);
		secret_wipe(got, n * sizeof(got[0]));
		secret_wipe(choices, n * sizeof(choices[0]));
		done += (unsigned int)n;
	}
	return done;
}

/* Control closes the card from the moment at which it is given up. */
static void give_up(struct optics *o, struct engine *engine, int why)
{
	struct card_status status;

	card_status_read(o->card, &status);
	if (why == 0)
		log_info("card %s is opened anew", o->config.path);
	else if (why == -ENODEV)
		log_err("card %s is lost", o->config.path);
	else
		log_err("card %s: fault 0x%" PRIx32 ", argument 0x%" PRIx32 "; it is dark now",
		        o->config.path, status.fault_code, status.fault_arg);
	optics_clicks_lost(&o->clicks);
	optics_gate_init(&o->gate, o->config.gates_follow);
	optics_otdr_lost(&o->otdr);
	optics_qrng_lost(&o->qrng);
	o->tripped = why == -EIO && optics_monitor_lost(&o->monitor, status.fault_code);
	engine_lookups_lost(engine);
	engine_slots_restarted(engine);
	__atomic_store_n(&o->given_up, true, __ATOMIC_RELEASE);
}

/* True: the card was given up. */
static bool watch_random(struct optics *o, struct engine *engine)
{
	enum qrng_state state = qrng_state(o->qrng.qrng);
	struct qrng_status s;

	if (!card_has_random(o->card)) {
		engine_random_tested(engine, UINT64_MAX);
		return false;
	}
	if (state == QRNG_FAILED && !o->dark) {
		qrng_status_read(o->qrng.qrng, &s);
		log_err("card %s: its random source is %s, lane %u: %s", o->config.path,
		        qrng_fault_name(s.fault), s.fault_lane, s.fault_text);
		card_safe_off(o->card);
		engine_random_failed(engine);
		give_up(o, engine, 0);
		return true;
	}
	if (state == QRNG_OK && o->dark) {
		log_info("card %s: its random source has passed start-up tests", o->config.path);
		give_up(o, engine, 0);
		return true;
	}
	engine_random_tested(engine, o->dark ? 0 : qrng_tested_until(o->qrng.qrng));
	return false;
}

unsigned int optics_poll(struct optics *o, struct engine *engine, uint64_t now_ns)
{
	struct card *card = usable(o);
	const struct optics_clicks_ends to = {card, &o->monitor, &o->gate};
	int done;

	if (card == NULL)
		return 0;
	done = card_poll(card, now_ns);
	if (done < 0) {
		if (qrng_state(o->qrng.qrng) == QRNG_FAILED)
			engine_random_failed(engine);
		give_up(o, engine, done);
		return 1;
	}
	if (watch_random(o, engine))
		return 1;
	optics_otdr_poll(&o->otdr, card);
	if (optics_qrng_poll(&o->qrng, card)) {
		give_up(o, engine, 0);
		return 1;
	}
	optics_monitor_poll(&o->monitor, card);
	if (o->config.role == CARD_IS_BOB) {
		optics_gate_poll(&o->gate, card, &o->clicks.track, now_ns);
		return (unsigned int)done + optics_clicks_poll(&o->clicks, &to, engine, now_ns);
	}
	return (unsigned int)done + receive_choices(o, engine);
}

int optics_source_mode(struct optics *o, enum source_mode mode, uint64_t *from_slot)
{
	struct card *card = usable(o);

	if (card == NULL)
		return -ENODEV;
	return card_tx_mode(card,
	                    mode == SOURCE_QKD    ? CARD_TX_QKD
	                    : mode == SOURCE_SYNC ? CARD_TX_SYNC
	                                          : CARD_TX_DARK,
	                    from_slot);
}

uint64_t optics_slot_now(struct optics *o)
{
	struct card *card = usable(o);

	if (card == NULL)
		return 0;
	if (o->config.role == CARD_IS_ALICE)
		return card_slot_now(card);
	return o->clicks.track.locked ? phase_track_slot(&o->clicks.track, card_slot_now(card)) : 0;
}

int optics_lookup(struct optics *o, const uint64_t *slots, size_t n)
{
	struct card *card = usable(o);

	return card == NULL ? -ENODEV : card_lookup(card, slots, n);
}

int optics_random(struct optics *o, void *buf, size_t n)
{
	struct card *card = usable(o);

	return card == NULL ? -EAGAIN : card_random(card, buf, n);
}

struct optics_otdr *optics_otdr(struct optics *o)
{
	return &o->otdr;
}

struct optics_qrng *optics_qrng(struct optics *o)
{
	return &o->qrng;
}

struct optics_monitor *optics_monitor(struct optics *o)
{
	return &o->monitor;
}

bool optics_simulated(const struct optics *o)
{
	return __atomic_load_n(&o->simulated, __ATOMIC_RELAXED);
}

void optics_status_read(const struct optics *o, struct optics_status *out)
{
	*out = (struct optics_status){.simulated = optics_simulated(o),
	                              .clicks_no_phase = o->clicks.no_phase,
	                              .clicks_same_slot = o->clicks.same_slot,
	                              .clicks_too_old = o->clicks.too_old,
	                              .held = o->clicks.held,
	                              .holds = o->clicks.holds,
	                              .held_ns = o->clicks.held_ns,
	                              .coins_card = o->clicks.coins.from_card,
	                              .coins_kernel = o->clicks.coins.from_kernel};
	qrng_status_read(o->qrng.qrng, &out->qrng);
	if (__atomic_load_n(&o->given_up, __ATOMIC_ACQUIRE))
		return;
	out->present = true;
	out->qrng_present = card_has_random(o->card);
	out->phase_locked = o->clicks.track.locked;
	out->frequency_ppb = o->clicks.track.frequency * 1e9;
	out->coherence = o->clicks.track.coherence;
	out->gate = o->gate.gate;
	card_status_read(o->card, &out->card);
}
