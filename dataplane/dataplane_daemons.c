/* SPDX-License-Identifier: BSD-3-Clause */

/* What routing daemons do to the kernel's interfaces becomes the data plane's: addresses, routes.
 */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tap_watch.h"

LOG_COMPONENT_DEFINE(dataplane_daemons)

/*
 * A daemon that has a new table to tell sends it in pieces: routes are fetched when it has been
 * quiet, or anyhow after a time; and not more often, since new tables take the control thread
 * some 50 ms.
 */
#define LEARN_QUIET_NS (20 * NS_PER_MS)
#define LEARN_LATE_NS  (200 * NS_PER_MS)
#define LEARN_AGAIN_NS (500 * NS_PER_MS)

/*
 * Further addresses of an interface: as soon as the cores know them they answer for them, and the
 * routes follow.
 */
static int set_virtual(struct dataplane *dp, unsigned int iface, const struct iface_virtual *v,
                       struct err *err)
{
	const struct iface_virtual *old = dp->iface[iface].virtual_;
	struct iface_virtual *next = malloc(sizeof(*next));
	int rc;

	if (next == NULL)
		return err_set(err, ENOMEM, "no memory");
	*next = *v;
	iface_set_virtual(&dp->iface[iface], next);
	forward_set_virtual(dp->forward, iface, next);
	rte_rcu_qsbr_synchronize(worker_qsbr(), RTE_QSBR_THRID_INVALID);
	free((void *)(uintptr_t)old);
	rc = dataplane_tables_update(dp, false, err);
	forward_invalidate(dp->forward);
	return rc;
}

/* Of virtual routers on any interface of the port of ROLE. */
static void follow_macs(struct dataplane *dp, enum port_role role)
{
	struct rte_ether_addr list[IFACES_MAX * IFACE_VIRTUAL_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < IFACES_MAX; i++) {
		const struct iface_virtual *v =
		        dp->iface[i].role == role ? dp->iface[i].virtual_ : NULL;

		for (unsigned int k = 0; v != NULL && k < v->count; k++)
			if (!rte_is_zero_ether_addr(&v->at[k].mac))
				list[n++] = v->at[k].mac;
	}
	port_macs_set(&dp->port[role], list, n);
}

static void read_virtual(struct dataplane *dp, unsigned int iface)
{
	const struct iface_virtual *now = dp->iface[iface].virtual_;
	struct iface_virtual next;
	struct err err = {0};
	int rc = exception_path_virtual(dp->exceptions, iface, &next, &err);

	if (rc == 0 && now == NULL && next.count == 0)
		return;
	if (rc == 0 && now != NULL && memcmp(now, &next, sizeof(next)) == 0)
		return;
	if (rc == 0)
		rc = set_virtual(dp, iface, &next, &err);
	follow_macs(dp, (enum port_role)dp->iface[iface].role);
	if (rc < 0)
		log_warn("interface %s: virtual addresses: %s",
		         exception_path_name(dp->exceptions, iface), err.text);
	else
		log_info("interface %s: %u virtual addresses",
		         exception_path_name(dp->exceptions, iface), next.count);
}

static struct iface_routes *routes_alloc(unsigned int max)
{
	return malloc(sizeof(struct iface_routes) + max * sizeof(struct iface_route));
}

static bool same_routes(const struct iface_routes *a, const struct iface_routes *b)
{
	return a->count == b->count && a->left_out == b->left_out &&
	       memcmp(a->route, b->route, a->count * sizeof(a->route[0])) == 0;
}

/* Into the tables; what was there stays when that fails. */
static int use_routes(struct dataplane *dp, unsigned int iface, const struct iface_routes *next,
                      struct err *err)
{
	const struct iface_routes *old = dp->iface[iface].learnt;
	int rc;

	dp->iface[iface].learnt = next;
	rc = dataplane_tables_update(dp, iface == PORT_WAN, err);
	if (rc == 0)
		return 0;
	dp->iface[iface].learnt = old;
	dataplane_tables_update(dp, iface == PORT_WAN, NULL);
	return rc;
}

static void learn(struct dataplane *dp, unsigned int iface, unsigned int max)
{
	const struct iface_routes *old = dp->iface[iface].learnt;
	struct learn *l = &dp->learn;
	struct iface_routes *next = routes_alloc(max);
	struct err err = {0};
	int rc;

	rc = next != NULL ? exception_path_routes(dp->exceptions, iface, next, max, &err)
	                  : err_set(&err, ENOMEM, "no memory");
	if (rc == 0 && (old != NULL ? same_routes(old, next) : next->count + next->left_out == 0)) {
		free(next);
		l->failed[iface] = false;
		return;
	}
	if (rc == 0)
		rc = use_routes(dp, iface, next, &err);
	l->failed[iface] = rc < 0;
	if (rc < 0) {
		free(next);
		/* Once more, while they may only be in the middle of a change. */
		l->changed_ns = l->first_ns = clock_mono_ns();
		l->pending |= rc == -EAGAIN || rc == -ENOBUFS;
		log_warn("interface %s: routes of daemons: %s",
		         exception_path_name(dp->exceptions, iface), err.text);
		return;
	}
	free((void *)(uintptr_t)old);
	log_debug("interface %s: %u routes of daemons, %u left out",
	          exception_path_name(dp->exceptions, iface), next->count, next->left_out);
}

/* How many an interface takes over at most. */
static unsigned int learn_most(const struct config *c, unsigned int iface)
{
	if (iface < IFACE_SUBS)
		return (iface == PORT_LAN ? &c->lan : &c->wan)->learn_routes;
	iface -= IFACE_SUBS;
	return iface < c->lan_sub_count ? c->lan_subs[iface].port.learn_routes : 0;
}

static void poll_routes(struct dataplane *dp, bool changed, uint64_t now_ns)
{
	struct learn *l = &dp->learn;

	if (changed) {
		if (!l->pending)
			l->first_ns = now_ns;
		l->changed_ns = now_ns;
		l->pending = true;
	}
	if (!l->pending || now_ns < l->next_ns ||
	    (now_ns - l->changed_ns < LEARN_QUIET_NS && now_ns - l->first_ns < LEARN_LATE_NS))
		return;
	l->pending = false;
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (learn_most(&dp->config, i) > 0)
			learn(dp, i, learn_most(&dp->config, i));
	l->next_ns = clock_mono_ns() + LEARN_AGAIN_NS;
}

void dataplane_exceptions(struct dataplane *dp)
{
	uint64_t now_ns = clock_mono_ns();
	unsigned int changed;

	if (dp->exceptions == NULL)
		return;
	changed = exception_path_poll(dp->exceptions, now_ns);
	for (unsigned int i = 0; (changed & TAP_ADDRESSES) != 0 && i < IFACES_MAX; i++)
		read_virtual(dp, i);
	poll_routes(dp, (changed & TAP_ROUTES) != 0, now_ns);
}

void dataplane_learnt(const struct dataplane *dp, unsigned int iface, struct dataplane_learnt *out)
{
	const struct iface_routes *r = dp->iface[iface].learnt;

	*out = (struct dataplane_learnt){.most = learn_most(&dp->config, iface),
	                                 .failed = dp->learn.failed[iface]};
	if (r == NULL)
		return;
	out->count = r->count;
	out->left_out = r->left_out;
	out->route = r->route;
}
