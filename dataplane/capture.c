/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/capture_filter.h"
#include "dataplane/capture_tap.h"
#include "dataplane/capture_writer.h"

/* A core's burst of 64 frames of 9 KB, several times over. */
#define RING_BYTES ((size_t)4 << 20)

struct capture {
	enum capture_state state;
	bool waiting; /* STOPPING: for the grace period; then for the writer */
	struct rte_rcu_qsbr *qsbr;
	uint64_t token;
	struct bpf_program filter;
	struct capture_tap *tap[CAPTURE_TAPS_MAX];
	unsigned int taps;
	struct capture_writer *writer;
	struct capture_status status; /* what does not change while it runs, and the end */
};

static struct capture captures[PORT_ROLES];
static void (*notify)(enum port_role role, const struct capture_status *status);

void capture_notify(void (*ended)(enum port_role role, const struct capture_status *status))
{
	notify = ended;
}

const char *capture_state_name(enum capture_state state)
{
	static const char *const names[] = {"none", "running", "stopping", "stopped"};

	return names[state];
}

static void release(struct capture *c)
{
	for (unsigned int i = 0; i < c->taps; i++)
		capture_tap_destroy(c->tap[i]);
	c->taps = 0;
	pcap_freecode(&c->filter);
	memset(&c->filter, 0, sizeof(c->filter));
}

static int check(const struct capture_config *config, struct err *err)
{
	if (!config->rx && !config->tx)
		return err_set(err, EINVAL, "direction: neither received nor sent frames");
	if (config->snap_length > CAPTURE_SNAP_MAX)
		return err_set(err, EINVAL, "snap_length: %u is not within 0 to %u",
		               config->snap_length, CAPTURE_SNAP_MAX);
	if (config->file_size_max < CAPTURE_FILE_SIZE_MIN)
		return err_set(err, EINVAL, "file_size_max: %llu is less than %llu bytes",
		               (unsigned long long)config->file_size_max,
		               (unsigned long long)CAPTURE_FILE_SIZE_MIN);
	if (config->files < 1 || config->files > CAPTURE_FILES_MAX)
		return err_set(err, EINVAL, "files: %u is not within 1 to %u", config->files,
		               CAPTURE_FILES_MAX);
	if (config->port->rx_queues + config->port->tx_queues > CAPTURE_TAPS_MAX)
		return err_set(err, E2BIG, "port: more than %u queues", CAPTURE_TAPS_MAX);
	return 0;
}

static int create_taps(struct capture *c, const struct capture_config *config, struct err *err)
{
	uint32_t snap = config->snap_length != 0 ? config->snap_length : CAPTURE_SNAP_MAX;

	for (int transmit = 0; transmit < 2; transmit++) {
		unsigned int queues = transmit ? config->port->tx_queues : config->port->rx_queues;

		if (!(transmit ? config->tx : config->rx))
			continue;
		for (unsigned int q = 0; q < queues; q++) {
			struct capture_tap *tap = capture_tap_create(
			        config->port, transmit, (uint16_t)q, snap, &c->filter, RING_BYTES);

			if (tap == NULL)
				return err_set(err, ENOMEM, "capture: no memory for its rings");
			c->tap[c->taps++] = tap;
		}
	}
	return 0;
}

static int open_writer(struct capture *c, const struct capture_config *config, struct err *err)
{
	struct capture_writer_config wc = {
	        .file = {.directory = config->directory,
	                 .name = config->file,
	                 .size_max = config->file_size_max,
	                 .files = config->files,
	                 .interface = {.name = port_role_name(config->port->role),
	                               .description = config->port->device,
	                               .filter = config->filter,
	                               .snap_length = config->snap_length}},
	        .packets_max = config->packets_max,
	        .duration_ns = config->duration_ns,
	        .taps = c->taps,
	};

	memcpy(wc.tap, c->tap, sizeof(wc.tap));
	return capture_writer_start(&wc, &c->writer, err);
}

static void close_taps(struct capture *c)
{
	for (unsigned int i = 0; i < c->taps; i++)
		capture_tap_remove(c->tap[i]);
	c->token = rte_rcu_qsbr_start(c->qsbr);
	c->waiting = true;
	c->state = CAPTURE_STOPPING;
}

/* From STOPPING to STOPPED as far as it goes without waiting. */
static void advance(struct capture *c, enum port_role role)
{
	if (c->waiting) {
		if (rte_rcu_qsbr_check(c->qsbr, c->token, false) != 1)
			return;
		c->waiting = false;
		if (c->writer != NULL)
			capture_writer_finish(c->writer);
	}
	if (c->writer != NULL) {
		if (!capture_writer_done(c->writer))
			return;
		capture_writer_join(c->writer, &c->status);
		c->writer = NULL;
	}
	release(c);
	c->state = c->status.state = CAPTURE_STOPPED;
	if (notify != NULL)
		notify(role, &c->status);
}

static void describe(struct capture *c, const struct capture_config *config)
{
	struct capture_status *s = &c->status;

	*s = (struct capture_status){
	        .rx = config->rx, .tx = config->tx, .snap_length = config->snap_length};
	snprintf(s->directory, sizeof(s->directory), "%s", config->directory);
	snprintf(s->filter, sizeof(s->filter), "%s", config->filter);
}

int capture_start(const struct capture_config *config, struct err *err)
{
	struct capture *c = &captures[config->port->role];
	int rc = check(config, err);

	if (rc < 0)
		return rc;
	if (c->state == CAPTURE_RUNNING || c->state == CAPTURE_STOPPING)
		return err_set(err, EBUSY, "port: %s is being captured already",
		               port_role_name(config->port->role));
	rc = capture_tap_prepare(err);
	if (rc == 0)
		rc = capture_filter_compile(config->filter, &c->filter, err);
	if (rc == 0)
		rc = create_taps(c, config, err);
	if (rc == 0)
		rc = open_writer(c, config, err);
	if (rc < 0) {
		release(c);
		return rc;
	}
	c->qsbr = config->qsbr;
	describe(c, config);
	c->state = CAPTURE_RUNNING;
	for (unsigned int i = 0; rc == 0 && i < c->taps; i++)
		rc = capture_tap_add(c->tap[i], err);
	if (rc < 0) {
		capture_writer_stop(c->writer, "some queue takes no callback");
		close_taps(c);
	}
	return rc;
}

int capture_stop(enum port_role role, struct err *err)
{
	struct capture *c = &captures[role];

	if (c->state != CAPTURE_RUNNING)
		return err_set(err, ENOENT, "port: %s is not being captured", port_role_name(role));
	capture_writer_stop(c->writer, "on command");
	close_taps(c);
	advance(c, role);
	return 0;
}

void capture_poll(void)
{
	for (int role = 0; role < PORT_ROLES; role++) {
		struct capture *c = &captures[role];

		if (c->state == CAPTURE_RUNNING && capture_writer_ended(c->writer))
			close_taps(c);
		if (c->state == CAPTURE_STOPPING)
			advance(c, (enum port_role)role);
	}
}

void capture_shutdown(void)
{
	for (int role = 0; role < PORT_ROLES; role++) {
		struct capture *c = &captures[role];

		if (c->state == CAPTURE_RUNNING) {
			capture_writer_stop(c->writer, "the gateway stops");
			close_taps(c);
		}
		if (c->state != CAPTURE_STOPPING)
			continue;
		c->waiting = false;
		capture_writer_finish(c->writer);
		capture_writer_join(c->writer, &c->status);
		c->writer = NULL;
		advance(c, (enum port_role)role);
	}
}

void capture_status_read(enum port_role role, struct capture_status *out)
{
	const struct capture *c = &captures[role];

	*out = c->status;
	out->state = c->state;
	if (c->writer != NULL)
		capture_writer_read(c->writer, out);
}
