/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tunnels that come and go while packets are forwarded. New ones are whole before a route leads to
 * them; old ones are destroyed when no route does, their SAs are out of the SAD and every
 * forwarding lcore has been quiescent since. The others are not touched.
 */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <string.h>

#include "common/secret.h"

LOG_COMPONENT_DEFINE(dataplane_change)

static bool is_there(const struct config *c, unsigned int t)
{
	return t < c->tunnel_count && config_tunnel_used(&c->tunnels[t]);
}

static bool is_new(const struct dataplane *dp, const struct config *next, unsigned int t)
{
	return is_there(next, t) && dp->tunnel[t] == NULL;
}

static bool is_change(const struct dataplane *dp, const struct config *next)
{
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		if (is_there(next, t) != (dp->tunnel[t] != NULL))
			return true;
	return false;
}

/* What was set aside at the start is for the tunnels of then, with room for some more. */
static int check_room(const struct dataplane *dp, const struct config *next, struct err *err)
{
	size_t room = secret_size() - secret_used(), secret = 0;
	unsigned int sessions = 0;

	for (unsigned int t = 0; t < next->tunnel_count; t++) {
		if (!is_there(next, t))
			continue;
		sessions += dp->cipher == NULL ? 0 : dataplane_tunnel_sessions(next, t);
		if (!is_new(dp, next, t))
			continue;
		secret += dataplane_tunnel_secret(next, t);
		if (secret > room)
			return err_set(
			        err, ENOMEM,
			        "tunnel %s: its keys need %zu KiB of secret memory, %zu are left: "
			        "restart the gateway",
			        next->tunnels[t].name, secret >> 10, room >> 10);
		if (sessions > dp->sessions)
			return err_set(
			        err, ENOSPC,
			        "tunnel %s: the crypto device was set up for %u keys: restart "
			        "the gateway",
			        next->tunnels[t].name, dp->sessions);
	}
	return 0;
}

/* Those that CONFIG does not have. */
static void destroy_others(struct dataplane *dp, const struct config *config)
{
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++) {
		if (is_there(config, t))
			continue;
		tunnel_destroy(dp->tunnel[t]);
		dp->tunnel[t] = NULL;
	}
}

static int create_new(struct dataplane *dp, const struct config *next, struct err *err)
{
	struct tunnel *list[SAD_TUNNELS_MAX] = {0};
	uint16_t mtu[SAD_TUNNELS_MAX] = {0};

	for (unsigned int t = 0; t < next->tunnel_count; t++) {
		if (!is_there(next, t))
			continue;
		if (dp->tunnel[t] == NULL) {
			dp->tunnel[t] = dataplane_tunnel_create(dp, next, t, err);
			if (dp->tunnel[t] == NULL)
				return -err->code;
			mtu[t] = dataplane_tunnel_mtu(dp, next, t);
		}
		list[t] = dp->tunnel[t];
	}
	return forward_tunnels_prepare(dp->forward, list, mtu, err);
}

int dataplane_tunnels_add(struct dataplane *dp, const struct config *next, struct err *err)
{
	struct err local = {0};
	int rc;

	if (err == NULL)
		err = &local;
	if (!is_change(dp, next))
		return 0;
	rc = dataplane_tunnels_check(next, err);
	if (rc == 0)
		rc = check_room(dp, next, err);
	if (rc == 0) {
		rc = create_new(dp, next, err);
		if (rc < 0)
			destroy_others(dp, &dp->config);
	}
	dp->changing = rc == 0;
	return rc;
}

void dataplane_tunnels_settle(struct dataplane *dp)
{
	if (!dp->changing)
		return;
	dp->changing = false;
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		if (dp->tunnel[t] != NULL && !is_there(&dp->config, t))
			tunnel_close(dp->tunnel[t]);
	forward_tunnels_commit(dp->forward);
	destroy_others(dp, &dp->config);
}

void dataplane_tunnels_cancel(struct dataplane *dp)
{
	if (!dp->changing)
		return;
	dp->changing = false;
	forward_tunnels_cancel(dp->forward);
	destroy_others(dp, &dp->config);
}
