/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(tap)

#ifndef TUNSETCARRIER /* Linux 5.0 */
#define TUNSETCARRIER _IOW('T', 226, int)
#endif

#define SEGMENTS 16

/* Of an interface; 0, or the error: -ENOENT when the kernel does not know it. */
static int set_option(const char *family, const char *interface, const char *option, char value)
{
	char path[128], now = '\0';
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, option);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, &now, 1) != 1)
		now = '\0';
	close(fd);
	/* A container may see what it may not write. */
	if (now == value)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, &value, 1) != 1)
		rc = -errno;
	close(fd);
	return rc;
}

/* What must hold: it does not forward, and it does not answer for the data plane. */
static int set_options(const char *name, struct err *err)
{
	static const struct {
		const char *family, *option;
		char value;
		bool must;
	} option[] = {
	        {"ipv4", "forwarding", '0', true},
	        {"ipv4", "arp_ignore", '8', true},
	        {"ipv6", "disable_ipv6", '0', false},
	        {"ipv6", "forwarding", '0', true},
	        {"ipv6", "accept_ra", '0', true},
	        {"ipv6", "accept_redirects", '0', true},
	        {"ipv4", "accept_redirects", '0', false},
	        /* The port's addresses are the data plane's to defend. */
	        {"ipv6", "accept_dad", '0', false},
	        {"ipv6", "dad_transmits", '0', false},
	        /* The same link-local address as the port's. */
	        {"ipv6", "addr_gen_mode", '0', false},
	        /* Who takes it down and up again finds its addresses there. */
	        {"ipv6", "keep_addr_on_down", '1', false},
	};

	for (unsigned int i = 0; i < RTE_DIM(option); i++) {
		int rc = set_option(option[i].family, name, option[i].option, option[i].value);

		if (rc == -ENOENT && strcmp(option[i].family, "ipv6") == 0)
			continue; /* a kernel without IPv6 */
		if (rc < 0 && option[i].must)
			return err_set(err, -rc, "interface %s: net.%s.conf.%s.%s: %s", name,
			               option[i].family, name, option[i].option, strerror(-rc));
		if (rc < 0)
			log_warn("interface %s: net.%s.conf.%s.%s: %s", name, option[i].family,
			         name, option[i].option, strerror(-rc));
	}
	return 0;
}

static int bring_up(const char *name, const struct rte_ether_addr *mac, uint16_t mtu,
                    struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq hw, size, flags;

	if (fd < 0)
		return err_set(err, errno, "interface %s: %s", name, strerror(errno));
	memset(&hw, 0, sizeof(hw));
	snprintf(hw.ifr_name, sizeof(hw.ifr_name), "%s", name);
	size = flags = hw;
	hw.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(hw.ifr_hwaddr.sa_data, mac, sizeof(*mac));
	size.ifr_mtu = mtu;
	if (ioctl(fd, SIOCSIFHWADDR, &hw) < 0)
		rc = err_set(err, errno, "interface %s: MAC address: %s", name, strerror(errno));
	else if (ioctl(fd, SIOCSIFMTU, &size) < 0)
		rc = err_set(err, errno, "interface %s: mtu %u: %s", name, mtu, strerror(errno));
	else if (ioctl(fd, SIOCGIFFLAGS, &flags) < 0)
		rc = err_set(err, errno, "interface %s: %s", name, strerror(errno));
	flags.ifr_flags |= IFF_UP;
	if (rc == 0 && ioctl(fd, SIOCSIFFLAGS, &flags) < 0)
		rc = err_set(err, errno, "interface %s: up: %s", name, strerror(errno));
	close(fd);
	return rc;
}

int tap_open(struct tap *t, const char *name, const struct rte_ether_addr *mac, uint16_t mtu,
             struct err *err)
{
	struct ifreq ifr;
	int rc;

	memset(t, 0, sizeof(*t));
	memset(&ifr, 0, sizeof(ifr));
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return err_set(err, errno, "interface %s: /dev/net/tun: %s", name, strerror(errno));
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0)
		rc = err_set(err, errno, "interface %s: cannot be made: %s", name, strerror(errno));
	else
		rc = set_options(name, err);
	if (rc == 0)
		rc = bring_up(name, mac, mtu, err);
	if (rc < 0) {
		tap_close(t);
		return rc;
	}
	t->index = if_nametoindex(name);
	return 0;
}

void tap_close(struct tap *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

bool tap_exists(const struct tap *t)
{
	struct ifreq ifr;

	return ioctl(t->fd, TUNGETIFF, &ifr) == 0;
}

bool tap_write(const struct tap *t, const struct rte_mbuf *m)
{
	struct iovec part[SEGMENTS];
	int n = 0;

	for (; m != NULL; m = m->next) {
		if (n == SEGMENTS)
			return false;
		part[n++] = (struct iovec){rte_pktmbuf_mtod(m, void *), rte_pktmbuf_data_len(m)};
	}
	return writev(t->fd, part, n) > 0;
}

uint16_t tap_read(const struct tap *t, void *buf, uint16_t size)
{
	ssize_t n = read(t->fd, buf, size);

	return n > 0 ? (uint16_t)n : 0;
}

void tap_set_carrier(const struct tap *t, bool up)
{
	int value = up;

	/* An older kernel leaves it up. */
	ioctl(t->fd, TUNSETCARRIER, &value);
}

void tap_silence(const char *interface)
{
	/* The way back to any source is by the tap, so that a strict check refuses all. */
	if (set_option("ipv4", interface, "rp_filter", '1') < 0)
		log_warn("interface %s: net.ipv4.conf.%s.rp_filter cannot be set: the kernel may "
		         "answer for the gateway's addresses a second time",
		         interface, interface);
	set_option("ipv4", interface, "arp_ignore", '8');
	set_option("ipv6", interface, "disable_ipv6", '1');
}
