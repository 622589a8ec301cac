#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Inputs to start the fuzzers from: make_seeds.py DIRECTORY makes a folder for each target.

The formats are those of lan_frames.h and fuzz_wan.c: frames to a burst, then options, [cut],
length, frame for each.
"""

import os
import socket
import struct
import sys

EXACT, CHAIN, RAW, MEND, IPV6, SEALED, AGAIN, TRAILER = 1, 2, 4, 8, 16, 32, 64, 128
BROADCAST, TAGGED = 32, 64
HOST_A, GW_A, HOST_B = "10.1.0.10", "10.1.0.1", "10.2.0.10"
WAN_A, WAN_B = "192.0.2.1", "192.0.2.2"
HOST6_A, GW6_A, HOST6_B = "2001:db8:a::10", "2001:db8:a::1", "2001:db8:b::10"


def ipv4(src, dst, proto, payload=b"", fragment=0x4000, ttl=64, options=b""):
    header = 20 + len(options)
    return struct.pack("!BBHHHBBH4s4s", 0x40 | header // 4, 0, header + len(payload), 1, fragment,
                       ttl, proto, 0, socket.inet_aton(src), socket.inet_aton(dst)) + options + payload


def ipv6(src, dst, following, payload=b"", hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, hops,
                       socket.inet_pton(socket.AF_INET6, src),
                       socket.inet_pton(socket.AF_INET6, dst)) + payload


def udp(sport, dport, n=16):
    return struct.pack("!HHHH", sport, dport, 8 + n, 0) + bytes(n)


def tcp_syn():
    return struct.pack("!HHIIBBHHH", 1024, 80, 1, 0, 6 << 4, 2, 65535, 0, 0) + b"\x02\x04\x05\xb4"


def tcp_ack():
    return struct.pack("!HHIIBBHHH", 1024, 80, 2, 2, 5 << 4, 16, 65535, 0, 0) + bytes(20)


def frame(options, data, cut=20):
    return bytes([options]) + (bytes([cut]) if options & CHAIN else b"") + \
        struct.pack("!H", len(data)) + data


def arp(op, sender, target):
    return b"\xff" * 6 + b"\x02\0\0\0\x0a\x10" + b"\x08\x06" + \
        struct.pack("!HHBBH", 1, 0x800, 6, 4, op) + b"\x02\0\0\0\x0a\x10" + \
        socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target)


def solicitation(target):
    icmp = struct.pack("!BBHI", 135, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, target) + \
        b"\x01\x01\x02\0\0\0\x0a\x10"
    return ipv6(HOST6_A, "ff02::1:ff00:1", 58, icmp, 255)


def lan():
    inner = {
        "udp4": (MEND, ipv4(HOST_A, HOST_B, 17, udp(1000, 2000))),
        "tcp4": (MEND, ipv4(HOST_A, HOST_B, 6, tcp_syn())),
        "ack4": (MEND, ipv4(HOST_A, HOST_B, 6, tcp_ack())),
        "icmp4": (MEND, ipv4(HOST_A, GW_A, 1, b"\x08\0\0\0\0\1\0\1" + bytes(24))),
        "ttl": (MEND, ipv4(HOST_A, HOST_B, 17, udp(1, 2), ttl=1)),
        "noroute": (MEND, ipv4(HOST_A, "198.51.100.1", 17, udp(1, 2))),
        "source": (MEND, ipv4("203.0.113.9", HOST_B, 17, udp(1, 2))),
        "big-df": (MEND, ipv4(HOST_A, HOST_B, 17, udp(1, 2, 1472))),
        "big": (MEND, ipv4(HOST_A, HOST_B, 17, udp(1, 2, 1472), fragment=0)),
        "fragment": (MEND, ipv4(HOST_A, HOST_B, 17, bytes(64), fragment=0x2010)),
        "options": (MEND, ipv4(HOST_A, HOST_B, 17, udp(1, 2), options=b"\x07\x07\x04\0\0\0\0\0")),
        "udp6": (MEND | IPV6, ipv6(HOST6_A, HOST6_B, 17, udp(1, 2))),
        "tcp6": (MEND | IPV6, ipv6(HOST6_A, HOST6_B, 6, tcp_syn())),
        "fragment6": (MEND | IPV6, ipv6(HOST6_A, HOST6_B, 44, b"\x11\0\0\1\0\0\0\7" + udp(1, 2))),
        "hop6": (MEND | IPV6, ipv6(HOST6_A, HOST6_B, 0, b"\x11\0\5\2\0\0\1\0" + udp(1, 2))),
        "echo6": (MEND | IPV6, ipv6(HOST6_A, GW6_A, 58, b"\x80\0\0\0\0\1\0\1" + bytes(16))),
        "solicit": (MEND | IPV6 | BROADCAST, solicitation(GW6_A)),
        "arp": (RAW, arp(1, HOST_A, GW_A)),
        "tagged": (MEND | TAGGED, ipv4("10.1.100.10", HOST_B, 17, udp(1, 2))),
        "tagged-stray": (MEND | TAGGED, ipv4(HOST_A, HOST_B, 17, udp(1, 2))),
        "tagged-out": (MEND | TAGGED, ipv4("10.1.100.10", HOST_A, 17, udp(1, 2))),
        "tagged-echo": (MEND | TAGGED, ipv4("10.1.100.10", "10.1.100.1", 1,
                                            b"\x08\0\0\0\0\1\0\1" + bytes(24))),
        "tagged6": (MEND | IPV6 | TAGGED, ipv6("2001:db8:a:100::10", HOST6_B, 17, udp(1, 2))),
        "vlan": (RAW, b"\x02" + bytes(5) + b"\x02\0\0\0\x0a\x10\x81\0\0\x64\x08\0" +
                 ipv4(HOST_A, HOST_B, 17, udp(1, 2))),
    }
    # A flow is known from its second packet on.
    seeds = {name: bytes(1) + b"".join(frame(options | shape, data)
                                       for shape in (0, 0, EXACT, EXACT | CHAIN))
             for name, (options, data) in inner.items()}
    kinds = ("udp4", "ack4", "tcp4", "udp6", "udp4", "ttl", "udp4", "options", "big-df", "udp4")
    for name, bursts in (("known", kinds[:2] * 8), ("mixed", kinds * 2)):
        seeds[name] = bytes([len(bursts) // 2 - 1]) + b"".join(frame(*inner[k]) for k in bursts)
    return seeds


def wan():
    text4 = ipv4(HOST_B, HOST_A, 17, udp(1000, 2000, 14))
    text6 = ipv6(HOST6_B, HOST6_A, 17, udp(1, 2, 14))
    esp = struct.pack("!IIQ", 0x1140, 1, 1) + bytes(64)
    sent = struct.pack("!II", 0x1100, 1)  # as rig_key(0, 1) has the gateway seal
    cases = {
        "sealed4": (SEALED | MEND | TRAILER, text4),
        "sealed6": (SEALED | MEND | TRAILER, text6),
        "sealed-pad": (SEALED, text4 + b"\x01\x02\x02\x04"),
        "sealed-dummy": (SEALED, b"\0\x3b"),
        "sealed-source": (SEALED | MEND | TRAILER, ipv4("9.9.9.9", HOST_A, 6, tcp_syn())),
        "sealed-echo": (SEALED | MEND | TRAILER, ipv4(HOST_B, GW_A, 1, b"\x08\0\0\0\0\1\0\1")),
        "again": (AGAIN, b""),
        "esp4": (MEND, ipv4(WAN_B, WAN_A, 50, esp)),
        "esp-fragment": (MEND, ipv4(WAN_B, WAN_A, 50, esp, fragment=0x2000)),
        "esp-short": (MEND, ipv4(WAN_B, WAN_A, 50, b"\0\0\x11")),
        "natt": (MEND, ipv4(WAN_B, WAN_A, 17, struct.pack("!HHHH", 4500, 4500, 88, 0) + esp)),
        "channel": (MEND, ipv4(WAN_B, WAN_A, 17, udp(4500, 4500, 40))),
        "echo": (MEND, ipv4(WAN_B, WAN_A, 1, b"\x08\0\0\0\0\1\0\1" + bytes(24))),
        "needed": (MEND, ipv4(WAN_B, WAN_A, 1, b"\x03\x04\0\0\0\0\x05\0" +
                              ipv4(WAN_A, WAN_B, 50, sent + esp[8:16]))),
        "needed-low": (MEND, ipv4(WAN_B, WAN_A, 1, b"\x03\x04\0\0\0\0\0\x44" +
                                  ipv4(WAN_A, WAN_B, 50, sent))),
        "needed-udp": (MEND, ipv4(WAN_B, WAN_A, 1, b"\x03\x04\0\0\0\0\x05\0" +
                                  ipv4(WAN_A, WAN_B, 17, struct.pack("!HHHH", 4500, 4500, 88, 0) +
                                       sent))),
        "too-big": (MEND | IPV6, ipv6("2001:db8::2", "2001:db8::1", 58,
                                      b"\x02\0\0\0\0\0\x05\0" +
                                      ipv6("2001:db8::1", "2001:db8::2", 50, sent))),
        "plain": (MEND, ipv4(HOST_B, HOST_A, 17, udp(1, 2))),
        "esp6": (MEND | IPV6, ipv6("2001:db8::2", "2001:db8::1", 50, esp)),
        "arp": (RAW, arp(1, WAN_B, WAN_A)),
    }
    return {name: bytes(1) + b"".join(frame(options | shape, data, 40) for shape in (0, EXACT, EXACT | CHAIN))
            for name, (options, data) in cases.items()}


def sift():
    """The sifting messages of docs/protocol.md 3.3, behind what fuzz_sift.c reads before."""
    head = struct.pack("!BQQBH", 4, 1, 1, 1, 9)
    return {
        # nine detections, distances of 5 bits, one sampled; then of one distance, all sampled
        "announce-one": b"\1" + head + struct.pack("!QQB", 1000, 1100, 5) + bytes(range(5)) + b"\x10\0" + b"\1\1",
        "announce-all": b"\1" + head + struct.pack("!QQB", 1000, 1100, 0) + b"\xff\1" + b"\x55\1" + b"\x10\0",
        # of nine detections, three in X
        "bases": b"\2" + struct.pack("!H", 8) + b"\x15\0" + b"\5" + b"\2",
        # to nine detections in Z: seven match, three of them decoys
        "sifted": b"\0" + struct.pack("!H4B", 8, 0, 0, 0, 0) + b"\x7f\0" + b"\x15",
        # to a sample of nine in Z: likewise, and what they were
        "reply": b"\0" + struct.pack("!H4B", 0x8008, 0, 0, 0, 0) + struct.pack("!BQH", 5, 1, 1) +
                 b"\x7f\0" + b"\x15" + b"\x2a",
    }


def say(kind, payload=b""):
    """A message about block 1, as fuzz_block.c reads it."""
    half = 1 if len(payload) > 255 else 0
    return bytes([0, len(payload) >> half, half, kind]) + payload


def block():
    """For each end and stage the message that it waits for, pads, time; fuzz_block.c."""
    tags = [say(16, struct.pack("!QQBBQII", 8, 4, *split) + bytes(16))
            for split in ((2, 1, 0, 0, 0), (0, 0, 1000, 4, 8))]
    wanted = {
        0: say(19, struct.pack("!I", 0) + bytes(64)) + say(20, struct.pack("!I", 0) + bytes(64)),
        1: say(6, struct.pack("!IIIQBBBIIII", 2048, 1024, 30000000, 1, 1, 2, 1, 90, 90, 1500, 256)),
        2: say(7, bytes(40)) + say(8, bytes(40)) + say(9, struct.pack("!QQ", 900, 900)),
        3: say(10, bytes(24)),
        4: say(11, b"\2"),
        5: say(12, struct.pack("!II", 0, 0) + bytes(128)),
        6: say(13, bytes(32)),
        7: say(14, struct.pack("!QQ", 9, 30)),
        8: say(15, struct.pack("!I", 0) + bytes(300)),
        13: say(17),
    }
    quiet = bytes([5 | 26 << 3, 15])
    return {f"{role}-{stage}": bytes([role, stage]) + b"\x0c" + wanted.get(stage, b"") + quiet +
            tags[stage % 2] + quiet + b"\x1b" + say(18, b"\1") + say(17) for role in (0, 1) for stage in range(14)}


def cascade():
    """Frames of one and of several thousand bits, few and many errors; honest, then damaged."""
    errors, honest = bytes([1] * 20 + [40] + [1] * 20), bytes(100)
    seeds = {f"{bits}-{qber}": bytes([bits, 0, qber, 1]) + errors + honest + bytes([201, 9, 1, 2, 130, 5])
             for bits in (1, 64, 255) for qber in (5, 30, 110)}
    # answers that give one bit both values
    seeds["contradiction"] = bytes.fromhex("98670068 0da190d0")
    return seeds


def ldpc():
    """Blocks of one frame and of several, as many errors as estimated and more; honest, then damaged."""
    return {f"{bits}-{qber}-{more}": bytes([bits, qber, 1, min(255, qber * more // 4)]) + bytes(tail) + bytes([160, 9, 1, 2])
            for bits in (1, 60, 255) for qber in (20, 80, 200) for more, tail in ((3, 0), (4, 1), (5, 3), (12, 5))}


def sor():
    """OTDR files of either version, with and without events."""
    def text(*words):
        return b"".join(w.encode() + b"\0" for w in words)

    def file(version, events, points):
        v2 = version >= 200
        blocks = {
            "GenParams": b"EN" + text("cable", "fibre") + (struct.pack("<H", 652) if v2 else b"") + struct.pack("<H", 1550)
            + text("a", "b", "") + b"BC" + bytes(8 if v2 else 4) + text("me", "why"),
            "SupParams": text("maker", "otdr", "1", "module", "2", "v1", ""),
            "FxdParams": struct.pack("<I2sHi", 1700000000, b"km", 15500, 0) + bytes(4 if v2 else 0)
            + struct.pack("<HHIIIHI", 1, 100, 500000, points, 146800, 820, 1000) + bytes(2 if v2 else 0)
            + struct.pack("<I", 1000) + bytes(4 if v2 else 0) + struct.pack("<iHhHHHH", 0, 9, 1000, 0, 20, 60, 3000)
            + (b"ST" + bytes(16) if v2 else b""),
            "Event2": b"unknown",
            "KeyEvents": struct.pack("<H", events)
            + b"".join(struct.pack("<HIhhi8s", i + 1, 9000 * i, 200, 100, -40000, b"1F9999LS")
                       + bytes(20 if v2 else 0) + text("here") for i in range(events)) + bytes(22),
            "DataPts": struct.pack("<IHIH", points, 1, points, 1000) + bytes(range(256))[:points] * 2,
            "Cksum": b"\x12\x34",
        }
        if v2:
            blocks = {n: n.encode() + b"\0" + b for n, b in blocks.items()}
        listed = b"".join(n.encode() + b"\0" + struct.pack("<HI", version, len(b)) for n, b in blocks.items())
        head = b"Map\0" if v2 else b""
        return (head + struct.pack("<HIH", version, len(head) + 8 + len(listed), len(blocks) + 1) + listed
                + b"".join(blocks.values()))

    return {f"{v}-{e}-{p}": file(v, e, p) for v in (100, 200) for e in (0, 3) for p in (1, 200)}


def kms():
    """Requests for keys and for status, by GET and by POST, as the standard has them and wrong."""
    first, second = "bc490419-7d60-487f-adc1-4ddcc177c139", "0a782fb5-3434-48fe-aa4d-14f41d46cf92"
    enc, dec = "/api/v1/keys/caf%C3%A9%2Fx/enc_keys", "/api/v1/keys/IIIIJJJJKKKKLLLL/dec_keys"
    requests = [
        ("GET", "/api/v1/keys/ABCDEFG/status", ""), ("PUT", enc, ""), ("GET", "/api/v1/keys//status", ""),
        ("GET", enc, ""), ("GET", enc + "?number=3&size=512", ""), ("POST", enc, ""), ("POST", enc, "{}"),
        ("POST", enc, '{"number":20,"size":512,"additional_slave_SAE_IDs":["ABCDEFG","HIJKLMN"]}'),
        ("POST", enc, '{"extension_mandatory":[{"lumengate_simulated":true,"lumengate_route_type":"direct"}]}'),
        ("POST", enc, '{"extension_mandatory":[{"abc_route_type":"direct"}],"extension_optional":[{"abc_max_age":3e4}]}'),
        ("POST", enc, '{"number":-1}'), ("POST", enc, '{"size":257}'), ("POST", enc, '{"a":' + "[" * 20),
        ("POST", enc, '{"number":9223372036854775808}'), ("POST", enc, '{"number":1,"number":1}'),
        ("GET", f"{dec}?key_ID={first}", ""), ("GET", dec + "?key_ID=%30", ""),
        ("POST", dec, '{"key_IDs":[{"key_ID":"%s"},{"key_ID":"%s","key_ID_extension":{}}],"key_IDs_extension":{}}'
         % (first, second)),
        ("POST", dec, '{"key_IDs":[{"key_ID":"%s"},{"key_ID":"%s"}]}' % (first, first.upper())),
    ]
    return {str(i): "\n".join(r).encode() for i, r in enumerate(requests)}


def http():
    """Requests on a connection, good and bad; the first byte says in what pieces they come."""
    host = b"Host: kme\r\n"
    chunked = host + b"Transfer-Encoding: chunked\r\n\r\n"
    requests = [
        b"GET /api/v1/keys/b/status HTTP/1.1\r\n" + host + b"Accept: */*\r\n\r\n",
        b"POST /k HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 2\r\n"
        b"Expect: 100-continue\r\n\r\n{}GET / HTTP/1.0\r\nConnection: keep-alive, x\r\n\r\n",
        b"POST /k HTTP/1.1\r\n" + chunked + b"2;a=b\r\n{}\r\n0\r\nT: t\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"POST https://kme:1/k?a HTTP/1.1\r\n" + chunked + b"fffffffff\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", b"\r\nGET / HTTP/1.1\r\n" + host + host + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\n" + chunked + b"0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nContent-Encoding: br\r\nExpect: no\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 65 + b"\r\n",
    ]
    return {str(i): bytes([i * 3]) + r for i, r in enumerate(requests)}


def kms_service():
    """Requests of SAEs of both ends, one after the other: keys are issued, and asked for by number."""
    path, ids = "/api/v1/keys/%s/%s", '{"key_IDs":[{"key_ID":"\1a"},{"key_ID":"\1b"}]}'
    enc = [("alice", "GET", path % ("bob", "enc_keys") + "?number=2&size=128", "")]
    several = [("alice", "POST", path % ("bob", "enc_keys"), '{"additional_slave_SAE_IDs":["dave"],"number":2}')]
    fetch = [(who, "POST", path % ("alice", "dec_keys"), ids) for who in ("dave", "bob", "bob")]
    skip = [("alice", "GET", "/key?remoteSystemID=KME-B&size=64", ""), ("dave", "GET", "/key/\3a?remoteSystemID=KME-A", ""),
            ("alice", "GET", "/key?remoteSystemID=bob", ""), ("bob", "GET", "/key/\3b?remoteSystemID=alice", ""),
            ("bob", "GET", path % ("alice", "dec_keys") + "?key_ID=\1b", "")]
    other = [("bob", "GET", path % ("carol", "status"), ""), ("alice", "GET", "/capabilities", ""),
             ("mallory", "GET", "/entropy?minentropy=9", ""), ("carol", "GET", "/entropy?minentropy=9", ""),
             ("carol", "POST", path % ("dave", "enc_keys"), '{"extension_mandatory":[{"lumengate_simulated":true}]}')]
    return {str(i): "\2".join("\n".join(r) for r in requests).encode()
            for i, requests in enumerate((enc + fetch, several + fetch, skip, other, enc * 40))}


def kme():
    """Packets of client, gateway and peer, answers of a KME; the first byte chooses the reader."""
    seeds = []
    ids = ("bc490419-7d60-487f-adc1-4ddcc177c139", "0a782fb5-3434-48fe-aa4d-14f41d46cf92")
    key = b"A" * 43 + b"="
    text = "".join(ids).encode()
    for packet in (struct.pack(">BHc", 1, 1, b"A"), struct.pack(">BIH", 2, 1, 64),
                   struct.pack(">BIH", 3, 1, 2) + text,
                   struct.pack(">BIH", 18, 1, 1) + ids[0].encode() + bytes(32),
                   struct.pack(">BBIHB", 17, 2, 25000, 128, 3) + b"kme\x02k2",
                   struct.pack(">BIBIB", 19, 0, 4, 7000, 5) + b"empty",
                   struct.pack(">BBBH", 1, 1, 1, 128), struct.pack(">BH", 2, 2) + text,
                   b"\x03" + bytes(32), b"\x04" + bytes(16) + b"\x03\x02no", b"\x05" + bytes(16)):
        seeds.append(b"\0" + packet)
    seeds.append(b'\1{"source_KME_ID":"a","target_KME_ID":"b","master_SAE_ID":"c","slave_SAE_ID":"d",'
                 b'"key_size":352,"stored_key_count":25000,"max_key_count":100000,'
                 b'"max_key_per_request":128,"max_key_size":1024,"min_key_size":64,"max_SAE_ID_count":0,'
                 b'"status_extension":{"lumengate_simulated":true}}')
    for choice in (b"\2", b"\x0a"):
        seeds.append(choice + b'{"keys":[{"key_ID":"%s","key":"%s"}]}' % (ids[0].encode(), key))
    for choice in (b"\6", b"\x0e"):
        seeds.append(choice + b'{"keys":[{"key_ID":"%s","key":"%s"},{"key":"%s","key_ID":"%s"}]}' % (
            ids[0].encode(), key, key.replace(b"A", b"\\/"), ids[1].encode()))
    seeds.append(b'\3{"message":"one or more keys specified are not found on KME","details":[{"a":"b"}]}')
    return {str(i): seed for i, seed in enumerate(seeds)}


def kms_peer():
    """Between gateway and key delivery, and between key deliveries; fuzz_kms_peer.c."""
    def to(whom, message):
        return bytes([whom]) + struct.pack("!H", len(message)) + message

    def text(t):
        return bytes([len(t)]) + t

    gateway = [struct.pack("!BHcBB", 1, 1, b"A", 7, 1) + bytes(32) + text(b"demo") + text(b"BB84"),
               b"\2" + bytes(16) + b"\3\0\1" + struct.pack("!QHQ", 4096, 2, 1 << 60) + bytes(32) + b"k" * 16,
               b"\3peer", b"\4\1\0" + text(b"no key: qber-z")]
    kms = [b"\x10\0\1", b"\x11" + bytes(16) + b"\2" + struct.pack("!QB", 4096, 1), b"\x12peer",
           b"\x13" + struct.pack("!QQQQ", 1 << 20, 1 << 19, 4096, 0)]
    grant = struct.pack("!BQQQ", 16, 5, 1, 1 << 63) + text(b"master") + b"\2" + text(b"one") + text(b"two") + \
        struct.pack("!H", 2) + bytes(range(32))
    grants = [grant, grant, struct.pack("!BQQB", 17, 5, 1, 0), struct.pack("!BQQ", 18, 5, 1)]
    differs = struct.pack("!BIQ", 4, 1, 4000) + b"".join(struct.pack("!QH", 100 * i, 64) + bytes(16) for i in range(3))
    audit = [struct.pack("!BIBBQQI", 1, 9, 1, 3, 0, 1 << 42, 40) + bytes(32), differs,
             struct.pack("!BIBBQQ", 5, 2, 1, 3, 300, 64), struct.pack("!BI", 2, 1), struct.pack("!BI", 3, 1),
             struct.pack("!BI", 6, 2), struct.pack("!BIBBQH", 7, 3, 1, 2, 100, 64) + bytes(8),
             struct.pack("!BI", 8, 2), struct.pack("!BIBBQQ", 9, 4, 1, 3, 100, 3), struct.pack("!BI", 10, 3)]
    each = {f"{whom}-{i}": to(whom, m) for whom, messages in enumerate((gateway, kms, grants, audit))
            for i, m in enumerate(messages)}
    quiet = to(0, b"")
    each["grants"] = b"".join(to(2, m) for m in grants)
    each["audit"] = quiet * 2 + b"".join(to(3, m) for m in audit)
    each["differs"] = quiet * 2 + b"".join(to(3, m) for m in audit[1:])
    return each


def main():
    for target, seeds in (("lan", lan()), ("vlan", lan()), ("wan", wan()), ("sift", sift()), ("block", block()),
                          ("cascade", cascade()), ("ldpc", ldpc()), ("sor", sor()), ("kms", kms()),
                          ("kms_service", kms_service()), ("kms_peer", kms_peer()), ("kme", kme()), ("http", http())):
        directory = os.path.join(sys.argv[1], target)
        os.makedirs(directory, exist_ok=True)
        for name, data in seeds.items():
            with open(os.path.join(directory, name), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
