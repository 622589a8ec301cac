/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/exception_path.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "dataplane/port_link.h"
#include "dataplane/tap.h"
#include "dataplane/tap_addresses.h"
#include "dataplane/tap_routes.h"
#include "dataplane/tap_watch.h"

LOG_COMPONENT_DEFINE(exception_path)

#define BUFFERS 1023
#define BURST   64 /* frames of a core or a daemon in one poll */
#define LINK_NS (100 * NS_PER_MS)
/*
 * A daemon that hears of addresses by another way than of interfaces may hear of them too early,
 * as zebra of FRR 8.4 does, which then never uses them (FRRouting issue 13288). They are told
 * again, this long after the interface was made and after twice the time, up to 64 s: a busy
 * daemon is late.
 */
#define TELL_FIRST_NS (250 * NS_PER_MS)
#define TELL_LAST_NS  (64 * NS_PER_S)

#define FRAME_EXTRA (RTE_ETHER_HDR_LEN + 4) /* with a VLAN tag */

struct one {
	struct exception *queue; /* NULL: there is no interface */
	struct tap tap;
	uint16_t frame; /* longest */
	bool up;
	bool lost; /* somebody removed it, and it cannot be made anew */
};

struct exception_path {
	const struct port *port;
	const struct iface *iface;
	struct one one[IFACES_MAX]; /* as the data plane's interfaces */
	struct rte_mempool *pool;
	struct rte_mbuf *spare; /* for the next read */
	int watch;
	uint64_t next_link_ns, made_ns, tell_after_ns;
};

static int make(struct exception_path *p, unsigned int index, const char *name, struct err *err)
{
	const struct iface *iface = &p->iface[index];
	struct one *o = &p->one[index];
	int rc = tap_open(&o->tap, name, &iface->mac, iface->mtu, err);

	o->up = true;
	for (unsigned int i = 0; rc == 0 && i < iface->address_count; i++)
		rc = tap_add_address(&o->tap, &iface->address[i], err);
	return rc;
}

/* DEVICE: of the port that it is on. */
static int open_one(struct exception_path *p, unsigned int index, const struct config_port *config,
                    const char *device, unsigned int cores, struct err *err)
{
	const struct iface *iface = &p->iface[index];
	struct one *o = &p->one[index];
	char under[IF_NAMESIZE];
	int rc;

	if (config->exception[0] == '\0')
		return 0;
	rc = make(p, index, config->exception, err);
	if (rc < 0)
		return rc;
	o->frame = (uint16_t)(iface->mtu + FRAME_EXTRA);
	if (port_kernel_interface(device, under, sizeof(under)))
		tap_silence(under);
	o->queue = exception_create(cores, err);
	return o->queue != NULL ? 0 : -err->code;
}

static bool learns(const struct config_port *const *ports)
{
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (ports[i] != NULL && ports[i]->learn_routes > 0)
			return true;
	return false;
}

static bool wanted(const struct config_port *const *ports)
{
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (ports[i] != NULL && ports[i]->exception[0] != '\0')
			return true;
	return false;
}

int exception_path_create(const struct config *config, const struct port port[PORT_ROLES],
                          const struct iface iface[IFACES_MAX], struct exception_path **out,
                          struct err *err)
{
	const struct config_port *ports[IFACES_MAX] = {&config->lan, &config->wan};
	struct exception_path *p;
	int rc = 0;

	*out = NULL;
	for (unsigned int i = 0; i < config->lan_sub_count; i++)
		ports[IFACE_SUBS + i] = &config->lan_subs[i].port;
	if (!wanted(ports))
		return 0;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(err, ENOMEM, "exception path: no memory");
	p->port = port;
	p->iface = iface;
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		p->one[i].tap.fd = -1;
	p->made_ns = clock_mono_ns();
	p->tell_after_ns = TELL_FIRST_NS;
	p->watch = tap_watch_open(learns(ports), err);
	if (p->watch < 0)
		rc = p->watch;
	for (unsigned int i = 0; rc == 0 && i < IFACES_MAX; i++)
		if (ports[i] != NULL)
			rc = open_one(p, i, ports[i], ports[iface[i].role]->device,
			              config->eal.forward_lcores, err);
	if (rc == 0) {
		p->pool = port_pool_create(
		        "exceptions",
		        (uint16_t)(RTE_MAX(config->lan.mtu, config->wan.mtu) + FRAME_EXTRA), 0,
		        BUFFERS, err);
		rc = p->pool != NULL ? 0 : -err->code;
	}
	if (rc < 0) {
		exception_path_destroy(p);
		return rc;
	}
	*out = p;
	return 0;
}

void exception_path_destroy(struct exception_path *p)
{
	if (p == NULL)
		return;
	for (unsigned int i = 0; i < IFACES_MAX; i++) {
		exception_destroy(p->one[i].queue);
		tap_close(&p->one[i].tap);
	}
	if (p->watch >= 0)
		close(p->watch);
	rte_pktmbuf_free(p->spare);
	rte_mempool_free(p->pool);
	free(p);
}

struct exception *exception_path_queue(struct exception_path *p, unsigned int iface)
{
	return p != NULL ? p->one[iface].queue : NULL;
}

const char *exception_path_name(const struct exception_path *p, unsigned int iface)
{
	return p->one[iface].tap.name;
}

static void to_daemons(struct one *o)
{
	for (unsigned int core = 0; core < o->queue->cores; core++) {
		struct rte_mbuf *m;

		for (unsigned int n = 0; n < BURST && (m = exception_take(o->queue, core)) != NULL;
		     n++) {
			/* What the kernel does not take is its loss. */
			tap_write(&o->tap, m);
			exception_give_back(o->queue, core, m);
		}
	}
}

static void from_daemons(struct exception_path *p, struct one *o)
{
	/* What finds no room here stays in the kernel's queue. */
	for (unsigned int n = 0; n < BURST && exception_room(o->queue); n++) {
		uint16_t len;

		if (p->spare == NULL && (p->spare = rte_pktmbuf_alloc(p->pool)) == NULL)
			return;
		len = tap_read(&o->tap, rte_pktmbuf_mtod(p->spare, void *), o->frame);
		if (len == 0)
			return;
		p->spare->data_len = len;
		p->spare->pkt_len = len;
		exception_down(o->queue, p->spare);
		p->spare = NULL;
	}
}

static void follow_link(struct exception_path *p, struct one *o, unsigned int index)
{
	bool up = port_link_read(&p->port[p->iface[index].role]);

	if (up == o->up)
		return;
	o->up = up;
	tap_set_carrier(&o->tap, up);
}

/* Daemons on an interface that was removed under them would never hear of the port again. */
static void keep(struct exception_path *p, struct one *o, unsigned int index, uint64_t now_ns)
{
	struct err err = {0};
	char name[IF_NAMESIZE];

	if (tap_exists(&o->tap))
		return;
	memcpy(name, o->tap.name, sizeof(name));
	if (!o->lost)
		log_warn("interface %s: somebody removed it; it is made anew", name);
	tap_close(&o->tap);
	if (make(p, index, name, &err) < 0) {
		if (!o->lost)
			log_warn("%s; it is tried again and again", err.text);
		tap_close(&o->tap);
		o->lost = true;
		return;
	}
	if (o->lost)
		log_info("interface %s: made anew", name);
	o->lost = false;
	p->made_ns = now_ns;
	p->tell_after_ns = TELL_FIRST_NS;
}

static void tell_again(struct exception_path *p, uint64_t now_ns)
{
	if (p->tell_after_ns > TELL_LAST_NS || now_ns - p->made_ns < p->tell_after_ns)
		return;
	/* Not twice in a row where the control thread was late. */
	while (p->tell_after_ns <= now_ns - p->made_ns)
		p->tell_after_ns *= 2;
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (p->one[i].queue != NULL)
			tap_tell_addresses(&p->one[i].tap, &p->iface[i]);
}

unsigned int exception_path_poll(struct exception_path *p, uint64_t now_ns)
{
	bool look = now_ns >= p->next_link_ns;

	if (look)
		p->next_link_ns = now_ns + LINK_NS;
	for (unsigned int i = 0; i < IFACES_MAX; i++) {
		struct one *o = &p->one[i];

		if (o->queue == NULL)
			continue;
		if (look) {
			keep(p, o, i, now_ns);
			follow_link(p, o, i);
		}
		to_daemons(o);
		from_daemons(p, o);
	}
	if (look)
		tell_again(p, now_ns);
	return tap_watch_changed(p->watch);
}

int exception_path_virtual(struct exception_path *p, unsigned int iface, struct iface_virtual *out,
                           struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (p->one[iface].queue == NULL)
		return 0;
	return tap_list_virtual(&p->one[iface].tap, &p->iface[iface], out, err);
}

int exception_path_routes(struct exception_path *p, unsigned int iface, struct iface_routes *out,
                          unsigned int max, struct err *err)
{
	return tap_list_routes(&p->one[iface].tap, &p->iface[iface], out, max, err);
}
