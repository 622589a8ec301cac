# SPDX-License-Identifier: BSD-3-Clause
"""tshark, told the keys of a run, decrypts the whole WAN into the very packets of the LANs.

Two of our gateways back to back, as the demo lays them, but keyed by the test. tshark 4.0
knows no extended sequence numbers: it decrypts, but computes another ICV than the packet's. So
OpenSSL checks each ICV, and its plaintext must be tshark's too.
"""

import ipaddress
import json
import os
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway import BUILD, ROOT, StaticGateway, configuration
from pcap import Capture
from rig import LAN, LAN6, Rig, SITES, WAN

WAN6 = {"a": "fd00:ff::1", "b": "fd00:ff::2"}
OTHER = {"a": "b", "b": "a"}
TRAFFIC = os.path.join(ROOT, "tests", "interop", "traffic.py")
ETHERNET = 14
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806


class Sites:
    """Two gateways keyed by the test: IPv4 in IPv4, IPv6 in IPv6."""

    def __init__(self, rig):
        self.rig = rig
        self.keys = {}  # SPI -> key and salt
        self.generation = 0
        self.gateways = {}
        ring = f"framecnt={rig.memory.ring_frames},blocksz=65536,framesz=2048"
        for site, other in OTHER.items():
            self.gateways[site] = StaticGateway(rig.dir, configuration(
                "gw-" + site,
                (f"net_af_packet0,iface=lan0,{ring}", 1500,
                 [f"{LAN[site]}.1/24", f"{LAN6[site]}1/64"]),
                (f"net_af_packet1,iface=wan0,{ring}", 1600,
                 [f"{WAN[site]}/30", f"{WAN6[site]}/64"]),
                [{"name": "four", "local": WAN[site], "remote": WAN[other]},
                 {"name": "six", "local": WAN6[site], "remote": WAN6[other]}],
                {f"{LAN[other]}.0/24": "four", f"{LAN6[other]}/64": "six"}),
                before=rig.in_gateway(site))

    def rekey(self):
        self.generation += 1
        for i, tunnel in enumerate(("four", "six")):
            for way, site in enumerate(SITES):
                spi = 0x100000 * self.generation + 0x10000 * i + 0x1000 * (way + 1)
                key = os.urandom(36)
                self.keys[spi] = key
                arguments = (tunnel, self.generation, f"{spi:x}", key.hex())
                self.gateways[OTHER[site]].command("install", *arguments)
                self.gateways[site].command("switch", *arguments)
                if self.generation > 2:
                    self.gateways[OTHER[site]].command("retire", tunnel, self.generation - 2)

    def kill(self):
        for gateway in self.gateways.values():
            gateway.kill()


@pytest.fixture
def sites():
    with Rig(build=BUILD, quantum=False) as rig:
        rig.wire()
        sites = Sites(rig)
        try:
            yield sites
        finally:
            sites.kill()


def traffic(sites):
    """Ping, TCP and numbered datagrams of all sizes, both ways, over three rekeyings."""
    rig = sites.rig
    sites.rekey()
    for site, other in OTHER.items():
        for target in (f"{LAN[other]}.2", f"{LAN6[other]}2"):
            assert rig.ping(3, 0.2, site, target) == (3, 3)
            for size in range(8, 1453, 76 if site == "a" else 35):
                subprocess.run([*rig.in_ns("dc-" + site), "ping", "-n", "-q", "-c", "1", "-W", "2",
                                "-s", str(size), target], check=True, stdout=subprocess.DEVNULL)
    sites.rekey()
    server = subprocess.Popen([*rig.in_ns("dc-b"), "iperf3", "-s"], stdout=subprocess.DEVNULL)
    try:
        for words in ([], ["-R"]):
            for target in (f"{LAN['b']}.2", f"{LAN6['b']}2"):
                rig.wait_for(lambda t=target, w=words: subprocess.run(
                    [*rig.in_ns("dc-a"), "iperf3", "-n", "500K", "-b", "8M", "-c", t, *w],
                    stdout=subprocess.DEVNULL).returncode == 0, 30, "iperf3")
    finally:
        server.terminate()
        server.wait()
    # Somebody must listen, or there would be answers of ICMP.
    receivers = [subprocess.Popen([*rig.in_ns("dc-" + site), "/usr/bin/python3", TRAFFIC, "recv",
                                   "5000"], stdout=subprocess.PIPE) for site in SITES]
    senders = []
    time.sleep(1)
    for site, other in OTHER.items():
        for source, target in ((f"{LAN[site]}.2", f"{LAN[other]}.2"),
                               (f"{LAN6[site]}2", f"{LAN6[other]}2")):
            senders.append(subprocess.Popen(
                [*rig.in_ns("dc-" + site), "/usr/bin/python3", TRAFFIC, "send", source, target,
                 "5000", "200", "400", "333"], stdout=subprocess.PIPE))
    for _ in range(2):
        time.sleep(0.7)
        sites.rekey()
    for sender in senders:
        out, _ = sender.communicate(timeout=60)
        assert sender.returncode == 0 and json.loads(out)["sent"] == 400
    time.sleep(0.3)
    for receiver in receivers:
        receiver.terminate()
        out, _ = receiver.communicate(timeout=20)
        # IPv4 and IPv6 carry the same numbers.
        assert json.loads(out)["twice"] == 400


def tshark(path, keys):
    """{frame number: decrypted text} and the inner protocols that tshark saw."""
    command = ["tshark", "-n", "-r", path, "-Y", "esp", "-o", "esp.enable_encryption_decode:TRUE"]
    for spi, key in keys.items():
        for version in ("IPv4", "IPv6"):
            command += ["-o", f'uat:esp_sa:"{version}","*","*","0x{spi:08x}",'
                              f'"AES-GCM with 16 octet ICV [RFC4106]","0x{key.hex()}","NULL",""']
    command += ["-T", "fields", "-e", "frame.number", "-e", "esp.decrypted_data",
                "-e", "frame.protocols"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return ({int(number) - 1: bytes.fromhex(text) for number, text, _ in rows},
            {protocols for *_, protocols in rows})


class Packet:
    """What a test needs of an IP packet."""

    def __init__(self, data):
        self.version = data[0] >> 4
        if self.version == 4:
            self.data = data[:struct.unpack_from("!H", data, 2)[0]]
            self.protocol, self.header = data[9], (data[0] & 15) * 4
            self.source, self.target = (str(ipaddress.ip_address(data[i:i + 4])) for i in (12, 16))
        else:
            self.data = data[:40 + struct.unpack_from("!H", data, 4)[0]]
            self.protocol, self.header = data[6], 40
            self.source, self.target = (str(ipaddress.ip_address(data[i:i + 16])) for i in (8, 24))


def ip_packet(frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    return Packet(frame[ETHERNET:]) if kind in (IPV4, IPV6) else None


def a_hop_on(data):
    """DATA as a router forwards it: TTL less one, and IPv4's header checksum."""
    out = bytearray(data)
    if data[0] >> 4 == 6:
        out[7] -= 1
        return bytes(out)
    out[8] -= 1
    header = (data[0] & 15) * 4
    out[10:12] = b"\0\0"
    total = sum(struct.unpack_from(f"!{header // 2}H", out))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", out, 10, ~total & 0xFFFF)
    return bytes(out)


def crossing(frames, site):
    """IP version -> packets from SITE's host to the other site's, in order."""
    found = {4: [], 6: []}
    source = {4: f"{LAN[site]}.2", 6: f"{LAN6[site]}2"}
    target = {4: f"{LAN[OTHER[site]]}.2", 6: f"{LAN6[OTHER[site]]}2"}
    for packet in filter(None, map(ip_packet, frames)):
        v = packet.version
        if (packet.source, packet.target) == (source[v], target[v]):
            found[v].append(packet.data)
    return found


def opened_by_openssl(esp, keys):
    """The plaintext of an ESP packet whose ICV is right: RFC 4106 with ESN."""
    spi, low = struct.unpack_from("!II", esp)
    key = keys[spi]
    aad = struct.pack("!IQ", spi, low)  # nobody sends 2^32 packets here
    return spi, low, AESGCM(key[:32]).decrypt(key[32:] + esp[8:16], esp[16:], aad)


def without_trailer(text):
    pad, protocol = text[-2], text[-1]
    assert protocol in (4, 41)
    assert text[len(text) - 2 - pad:-2] == bytes(range(1, pad + 1))
    return text[:len(text) - 2 - pad]


def is_tcp(packet):
    return packet[9 if packet[0] >> 4 == 4 else 6] == 6


def same(got, wanted):
    """The same packets, each once, and pings and datagrams in their order.

    TCP's may differ in theirs: a host sends them from its process and, as answers come in, from
    the CPU that receives those, and which of two CPUs' packets a capture sees first is not which
    one comes first to the gateway.
    """
    assert len(got) == len(wanted)
    # In place of ==, whose message would be all packets.
    for g, w in ((sorted(got), sorted(wanted)),
                 ([p for p in got if not is_tcp(p)], [p for p in wanted if not is_tcp(p)])):
        differ = [i for i, (x, y) in enumerate(zip(g, w)) if x != y]
        i = differ[0] if differ else 0
        assert len(g) == len(w) and not differ, (
            len(g), len(w), i, g[i][:64].hex(), w[i][:64].hex())


def test_tshark_decrypts_the_wan_into_the_packets_of_the_lans(sites):
    rig = sites.rig
    captures = {"a": Capture(rig.in_ns("dc-a"), "lan0", rig.path("lan-a.pcap")),
                "b": Capture(rig.in_ns("dc-b"), "lan0", rig.path("lan-b.pcap")),
                "wan": Capture(rig.in_ns("wan"), "wa", rig.path("wan.pcap"))}
    try:
        traffic(sites)
        frames = {name: capture.stop() for name, capture in captures.items()}
    finally:
        for capture in captures.values():
            capture.kill()
    for gateway in sites.gateways.values():
        state = gateway.read()
        # What a full ring in the kernel lost was seen on the LAN, but not by the gateway.
        assert [port["rx_missed"] for port in state["ports"].values()] == [0, 0]
        counters = state["counters"]
        drops = {name: n for name, n in counters.items() if name.startswith("drop.") and n}
        # Of ARP and ND the peer's probes of its own addresses, which are not for this end.
        assert set(drops) <= {"drop.arp", "drop.multicast", "drop.nd"}, drops
        gateway.quit()

    decrypted, protocols = tshark(rig.path("wan.pcap"), sites.keys)
    assert any("esp:ip:tcp" in p for p in protocols), protocols
    assert any("esp:ipv6:udp" in p for p in protocols), protocols

    # The whole of the WAN: ESP of known SAs, ARP and ND; each number of an SA once, in order.
    crossed = {(site, v): [] for site in SITES for v in (4, 6)}
    numbers = {}
    for i, frame in enumerate(frames["wan"]):
        packet = ip_packet(frame)
        if packet is None:
            assert struct.unpack_from("!H", frame, 12)[0] == ARP
            continue
        if packet.protocol != 50:
            assert packet.protocol == 58 and packet.data[40] in (135, 136), packet.data.hex()
            continue
        spi, number, text = opened_by_openssl(packet.data[packet.header:], sites.keys)
        assert decrypted[i] == text
        assert number == numbers.get(spi, 0) + 1
        numbers[spi] = number
        inner = without_trailer(text)
        site = "a" if packet.source in (WAN["a"], WAN6["a"]) else "b"
        assert packet.target in (WAN[OTHER[site]], WAN6[OTHER[site]])
        assert inner[0] >> 4 == packet.version  # as the routes have it
        crossed[site, packet.version].append(inner)
    assert set(numbers) == set(sites.keys)

    for site in SITES:
        sent, got = crossing(frames[site], site), crossing(frames[OTHER[site]], site)
        for v in (4, 6):
            wan = crossed[site, v]
            assert len(wan) > 600, (site, v)
            same(wan, [a_hop_on(packet) for packet in sent[v]])
            same(got[v], [a_hop_on(packet) for packet in wan])
