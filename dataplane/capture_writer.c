/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "common/clock.h"
#include "common/counter.h"

COUNTER_DEFINE(capture_packets, "capture.packets", "frames written by captures")
COUNTER_DEFINE(capture_dropped, "capture.dropped",
               "frames that captures lost as their rings were full")

#define IDLE_NS (5 * NS_PER_MS)
#define BATCH   1024 /* records between two looks at the clock */
/* Behind forwarding where they share a CPU: frames of the capture may be lost, traffic not. */
#define WRITER_NICE 5
/* How often the TSC is set against the wall clock, which may be steered. */
#define ANCHOR_NS NS_PER_S

struct capture_writer {
	/* both: ro */
	uint64_t packets_max, end_ns; /* end: CLOCK_MONOTONIC; 0: no limit */
	struct capture_tap *tap[CAPTURE_TAPS_MAX];
	unsigned int taps;
	pthread_t thread;
	/* control: wo, writer: ro */
	bool finish;
	/* writer: wo, control: ro */
	bool ended, done;
	uint64_t packets, bytes;
	/* both, under the lock */
	pthread_mutex_t lock;
	char name[CAPTURE_NAME_MAX + 16], reason[128];
	bool failed;
	unsigned int files;
	/* writer */
	struct capture_file *file;
	uint64_t anchor_tsc, anchor_wall_ns, anchored_ns;
	double ns_per_cycle;
	uint64_t dropped_counted;
	struct counter_set counters;
};

static void note_reason(struct capture_writer *w, bool failed, const char *reason)
{
	pthread_mutex_lock(&w->lock);
	if (w->reason[0] == '\0') {
		snprintf(w->reason, sizeof(w->reason), "%s", reason);
		w->failed = failed;
	}
	pthread_mutex_unlock(&w->lock);
}

static void end(struct capture_writer *w, bool failed, const char *reason)
{
	note_reason(w, failed, reason);
	__atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
}

static void end_with_error(struct capture_writer *w, int rc)
{
	char text[128];

	if (rc == CAPTURE_FILE_FULL) {
		end(w, false, "the file reached its size");
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", capture_file_name(w->file), strerror(-rc));
	end(w, true, text);
}

static void anchor(struct capture_writer *w, uint64_t now_ns)
{
	w->anchored_ns = now_ns;
	w->anchor_tsc = rte_rdtsc();
	w->anchor_wall_ns = clock_wall_ns();
}

static uint64_t wall_ns(const struct capture_writer *w, uint64_t tsc)
{
	/* Some were taken before the anchor. */
	int64_t cycles = (int64_t)(tsc - w->anchor_tsc);

	return w->anchor_wall_ns + (uint64_t)(int64_t)((double)cycles * w->ns_per_cycle);
}

/* The ring with the oldest record, or NULL. */
static struct capture_tap *oldest(struct capture_writer *w, const struct capture_record **record)
{
	struct capture_tap *first = NULL;

	for (unsigned int i = 0; i < w->taps; i++) {
		const struct capture_record *r = capture_ring_peek(&w->tap[i]->ring);

		if (r != NULL && (first == NULL || r->tsc < (*record)->tsc)) {
			first = w->tap[i];
			*record = r;
		}
	}
	return first;
}

static void write_record(struct capture_writer *w, const struct capture_tap *tap,
                         const struct capture_record *record)
{
	const struct pcapng_packet packet = {
	        .time_ns = wall_ns(w, record->tsc),
	        .captured = record->captured,
	        .length = record->length,
	        .direction = tap->transmit ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
	};
	unsigned int before = capture_file_count(w->file);
	int rc = capture_file_packet(w->file, &packet, record->data);

	if (rc != 0) {
		end_with_error(w, rc);
		return;
	}
	counter_add(&w->counters, &capture_packets, 1);
	__atomic_store_n(&w->packets, w->packets + 1, __ATOMIC_RELAXED);
	if (capture_file_count(w->file) != before) {
		pthread_mutex_lock(&w->lock);
		snprintf(w->name, sizeof(w->name), "%s", capture_file_name(w->file));
		w->files = capture_file_count(w->file);
		pthread_mutex_unlock(&w->lock);
	}
	if (w->packets_max != 0 && w->packets == w->packets_max)
		end(w, false, "the number of packets was reached");
}

/* Up to BATCH records; the number there were. */
static unsigned int drain(struct capture_writer *w)
{
	unsigned int n = 0;

	while (n < BATCH && !w->ended) {
		const struct capture_record *record = NULL;
		struct capture_tap *tap = oldest(w, &record);

		if (tap == NULL)
			break;
		write_record(w, tap, record);
		capture_ring_next(&tap->ring, record);
		n++;
	}
	__atomic_store_n(&w->bytes, capture_file_bytes(w->file), __ATOMIC_RELAXED);
	return n;
}

static uint64_t sum(const struct capture_writer *w, size_t offset)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < w->taps; i++)
		n += __atomic_load_n(
		        (const uint64_t *)(const void *)((const char *)w->tap[i] + offset),
		        __ATOMIC_RELAXED);
	return n;
}

#define SUM(w, member) sum((w), offsetof(struct capture_tap, member))

static void count_dropped(struct capture_writer *w)
{
	uint64_t dropped = SUM(w, dropped);

	counter_add(&w->counters, &capture_dropped, dropped - w->dropped_counted);
	w->dropped_counted = dropped;
}

static void turn(struct capture_writer *w)
{
	static const struct timespec idle = {.tv_nsec = IDLE_NS};
	uint64_t now = clock_mono_ns();
	int rc;

	if (now - w->anchored_ns >= ANCHOR_NS)
		anchor(w, now);
	if (w->end_ns != 0 && now >= w->end_ns && !w->ended)
		end(w, false, "the time is over");
	if (drain(w) == BATCH)
		return;
	count_dropped(w);
	rc = w->ended ? 0 : capture_file_flush(w->file);
	if (rc < 0)
		end_with_error(w, rc);
	nanosleep(&idle, NULL);
}

static void *run(void *arg)
{
	struct capture_writer *w = arg;
	int rc;

	setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + WRITER_NICE);
	while (!__atomic_load_n(&w->finish, __ATOMIC_ACQUIRE))
		turn(w);
	while (drain(w) == BATCH)
		;
	count_dropped(w);
	rc = capture_file_close(w->file, clock_wall_ns(), SUM(w, seen), SUM(w, dropped));
	if (rc < 0 && !w->ended)
		note_reason(w, true, strerror(-rc));
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Signals are the control thread's. */
static int start_thread(struct capture_writer *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void destroy(struct capture_writer *w)
{
	counter_set_detach(&w->counters);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int capture_writer_start(const struct capture_writer_config *config, struct capture_writer **out,
                         struct err *err)
{
	struct capture_writer *w = aligned_alloc(_Alignof(struct capture_writer), sizeof(*w));
	uint64_t now = clock_mono_ns();
	int rc;

	if (w == NULL)
		return err_set(err, ENOMEM, "capture: no memory");
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	counter_set_attach(&w->counters, "capture");
	w->packets_max = config->packets_max;
	w->end_ns = config->duration_ns != 0 ? now + config->duration_ns : 0;
	memcpy(w->tap, config->tap, sizeof(w->tap));
	w->taps = config->taps;
	w->ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();
	anchor(w, now);
	rc = capture_file_open(&config->file, &w->file, err);
	if (rc < 0) {
		destroy(w);
		return rc;
	}
	snprintf(w->name, sizeof(w->name), "%s", capture_file_name(w->file));
	w->files = 1;
	rc = start_thread(w);
	if (rc != 0) {
		capture_file_close(w->file, clock_wall_ns(), 0, 0);
		destroy(w);
		return err_set(err, rc, "capture: no thread to write it: %s", strerror(rc));
	}
	*out = w;
	return 0;
}

void capture_writer_stop(struct capture_writer *w, const char *reason)
{
	note_reason(w, false, reason);
}

bool capture_writer_ended(const struct capture_writer *w)
{
	return __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
}

void capture_writer_finish(struct capture_writer *w)
{
	__atomic_store_n(&w->finish, true, __ATOMIC_RELEASE);
}

bool capture_writer_done(const struct capture_writer *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE);
}

void capture_writer_read(struct capture_writer *w, struct capture_status *out)
{
	out->seen = SUM(w, seen);
	out->matched = SUM(w, matched);
	out->dropped = SUM(w, dropped);
	out->packets = __atomic_load_n(&w->packets, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
	pthread_mutex_lock(&w->lock);
	memcpy(out->file, w->name, sizeof(out->file));
	memcpy(out->reason, w->reason, sizeof(out->reason));
	out->failed = w->failed;
	out->files = w->files;
	pthread_mutex_unlock(&w->lock);
}

void capture_writer_join(struct capture_writer *w, struct capture_status *out)
{
	pthread_join(w->thread, NULL);
	capture_writer_read(w, out);
	destroy(w);
}
