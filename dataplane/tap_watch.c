/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tap_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reports that one call takes: a routing daemon may send a hundred thousand in a row. */
#define REPORTS 64

int tap_watch_open(bool routes, struct err *err)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK,
	                              .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	/* Links: the kernel does not say of each IPv4 route that its link went down. */
	if (routes)
		address.nl_groups |= RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_LINK;
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err_set(err, errno, "exception path: no reports of addresses and routes: %s",
	        strerror(errno));
	if (fd >= 0)
		close(fd);
	return -err->code;
}

static unsigned int read_reports(const void *buf, size_t len)
{
	unsigned int changed = 0;

	for (const struct nlmsghdr *m = buf; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len))
		switch (m->nlmsg_type) {
		case RTM_NEWADDR:
		case RTM_DELADDR:
			changed |= TAP_ADDRESSES;
			break;
		case RTM_NEWROUTE:
		case RTM_DELROUTE:
		case RTM_NEWLINK:
		case RTM_DELLINK:
			changed |= TAP_ROUTES;
			break;
		default:
			break;
		}
	return changed;
}

unsigned int tap_watch_changed(int fd)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	unsigned int changed = 0;

	for (unsigned int i = 0; i < REPORTS; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n > 0)
			changed |= read_reports(buf, (size_t)n);
		else if (n < 0 && errno == ENOBUFS)
			changed |= TAP_ADDRESSES | TAP_ROUTES;
		else
			break;
	}
	return changed;
}
