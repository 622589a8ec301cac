# SPDX-License-Identifier: BSD-3-Clause
"""Traffic made and watched inside the virtual machine. Each prints one JSON object.

    traffic.py recv PORT                                 numbered datagrams, until SIGTERM
    traffic.py send SOURCE HOST PORT RATE COUNT SIZE     numbered datagrams, RATE a second,
                                                         COUNT or until SIGTERM
    traffic.py again IFACE same|forged COMMAND           run it, then send its ESP packets again
    traffic.py watch IFACE COMMAND                       run it, count what IFACE receives
    traffic.py encap PORT                                let the kernel take ESP in UDP there,
                                                         until SIGTERM
"""

import json
import select
import signal
import socket
import struct
import subprocess
import sys
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4
ESP, UDP = 50, 17
UDP_ENCAPSULATION = 4500  # RFC 3948
SO_RCVBUFFORCE = 33
BEHIND = 0.02  # seconds
# linux/udp.h
UDP_ENCAP, UDP_NO_CHECK6_RX, UDP_ENCAP_ESPINUDP = 100, 102, 2


def datagram_socket(host=None):
    family = socket.AF_INET if host and ":" not in host else socket.AF_INET6
    s = socket.socket(family, socket.SOCK_DGRAM)
    if host is None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    return s


def recv(port):
    s = datagram_socket()
    s.bind(("", port))
    s.settimeout(0.2)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    seen, twice, late, highest = set(), 0, 0, -1
    while True:
        try:
            (number,) = struct.unpack_from("!Q", s.recv(65536))
        except socket.timeout:
            if stop:
                break
            continue
        twice += number in seen
        late += number < highest
        highest = max(highest, number)
        seen.add(number)
    return {"received": len(seen), "twice": twice, "reordered": late}


def send(source, host, port, rate, count, size):
    s = datagram_socket(host)
    s.bind((source, 0))
    s.connect((host, port))
    filler = bytes(size - 8)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    start = time.monotonic()
    for number in range(count):
        if stop:
            return {"sent": number}
        late = time.monotonic() - start - number / rate
        if late > BEHIND:
            start += late  # the machine was busy elsewhere: go on at the rate, in no burst
        elif late < 0:
            time.sleep(-late)
        s.send(struct.pack("!Q", number) + filler)
    return {"sent": count}


def esp_offset(frame):
    """Where the ESP header is, in IPv4 or IPv6, bare or in UDP; None when there is none."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800:
        protocol, at = frame[23], 14 + (frame[14] & 15) * 4
    elif kind == 0x86DD:
        protocol, at = frame[20], 54
    else:
        return None
    if protocol == ESP:
        return at
    if protocol == UDP and UDP_ENCAPSULATION in struct.unpack_from("!HH", frame, at) and \
            struct.unpack_from("!I", frame, at + 8)[0] != 0:
        return at + 8
    return None


def packet_socket(iface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    s.bind((iface, ETH_P_ALL))
    return s


def frames_during(s, command):
    """(frame, outgoing) of all that S saw while COMMAND ran."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    frames = []
    while process.poll() is None or select.select([s], [], [], 0.3)[0]:
        if select.select([s], [], [], 0.05)[0]:
            frame, address = s.recvfrom(65536)
            frames.append((frame, address[2] == PACKET_OUTGOING))
    return frames


def again(iface, how, command):
    s = packet_socket(iface)
    sent = [f for f, outgoing in frames_during(s, command) if outgoing and esp_offset(f)]
    for frame in sent:
        if how == "forged":
            # A number that was never used, so that nothing but the ICV speaks against it.
            at = esp_offset(frame) + 4
            number = struct.unpack_from("!I", frame, at)[0] + 100000
            frame = frame[:at] + struct.pack("!I", number) + frame[at + 4:]
        s.send(frame)
        time.sleep(0.005)
    return {"sent": len(sent)}


def watch(iface, command):
    esp = udp = ip = other = 0
    for frame, outgoing in frames_during(packet_socket(iface), command):
        if outgoing:
            continue
        kind = struct.unpack_from("!H", frame, 12)[0]
        neighbour = kind == 0x86DD and frame[20] == 58 and frame[54] in range(133, 138)
        at = esp_offset(frame)
        if at is not None:
            esp += at in (34, 54)
            udp += at in (42, 62)
        elif kind in (0x0800, 0x86DD) and not neighbour:
            ip += 1
        else:
            other += 1
    return {"esp": esp, "udp": udp, "ip": ip, "other": other}


def encap(port):
    """Sockets whose ESP the kernel takes; IPv6 without checksum too (RFC 6935)."""
    sockets = []
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
        s.bind((host, port))
        s.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
        sockets.append(s)
    signal.pause()


if __name__ == "__main__":
    a = sys.argv
    if a[1] == "recv":
        result = recv(int(a[2]))
    elif a[1] == "send":
        result = send(a[2], a[3], int(a[4]), float(a[5]), int(a[6]), int(a[7]))
    elif a[1] == "again":
        result = again(a[2], a[3], a[4:])
    elif a[1] == "encap":
        result = encap(int(a[2]))
    else:
        result = watch(a[2], a[3:])
    print(json.dumps(result), flush=True)
