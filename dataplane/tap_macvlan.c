/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tap_macvlan.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/iface.h"

/* What the kernel knows of a link, in BUF; its length, or 0. */
static size_t ask(unsigned int index, void *buf, size_t size)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} request = {.head = {.nlmsg_len = sizeof(request),
	                      .nlmsg_type = RTM_GETLINK,
	                      .nlmsg_flags = NLM_F_REQUEST},
	             .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = send(fd, &request, sizeof(request), 0);
	if (n > 0)
		n = recv(fd, buf, size, 0);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

bool tap_macvlan(const struct tap *t, const char *interface, struct rte_ether_addr *mac)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	const struct nlmsghdr *head = (const void *)buf;
	unsigned int index = if_nametoindex(interface);
	size_t len = index != 0 ? ask(index, buf, sizeof(buf)) : 0;
	bool above = false, virtual_ = false;
	const struct ifinfomsg *link;
	const struct rtattr *a;

	if (!NLMSG_OK(head, len) || head->nlmsg_type != RTM_NEWLINK)
		return false;
	link = NLMSG_DATA(head);
	if (link->ifi_index != (int)index || (link->ifi_flags & IFF_UP) == 0)
		return false;
	len = IFLA_PAYLOAD(head);
	for (a = IFLA_RTA(link); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_LINK && RTA_PAYLOAD(a) >= sizeof(t->index)) {
			above = memcmp(RTA_DATA(a), &t->index, sizeof(t->index)) == 0;
		} else if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == sizeof(*mac)) {
			memcpy(mac, RTA_DATA(a), sizeof(*mac));
			virtual_ = iface_is_virtual_mac(mac);
		}
	}
	return above && virtual_;
}
