/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's own driver on the card; hosts that die, cards that go; interrupts. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/secret.h"
#include "drivers/card.h"
#include "drivers/card_analog.h"
#include "tests/conformance/conformance.h"
#include "tests/conformance/wrapper.h"

#define DEATH_WATCHDOG_MS 100
#define DEATH_TURNS       12 /* of the driver, until it would have closed the card */

static struct card_config config(const struct end *e, uint32_t watchdog_ms)
{
	return (struct card_config){.transport = WRAPPER_NAME,
	                            .path = e->path,
	                            .role = (enum card_role)e->role,
	                            .mu1 = 0.3,
	                            .mu2 = 0.1,
	                            .p_mu1 = 0.3,
	                            .p_z = 0.8,
	                            .holdoff_ns = 1000,
	                            .watchdog_ms = watchdog_ms};
}

/* The driver keeps random bytes in secret memory, which no child inherits. */
static void secrets(struct rig *rig)
{
	struct err err = {0};

	EXPECT(secret_init(2u << 20, &err) == 0, "%s", err.text);
}

/* Cards that the driver is not for: refused without a write. */
static void versions(struct rig *rig, struct end *e)
{
	static const struct {
		uint32_t offset, value;
		int error;
	} cases[] = {{CARD_MAGIC, 0x12345678, -EPROTO},
	             {CARD_MAGIC, 0xffffffff, -ENODEV},
	             {CARD_ABI, (CARD_ABI_MAJOR + 1) << 24, -EPROTO},
	             {CARD_ABI, CARD_ABI_MINOR << 16, -EPROTO}, /* major 0 */
	             {CARD_ROLE, 7, -EINVAL}};
	struct card_config c = config(e, 1000);
	struct card *card;
	struct err err;

	end_close(e);
	secrets(rig);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc;

		wrapper_reset(e->ops);
		wrapper.offset = cases[i].offset;
		wrapper.value = cases[i].value;
		rc = card_open(&c, &card, &err);
		EXPECT(rc == cases[i].error, "0x%03x of 0x%x: %d, not %d", cases[i].offset,
		       cases[i].value, rc, cases[i].error);
		EXPECT(wrapper.written == 0, "%u writes to a card that is not ours",
		       wrapper.written);
		if (rc == 0)
			card_close(card);
	}
	/* A later minor version with features that nobody here knows is welcome. */
	for (unsigned int i = 0; i < 2; i++) {
		wrapper_reset(e->ops);
		wrapper.offset = i == 0 ? CARD_ABI : CARD_FEATURES_LO;
		wrapper.value = i == 0 ? CARD_ABI_MAJOR << 24 | 0x7f0000 : e->features | 1u << 29;
		if (card_open(&c, &card, &err) < 0)
			EXPECT(false, "a later minor version is refused: %s", err.text);
		else
			card_close(card);
	}
	secret_fini();
	if (end_open(rig, e) == 0)
		EXPECT_WELL(e);
}

/* What a gateway does with a card; ends early when it is refused something. */
static int drive(const struct end *e, uint32_t watchdog_ms, unsigned int turns, struct err *err)
{
	struct card_config c = config(e, watchdog_ms);
	struct card_click clicks[64];
	struct card_choice choices[CARD_LOOKUP_MAX];
	struct card *card;
	uint64_t from = 0;
	int rc = card_open(&c, &card, err);

	if (rc < 0)
		return rc;
	rc = card_arm(card, err);
	if (rc == 0 && e->role == CARD_ROLE_ALICE)
		rc = card_tx_mode(card, CARD_TX_QKD, &from);
	for (unsigned int i = 0; rc >= 0 && i < turns; i++) {
		rc = card_poll(card, clock_mono_ns());
		if (e->role == CARD_ROLE_BOB)
			while (card_clicks(card, clicks, 64) > 0)
				;
		else if (i % 4 == 3)
			card_lookup(card, &from, 1);
		card_choices(card, choices);
		sleep_ms(1);
	}
	if (rc > 0)
		rc = 0;
	card_close(card);
	return rc;
}

/* A process that drives the card and dies at write N (0: not); the writes that it came to, or -1.
 */
static int one_life(const struct end *e, unsigned int n)
{
	int pipes[2], status = -1, writes = -1;
	struct err err = {0};
	pid_t child;

	if (pipe(pipes) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		wrapper_reset(e->ops);
		wrapper.die_at = n;
		if (secret_init(2u << 20, &err) < 0 ||
		    drive(e, DEATH_WATCHDOG_MS, DEATH_TURNS, &err) < 0)
			_exit(1);
		_exit(write(pipes[1], &wrapper.written, sizeof(wrapper.written)) < 0);
	}
	close(pipes[1]);
	if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0 && read(pipes[0], &writes, sizeof(writes)) <= 0)
		writes = 0; /* it died as it was to */
	close(pipes[0]);
	return writes;
}

/* Again where the card gave up first, because this machine let its host wait for too long. */
static int short_life(struct rig *rig, const struct end *e, unsigned int n)
{
	int writes = -1;

	for (unsigned int i = 0; i < 8 && writes < 0; i++)
		writes = one_life(e, n);
	EXPECT(writes >= 0, "a driver that was to die at write %u of its own gave up", n);
	return writes;
}

/* Whatever a host does or stops doing, no card is lit or writes a watchdog period later. */
static void host_dies(struct rig *rig, struct end *e)
{
	unsigned int lit = 0;
	int writes;

	end_close(e);
	fflush(stdout);
	writes = short_life(rig, e, 0);
	EXPECT(writes > 20, "only %d writes", writes);
	for (int n = 1; n <= writes; n++) {
		if (short_life(rig, e, (unsigned int)n) < 0 || end_open(rig, e) < 0)
			return;
		lit += get(e, CARD_STATUS) & CARD_STATUS_ARMED ? 1 : 0;
		EXPECT(wait_for(e, CARD_STATUS, CARD_STATUS_ARMED, 0),
		       "still armed after its host died at write %d", n);
		end_close(e);
	}
	EXPECT(lit > 0 || e->ops->reset != NULL, "no host died while the card was armed");
	if (short_life(rig, e, (unsigned int)writes * 3 / 4) < 0 || end_open(rig, e) < 0)
		return;
	/* It left rings behind: they are still, or their watchdog stills them. */
	EXPECT(wait_for(e, CARD_STATUS, CARD_STATUS_FAULT, CARD_STATUS_FAULT) ||
	               get(e, CARD_CTRL) == 0,
	       "CTRL is 0x%x after its host is gone", get(e, CARD_CTRL));
}

/* Both ends by the driver: clicks come, and their choices are known. */
static void driver(struct rig *rig, struct end *none)
{
	struct card *alice = NULL, *bob = NULL;
	struct card_config a = config(&rig->alice, 1000), b = config(&rig->bob, 1000);
	struct card_click clicks[256];
	struct card_status s = {0};
	struct err err = {0};
	uint64_t from, start;
	int rc;

	end_close(&rig->alice);
	end_close(&rig->bob);
	secrets(rig);
	wrapper_reset(rig->alice.ops);
	rc = card_open(&a, &alice, &err);
	if (rc == 0)
		rc = card_open(&b, &bob, &err);
	if (rc == 0)
		rc = card_arm(bob, &err);
	if (rc == 0)
		rc = card_arm(alice, &err);
	if (rc == 0)
		rc = card_tx_mode(alice, CARD_TX_QKD, &from);
	EXPECT(rc == 0, "%d %s", rc, err.text);
	start = clock_mono_ns();
	while (rc >= 0 && s.clicks < 20000 && clock_mono_ns() - start < SOON_MS * NS_PER_MS) {
		rc = card_poll(alice, clock_mono_ns());
		if (rc >= 0)
			rc = card_poll(bob, clock_mono_ns());
		while (card_clicks(bob, clicks, 256) > 0)
			;
		card_status_read(bob, &s);
		transport_relax(start);
	}
	EXPECT(rc >= 0, "a card is given up: %d", rc);
	EXPECT(s.clicks >= 20000, "%" PRIu64 " clicks", s.clicks);
	EXPECT(s.sequence_errors == 0, "%" PRIu64 " errors of sequence", s.sequence_errors);
	card_close(alice);
	card_close(bob);
	secret_fini();
	for (unsigned int i = 0; i < 2; i++) {
		struct end *e = i == 0 ? &rig->alice : &rig->bob;

		if (end_open(rig, e) == 0)
			EXPECT(get(e, CARD_CTRL) == 0, "CTRL is 0x%x after card_close()",
			       get(e, CARD_CTRL));
	}
}

/* The start-up ladder of the transmitter: from where the modulator stands to where it is best. */
static void ladder(struct rig *rig, struct end *alice)
{
	struct card_config c = config(alice, 1000);
	struct card_status s = {0};
	struct err err = {0};
	struct card *card;
	uint64_t from, start;
	int rc;

	if ((alice->features & CARD_FEATURE_ANALOG) == 0) {
		rig->absent = "it has no analog settings";
		return;
	}
	end_close(alice);
	secrets(rig);
	wrapper_reset(alice->ops);
	rc = card_open(&c, &card, &err);
	if (rc == 0) {
		rc = card_arm(card, &err);
		if (rc == 0)
			rc = card_bias_find(card, &err);
		if (rc == 0)
			rc = card_tx_mode(card, CARD_TX_QKD, &from);
		start = clock_mono_ns();
		while (rc >= 0 && clock_mono_ns() - start < NS_PER_S) {
			rc = card_poll(card, clock_mono_ns());
			sleep_ms(1);
		}
		card_status_read(card, &s);
		EXPECT(s.extinction_mdb >= 28000, "%u mdB at %d mV", s.extinction_mdb, s.bias_mv);
		card_close(card);
	}
	EXPECT(rc >= 0, "%d %s", rc, err.text);
	secret_fini();
	end_open(rig, alice);
}

static void unplug(struct rig *rig, struct end *e)
{
	struct card_config c = config(e, 1000);
	struct card *card;
	struct err err;
	uint64_t start;
	char line[64];
	int rc;

	if (rig->control == NULL) {
		rig->absent = "needs the simulator's control line";
		return;
	}
	arm(rig, e);
	snprintf(line, sizeof(line), "card %s unplug", e->name);
	control(rig, line);
	for (uint32_t offset = 0; offset < CARD_RING(CARD_RING_COUNT); offset += 4)
		EXPECT(get(e, offset) == 0xffffffff, "0x%03x reads 0x%x", offset, get(e, offset));
	EXPECT(get64(e, CARD_TIME_SLOT_LO) == UINT64_MAX, "TIME_SLOT is not all ones");
	snprintf(line, sizeof(line), "card %s plug", e->name);
	control(rig, line);
	end_close(e);
	/* As after power-on. */
	if (end_open(rig, e) < 0)
		return;
	EXPECT(wait_for(e, CARD_STATUS, ~0u, CARD_STATUS_READY), "STATUS is 0x%x",
	       get(e, CARD_STATUS));
	EXPECT(get(e, CARD_CTRL) == 0 && get(e, CARD_DARK_CAUSE) == CARD_DARK_RESET,
	       "not as after power-on");
	/* The driver gives it up, and finds it again. */
	end_close(e);
	secrets(rig);
	wrapper_reset(e->ops);
	rc = card_open(&c, &card, &err);
	EXPECT(rc == 0 && card_arm(card, &err) == 0, "%s", err.text);
	if (rc < 0) {
		secret_fini();
		return;
	}
	snprintf(line, sizeof(line), "card %s unplug", e->name);
	control(rig, line);
	for (start = clock_mono_ns(); clock_mono_ns() - start < SOON_MS * NS_PER_MS; sleep_ms(1)) {
		rc = card_poll(card, clock_mono_ns());
		if (rc < 0)
			break;
	}
	EXPECT(rc == -ENODEV, "card_poll() says %d of a card that is gone", rc);
	card_close(card);
	snprintf(line, sizeof(line), "card %s plug", e->name);
	control(rig, line);
	rc = card_open(&c, &card, &err);
	EXPECT(rc == 0, "%s", err.text);
	if (rc == 0)
		card_close(card);
	secret_fini();
	end_open(rig, e);
}

/* Messages that are there; waits up to MS for the first. */
static bool called(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t n = 0;

	if (poll(&p, 1, ms) != 1 || read(fd, &n, sizeof(n)) != sizeof(n))
		return false;
	return n > 0;
}

static void interrupts(struct rig *rig, struct end *e)
{
	uint32_t vectors = get(e, CARD_IRQ_VECTORS), bit = CARD_IRQ_RING(CARD_RING_QRNG);
	int ring_fd, fault_fd;
	struct ring r;

	if (vectors == 0 || e->ops->interrupt == NULL) {
		rig->absent = "the transport has no interrupts";
		return;
	}
	ring_fd = e->ops->interrupt(e->t, vectors - 1);
	fault_fd = e->ops->interrupt(e->t, 0);
	EXPECT(ring_fd >= 0 && fault_fd >= 0, "no interrupt for %u vectors", vectors);
	put(rig, e, CARD_RING(CARD_RING_QRNG) + CARD_RING_VECTOR, vectors);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_RING(CARD_RING_QRNG) + CARD_RING_VECTOR);
	reset(rig, e);
	put(rig, e, CARD_IRQ_VECTOR, vectors);
	EXPECT_FAULT(e, CARD_FAULT_CONFIG, CARD_IRQ_VECTOR);
	reset(rig, e);
	ring_lay(rig, &r, e, CARD_RING_QRNG, 2);
	put(rig, e, CARD_RING(r.q) + CARD_RING_VECTOR, vectors - 1);
	put(rig, e, CARD_IRQ_MASK, CARD_IRQ_FAULT);
	ring_run(rig, &r);
	enable(rig, e);
	while (called(ring_fd, 0) || called(fault_fd, 0))
		;
	ring_post(&r, 1);
	ring_wait(rig, &r);
	EXPECT(!called(ring_fd, 100), "a masked cause interrupts");
	put(rig, e, CARD_IRQ_MASK, CARD_IRQ_FAULT | bit);
	EXPECT(called(ring_fd, SOON_MS), "a cause that is let through does not interrupt");
	ring_post(&r, 1);
	ring_wait(rig, &r);
	EXPECT(!called(ring_fd, 100), "a cause that was not cleared interrupts again");
	put(rig, e, CARD_IRQ_CAUSE, bit);
	ring_post(&r, 1);
	EXPECT(called(ring_fd, SOON_MS), "no interrupt on a completion");
	ring_wait(rig, &r);
	if (vectors > 1)
		EXPECT(!called(fault_fd, 0), "a completion interrupts on the vector of faults");
	put(rig, e, CARD_WATCHDOG, 0x10000);
	EXPECT(called(fault_fd, SOON_MS), "no interrupt on a fault");
}

const struct check checks_host[] = {{"interrupts", ON_EACH, interrupts},
                                    {"versions", ON_EACH, versions},
                                    {"driver", ON_LINK, driver},
                                    {"ladder", ON_ALICE, ladder},
                                    {"host-dies", ON_EACH, host_dies},
                                    {"unplug", ON_EACH, unplug},
                                    {NULL, 0, NULL}};
