# SPDX-License-Identifier: BSD-3-Clause
"""A Linux kernel as the other end of our tunnels.

      gateway under test (static_gateway)             virtual machine
    LAN 10.1.0.1, fd00:1::1 ---- vhost-user ---- eth1 in namespace "lan": 10.1.0.2, fd00:1::2
    WAN 192.0.2.1, fd00:ff::1 -- vhost-user ---- eth0: 192.0.2.2 .., fd00:ff::2, xfrm

Both ends of every packet are in the machine, in two namespaces: the host behind our gateway,
and the host behind the kernel's end. Between them there is nothing but our gateway.
"""

import json
import os
import re

from gateway import BUILD, ROOT, Counting, StaticGateway, configuration
from vm import Vm
from vm_image import Image

LAN_MTU, WAN_MTU = 9000, 9200
HOST = {4: "10.1.0.2", 6: "fd00:1::2"}       # behind our gateway
HOST_NET = {4: "10.1.0.0/24", 6: "fd00:1::/64"}
PING_HEADERS = {4: 28, 6: 48}                # IP and ICMP
ETHERNET = 14
GATEWAY_WAN = {4: "192.0.2.1", 6: "fd00:ff::1"}


class Tunnel:
    """Ours from LOCAL to REMOTE; behind the kernel's end is network NUMBER."""

    def __init__(self, name, number, remote, outer, **settings):
        self.name, self.number, self.outer = name, number, outer
        self.local, self.remote = GATEWAY_WAN[outer], remote
        self.settings = settings
        self.peer = {4: f"10.2.{number}.1", 6: f"fd00:2:{number}::1"}
        self.peer_net = {4: f"10.2.{number}.0/24", 6: f"fd00:2:{number}::/64"}


TUNNELS = {t.name: t for t in (
    Tunnel("t4", 4, "192.0.2.2", 4),
    Tunnel("t6", 6, "fd00:ff::2", 6),
    # Sequence numbers can begin within a window below 2^32: the narrower, the nearer.
    Tunnel("narrow", 8, "192.0.2.3", 4, **{"replay-window": 64}),
    Tunnel("udp4", 14, "192.0.2.4", 4, encapsulation="udp"),
    Tunnel("udp6", 16, "fd00:ff::4", 6, encapsulation="udp"),
)}
NAT_PORT = 4500


def other_keys(count=1):
    return [os.urandom(36).hex() for _ in range(count)]


class KernelPeer:
    def __init__(self, folder, **resources):
        self.generation = 0
        self.live = {}  # tunnel -> generations on both sides
        here = os.path.dirname(os.path.abspath(__file__))
        image = Image(os.path.join(BUILD, "vm"), {
            "/vm_guest.py": os.path.join(ROOT, "scripts", "lib", "vm_guest.py"),
            "/traffic.py": os.path.join(here, "traffic.py")}).make()
        lan, wan = os.path.join(folder, "lan.sock"), os.path.join(folder, "wan.sock")
        self.gateway = StaticGateway(folder, configuration(
            "gw-kernel",
            (f"net_vhost0,iface={lan},queues=1", LAN_MTU, ["10.1.0.1/24", "fd00:1::1/64"]),
            (f"net_vhost1,iface={wan},queues=1", WAN_MTU, ["192.0.2.1/28", "fd00:ff::1/64"]),
            [{"name": t.name, "local": t.local, "remote": t.remote, **t.settings}
             for t in TUNNELS.values()],
            {t.peer_net[family]: t.name for t in TUNNELS.values() for family in (4, 6)},
            **resources))
        self.vm = Vm(image, folder, [(wan, "52:54:00:00:00:02"), (lan, "52:54:00:00:00:03")])
        try:
            self.vm.start()
            self.set_up()
        except BaseException:
            self.vm.kill()
            self.gateway.kill()
            raise

    def close(self):
        """The guest must be well to the end, and the gateway end with status 0."""
        try:
            self.vm.finish()
            self.gateway.quit()
        finally:
            self.vm.kill()
            self.gateway.kill()

    # --- the guest -------------------------------------------------------------------------

    def set_up(self):
        sh = self.vm.sh
        sh("ip netns add lan && ip link set eth1 netns lan && ip link set lo up &&"
           " ip -n lan link set lo up")
        # Hosts that look for no router: there is nothing to hear but what a test sends.
        for prefix, device in (("", "eth0"), ("ip netns exec lan ", "eth1")):
            sh(f"{prefix}sysctl -q -w net.ipv4.conf.all.rp_filter=0"
               f" net.ipv4.conf.{device}.rp_filter=0 net.ipv6.conf.{device}.accept_ra=0"
               f" net.ipv6.conf.{device}.router_solicitations=0"
               f" net.ipv6.conf.{device}.dad_transmits=0")
        lan = "ip -n lan"
        sh(f"{lan} link set eth1 mtu {LAN_MTU} up && {lan} addr add {HOST[4]}/24 dev eth1 &&"
           f" {lan} addr add {HOST[6]}/64 dev eth1 nodad &&"
           f" {lan} route add default via 10.1.0.1 &&"
           f" {lan} -6 route add default via fd00:1::1")
        sh(f"ip link set eth0 mtu {WAN_MTU} up")
        for t in TUNNELS.values():
            sh(f"ip addr add {t.remote}/{28 if t.outer == 4 else 64} dev eth0"
               f"{' nodad' if t.outer == 6 else ''}")
            sh(f"ip addr add {t.peer[4]}/32 dev lo && ip addr add {t.peer[6]}/128 dev lo nodad")
            # Policies' selectors tell the tunnels apart; the route is for the look-up alone.
        sh(f"ip route add {HOST_NET[4]} via 192.0.2.1 mtu {LAN_MTU} &&"
           f" ip -6 route add {HOST_NET[6]} via fd00:ff::1 mtu {LAN_MTU}")
        sh(f"python3 -S /traffic.py encap {NAT_PORT} </dev/null >/tmp/encap 2>&1 &")
        # What resolving the neighbours costs and drops comes before the tests count.
        for prefix, address in (("", "192.0.2.1"), ("", "fd00:ff::1"),
                                ("ip netns exec lan ", "10.1.0.1"),
                                ("ip netns exec lan ", "fd00:1::1")):
            sh(f"{prefix}ping -c 3 -i 0.3 {address}")
        for t in TUNNELS.values():
            sh(f"ping -c 2 -i 0.3 -I {t.remote} {t.local}")

    def in_lan(self, text):
        return f"ip netns exec lan {text}"

    def listens(self, port, lan):
        """Command that waits until a receiver is there."""
        read = "cat /proc/net/udp6"
        return (f"for i in {{1..50}}; do {self.in_lan(read) if lan else read} |"
                f" grep -q ':{port:04X} ' && break; sleep 0.3; done")

    def ping(self, tunnel, family, words="-c 5 -i 0.1", from_lan=True, seconds=120):
        """(sent, received)."""
        t = TUNNELS[tunnel]
        if from_lan:
            command = self.in_lan(f"ping -n -q -W 1 {words} {t.peer[family]}")
        else:
            command = f"ping -n -q -W 1 -I {t.peer[family]} {words} {HOST[family]}"
        _, out = self.vm.sh(command, seconds, check=False)
        found = re.search(r"(\d+) packets transmitted, (\d+) received", out)
        assert found, out
        return int(found[1]), int(found[2])

    # --- keys ------------------------------------------------------------------------------

    # Commands for the guest, several of which go together: each costs it a good part of a second.

    def state(self, tunnel, inbound, spi, key, esn=True, extra=""):
        t = TUNNELS[tunnel]
        if "encapsulation" in t.settings and "encap" not in extra:
            extra += f" encap espinudp {NAT_PORT} {NAT_PORT} {'0.0.0.0' if t.outer == 4 else '::'}"
        src, dst = (t.local, t.remote) if inbound else (t.remote, t.local)
        # af-unspec: the inner packet may be of the other IP version.
        return (f"ip xfrm state add src {src} dst {dst} proto esp spi {spi:#x}"
                f" reqid {t.number} mode tunnel aead 'rfc4106(gcm(aes))' 0x{key} 128"
                f" replay-window {256 if esn else 32} {extra}"
                f" flag {'esn ' if esn else ''}af-unspec\n")

    def no_states(self, tunnel, spi_in=None, spi_out=None):
        t = TUNNELS[tunnel]
        return "".join(f"ip xfrm state delete dst {dst} proto esp spi {spi:#x}\n"
                       for dst, spi in ((t.remote, spi_in), (t.local, spi_out)) if spi)

    def policies(self, tunnel, spi):
        """Seal with SPI from now on; open whatever has a state."""
        t = TUNNELS[tunnel]
        lines = []
        for family in (4, 6):
            lines.append(
                f"policy update src {t.peer_net[family]} dst {HOST_NET[family]} dir out"
                f" tmpl src {t.remote} dst {t.local} proto esp spi {spi:#x} reqid {t.number}"
                " mode tunnel")
            lines.append(
                f"policy update src {HOST_NET[family]} dst {t.peer_net[family]} dir in"
                f" tmpl src {t.local} dst {t.remote} proto esp reqid {t.number} mode tunnel")
        return "ip -b - <<E\n" + "".join(f"xfrm {line}\n" for line in lines) + "E\n"

    def rekey(self, tunnel, keep=1, esn=True, kernel_keys=None, extra=""):
        """New SAs at both ends: receive sides first, then the transmit sides.

        KEEP generations stay, the newest with them. KERNEL_KEYS: function of the right keys
        (inbound, outbound) to those that the kernel has in their place. Returns the generation.
        """
        self.generation += 1
        # The sub-SA's index is in the low bits: our one core has number 0.
        ours_in, ours_out = (0x10000 * self.generation + 0x1000 * way for way in (1, 2))
        keys = other_keys(2)
        theirs = keys[1], keys[0]
        if kernel_keys is not None:
            theirs = kernel_keys(theirs)
        self.gateway.command("install", tunnel, self.generation, f"{ours_in:x}", keys[0])
        self.guest(self.state(tunnel, True, ours_out, theirs[0], esn) +
                   self.state(tunnel, False, ours_in, theirs[1], esn, extra))
        self.gateway.command("switch", tunnel, self.generation, f"{ours_out:x}", keys[1])
        generations = self.live.setdefault(tunnel, [])
        generations.append((self.generation, ours_out, ours_in))
        old = generations[:-keep]
        del generations[:-keep]
        self.guest(self.policies(tunnel, ours_in) +
                   "".join(self.no_states(tunnel, *spis) for _, *spis in old))
        for generation, *_ in old:
            self.gateway.command("retire", tunnel, generation)
        return self.generation

    def guest(self, lines):
        self.vm.sh("set -e\n" + lines)

    # --- what both ends counted ------------------------------------------------------------

    def kernel_sas(self):
        """SPI -> packets, bytes, and what the kernel refused."""
        out = self.vm.sh("ip -s xfrm state")
        sas = {}
        for block in re.split(r"^(?=src )", out, flags=re.MULTILINE)[1:]:
            spi = int(re.search(r"spi 0x([0-9a-f]+)", block)[1], 16)
            current = re.search(r"lifetime current:\s+(\d+)\(bytes\), (\d+)\(packets\)", block)
            stats = re.search(r"replay-window (\d+) replay (\d+) failed (\d+)", block)
            sas[spi] = {"bytes": int(current[1]), "packets": int(current[2]),
                        "late": int(stats[1]), "replayed": int(stats[2]),
                        "failed": int(stats[3])}
        return sas

    def kernel_errors(self):
        out = self.vm.sh("cat /proc/net/xfrm_stat")
        return {name: int(n) for name, n in (line.split() for line in out.splitlines())
                if int(n)}

    def newest(self, tunnel):
        """The newest SAs of TUNNEL: (kernel in, kernel out, ours in, ours out)."""
        generation, spi_in, spi_out = self.live[tunnel][-1]
        kernel = self.kernel_sas()
        ours = [s for s in self.gateway.read()["tunnels"][tunnel]["sas"]
                if s["generation"] == generation]
        return (kernel[spi_in], kernel[spi_out],
                next(s for s in ours if not s["transmit"]),
                next(s for s in ours if s["transmit"]))

    def traffic(self, words, seconds=120):
        return json.loads(self.vm.sh(f"python3 -S /traffic.py {words}", seconds))


def check_sizes(peer, tunnel, inner):
    """From the smallest frame of Ethernet (64 bytes with FCS) to jumbo, and each padding."""
    smallest = 64 - 4 - ETHERNET if inner == 4 else PING_HEADERS[6] + 8
    sizes = [*range(smallest, smallest + 5), 128, 256, 512, 570, 1023, 1280, 1420,
             1500, 1501, 2047, 2048, 2049, 4096, 8191, LAN_MTU - 3, LAN_MTU - 2, LAN_MTU - 1,
             LAN_MTU]
    peer.rekey(tunnel)
    with Counting(peer.gateway) as n:
        words = " ".join(str(size - PING_HEADERS[inner]) for size in sizes)
        ping = peer.in_lan(f"ping -n -q -W 1 -M do -c 1 -s $s {TUNNELS[tunnel].peer[inner]}")
        out = peer.vm.sh(f"for s in {words}; do {ping} >/dev/null || echo lost $s; done", 180)
    assert out == ""
    assert (n["esp.sealed"], n["esp.opened"]) == (len(sizes), len(sizes))
    assert n.drops() == {}
    _, _, our_in, our_out = peer.newest(tunnel)
    assert our_in["bytes"] == our_out["bytes"] == sum(sizes)
