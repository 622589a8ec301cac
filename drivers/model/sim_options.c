/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/sim_options.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <math.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/model/qrng_card.h"
#include "drivers/physics/detector.h"
#include "drivers/physics/itu_grid.h"

/* A parameter of the link, its option and its range. */
static const struct {
	const char *name;
	size_t offset;
	double min, max;
} numbers[] = {
        {"distance", offsetof(struct optics_link, distance_km), 0, 500},
        {"loss", offsetof(struct optics_link, loss_db_per_km), 0, 10},
        {"receiver-loss", offsetof(struct optics_link, receiver_loss_db), 0, 100},
        {"efficiency", offsetof(struct optics_link, efficiency), 0, 1},
        {"dark", offsetof(struct optics_link, dark_probability), 0, 0.1},
        {"misalignment", offsetof(struct optics_link, misalignment), 0, 0.5},
        {"afterpulse", offsetof(struct optics_link, afterpulse), 0, 0.5},
        {"afterpulse-tau", offsetof(struct optics_link, afterpulse_tau_ns), 1, 1e6},
        {"dead-time", offsetof(struct optics_link, dead_ns), 0, 1e6},
        {"all-live", offsetof(struct optics_link, all_live), 0, 1},
        {"bob-p-z", offsetof(struct optics_link, p_z_bob), 0, 1},
        {"jitter", offsetof(struct optics_link, jitter_ps), 0, 1000},
        {"slot", offsetof(struct optics_link, slot_fs), 1e5, 1e8},
        {"x-error", offsetof(struct optics_link, x_error), 0, 0.5},
        {"clock-offset", offsetof(struct optics_link, offset_ppb), -1000, 1000},
        {"clock-error", offsetof(struct optics_link, max_ppb), 0, 1000},
        {"clock-walk", offsetof(struct optics_link, walk_ppb_s), 0, 100},
        {"delay", offsetof(struct optics_link, delay_us_km), 0, 10},
        {"drift-intensity", offsetof(struct optics_link, drift.intensity), 0, 0.1},
        {"drift-ratio", offsetof(struct optics_link, drift.ratio), 0, 0.1},
        {"drift-phase", offsetof(struct optics_link, drift.phase_mrad), 0, 1000},
        {"drift-loss", offsetof(struct optics_link, drift.loss_db), 0, 3},
        {"drift-fibre", offsetof(struct optics_link, drift.fibre_k), 0, 40},
        {"modulator", offsetof(struct optics_link, modulator_mv), -2000, 2000},
        {"modulator-walk", offsetof(struct optics_link, modulator_walk_mv), 0, 1000},
        {"otdr-light", offsetof(struct optics_link, otdr_light), 0, 1},
        {"drift-board", offsetof(struct optics_link, drift.board_k), 0, 40},
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

enum {
	ALICE = NUMBERS,
	BOB,
	CONTROL,
	MODE,
	ALICE_OWNER,
	BOB_OWNER,
	ATTACK,
	CHANNEL,
	QUANTUM,
	DETECTOR,
	DRIFT,
	RETENTION,
	QRNG_LANES,
	QRNG_TESTS,
	GUEST_MEMORY,
	SEED,
	HELP,
	OPTIONS
};

static const char *const others[] = {
        "alice",      "bob",        "control",         "mode",     "alice-owner", "bob-owner",
        "attack",     "channel",    "quantum-channel", "detector", "drift",       "retention",
        "qrng-lanes", "qrng-tests", "guest-memory",    "seed",     "help"};

const char sim_options_help[] =
        "usage: lumengate-optics-sim --alice FILE --bob FILE [option...]\n"
        "Serves the two optical cards of a simulated link, each through its file.\n"
        "\n"
        "  --alice FILE, --bob FILE     the cards, made anew; gone when the program ends\n"
        "  --control SOCKET             where attacks and status are asked for\n"
        "  --mode OCTAL                 of the files and the socket (600)\n"
        "  --alice-owner USER[:GROUP]   of Alice's file; --bob-owner of Bob's\n"
        "  --attack \"NAME NUMBER...\"     from the start; the socket's request \"attacks\" lists "
        "them\n"
        "  --guest-memory FILE          of the machine in which cards ivshmem:SOCKET are\n"
        "  --retention S                seconds for which Alice keeps her choices (8)\n"
        "  --qrng-lanes N               of the cards' random sources (4)\n"
        "  --qrng-tests 0|1|2           the cards do not test them, do, do but are blind (1)\n"
        "  --quantum-channel NAME       (C34)\n"
        "  --channel \"NAME DBM [co|counter]\"   a data channel on the fibre; as often as one "
        "likes\n"
        "  --seed N                     repeatable dice (the QRNG stays random)\n"
        "\n"
        "  --distance KM          (20)    --loss DB_PER_KM       (0.2)\n"
        "  --receiver-loss DB     (3)     --delay US_PER_KM      (4.897)\n"
        "  --efficiency E         (0.2)   --dark P               (1e-6) per slot and detector\n"
        "  --misalignment P       (0.01)  --bob-p-z P            (0.8)\n"
        "  --afterpulse P         (0.01)  per click of light or dark, at the QKD rate\n"
        "  --afterpulse-tau NS    (1000)  --jitter PS            (40) standard deviation\n"
        "  --dead-time NS         (0)     a detector's own, besides the hold-off common to all\n"
        "  --all-live 0|1         (1)     a click counts only when all detectors are live\n"
        "  --detector PRESET      efficiency, dark, afterpulse, dead time and jitter of\n"
        "                         " DETECTOR_PRESET_NAMES "\n"
        "  --clock-error PPB      (200)   largest at the start\n"
        "  --clock-offset PPB     (0)     fixed part of it\n"
        "  --clock-walk PPB       (0.5)   per square root of a second\n"
        "  --x-error P            (0)     further errors in X: (1 - visibility) / 2\n"
        "  --slot FS              (1e6)   slot period\n"
        "\n"
        "  --drift KIND           (none)  lab, buried or aerial: standard deviations of the\n"
        "                                 following, which may be changed behind it\n"
        "  --drift-intensity REL  of the light  --drift-ratio REL  of decoy against signal\n"
        "  --drift-phase MRAD     of the interferometer   --drift-loss DB   of the fibre\n"
        "  --modulator MV         its bias point off calibration  --modulator-walk MV  in sqrt(s)\n"
        "  --drift-fibre K        daily swing of the fibre  --drift-board K  of the cards\n"
        "  --otdr-light 0|1       (0)     light scattered from OTDR pulses is on the fibre, too\n"
        "\n"
        "Intensities, their probabilities and the hold-off are set through the cards.\n";

static int parse_number(const char *name, const char *text, double min, double max, double *out,
                        struct err *err)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !isfinite(v))
		return err_set(err, EINVAL, "--%s: \"%s\" is not a number", name, text);
	if (v < min || v > max)
		return err_set(err, EINVAL, "--%s: %s is outside %g to %g", name, text, min, max);
	*out = v;
	return 0;
}

/* A name or a number; -1 when neither. */
static long parse_id(const char *text, bool group)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (end != text && *end == '\0' && v >= 0)
		return v;
	if (group) {
		const struct group *g = getgrnam(text);

		return g != NULL ? (long)g->gr_gid : -1;
	} else {
		const struct passwd *p = getpwnam(text);

		return p != NULL ? (long)p->pw_uid : -1;
	}
}

static int parse_owner(const char *name, const char *text, struct shm_file_owner *owner,
                       struct err *err)
{
	char user[64];
	const char *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	long id;

	if (n >= sizeof(user))
		return err_set(err, EINVAL, "--%s: the name is too long", name);
	memcpy(user, text, n);
	user[n] = '\0';
	if (n > 0) {
		id = parse_id(user, false);
		if (id < 0)
			return err_set(err, EINVAL, "--%s: there is no user \"%s\"", name, user);
		owner->uid = (uid_t)id;
	}
	if (colon == NULL)
		return 0;
	id = parse_id(colon + 1, true);
	if (id < 0)
		return err_set(err, EINVAL, "--%s: there is no group \"%s\"", name, colon + 1);
	owner->gid = (gid_t)id;
	return 0;
}

/* The preset's figures; options behind it change them. */
static int parse_detector(struct sim_options *o, const char *text, struct err *err)
{
	const struct detector_preset *d = detector_preset_find(text);

	if (d == NULL)
		return err_set(err, EINVAL, "--detector: \"%.40s\" is not %s", text,
		               DETECTOR_PRESET_NAMES);
	o->link.efficiency = d->efficiency;
	o->link.dark_probability = detector_dark(d, o->link.slot_fs * 1e-15);
	o->link.afterpulse = d->afterpulse;
	o->link.afterpulse_tau_ns = d->afterpulse_tau_ns;
	o->link.dead_ns = d->dead_time_ns;
	o->link.jitter_ps = detector_jitter_sigma_ps(d);
	return 0;
}

static int parse_drift(struct sim_options *o, const char *text, struct err *err)
{
	const struct drift_params *d = drift_find(text);

	if (d == NULL)
		return err_set(err, EINVAL, "--drift: \"%.40s\" is not none, lab, buried or aerial",
		               text);
	o->link.drift = *d;
	return 0;
}

static int parse_other(struct sim_options *o, int option, const char *text, struct err *err)
{
	struct lit_channel channel;
	unsigned long mode;
	char *end;

	switch (option) {
	case ALICE:
		o->alice = text;
		return 0;
	case BOB:
		o->bob = text;
		return 0;
	case CONTROL:
		o->control = text;
		return 0;
	case MODE:
		mode = strtoul(text, &end, 8);
		if (end == text || *end != '\0' || mode > 0777)
			return err_set(err, EINVAL, "--mode: \"%s\" is not an octal mode", text);
		o->alice_owner.mode = o->bob_owner.mode = (mode_t)mode;
		return 0;
	case ALICE_OWNER:
		return parse_owner("alice-owner", text, &o->alice_owner, err);
	case BOB_OWNER:
		return parse_owner("bob-owner", text, &o->bob_owner, err);
	case ATTACK:
		if (attack_parse(text, &o->attack, err) < 0)
			return err_prefix(err, "--attack");
		return 0;
	case CHANNEL:
		if (lit_parse(text, &channel, err) < 0 || lit_add(&o->lit, &channel, err) < 0)
			return err_prefix(err, "--channel");
		return 0;
	case QUANTUM:
		o->lit.quantum.ghz = itu_grid_ghz(text);
		if (o->lit.quantum.ghz < 0 || o->lit.channels > 0)
			return err_set(
			        err, EINVAL,
			        "--quantum-channel: \"%.20s\" is neither like C34 nor 180 to 250 "
			        "THz, or is behind a --channel",
			        text);
		return 0;
	case DETECTOR:
		return parse_detector(o, text, err);
	case DRIFT:
		return parse_drift(o, text, err);
	case RETENTION:
		return parse_number("retention", text, 2, 3600, &o->retention_s, err);
	case QRNG_LANES:
		if (parse_number("qrng-lanes", text, 1, QRNG_CARD_LANES_MAX, &o->qrng_lanes, err) <
		    0)
			return -EINVAL;
		if (o->qrng_lanes != floor(o->qrng_lanes))
			return err_set(err, EINVAL, "--qrng-lanes: %s is not whole", text);
		return 0;
	case QRNG_TESTS:
		if (text[0] < '0' || text[0] > '2' || text[1] != '\0')
			return err_set(err, EINVAL, "--qrng-tests: %s is not 0, 1 or 2", text);
		o->qrng_tests = (enum qrng_card_tests)(text[0] - '0');
		return 0;
	case GUEST_MEMORY:
		o->guest_memory = text;
		return 0;
	case SEED:
		errno = 0;
		o->seed = strtoull(text, &end, 0);
		if (end == text || *end != '\0' || errno != 0 || text[0] == '-')
			return err_set(err, EINVAL, "--seed: \"%s\" is not a 64-bit number", text);
		o->seeded = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

static int check(const struct sim_options *o, struct err *err)
{
	if (o->help)
		return 0;
	if (o->alice == NULL || o->bob == NULL)
		return err_set(err, EINVAL, "--%s: a card's file is needed (--help lists all)",
		               o->alice == NULL ? "alice" : "bob");
	if (strcmp(o->alice, o->bob) == 0)
		return err_set(err, EINVAL, "--bob: %s is Alice's file", o->bob);
	return 0;
}

int sim_options_parse(struct sim_options *o, int argc, char **argv, struct err *err)
{
	struct option list[OPTIONS + 1] = {{0}};
	int found = 0, rc = 0;

	*o = (struct sim_options){.link = optics_link_default,
	                          .retention_s = 8,
	                          .qrng_lanes = QRNG_CARD_LANES,
	                          .qrng_tests = QRNG_CARD_TESTS,
	                          .lit = lit_default};
	o->alice_owner = o->bob_owner = (struct shm_file_owner){0600, (uid_t)-1, (gid_t)-1};
	for (int i = 0; i < OPTIONS; i++) {
		bool number = i < (int)NUMBERS;

		list[i].name = number ? numbers[i].name : others[i - (int)NUMBERS];
		list[i].has_arg = i == HELP ? no_argument : required_argument;
		list[i].flag = &found;
		list[i].val = i;
	}
	opterr = 0;
	optind = 0; /* GNU: start afresh */
	while (rc == 0) {
		int c = getopt_long(argc, argv, ":", list, NULL);

		if (c == -1)
			break;
		if (c == '?' || c == ':')
			return err_set(err, EINVAL, "%.100s: %s (--help lists all)",
			               argv[optind - 1],
			               c == ':' ? "a value is missing" : "there is no such option");
		if (found < (int)NUMBERS)
			rc = parse_number(
			        numbers[found].name, optarg, numbers[found].min, numbers[found].max,
			        (double *)((char *)&o->link + numbers[found].offset), err);
		else
			rc = parse_other(o, found, optarg, err);
	}
	if (rc == 0 && optind < argc)
		return err_set(err, EINVAL, "\"%.100s\": unexpected (--help lists all)",
		               argv[optind]);
	return rc == 0 ? check(o, err) : rc;
}
