# SPDX-License-Identifier: BSD-3-Clause
"""A sequence-numbered UDP stream: what was sent, what came, what came twice or out of order.

    udp_stream.py recv PORT                      until SIGTERM; prints JSON
    udp_stream.py send HOST PORT RATE SECONDS [BYTES]
                                                 RATE datagrams a second; prints JSON
"""

import json
import signal
import socket
import struct
import sys
import time

from rig import MARKER

PAYLOAD = 400  # bytes, unless it is said


def receive(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind(("", port))
    s.settimeout(0.2)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    seen, twice, late, highest = set(), 0, 0, -1
    print("ready", flush=True)
    while True:
        try:
            data = s.recv(2048)
        except socket.timeout:
            if stop:
                break
            continue
        (number,) = struct.unpack_from("!Q", data, len(MARKER))
        if number in seen:
            twice += 1
            continue
        seen.add(number)
        late += number < highest
        highest = max(highest, number)
    print(json.dumps({"received": len(seen), "twice": twice, "reordered": late}), flush=True)


def send(host, port, rate, seconds, payload):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((host, port))
    filler = bytes(payload - len(MARKER) - 8)
    start = time.monotonic()
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    number = 0
    while not stop and (now := time.monotonic() - start) < seconds:
        while number < now * rate:
            try:
                s.send(MARKER.encode() + struct.pack("!Q", number) + filler)
            except ConnectionRefusedError:
                continue  # an answer to an earlier datagram; this one was not sent
            number += 1
        time.sleep(0.002)
    print(json.dumps({"sent": number}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "recv":
        receive(int(sys.argv[2]))
    else:
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]),
             int(sys.argv[6]) if len(sys.argv) > 6 else PAYLOAD)
