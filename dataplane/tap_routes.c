/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tap_routes.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/bytes.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

struct look {
	const struct tap *tap;
	const struct iface *iface;
	struct iface_routes *out;
	unsigned int max, messages;
	uint8_t family;
};

struct request {
	struct nlmsghdr head;
	struct rtmsg route;
	uint8_t attributes[2 * RTA_SPACE(4)];
};

static void attribute(struct request *r, unsigned short type, uint32_t value)
{
	struct rtattr *a = (void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(4);
	memcpy(RTA_DATA(a), &value, 4);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static uint32_t number(const struct rtattr *a)
{
	uint32_t value = 0;

	if (a != NULL && RTA_PAYLOAD(a) >= 4)
		memcpy(&value, RTA_DATA(a), 4);
	return value;
}

static bool address(const struct rtattr *a, bool ipv6, struct config_addr *out)
{
	size_t size = ipv6 ? 16 : 4;

	memset(out, 0, sizeof(*out));
	out->ipv6 = ipv6;
	if (a == NULL || RTA_PAYLOAD(a) != size)
		return false;
	memcpy(out->bytes, RTA_DATA(a), size);
	return true;
}

/* The attributes that are asked for, of LEN bytes at A, by their type. */
static void attributes(const struct rtattr *a, size_t len, const struct rtattr **by_type)
{
	memset(by_type, 0, (RTA_MAX + 1) * sizeof(*by_type));
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type <= RTA_MAX)
			by_type[a->rta_type] = a;
}

/* A next hop in OUT; false: by another interface. */
static bool one_hop(const struct look *l, bool ipv6, uint32_t index, const struct rtattr *gateway,
                    unsigned int flags, struct config_addr *out)
{
	if (index != l->tap->index)
		return false;
	/* What is not to be used has no address. */
	if ((flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0)
		gateway = NULL;
	address(gateway, ipv6, out);
	return true;
}

/* The first next hop by the tap. */
static bool next_hop(const struct look *l, bool ipv6, unsigned int flags,
                     const struct rtattr **by_type, struct config_addr *out)
{
	const struct rtattr *paths = by_type[RTA_MULTIPATH];
	const struct rtattr *inner[RTA_MAX + 1];
	const struct rtnexthop *hop;
	bool found = false;
	size_t len;

	if (paths == NULL)
		return one_hop(l, ipv6, number(by_type[RTA_OIF]), by_type[RTA_GATEWAY], flags, out);
	hop = RTA_DATA(paths);
	len = RTA_PAYLOAD(paths);
	while (len >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= len) {
		static const struct config_addr none;

		attributes(RTNH_DATA(hop), hop->rtnh_len - sizeof(*hop), inner);
		found |= one_hop(l, ipv6, (uint32_t)hop->rtnh_ifindex, inner[RTA_GATEWAY],
		                 hop->rtnh_flags, out);
		if (found && memcmp(out->bytes, none.bytes, sizeof(none.bytes)) != 0)
			return true;
		if ((size_t)RTNH_ALIGN(hop->rtnh_len) >= len)
			break;
		len -= (size_t)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return found;
}

/* RFC 1122 section 3.2.1.3, RFC 1112, RFC 4291 sections 2.5 and 2.7. */
static bool martian(const struct config_prefix *p)
{
	static const uint8_t loop[16] = {[15] = 1}, link[16] = {0xfe, 0x80};
	const uint8_t *a = p->addr.bytes;

	if (!p->addr.ipv6)
		return (p->len >= 8 && (a[0] == 0 || a[0] == 127)) || a[0] >= 224;
	return a[0] == 0xff || (p->len >= 10 && prefix_matches(link, a, 10)) ||
	       (p->len >= 127 && prefix_matches(loop, a, 127));
}

static void take(struct look *l, const struct iface_route *route)
{
	struct iface_routes *out = l->out;

	if (out->count > 0) {
		struct iface_route *last = &out->route[out->count - 1];

		/* Those to one prefix follow each other. */
		if (last->prefix.len == route->prefix.len &&
		    config_addr_equal(&last->prefix.addr, &route->prefix.addr)) {
			if (route->metric < last->metric)
				*last = *route;
			return;
		}
	}
	if (out->count == l->max) {
		out->left_out++;
		return;
	}
	out->route[out->count++] = *route;
}

static void read_route(struct look *l, const struct nlmsghdr *head)
{
	const struct rtmsg *r = NLMSG_DATA(head);
	const struct rtattr *by_type[RTA_MAX + 1];
	struct iface_route route;
	bool ipv6;

	if (head->nlmsg_type != RTM_NEWROUTE || head->nlmsg_len < NLMSG_LENGTH(sizeof(*r)) ||
	    r->rtm_family != l->family || r->rtm_type != RTN_UNICAST ||
	    (r->rtm_flags & RTM_F_CLONED) != 0 || r->rtm_protocol == RTPROT_KERNEL ||
	    r->rtm_protocol == RTPROT_REDIRECT || r->rtm_protocol == RTPROT_RA)
		return;
	ipv6 = r->rtm_family == AF_INET6;
	attributes(RTM_RTA(r), head->nlmsg_len - NLMSG_LENGTH(sizeof(*r)), by_type);
	if ((by_type[RTA_TABLE] != NULL ? number(by_type[RTA_TABLE]) : r->rtm_table) !=
	    RT_TABLE_MAIN)
		return;
	memset(&route, 0, sizeof(route));
	address(by_type[RTA_DST], ipv6, &route.prefix.addr);
	route.prefix.len = r->rtm_dst_len;
	route.metric = number(by_type[RTA_PRIORITY]);
	if (!next_hop(l, ipv6, r->rtm_flags, by_type, &route.next_hop))
		return;
	if (r->rtm_src_len != 0 || r->rtm_tos != 0 || martian(&route.prefix) ||
	    !iface_on_link(l->iface, &route.next_hop) ||
	    iface_owns(l->iface, ipv6, route.next_hop.bytes))
		l->out->left_out++;
	else
		take(l, &route);
}

/* The kernel's answer until its end: 0, or -errno. */
static int read_answer(struct look *l, int fd)
{
	_Alignas(struct nlmsghdr) uint8_t buf[32768];

	while (l->messages < TAP_ROUTES_LOOK) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *head = (const void *)buf;
		size_t len;

		if (n < 0)
			return -errno;
		for (len = (size_t)n; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
			if ((head->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
				return -EAGAIN;
			if (head->nlmsg_type == NLMSG_DONE)
				return 0;
			if (head->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *e = NLMSG_DATA(head);

				return e->error != 0 ? e->error : -EPROTO;
			}
			l->messages++;
			read_route(l, head);
		}
	}
	return 0;
}

static int look(struct look *l, uint8_t family)
{
	struct timeval patience = {.tv_sec = 1};
	struct request r;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1, rc;

	if (fd < 0)
		return -errno;
	l->family = family;
	l->messages = 0;
	memset(&r, 0, sizeof(r));
	r.head.nlmsg_len = NLMSG_LENGTH(sizeof(r.route));
	r.head.nlmsg_type = RTM_GETROUTE;
	r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	r.route.rtm_family = family;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* From Linux 4.20 on the kernel leaves out what is of other tables and interfaces. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one)) == 0) {
		attribute(&r, RTA_TABLE, RT_TABLE_MAIN);
		attribute(&r, RTA_OIF, l->tap->index);
	}
	rc = send(fd, &r, r.head.nlmsg_len, 0) < 0 ? -errno : read_answer(l, fd);
	close(fd);
	/* A kernel without IPv6 has no such table. */
	return family == AF_INET6 && (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP || rc == -ENOENT)
	               ? 0
	               : rc;
}

int tap_list_routes(const struct tap *t, const struct iface *iface, struct iface_routes *out,
                    unsigned int max, struct err *err)
{
	struct look l = {.tap = t, .iface = iface, .out = out, .max = max};
	int rc;

	out->count = out->left_out = 0;
	rc = look(&l, AF_INET);
	if (rc == 0)
		rc = look(&l, AF_INET6);
	return rc == 0 ? 0 : err_set(err, -rc, "interface %s: routes: %s", t->name, strerror(-rc));
}
