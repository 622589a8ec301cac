/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/monitor.h"

#include <math.h>
#include <string.h>

#include "common/clock.h"

#define DECISION_NATS 32.0
/*
 * Outcomes before a sum was zero last in which the change may lie. With a share p of errors the
 * sum comes back to zero after n of them with at most (p r^-t + (1 - p) s^-t)^n, for the best t
 * (Chernoff), r and s the likelihood ratios of an error and a right one: 0.872^n at a quarter
 * and the default threshold, so 2x10^-4 for 80 and all that are more.
 */
#define QUIET_MARGIN 80
/* Of the normal distribution: 10^-4 lie beyond. test_monitor.c counts it for the binomial. */
#define FIND_DEVIATIONS 3.72

/* A window ends when it is old enough and has outcomes enough, or when it is too old. */
#define SETTLE_NS     (300 * NS_PER_MS)
#define WINDOW_NS     (500 * NS_PER_MS)
#define WINDOW_MAX_NS (1500 * NS_PER_MS)
#define WINDOW_MIN    50 /* outcomes per basis */
#define CLEAR_NS      (2 * NS_PER_S)
#define BUCKET_NS     (100 * NS_PER_MS)

/*
 * Under a wrong offset half of the outcomes err: in 64 of the rarer basis fewer than 40 % do so
 * with probability 5 %, and the next ones decide again. Intercept-resend errs in at most 25 % of
 * both bases at once; 40 % of the 256 or more of the other basis then has a probability below 10^-6
 * in that basis alone.
 */
#define LOST_MIN  64  /* of either basis */
#define LOST_SUM  512 /* of both */
#define LOST_RATE 0.40

static void start_anew(struct monitor *m)
{
	memset(m->sum, 0, sizeof(m->sum));
	m->anew = m->quiet = m->seen;
}

/*
 * Outcomes after which the sum of their ratios is above the threshold but for 10^-4 when the share
 * P of them errs: n mean - z sqrt(n) deviation = threshold. What came before can only add to it.
 */
static uint32_t outcomes_to_find(const struct monitor *m, double p)
{
	double mean = p * m->step_error + (1 - p) * m->step_right;
	double z = FIND_DEVIATIONS * (m->step_error - m->step_right) * sqrt(p * (1 - p));
	double root = (z + sqrt(z * z + 4 * mean * DECISION_NATS)) / (2 * mean);

	return mean > 0 && root < 1e4 ? (uint32_t)ceil(root * root) : UINT32_MAX;
}

static void set_threshold(struct monitor *m, double qber_alarm)
{
	double p0 = 0.6 * qber_alarm, p1 = 1.6 * qber_alarm;

	if (p1 > 0.9)
		p1 = 0.9;
	m->qber_alarm = qber_alarm;
	m->step_error = log(p1 / p0);
	m->step_right = log((1 - p1) / (1 - p0));
	m->find_one = outcomes_to_find(m, 0.5);
	m->find_both = outcomes_to_find(m, 0.25);
	start_anew(m);
}

void monitor_init(struct monitor *m, double qber_alarm)
{
	memset(m, 0, sizeof(*m));
	set_threshold(m, qber_alarm);
}

void monitor_threshold(struct monitor *m, double qber_alarm)
{
	if (qber_alarm != m->qber_alarm)
		set_threshold(m, qber_alarm);
}

void monitor_reset(struct monitor *m)
{
	start_anew(m);
	m->crossed = 0;
	m->next_kind = 0;
	m->window_ns = 0;
	m->clean_ns = 0;
	m->verified = false;
	memset(&m->window, 0, sizeof(m->window));
	memset(&m->lost, 0, sizeof(m->lost));
	if (m->state == MONITOR_SETTLING)
		m->state = MONITOR_CLEAN;
}

static void counts_add(struct monitor_counts *to, const struct monitor_counts *c)
{
	for (int b = 0; b < 2; b++) {
		to->n[b] += c->n[b];
		to->e[b] += c->e[b];
	}
}

static void bucket_add(struct monitor *m, const struct monitor_counts *c, uint64_t now_ns)
{
	uint64_t index = now_ns / BUCKET_NS;

	if (index - m->bucket_index >= MONITOR_BUCKETS) {
		memset(m->bucket, 0, sizeof(m->bucket));
		m->bucket_index = index;
	}
	while (m->bucket_index < index) {
		m->bucket_index++;
		memset(&m->bucket[m->bucket_index % MONITOR_BUCKETS], 0, sizeof(m->bucket[0]));
	}
	counts_add(&m->bucket[index % MONITOR_BUCKETS], c);
}

double monitor_qber(const struct monitor *m, unsigned int basis, uint64_t now_ns)
{
	uint64_t n = 0, e = 0, now = now_ns / BUCKET_NS;

	for (uint64_t back = 0; back < MONITOR_BUCKETS && back <= m->bucket_index; back++) {
		uint64_t index = m->bucket_index - back;

		if (now - index >= MONITOR_BUCKETS)
			break;
		n += m->bucket[index % MONITOR_BUCKETS].n[basis];
		e += m->bucket[index % MONITOR_BUCKETS].e[basis];
	}
	return n == 0 ? 0 : (double)e / (double)n;
}

/* Bases whose sum is above the decision threshold. */
static unsigned int cusum(struct monitor *m, enum monitor_sequence s,
                          const struct monitor_counts *c)
{
	double *sum = m->sum[s];
	unsigned int over = 0;

	for (int b = 0; b < 2; b++) {
		m->seen.n[s][b] += c->n[b];
		sum[b] += c->e[b] * m->step_error + (double)(c->n[b] - c->e[b]) * m->step_right;
		if (sum[b] <= 0) {
			sum[b] = 0;
			m->quiet.n[s][b] = m->seen.n[s][b];
		}
		if (sum[b] >= DECISION_NATS)
			over |= 1u << b;
		/* An attack's end must not have to work off all that came before. */
		if (sum[b] > 2 * DECISION_NATS)
			sum[b] = 2 * DECISION_NATS;
	}
	return over;
}

/* Outcomes of a basis since MARK that the sums tell of, in the sequence that has more of them. */
static uint64_t since(const struct monitor *m, const struct monitor_mark *mark, int b)
{
	uint64_t most = 0;

	for (int s = 0; s < MONITOR_SEQUENCES; s++) {
		uint64_t from = mark->n[s][b] > m->anew.n[s][b] ? mark->n[s][b] : m->anew.n[s][b];

		if (m->seen.n[s][b] > from && m->seen.n[s][b] - from > most)
			most = m->seen.n[s][b] - from;
	}
	return most;
}

bool monitor_found_since(const struct monitor *m, const struct monitor_mark *mark)
{
	uint64_t z = since(m, mark, 0), x = since(m, mark, 1);

	return z >= m->find_one && x >= m->find_one && (z >= m->find_both || x >= m->find_both);
}

bool monitor_suspects(const struct monitor *m, const struct monitor_mark *mark)
{
	for (int s = 0; s < MONITOR_SEQUENCES; s++)
		for (int b = 0; b < 2; b++)
			if (m->sum[s][b] >= DECISION_NATS &&
			    (mark->n[s][b] >= m->quiet.n[s][b] ||
			     m->quiet.n[s][b] - mark->n[s][b] < QUIET_MARGIN))
				return true;
	return false;
}

/* Both bases at chance: not an attack that leaves anything to measure, but a wrong offset. */
static bool alignment_lost(struct monitor *m, const struct monitor_counts *c)
{
	bool lost;

	counts_add(&m->lost, c);
	if (m->lost.n[0] < LOST_MIN || m->lost.n[1] < LOST_MIN ||
	    m->lost.n[0] + m->lost.n[1] < LOST_SUM)
		return false;
	lost = m->lost.e[0] >= LOST_RATE * m->lost.n[0] && m->lost.e[1] >= LOST_RATE * m->lost.n[1];
	/* A wrong offset passes for a right one with probability 10^-5 at most. */
	if (!lost &&
	    m->lost.e[0] + m->lost.e[1] < LOST_RATE * (double)(m->lost.n[0] + m->lost.n[1]))
		m->verified = true;
	memset(&m->lost, 0, sizeof(m->lost));
	return lost;
}

static bool window_ends(const struct monitor *m, uint64_t length_ns, uint64_t now_ns)
{
	uint64_t age = now_ns - m->window_ns;

	return (age >= length_ns && m->window.n[0] >= WINDOW_MIN && m->window.n[1] >= WINDOW_MIN) ||
	       age >= WINDOW_MAX_NS;
}

/* Ends the window: the bases above the threshold by more than two standard deviations. */
static unsigned int judge(struct monitor *m, unsigned int *above, uint64_t now_ns)
{
	unsigned int surely = 0;
	double q = m->qber_alarm;

	*above = 0;
	for (int b = 0; b < 2; b++) {
		double n = m->window.n[b];

		m->judged[b] = m->window.n[b];
		m->rate[b] = n > 0 ? m->window.e[b] / n : 0;
		if (n > 0 && m->rate[b] > q)
			*above |= 1u << b;
		if (n > 0 && m->rate[b] > q + 2 * sqrt(q * (1 - q) / n))
			surely |= 1u << b;
	}
	memset(&m->window, 0, sizeof(m->window));
	m->window_ns = now_ns;
	return surely;
}

static enum monitor_event settle(struct monitor *m, uint64_t now_ns)
{
	unsigned int above;

	if (!window_ends(m, SETTLE_NS, now_ns))
		return MONITOR_NOTHING;
	m->kind = judge(m, &above, now_ns) | m->crossed;
	m->next_kind = 0;
	m->clean_ns = 0;
	m->state = MONITOR_ALARM;
	return MONITOR_RAISED;
}

static enum monitor_event alarmed(struct monitor *m, uint64_t now_ns)
{
	uint64_t start = m->window_ns;
	unsigned int above, surely;

	if (!window_ends(m, WINDOW_NS, now_ns))
		return MONITOR_NOTHING;
	surely = judge(m, &above, now_ns);
	if (above == 0 && m->judged[0] + m->judged[1] > 0) {
		if (m->clean_ns == 0)
			m->clean_ns = start;
		if (now_ns - m->clean_ns < CLEAR_NS)
			return MONITOR_NOTHING;
		m->state = MONITOR_CLEAN;
		m->crossed = 0;
		m->kind = 0;
		start_anew(m);
		return MONITOR_CLEARED;
	}
	m->clean_ns = 0;
	/* Another kind is said when two windows in a row show it: the first may be mixed. */
	if (surely != 0 && surely != m->kind && surely == m->next_kind) {
		m->kind = surely;
		return MONITOR_RAISED;
	}
	m->next_kind = surely;
	return MONITOR_NOTHING;
}

enum monitor_event monitor_add(struct monitor *m, enum monitor_sequence s,
                               const struct monitor_counts *c, uint64_t now_ns)
{
	unsigned int over;

	bucket_add(m, c, now_ns);
	if (alignment_lost(m, c))
		return MONITOR_LOST;
	over = cusum(m, s, c);
	if (m->state == MONITOR_CLEAN) {
		if (over == 0)
			return MONITOR_NOTHING;
		m->state = MONITOR_SETTLING;
		m->crossed = over;
		m->window_ns = now_ns;
		memset(&m->window, 0, sizeof(m->window));
		return MONITOR_SUSPECT;
	}
	if (m->window_ns == 0)
		m->window_ns = now_ns;
	counts_add(&m->window, c);
	if (m->state == MONITOR_SETTLING) {
		m->crossed |= over;
		return settle(m, now_ns);
	}
	return alarmed(m, now_ns);
}
