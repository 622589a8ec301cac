/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tap_addresses.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "dataplane/tap_macvlan.h"

LOG_COMPONENT_DEFINE(tap)

struct request {
	struct nlmsghdr head;
	struct ifaddrmsg address;
	uint8_t attributes[2 * RTA_SPACE(16) + RTA_SPACE(4)];
};

static void attribute(struct request *r, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

/* 0, or what the kernel said: -errno. */
static int ask(struct request *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t rest[512];
	} answer;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = send(fd, r, r->head.nlmsg_len, 0);
	if (n >= 0)
		n = recv(fd, &answer, sizeof(answer), 0);
	rc = n < 0 ? -errno : 0;
	if (n >= (ssize_t)NLMSG_LENGTH(sizeof(answer.error)) &&
	    answer.head.nlmsg_type == NLMSG_ERROR)
		rc = answer.error.error;
	close(fd);
	return rc;
}

int tap_add_address(const struct tap *t, const struct config_prefix *address, struct err *err)
{
	const struct config_addr *a = &address->addr;
	uint32_t flags = IFA_F_PERMANENT | (a->ipv6 ? IFA_F_NODAD : 0);
	size_t size = a->ipv6 ? 16 : 4;
	struct request r;
	char text[CONFIG_ADDR_TEXT];
	int rc;

	memset(&r, 0, sizeof(r));
	r.head.nlmsg_len = NLMSG_LENGTH(sizeof(r.address));
	r.head.nlmsg_type = RTM_NEWADDR;
	r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	r.address.ifa_family = a->ipv6 ? AF_INET6 : AF_INET;
	r.address.ifa_prefixlen = address->len;
	r.address.ifa_index = t->index;
	attribute(&r, IFA_LOCAL, a->bytes, size);
	attribute(&r, IFA_ADDRESS, a->bytes, size);
	attribute(&r, IFA_FLAGS, &flags, sizeof(flags));
	rc = ask(&r);
	if (rc < 0 && rc != -EEXIST)
		return err_set(err, -rc, "interface %s: address %s: %s", t->name,
		               config_prefix_format(address, text), strerror(-rc));
	return 0;
}

static bool read_address(const struct sockaddr *s, struct config_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return false;
	if (s->sa_family == AF_INET) {
		memcpy(out->bytes, &((const struct sockaddr_in *)(const void *)s)->sin_addr, 4);
		return true;
	}
	out->ipv6 = true;
	memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)s)->sin6_addr, 16);
	return s->sa_family == AF_INET6;
}

static bool configured(const struct iface *iface, const struct config_addr *a)
{
	for (unsigned int i = 0; i < iface->address_count; i++)
		if (config_addr_equal(&iface->address[i].addr, a))
			return true;
	return false;
}

/* The link-local address that a kernel gives an interface with this MAC address. */
static bool made_by_kernel(const struct rte_ether_addr *mac, const struct config_addr *a)
{
	uint8_t own[16];

	ipv6_link_local(mac, own);
	return a->ipv6 && memcmp(own, a->bytes, sizeof(own)) == 0;
}

/* The prefix of IFACE's own address A; false: it is none. */
static bool own_prefix(const struct iface *iface, const struct config_addr *a,
                       struct config_prefix *out)
{
	for (unsigned int i = 0; i < iface->address_count; i++)
		if (config_addr_equal(&iface->address[i].addr, a)) {
			*out = iface->address[i];
			return true;
		}
	*out = (struct config_prefix){.addr = *a, .len = 64}; /* RFC 4291 section 2.5.6 */
	return made_by_kernel(&iface->mac, a);
}

void tap_tell_addresses(const struct tap *t, const struct iface *iface)
{
	struct err err = {0};
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct config_prefix own;
		struct config_addr a;

		/* An address put where it is already changes nothing, and is told. */
		if (strcmp(i->ifa_name, t->name) == 0 && read_address(i->ifa_addr, &a) &&
		    own_prefix(iface, &a, &own) && tap_add_address(t, &own, &err) < 0)
			log_debug("%s", err.text);
	}
	freeifaddrs(list);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct iface_virtual *)NULL)->at[0]));
}

int tap_list_virtual(const struct tap *t, const struct iface *iface, struct iface_virtual *out,
                     struct err *err)
{
	struct ifaddrs *list;

	memset(out, 0, sizeof(*out));
	if (getifaddrs(&list) < 0)
		return err_set(err, errno, "interface %s: addresses: %s", t->name, strerror(errno));
	for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct rte_ether_addr mac = {{0}};
		struct config_addr a;
		char name[IF_NAMESIZE];

		if (!read_address(i->ifa_addr, &a) || configured(iface, &a) ||
		    made_by_kernel(&iface->mac, &a))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(i->ifa_name, ":"), i->ifa_name);
		if (strcmp(name, t->name) != 0 &&
		    (!tap_macvlan(t, name, &mac) || made_by_kernel(&mac, &a)))
			continue;
		if (out->count == IFACE_VIRTUAL_MAX) {
			log_warn("interface %s: more than %u further addresses, the rest is left "
			         "out",
			         t->name, IFACE_VIRTUAL_MAX);
			break;
		}
		out->at[out->count].addr = a;
		out->at[out->count++].mac = mac;
	}
	freeifaddrs(list);
	qsort(out->at, out->count, sizeof(out->at[0]), compare);
	return 0;
}
