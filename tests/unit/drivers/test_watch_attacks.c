/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The monitors of the cards on a modelled link under attack: the driver's card, its clicks on the
 * transmitter's grid and its records into drivers/watch/, as the gateway has them. Who learns and
 * judges is told nothing of the attack.
 */

#include <math.h>
#include <stdio.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "drivers/phase_track.h"
#include "drivers/watch/arrivals.h"
#include "drivers/watch/photocurrent.h"
#include "drivers/watch/toggle.h"
#include "drivers/watch/transmitter.h"
#include "drivers/watch/verdict.h"
#include "tests/unit/drivers/model_transport.h"

#define HOLDOFF_NS 10000
#define LEARN_MS   11000 /* all but the dark counts, which are learnt meanwhile */
#define TURN_MS    100   /* figures are looked at ten times a second */

static struct card_config config = {.transport = "model",
                                    .path = "card",
                                    .mu1 = 0.3,
                                    .mu2 = 0.1,
                                    .p_mu1 = 0.3,
                                    .p_z = 0.8,
                                    .holdoff_ns = HOLDOFF_NS,
                                    .watchdog_ms = 60000};

struct watcher {
	struct watch_toggle toggle;
	struct watch_photocurrent photocurrent;
	struct watch_arrivals arrivals;
	struct watch_transmitter transmitter;
};

static struct card *card;
static struct watcher w;
static struct phase_track track;
static uint64_t counts[CARD_DETECTORS][WATCH_ARRIVAL_BINS];

static void attack(const char *text)
{
	struct attack a;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(attack_parse(text, &a, &err), 0);
	CU_ASSERT_EQUAL_FATAL(sim_link_attack(&h->link, &a), 0);
}

static void clicks(void)
{
	struct card_click got[256];
	size_t n;

	while ((n = card_clicks(card, got, 256)) > 0) {
		for (size_t i = 0; i < n; i++) {
			uint64_t slot;
			double late;

			if (got[i].gap ||
			    !phase_track_click(&track, got[i].slot, got[i].sub, &slot) ||
			    !phase_track_late(&track, got[i].slot, got[i].sub, &late))
				continue;
			for (unsigned int d = 0; d < CARD_DETECTORS; d++)
				counts[d][(int)((late + 0.5) * 31.999)] +=
				        got[i].detectors >> d & 1;
		}
	}
}

/* A tenth of a second; what crossed in it. */
static uint32_t pass(void)
{
	uint64_t to = h->now + TURN_MS * NS_PER_MS;
	struct card_monitor m;
	uint32_t over = 0;

	memset(counts, 0, sizeof(counts));
	if (end == B) /* the other card's watchdog */
		host_write(h, A, CARD_WATCHDOG, 60000);
	while (h->now < to) {
		turn(h);
		card_poll(card, h->now);
		if (end == B)
			clicks();
		while (card_monitor_next(card, &m)) {
			if (m.of == CARD_IS_ALICE) {
				over |= watch_transmitter_add(&w.transmitter, &m.tx);
				continue;
			}
			over |= watch_toggle_add(&w.toggle, &m.rx);
			over |= watch_photocurrent_add(&w.photocurrent, &m.rx);
		}
	}
	return over | watch_arrivals_add(&w.arrivals, (const uint64_t(*)[WATCH_ARRIVAL_BINS])counts,
	                                 TURN_MS * 1e-3);
}

static void open_link(int which)
{
	struct optics_link link = optics_link_default;
	struct err err = {0};
	uint64_t from;

	if (secret_size() == 0) {
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_EQUAL_FATAL(transport_add(&over_model), 0);
	}
	link.drift = drift_buried;
	link.drift.intensity = 0.03;
	end = which;
	h = host_open(&link, 21);
	config.role = which == A ? CARD_IS_ALICE : CARD_IS_BOB;
	CU_ASSERT_EQUAL_FATAL(card_open(&config, &card, &err), 0);
	CU_ASSERT_EQUAL_FATAL(card_arm(card, &err), 0);
	if (which == A) {
		CU_ASSERT_EQUAL_FATAL(card_tx_mode(card, CARD_TX_QKD, &from), 0);
	} else {
		set_tx(h, CARD_TX_MODE_QKD);
		host_write(h, A, CARD_WATCHDOG, 60000);
		host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE);
		host_write(h, A, CARD_CTRL, CARD_CTRL_ENABLE | CARD_CTRL_ARM);
	}
	phase_track_init(&track);
	watch_toggle_init(&w.toggle);
	watch_photocurrent_init(&w.photocurrent, HOLDOFF_NS * 1e-9);
	watch_arrivals_init(&w.arrivals);
	watch_transmitter_init(&w.transmitter, card_output_fw(&config, 1000000));
	for (unsigned int i = 0; i < LEARN_MS / TURN_MS; i++)
		CU_ASSERT_EQUAL(pass(), 0);
}

static void close_link(void)
{
	card_close(card);
	host_close(h);
}

struct expect {
	const char *attack, *alarm;
	double seconds; /* at most, until the first alarm */
};

static void check(const struct expect *e)
{
	struct watcher learnt = w;
	uint32_t fired = 0, first = 0;
	unsigned int turns = 0, wrong = 0;

	attack(e->attack);
	for (unsigned int i = 0; i < e->seconds * 1e3 / TURN_MS || (first != 0 && i < turns + 5);
	     i++) {
		fired |= pass();
		if (first == 0 && fired != 0) {
			first = fired;
			turns = i + 1;
		}
	}
	CU_ASSERT(first != 0 && turns * TURN_MS <= e->seconds * 1e3);
	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		if (watch_named(fired) >> m & 1 && strcmp(watch_row(m)->alarm, e->alarm) != 0)
			wrong++;
	CU_ASSERT(wrong == 0 && watch_named(fired) != 0);
	if (first == 0 || wrong > 0 || getenv("WATCH_VERBOSE") != NULL) {
		printf("%s: %.1f s:", e->attack, turns * TURN_MS * 1e-3);
		for (unsigned int m = 0; m < WATCH_MONITORS; m++)
			if (fired >> m & 1)
				printf(" %s%s%s", watch_row(m)->name,
				       first >> m & 1 ? " (first)" : "",
				       watch_named(fired) >> m & 1 ? "" : " (explained)");
		printf("\n");
	}
	attack("none");
	for (unsigned int i = 0; i < 3; i++)
		pass();
	w = learnt;
	/* And it is over. */
	for (unsigned int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(pass(), 0);
}

/* Light that goes, is less, comes from data channels or with errors: nothing that these see. */
static void check_quiet(const char *what)
{
	struct lit lit = h->link.lit, dark = lit;
	struct watcher learnt = w;
	struct lit_channel channel;
	uint32_t fired = 0;
	struct err err;

	if (strcmp(what, "lit") == 0) {
		CU_ASSERT_EQUAL_FATAL(lit_parse("C31 0 counter", &channel, &err), 0);
		CU_ASSERT_EQUAL_FATAL(lit_add(&lit, &channel, &err), 0);
		sim_link_lit(&h->link, &lit);
	} else {
		attack(what);
	}
	for (unsigned int i = 0; i < 20; i++)
		fired |= pass();
	attack("none");
	sim_link_lit(&h->link, &dark);
	for (unsigned int i = 0; i < 10; i++)
		fired |= pass();
	if (fired != 0)
		printf("%s: fired 0x%x\n", what, fired);
	CU_ASSERT_EQUAL(fired, 0);
	w = learnt;
}

static void test_receiver(void)
{
	static const struct expect all[] = {
	        {"blinding 1 1.5", "detector-blinding", 1},
	        {"blinding 0.001 1.5", "detector-blinding", 1},
	        {"blinding-pulsed 1 1.5 0.1 10", "detector-blinding", 10},
	        {"blinding-pulsed 1 1.5 0.01 1", "detector-blinding", 10},
	        {"blinding-pulsed 0.001 1.5 0.5 1", "detector-blinding", 10},
	        {"time-shift 1 0.5 10", "time-shift", 10},
	        {"time-shift 1 0.25 10", "time-shift", 10},
	        {"time-shift 0.1 0.25 10", "time-shift", 10},
	        {"time-shift 1 0.1 3", "time-shift", 10},
	        {"energy-time 1 20", "fake-state", 10},
	        {"energy-time 0.1 10", "time-shift", 10},
	};

	static const char *const quiet[] = {"fibre-cut 10", "fibre-bend 10 1", "lit",
	                                    "intercept-resend 1 0.5", "photon-number-splitting 1"};

	open_link(B);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check(&all[i]);
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		check_quiet(quiet[i]);
	close_link();
}

static void test_transmitter(void)
{
	static const struct expect all[] = {
	        {"trojan-horse 0.001 1", "trojan-horse", 1},
	        {"trojan-horse 0.0002 0.01", "trojan-horse", 1},
	        {"laser-damage 0.5", "laser-damage", 10},
	        {"laser-damage 2", "laser-damage", 1},
	};

	open_link(A);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check(&all[i]);
	close_link();
}

UNIT_MAIN(UNIT(test_transmitter), UNIT(test_receiver))
