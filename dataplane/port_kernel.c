/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_kernel.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool port_kernel_interface(const char *device, char *name, size_t size)
{
	const char *at = strstr(device, ",iface=");
	size_t len;

	if (strncmp(device, "net_af_packet", 13) != 0 || at == NULL)
		return false;
	at += strlen(",iface=");
	len = strcspn(at, ",");
	if (len == 0 || len >= size)
		return false;
	memcpy(name, at, len);
	name[len] = '\0';
	return true;
}

static bool bound_to(int fd, unsigned int interface)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       address.sll_family == AF_PACKET && (unsigned int)address.sll_ifindex == interface;
}

void port_kernel_open(struct port_kernel *k, const char *device)
{
	char name[IF_NAMESIZE];
	unsigned int interface;
	struct dirent *entry;
	DIR *fds;

	memset(k, 0, sizeof(*k));
	if (!port_kernel_interface(device, name, sizeof(name)) ||
	    (interface = if_nametoindex(name)) == 0)
		return;
	memcpy(k->interface, name, sizeof(k->interface));
	fds = opendir("/proc/self/fd");
	if (fds == NULL)
		return;
	while ((entry = readdir(fds)) != NULL && k->count < PORT_KERNEL_SOCKETS) {
		int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);

		if (fd >= 0 && bound_to(fd, interface))
			k->socket[k->count++] = fd;
	}
	closedir(fds);
}

uint64_t port_kernel_missed(struct port_kernel *k)
{
	for (unsigned int i = 0; i < k->count; i++) {
		struct tpacket_stats stats;
		socklen_t len = sizeof(stats);

		/* Reading sets the kernel's counter back to zero. */
		if (getsockopt(k->socket[i], SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
			k->missed += stats.tp_drops;
	}
	return k->missed;
}

/* Its flags with those in SET set and those in CLEAR cleared; -1 and errno. */
static int flags(const struct port_kernel *k, int set, int clear)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, reason;
	struct ifreq request = {0};

	if (fd < 0)
		return -1;
	memcpy(request.ifr_name, k->interface, sizeof(request.ifr_name));
	rc = ioctl(fd, SIOCGIFFLAGS, &request);
	if (rc == 0 && (set | clear) != 0) {
		request.ifr_flags = (short)((request.ifr_flags | set) & ~clear);
		rc = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	reason = errno;
	close(fd);
	errno = reason;
	return rc < 0 ? -1 : (unsigned short)request.ifr_flags;
}

int port_kernel_link(const struct port_kernel *k)
{
	int f = k->interface[0] != '\0' ? flags(k, 0, 0) : -1;

	return f < 0 ? -1 : (f & IFF_UP) != 0 && (f & IFF_RUNNING) != 0;
}

int port_kernel_link_set(const struct port_kernel *k, bool up)
{
	if (k->interface[0] == '\0')
		return -ENODEV;
	return flags(k, up ? IFF_UP : 0, up ? 0 : IFF_UP) < 0 ? -errno : 0;
}
