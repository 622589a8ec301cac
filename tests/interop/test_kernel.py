# SPDX-License-Identifier: BSD-3-Clause
"""ESP between our data plane and the Linux kernel's; see kernel_peer.py for the layout.

Every case looks at the counters of both ends, not just at what came through.
"""

import json
import time

import pytest

from gateway import Counting
from kernel_peer import HOST, LAN_MTU, PING_HEADERS, TUNNELS, check_sizes, other_keys

OUTER = ["t4", "t6"]
INNER = [4, 6]


@pytest.fixture(autouse=True)
def no_errors_of_the_kernel(request, peer):
    """What the kernel counts as errors of xfrm must be what the case expects (see below)."""
    before = peer.kernel_errors()
    expected = {}
    request.node.kernel_errors = expected
    yield
    after = peer.kernel_errors()
    grown = {name: n - before.get(name, 0) for name, n in after.items()
             if n != before.get(name, 0)}
    assert grown == expected


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("tunnel", OUTER)
def test_both_versions_inside_and_outside(peer, tunnel, inner):
    peer.rekey(tunnel)
    with Counting(peer.gateway) as n:
        assert peer.ping(tunnel, inner, "-c 10 -i 0.05") == (10, 10)
        assert peer.ping(tunnel, inner, "-c 10 -i 0.05", from_lan=False) == (10, 10)
    assert (n["esp.sealed"], n["esp.opened"]) == (20, 20)
    assert n.drops() == {}
    kernel_in, kernel_out, our_in, our_out = peer.newest(tunnel)
    assert (kernel_in["packets"], kernel_out["packets"]) == (20, 20)
    assert (our_in["packets"], our_out["packets"]) == (20, 20)
    assert (our_in["sequence"], our_out["sequence"]) == (20, 20)
    assert kernel_in["failed"] == kernel_in["replayed"] == kernel_in["late"] == 0


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("tunnel", OUTER)
def test_sizes(peer, tunnel, inner):
    check_sizes(peer, tunnel, inner)


def one_way(peer, from_lan, size):
    """Three numbered datagrams of SIZE; what the receiver says."""
    peer_address = TUNNELS["t4"].peer[4]
    source, target = (HOST[4], peer_address) if from_lan else (peer_address, HOST[4])
    sender, receiver = (peer.in_lan, str) if from_lan else (str, peer.in_lan)
    out = peer.vm.sh(
        f"{receiver('python3 -S /traffic.py recv 5001')} >/tmp/one.recv & pid=$!\n"
        f"{peer.listens(5001, not from_lan)}\n"
        f"{sender(f'python3 -S /traffic.py send {source} {target} 5001 10 3 {size}')}\n"
        "sleep 0.5; kill $pid; wait $pid; cat /tmp/one.recv")
    sent, received = (json.loads(line) for line in out.splitlines())
    assert sent == {"sent": 3}
    return received


def test_fragments_of_the_host(peer):
    """What a host has fragmented crosses as it is and is put together by the other host."""
    peer.rekey("t4")
    with Counting(peer.gateway) as n:
        received = one_way(peer, True, 20000)
    assert received == {"received": 3, "twice": 0, "reordered": 0}
    assert n["esp.sealed"] == 9
    assert n.drops() == {}


def test_fragments_of_the_tunnel(peer):
    """The kernel seals its own long packets and fragments then: we put nothing together."""
    peer.rekey("t4")
    with Counting(peer.gateway) as n:
        received = one_way(peer, False, 20000)
    assert received["received"] == 0
    assert n["esp.opened"] == 0
    assert n.drops() == {"drop.wan_fragment": 9}


def test_tcp(peer):
    peer.rekey("t4")
    peer.vm.sh("iperf3 -s -D -I /tmp/iperf3.pid")
    try:
        with Counting(peer.gateway) as n:
            for words in ("", "-R"):
                out = peer.vm.sh(peer.in_lan(
                    f"iperf3 -J -t 3 {words} -c {TUNNELS['t4'].peer[4]}"), 120)
                end = json.loads(out)["end"]
                assert end["sum_received"]["bytes"] > 1 << 20, out
    finally:
        peer.vm.sh("kill $(tr -d '\\0' </tmp/iperf3.pid)", check=False)
    drops = n.drops()
    # TCP asks for more than a core gives: only queues may have been full.
    assert set(drops) <= {"drop.lan_tx_full", "drop.wan_tx_full"}, drops
    kernel_in, kernel_out, our_in, our_out = peer.newest("t4")
    assert kernel_in["failed"] == our_in["auth_failed"] == our_in["replayed"] == 0
    assert our_in["packets"] > 1000 or our_out["packets"] > 1000


def carries_both_ways(peer, tunnel, generation, seconds=20):
    """Wait until the SAs of GENERATION have opened and sealed packets; 0 when they do not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sas = peer.gateway.read()["tunnels"][tunnel]["sas"]
        if sum(s["generation"] == generation and s["packets"] > 0 for s in sas) == 2:
            return 1
        time.sleep(0.05)
    return 0


@pytest.mark.parametrize("tunnel", OUTER)
def test_rekey_under_load(peer, tunnel):
    """New keys at both ends every second: nothing is lost, repeated or out of order."""
    t = TUNNELS[tunnel]
    rate, pings, port, rekeys = 250, 200, 5000, 8
    peer.rekey(tunnel)
    receive = f"python3 -S /traffic.py recv {port}"
    send = "python3 -S /traffic.py send"
    from_lan = f"{send} {HOST[4]} {t.peer[4]} {port} {rate} 1000000 300"
    from_peer = f"{send} {t.peer[6]} {HOST[6]} {port} {rate} 1000000 1200"
    ping = f"ping -n -q -i 0.02 -c {pings} {t.peer[6]}"
    peer.vm.sh("rm -f /tmp/*.send /tmp/*.recv /tmp/ping\n"
               f"({receive} >/tmp/peer.recv & echo $! >/tmp/peer.pid\n"
               f"{peer.in_lan(receive)} >/tmp/lan.recv & echo $! >/tmp/lan.pid)"
               " </dev/null >/dev/null 2>&1\n"
               f"{peer.listens(port, False)}\n{peer.listens(port, True)}")
    with Counting(peer.gateway) as n:
        peer.vm.sh(f"({peer.in_lan(from_lan)} >/tmp/lan.send & echo $! >/tmp/send.pid\n"
                   f"{from_peer} >/tmp/peer.send & echo $! >>/tmp/send.pid\n"
                   f"{peer.in_lan(ping)} >/tmp/ping &) </dev/null >/dev/null 2>&1")
        for _ in range(rekeys):
            at = time.monotonic()
            assert carries_both_ways(peer, tunnel, peer.rekey(tunnel, keep=3))
            time.sleep(max(0, at + 1 - time.monotonic()))
        peer.vm.sh("kill $(cat /tmp/send.pid)\n"
                   "for i in {1..100}; do grep -q loss /tmp/ping && break; sleep 0.2; done\n"
                   "sleep 0.5; kill $(cat /tmp/peer.pid /tmp/lan.pid); sleep 1")
    files = {name: peer.vm.sh(f"cat /tmp/{name}")
             for name in ("peer.send", "peer.recv", "lan.send", "lan.recv", "ping")}
    sent = {}
    for source, target in (("peer", "lan"), ("lan", "peer")):
        sent[source] = json.loads(files[source + ".send"])["sent"]
        assert sent[source] > 100
        assert json.loads(files[target + ".recv"]) == {
            "received": sent[source], "twice": 0, "reordered": 0}
    assert " 0% packet loss" in files["ping"], files["ping"]
    assert n.drops() == {}
    # The stream, and the pings that went one way and came the other.
    assert (n["esp.sealed"], n["esp.opened"]) == (sent["lan"] + pings, sent["peer"] + pings)


def test_wrong_key_passes_nothing(peer, request):
    peer.rekey("t4", kernel_keys=lambda right: other_keys(2))
    with Counting(peer.gateway) as n:
        assert peer.ping("t4", 4, "-c 10 -i 0.05") == (10, 0)
        assert peer.ping("t4", 6, "-c 10 -i 0.05", from_lan=False) == (10, 0)
    assert (n["esp.sealed"], n["esp.opened"]) == (10, 0)
    assert n.drops() == {"drop.auth": 10}
    kernel_in, kernel_out, our_in, _ = peer.newest("t4")
    assert our_in["auth_failed"] == 10 and our_in["packets"] == 0
    assert kernel_in["failed"] == 10 and kernel_in["packets"] == 0
    assert kernel_out["packets"] == 10
    request.node.kernel_errors["XfrmInStateProtoError"] = 10


def test_wrong_salt_passes_nothing(peer, request):
    """The salt is no secret of AES, but the nonce begins with it (RFC 4106 section 4)."""
    def salted(right):
        return [key[:64] + f"{int(key[64:], 16) ^ 1:08x}" for key in right]

    peer.rekey("t4", kernel_keys=salted)
    with Counting(peer.gateway) as n:
        assert peer.ping("t4", 4, "-c 5 -i 0.05") == (5, 0)
        assert peer.ping("t4", 4, "-c 5 -i 0.05", from_lan=False) == (5, 0)
    assert n.drops() == {"drop.auth": 5} and n["esp.opened"] == 0
    request.node.kernel_errors["XfrmInStateProtoError"] = 5


def test_peer_without_esn_passes_nothing(peer, request):
    """We always use extended sequence numbers, whose high half the ICV covers (RFC 4106 5)."""
    peer.rekey("t4", esn=False)
    with Counting(peer.gateway) as n:
        assert peer.ping("t4", 4, "-c 5 -i 0.05") == (5, 0)
        assert peer.ping("t4", 4, "-c 5 -i 0.05", from_lan=False) == (5, 0)
    assert n["esp.opened"] == 0
    assert n.drops() == {"drop.auth": 5}
    assert peer.newest("t4")[0]["failed"] == 5
    request.node.kernel_errors["XfrmInStateProtoError"] = 5
    peer.rekey("t4")
    assert peer.ping("t4", 4) == (5, 5)


def test_sequence_passes_32_bits(peer):
    """The kernel's numbers run over 2^32: we infer the high half and go on."""
    before = 100
    peer.rekey("narrow", extra=f"replay-oseq {2**32 - before - 1:#x}")
    with Counting(peer.gateway) as n:
        assert peer.ping("narrow", 4, "-c 150 -i 0.01", from_lan=False) == (150, 150)
    assert n.drops() == {} and n["esp.opened"] == 150
    _, _, our_in, _ = peer.newest("narrow")
    assert our_in["sequence"] == 2**32 - before - 1 + 150


def test_replayed_packets(peer):
    peer.rekey("t6")
    t = TUNNELS["t6"]
    with Counting(peer.gateway) as n:
        sent = peer.traffic(f"again eth0 same ping -q -c 20 -i 0.02 -I {t.peer[4]} {HOST[4]}")
        time.sleep(0.3)
    assert sent == {"sent": 20}
    assert n["esp.opened"] == 20 and n["esp.sealed"] == 20  # 20 answers, not 40
    assert n.drops() == {"drop.replay": 20}
    assert peer.newest("t6")[2]["replayed"] == 20


def test_forged_packets(peer):
    peer.rekey("t4")
    t = TUNNELS["t4"]
    with Counting(peer.gateway) as n:
        sent = peer.traffic(f"again eth0 forged ping -q -c 20 -i 0.02 -I {t.peer[4]} {HOST[4]}")
        time.sleep(0.3)
    assert sent == {"sent": 20}
    assert n["esp.opened"] == 20 and n["esp.sealed"] == 20
    assert n.drops() == {"drop.auth": 20}
    # A forgery moves no window: what is good goes on.
    assert peer.ping("t4", 4) == (5, 5)


def test_unknown_spi(peer):
    peer.rekey("t4")
    spi = peer.live["t4"][-1][2]
    wrong = spi + 0x100
    peer.guest(peer.state("t4", False, wrong, other_keys()[0]) + peer.policies("t4", wrong))
    with Counting(peer.gateway) as n:
        assert peer.ping("t4", 4, "-c 5 -i 0.05", from_lan=False) == (5, 0)
    assert n.drops() == {"drop.no_sa": 5} and n["esp.opened"] == 0
    peer.guest(peer.policies("t4", spi) + peer.no_states("t4", spi_out=wrong))
    assert peer.ping("t4", 4) == (5, 5)


def test_no_key_no_traffic(peer):
    """Without a transmit key nothing leaves, in the clear least of all."""
    peer.rekey("t4")
    assert peer.ping("t4", 4) == (5, 5)
    peer.gateway.command("stop", "t4")
    t = TUNNELS["t4"]
    with Counting(peer.gateway) as n:
        seen = peer.traffic("watch eth0 " + peer.in_lan(f"ping -q -c 10 -i 0.05 -W 1 {t.peer[4]}"))
    assert (seen["esp"], seen["ip"]) == (0, 0)
    assert n.drops() == {"drop.no_key": 10} and n["esp.sealed"] == 0
    peer.rekey("t4")
    assert peer.ping("t4", 4) == (5, 5)


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("tunnel", ["udp4", "udp6"])
def test_esp_in_udp(peer, tunnel, inner):
    """NAT traversal (RFC 3948), the smallest to jumbo; nothing goes beside UDP."""
    t = TUNNELS[tunnel]
    peer.rekey(tunnel)
    with Counting(peer.gateway) as n:
        seen = peer.traffic("watch eth0 " + peer.in_lan(f"ping -q -c 10 -i 0.1 {t.peer[inner]}"))
        assert peer.ping(tunnel, inner, "-c 10 -i 0.05", from_lan=False) == (10, 10)
        for size in (8, 1400, 1472, 4000, LAN_MTU - PING_HEADERS[inner]):
            assert peer.ping(tunnel, inner, f"-c 1 -M do -s {size}") == (1, 1)
    assert (seen["esp"], seen["udp"]) == (0, 10)
    assert (n["esp.sealed"], n["esp.opened"]) == (25, 25)
    assert n.drops() == {}
    kernel_in, kernel_out, our_in, our_out = peer.newest(tunnel)
    assert {sa["packets"] for sa in (kernel_in, kernel_out, our_in, our_out)} == {25}


def test_translated_source_port(peer):
    """A translator changes the source port: the key tells whose packet it is."""
    peer.rekey("udp4", extra="encap espinudp 40000 4500 0.0.0.0")
    with Counting(peer.gateway) as n:
        assert peer.ping("udp4", 4, "-c 5 -i 0.1", from_lan=False) == (5, 5)
    assert n.drops() == {} and n["esp.opened"] == n["esp.sealed"] == 5
