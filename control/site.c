/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/address_watch.h"
#include "control/clicks_watch.h"
#include "control/fibre_watch.h"
#include "control/dwdm_watch.h"
#include "control/error_cause.h"
#include "control/link_watch.h"
#include "control/live_watch.h"
#include "control/no_key_watch.h"
#include "control/path_watch.h"
#include "control/route_watch.h"
#include "control/watch_baseline.h"
#include "control/wire_watch.h"

LOG_COMPONENT_DEFINE(site)

/*
 * Beside the SAs: blocks under way and the key store. The least is for blocks of 10^6 bits that
 * fill, one of them being reconciled at a time, and a few thousand keys.
 */
#define SECRET_BYTES ((size_t)48 << 20)
#define SECRET_KEYS  ((size_t)24 << 20) /* of these, without blocks */
#define SECRET_LEAST ((size_t)10 << 20)
#define LOCKED_ELSE  (256u << 10) /* what libraries lock for themselves */
#define COUNTS_NS    (100 * NS_PER_MS)
#define RECLAIM_NS   (50 * NS_PER_MS)

static struct config config;
static struct dataplane *dataplane;
static struct link *link_;
static struct otdr *otdr;
static uint64_t next_reclaim_ns, started_ns;

struct dataplane *site_dataplane(void)
{
	return dataplane;
}

struct link *site_link(void)
{
	return link_;
}

struct otdr *site_otdr(void)
{
	return otdr;
}

const struct config *site_config(void)
{
	return &config;
}

uint64_t site_started_ns(void)
{
	return started_ns;
}

/* By their places; NULL: a free one. */
static struct tunnel *const *all_tunnels(void)
{
	static struct tunnel *tunnels[CONFIG_TUNNELS_MAX];

	for (unsigned int i = 0; i < CONFIG_TUNNELS_MAX; i++)
		tunnels[i] = dataplane_tunnel(dataplane, i);
	return tunnels;
}

static int start_link(struct err *err)
{
	struct role role = {.name = "qkd", .poll = qkd_role_poll};

	link_ = link_create(&config, dataplane_channel(dataplane), all_tunnels(), err);
	if (link_ == NULL)
		return -err->code;
	role.ctx = link_role(link_);
	for (unsigned int i = 0; config.qkd.enabled && i < config.eal.qkd_lcores; i++) {
		struct role worker = {"qkd-worker", qkd_worker_poll,
		                      qkd_role_worker(link_role(link_), i)};
		int rc = dataplane_add_qkd_role(dataplane, i, &worker, err);

		if (rc < 0)
			return rc;
	}
	return dataplane_add_role(dataplane, &role, err);
}

/*
 * As much as we want or, where the limit is lower, as much as may be locked; but not less than
 * the SAs of all tunnels take.
 */
static int init_secret_memory(struct err *err)
{
	size_t sas = dataplane_secret_bytes(&config);
	size_t least = SECRET_LEAST + dataplane_secret_least(&config) + LOCKED_ELSE;
	struct rlimit limit;
	size_t most = SECRET_KEYS + link_secret_bytes(&config);
	int rc;

	most = (most > SECRET_BYTES ? most : SECRET_BYTES) + sas;
	rc = secret_init(most, err);
	if (rc == 0)
		log_info("%zu KiB of secret memory, %s", secret_size() >> 10, secret_kind_name());
	if (rc != -ENOMEM || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= most)
		return rc;
	if (limit.rlim_cur < least)
		return err_set(err, ENOMEM,
		               "only %zu KiB of memory may be locked, the keys of %u tunnels need "
		               "%zu: raise LimitMEMLOCK",
		               (size_t)limit.rlim_cur >> 10, config.tunnel_count, least >> 10);
	rc = secret_init(limit.rlim_cur - LOCKED_ELSE, err);
	if (rc == 0)
		log_warn("only %zu KiB of memory may be locked, so fewer keys are kept; raise "
		         "LimitMEMLOCK",
		         secret_size() >> 10);
	return rc;
}

/* Beside a crypto device, channel and key store still need the CPU's code. */
static int start_gcm(struct err *err)
{
	bool device = strcmp(config.gcm_provider, "cryptodev") == 0;

	return gcm_provider_force(config.ipsec_mb[0] != '\0' ? config.ipsec_mb : NULL,
	                          device ? "auto" : config.gcm_provider, err);
}

static int start_otdr(struct err *err)
{
	char resource[64];

	if (!config.qkd.enabled)
		return 0;
	snprintf(resource, sizeof(resource), "link/%s", config.link);
	otdr = otdr_create(&config, resource, err);
	return otdr != NULL ? 0 : -err->code;
}

static bool wire_local_up(void *ctx)
{
	(void)ctx;
	return dataplane_link(dataplane, PORT_LAN)->up;
}

static int wire_set(void *ctx, bool up)
{
	(void)ctx;
	return dataplane_link_set(dataplane, PORT_LAN, up);
}

static uint64_t wire_session(void *ctx)
{
	(void)ctx;
	return link_session(link_);
}

static int wire_send(void *ctx, uint16_t tunnel, const void *msg, size_t len)
{
	(void)ctx;
	return link_wire_send(link_, tunnel, msg, len);
}

static const struct wire_watch_ops wire_ops = {
        .local_up = wire_local_up, .set = wire_set, .session = wire_session, .send = wire_send};

int site_start(const struct config *c, struct err *err)
{
	int rc;

	config = *c;
	rc = init_secret_memory(err);
	if (rc == 0)
		rc = start_gcm(err);
	if (rc == 0 && (dataplane = dataplane_create(&config, err)) == NULL)
		rc = -err->code;
	if (rc == 0)
		rc = start_link(err);
	if (rc == 0)
		rc = start_otdr(err);
	if (rc == 0)
		rc = dataplane_run(dataplane, err);
	if (rc < 0) {
		site_stop();
		return rc;
	}
	started_ns = clock_mono_ns();
	no_key_watch_reset();
	clicks_watch_reset();
	fibre_watch_start(&config);
	fibre_watch_cause(error_cause_of_rise);
	watch_baseline_start(&config);
	dwdm_watch_reset();
	error_cause_reset();
	live_watch_reset();
	path_watch_reset();
	wire_watch_start(&config, &wire_ops, NULL, started_ns);
	link_wire_receiver(link_, wire_watch_receive);
	log_info("gateway %s forwards; AES-GCM by %s of %s", config.name, gcm_provider()->name,
	         gcm_provider()->library);
	if (dataplane_crypto_driver(dataplane) != NULL)
		log_info("ESP by the crypto device %s, driver %s", config.crypto_device,
		         dataplane_crypto_driver(dataplane));
	return 0;
}

void site_stop(void)
{
	wire_watch_stop();
	watch_baseline_stop();
	if (dataplane != NULL)
		dataplane_stop(dataplane);
	otdr_destroy(otdr);
	otdr = NULL;
	link_destroy(link_);
	link_ = NULL;
	dataplane_destroy(dataplane);
	dataplane = NULL;
	secret_fini();
}

static void watch_addresses(void)
{
	struct forward_address list[FORWARD_ADDRESSES_MAX];

	address_watch(list, dataplane_addresses(dataplane, list, FORWARD_ADDRESSES_MAX));
}

static void watch_routes(void)
{
	for (unsigned int i = 0; i < IFACE_SUBS + config.lan_sub_count; i++) {
		struct dataplane_learnt l;

		dataplane_learnt(dataplane, i, &l);
		route_watch(i, i < IFACE_SUBS ? 0 : config.lan_subs[i - IFACE_SUBS].vlan, &l);
	}
}

/* Records one by one; counts ten times a second. */
static void watch_card(uint64_t now_ns)
{
	static struct optics_monitor_counts counts;
	static uint64_t counted_ns;
	struct optics_monitor *monitor = qkd_role_monitor(link_role(link_));
	struct card_monitor record;

	if (monitor == NULL)
		return;
	while (optics_monitor_take(monitor, &record))
		fibre_watch_card(&record);
	if (now_ns - counted_ns < COUNTS_NS)
		return;
	optics_monitor_counts(monitor, &counts);
	fibre_watch_counts(&counts, (double)(now_ns - counted_ns) / NS_PER_S);
	counted_ns = now_ns;
}

static void watch_clicks(uint64_t now_ns)
{
	struct qkd_role_status s;

	qkd_role_status_read(link_role(link_), &s);
	clicks_watch_poll(config.link, &s.optics, now_ns);
	if (s.quantum) {
		watch_card(now_ns);
		fibre_watch_poll(&s, link_peer_power(link_), now_ns);
		link_hold(link_, fibre_watch_holds());
		watch_baseline_poll(now_ns);
	}
}

double site_slot_hz(const struct qkd_role_status *s)
{
	return s->optics.card.slot_period_fs > 0 ? 1e15 / (double)s->optics.card.slot_period_fs : 0;
}

static void watch_light(uint64_t now_ns)
{
	static struct card_ocm_scan scan;
	struct qkd_role_status s;

	qkd_role_status_read(link_role(link_), &s);
	if (qkd_role_ocm(link_role(link_), &scan))
		dwdm_watch_poll(&config, site_slot_hz(&s), &scan, link_far_spectrum(link_, now_ns),
		                now_ns);
	error_cause_poll(s.engine.qber_z, s.engine.qber_x, now_ns);
}

void site_poll(uint64_t now_ns)
{
	link_poll(link_, now_ns);
	if (otdr != NULL)
		otdr_poll(otdr, qkd_role_otdr(link_role(link_)), &config, now_ns);
	dataplane_exceptions(dataplane);
	no_key_watch_poll(dataplane, &config, now_ns);
	if (now_ns >= next_reclaim_ns) {
		next_reclaim_ns = now_ns + RECLAIM_NS;
		dataplane_poll(dataplane);
		watch_addresses();
		watch_routes();
		watch_clicks(now_ns);
		watch_light(now_ns);
		wire_watch_poll(now_ns);
		live_watch_poll(dataplane, &config, now_ns);
		path_watch_poll(dataplane, &config, link_session(link_), now_ns);
		for (unsigned int role = 0; role < PORT_ROLES; role++)
			link_watch((enum port_role)role,
			           dataplane_link(dataplane, (enum port_role)role));
	}
}

/* What was watched in a place is not about the tunnel that is there now, or none is. */
static void forget_watched(const struct config *before)
{
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++) {
		if (strcmp(before->tunnels[t].name, config.tunnels[t].name) == 0)
			continue;
		live_watch_forget(t);
		path_watch_forget(t);
		no_key_watch_forget(t);
	}
}

/*
 * New tunnels first, then routes and rules, then old tunnels: each is whole while a packet may take
 * it.
 */
int site_reconfigure(const struct config *next, struct err *err)
{
	static struct config placed, before;
	int rc = config_place(&config, next, &placed, err);

	if (rc < 0)
		return rc;
	rc = dataplane_tunnels_add(dataplane, &placed, err);
	if (rc < 0)
		return rc;
	rc = link_add_tunnels(link_, &placed, all_tunnels(), err);
	if (rc == 0)
		rc = dataplane_policy_update(dataplane, &placed, err);
	if (rc < 0) {
		link_drop_tunnels(link_, &config);
		dataplane_tunnels_cancel(dataplane);
		return rc;
	}
	link_drop_tunnels(link_, &placed);
	dataplane_tunnels_settle(dataplane);
	link_reconfigure(link_, &placed);
	before = config;
	config = placed;
	forget_watched(&before);
	return 0;
}
