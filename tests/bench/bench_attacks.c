/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * scripts/bench attacks [--hours H] [--seed N] [--trials N] [--attack NAME=STRENGTH]... [--only
 * ROW]
 *                       [--statistics N] [--km KM] [--efficiency E] [--learn S] [--seconds S]
 *                       [--parallel N] [--fibre KIND]
 *
 * How soon the gateway's watch finds each eavesdropper of the device model, and how often it cries
 * wolf: the model's two cards on a link that drifts, behind the gateway's own driver, its own
 * watch at either site, its own OTDR comparison and its own tests of the random source. Each trial
 * has baselines that a link of its own has learnt. Rows are tried in shuffled order and have no
 * names until all are through; what watches is told neither name nor strength.
 *
 *     ATTACK/NUMBERS   detected, with its interval of 95 % (Clopper-Pearson); time_s and
 *                      compared_bits until the first alarm, median and worst; alarms: which, in
 *                      how many trials, when; right: share of the trials found whose first alarm
 *                      names the attack; key that left before it, blocks that became void
 *     honest           false alarms in so many hours, by kind and by monitor; with --parallel N,
 *                      which runs so many links at a time, the hours are shared out among N links
 *     otdr/KM          statistics of honest traces by the million; otdr-tap/DB: taps of them
 *     loss             windows of loss tracking by the million
 *     qrng             samples of an honest random source
 *
 * Click by click: trials and honest. By counts drawn from the closed form: loss.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/attacks/honest.h"
#include "tests/bench/attacks/interval.h"
#include "tests/bench/attacks/random.h"
#include "tests/bench/attacks/rows.h"
#include "tests/bench/attacks/statistics.h"
#include "tests/bench/attacks/trial.h"

#define USAGE      2
#define STATISTICS 1.6e6
/* For so many statistics. */
#define TAPS       200
#define TAPS_LEAST 10
#define TAPS_MOST  2000
#define SAMPLES    1.6e10
#define NARROW_HZ  1.2e10 /* as much coherent Rayleigh noise as a deviation of 0.0117 dB has */
#define HOURS_YEAR 8766.0

static struct options {
	struct trial_params trial;
	double hours, statistics;
	unsigned int trials;
	const char *only;
	struct cell cells[PLAN_CELLS];
	unsigned int count;
} opt;

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "bench_attacks: %s\n", why);
	exit(USAGE);
}

static bool wanted(const char *name)
{
	return opt.only == NULL || strncmp(name, opt.only, strlen(opt.only)) == 0;
}

static void choose(void)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < opt.count; i++)
		if (wanted(opt.cells[i].name))
			opt.cells[kept++] = opt.cells[i];
	opt.count = kept;
}

static void trials(void)
{
	struct trial *results = calloc((size_t)opt.trials * opt.count, sizeof(*results));

	if (results == NULL)
		fail("out of memory");
	trial_links(&opt.trial, opt.trials, opt.cells, opt.count, results);
	rows_attacks(opt.cells, opt.count, opt.trials, results);
	free(results);
}

static void honest(void)
{
	static struct honest h;
	unsigned int all = 0;

	if (!(opt.hours > 0) || !wanted("honest"))
		return;
	honest_run(&opt.trial, opt.hours, &h);
	for (unsigned int i = 0; i < h.alarms.count; i++)
		all += h.alarms.list[i].times;
	rows_begin();
	printf("{\"name\":\"honest\",\"hours\":%g,\"links\":%u,\"false_alarms\":%u,\"a_year_at_"
	       "most\":%.4g,"
	       "\"cpu_s\":%.4g,\"real_time\":%.4g,\"clicks\":%llu,\"compared_z\":%llu,"
	       "\"compared_x\":%llu,\"traces\":%llu,\"otdr_statistics\":%llu,\"blocks\":%llu,"
	       "\"void_blocks\":%llu,\"no_key_blocks\":%llu,\"key_bits\":%llu,"
	       "\"alarms_while_learning\":%u,\"by_alarm\":{",
	       h.hours, h.links, all, rate_most_95(all, h.hours) * HOURS_YEAR, h.cpu_s,
	       h.hours * 3600 / h.cpu_s, (unsigned long long)h.clicks,
	       (unsigned long long)h.compared[0], (unsigned long long)h.compared[1],
	       (unsigned long long)h.traces, (unsigned long long)h.cells,
	       (unsigned long long)h.blocks, (unsigned long long)h.void_blocks,
	       (unsigned long long)h.no_key_blocks, (unsigned long long)h.key_bits,
	       h.learning_alarms);
	for (unsigned int i = 0; i < h.alarms.count; i++)
		printf("%s\"%s\":%u", i > 0 ? "," : "", h.alarms.list[i].kind,
		       h.alarms.list[i].times);
	printf("},\"by_monitor\":{");
	for (unsigned int i = 0; i < h.monitors; i++)
		printf("%s\"%s\":%llu", i > 0 ? "," : "", h.monitor[i].name,
		       (unsigned long long)h.monitor[i].crossings);
	printf("}}");
}

static void otdr_row(void)
{
	static char zones[8192];
	double km = opt.trial.link.optics.distance_km;
	struct otdr_statistics o;

	statistics_otdr(opt.statistics, km, opt.trial.seed, &o);
	statistics_zones(km, opt.trial.seed, zones, sizeof(zones));
	rows_begin();
	printf("{\"name\":\"otdr/%g\",\"statistics\":%.0f,\"traces\":%llu,"
	       "\"false_alarms\":%llu,\"variance\":%.4f,\"kurtosis\":%.3f,\"largest\":%.3f,"
	       "\"above_4.5\":%llu,\"above_6.2\":%llu,\"sigma_db\":%.4f,\"cpu_s\":%.4g,"
	       "\"zones\":%s}",
	       km, o.statistics, (unsigned long long)o.traces, (unsigned long long)o.reported,
	       o.variance, o.kurtosis, o.largest, (unsigned long long)o.above_more,
	       (unsigned long long)o.above_one, o.sigma_db, o.cpu_s, zones);
}

static void tap_row(const char *name, double loss_db, double width_hz)
{
	double taps = fmin(fmax(opt.statistics * TAPS / STATISTICS, TAPS_LEAST), TAPS_MOST), low,
	       high;
	struct otdr_taps t;

	statistics_taps((unsigned int)taps, loss_db, width_hz, opt.trial.link.optics.distance_km,
	                opt.trial.seed, &t);
	interval_95(t.one, t.taps, &low, &high);
	rows_begin();
	printf("{\"name\":\"%s\",\"taps\":%u,\"one_trace\":%.4g,\"at_least\":%.3f,"
	       "\"two_of_three\":%.4g,\"within_20m\":%.4g,\"rms_m\":%.3g,\"furthest_m\":%.3g,"
	       "\"sigma_db\":%.4f,\"least_deviations\":%.3g}",
	       name, t.taps, (double)t.one / t.taps, low, (double)t.of_three / t.taps,
	       t.one > 0 ? (double)t.within_20m / t.one : 0, t.rms_m, t.furthest_m, t.sigma_db,
	       isfinite(t.least_sigmas) ? t.least_sigmas : 0);
}

static void loss_row(void)
{
	struct loss_statistics l;

	statistics_loss(opt.statistics, &opt.trial.link, opt.trial.seed, &l);
	rows_begin();
	printf("{\"name\":\"loss\",\"statistics\":%.0f,\"years\":%.4g,\"false_alarms\":%llu,"
	       "\"loss\":%llu,\"gain\":%llu,\"drift\":%llu,\"fano\":%.3g,\"cpu_s\":%.4g}",
	       l.windows, l.years, (unsigned long long)(l.loss + l.gain + l.drifted),
	       (unsigned long long)l.loss, (unsigned long long)l.gain,
	       (unsigned long long)l.drifted, l.fano, l.cpu_s);
}

static void statistics(void)
{
	static const struct {
		const char *name;
		double db, width_hz;
	} taps[] = {{"otdr-tap/0.05", 0.05, 0},
	            {"otdr-tap/0.07", 0.07, 0},
	            {"otdr-tap/0.1", 0.1, 0},
	            {"otdr-tap/0.1,narrow", 0.1, NARROW_HZ}};

	if (!(opt.statistics > 0))
		return;
	if (wanted("otdr/"))
		otdr_row();
	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
		if (wanted(taps[i].name))
			tap_row(taps[i].name, taps[i].db, taps[i].width_hz);
	if (wanted("loss"))
		loss_row();
	if (wanted("qrng")) {
		double samples = SAMPLES * opt.statistics / STATISTICS;

		rows_begin();
		printf("{\"name\":\"qrng\",\"samples\":%.4g,\"false_alarms\":%llu}", samples,
		       (unsigned long long)random_honest(samples, opt.trial.seed));
	}
}

static void head(void)
{
	const struct link_params *p = &opt.trial.link;

	printf("{\"compiler\":\"%s\",\"flags\":\"%s\",\"seed\":%llu,\"trials\":%u,\"learn_s\":%g,"
	       "\"seconds\":%g,\"link\":{\"km\":%g,\"efficiency\":%g,\"mu\":[%g,%g],\"p_mu1\":%g,"
	       "\"p_z\":%g,\"holdoff_ns\":%g,\"intensity\":%g,\"phase_mrad\":%g,\"loss_db\":%g,"
	       "\"block_bits\":%u},\"rows\":[",
	       __VERSION__, BENCH_FLAGS, (unsigned long long)opt.trial.seed, opt.trials,
	       opt.trial.learn_s, opt.trial.trial_s, p->optics.distance_km, p->optics.efficiency,
	       p->source.mu[0], p->source.mu[1], p->source.p[0], p->p_z, p->holdoff_ns,
	       p->optics.drift.intensity, p->optics.drift.phase_mrad, p->optics.drift.loss_db,
	       p->block_bits);
	fflush(stdout);
}

static double number(const char *option, const char *value, double low, double high)
{
	char *end, why[96];
	double v = strtod(value, &end);

	if (end != value && *end == '\0' && v >= low && v <= high)
		return v;
	snprintf(why, sizeof(why), "%s %s: a number from %g to %g", option, value, low, high);
	fail(why);
}

static void take_attack(const char *value)
{
	struct err err = {0};

	if (opt.count == PLAN_CELLS)
		fail("too many attacks");
	if (plan_parse(value, &opt.cells[opt.count++], &err) < 0)
		fail(err.text);
}

/* Its own wandering, but for the intensities': those of the rows. */
static void take_fibre(const char *value)
{
	const struct drift_params *drift = drift_find(value);
	struct drift_params *to = &opt.trial.link.optics.drift;
	double intensity = to->intensity;

	if (drift == NULL)
		fail("--fibre: none, lab, buried or aerial");
	*to = *drift;
	to->intensity = intensity;
}

static void take_option(const char *name, const char *value)
{
	if (value == NULL)
		fail("an option lacks its value");
	if (strcmp(name, "--hours") == 0)
		opt.hours = number(name, value, 0, 1e6);
	else if (strcmp(name, "--seed") == 0)
		opt.trial.seed = (uint64_t)number(name, value, 0, 1e9);
	else if (strcmp(name, "--trials") == 0)
		opt.trials = (unsigned int)number(name, value, 0, TRIALS_MAX);
	else if (strcmp(name, "--parallel") == 0)
		opt.trial.parallel = (unsigned int)number(name, value, 1, PARALLEL_MAX);
	else if (strcmp(name, "--statistics") == 0)
		opt.statistics = number(name, value, 0, 1e9);
	else if (strcmp(name, "--km") == 0)
		opt.trial.link.optics.distance_km = number(name, value, 1, 120);
	else if (strcmp(name, "--efficiency") == 0)
		opt.trial.link.optics.efficiency = number(name, value, 0.01, 1);
	else if (strcmp(name, "--learn") == 0)
		opt.trial.learn_s = number(name, value, 1, 1e6);
	else if (strcmp(name, "--seconds") == 0)
		opt.trial.trial_s = number(name, value, 1, 1e5);
	else if (strcmp(name, "--fibre") == 0)
		take_fibre(value);
	else if (strcmp(name, "--only") == 0)
		opt.only = value;
	else if (strcmp(name, "--attack") == 0)
		take_attack(value);
	else
		fail("options: --hours H, --seed N, --trials N, --attack NAME=STRENGTH, --only "
		     "ROW, --statistics N, --km KM, --efficiency E, --learn S, --seconds S, "
		     "--parallel N, --fibre KIND");
}

int main(int argc, char **argv)
{
	link_params_default(&opt.trial.link);
	opt.trial.learn_s = 700;
	opt.trial.trial_s = 120;
	opt.trial.seed = opt.trial.parallel = 1;
	opt.trials = 10;
	opt.hours = 24;
	opt.statistics = STATISTICS;
	for (int i = 1; i < argc; i += 2)
		take_option(argv[i], argv[i + 1]);
	if (opt.count == 0)
		opt.count = plan_all(opt.cells);
	choose();
	head();
	if (opt.count > 0 && opt.trials > 0)
		trials();
	honest();
	statistics();
	printf("]}\n");
	return 0;
}
