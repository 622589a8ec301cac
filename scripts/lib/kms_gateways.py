# SPDX-License-Identifier: BSD-3-Clause
"""Two gateways' side of the hand-over to lumengate-kms, without gateways.

    kms A <-- socket A -- [ this: the same segments to both, messages between both ] -- socket B --> kms B

Speaks what control/kms/handover_wire.h lays down: one message a packet of a SOCK_SEQPACKET socket.
Segments are random, alike at both ends, and repeated until they are acknowledged. What one KME
says to the other goes over after a delay, in order, while the two are joined.
"""

import hashlib
import heapq
import os
import random
import selectors
import socket
import struct
import threading
import time

HELLO, SEGMENT, PEER, LINK = 1, 2, 3, 4             # to the KMS
KMS_HELLO, KMS_ACK, KMS_PEER, KMS_ROOM = 16, 17, 18, 19  # from it
VERSION = 1
SAID_VERSION = VERSION  # tests say another one
FROM_A, FROM_B = 2, 3
CLASSES = (FROM_A, FROM_B)
UNIT = 8
SEGMENT_UNITS = 4096
STORED = 0
UNDER_WAY = 256 << 10   # bytes sent to a KMS and not acknowledged, at most
PACKET = 64 << 10


def text(words):
    data = words.encode()
    return bytes([len(data)]) + data


class Segment:
    def __init__(self, block, kind, position, data, simulated, wall_ns):
        self.block, self.kind, self.position, self.data = block, kind, position, data
        self.packet = (struct.pack(">B16sBBBQHQ", SEGMENT, block, kind, 0, simulated, position,
                                   len(data) // UNIT, wall_ns)
                       + hashlib.sha256(data).digest() + data)

    @property
    def name(self):
        return self.block, self.kind, self.position


class Side:
    """One gateway: a listening socket, the KMS at it, what it has not acknowledged."""

    def __init__(self, pair, site, path):
        self.pair, self.site, self.path = pair, site, path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.setblocking(False)
        self.kms = None
        self.greeted = False
        self.room = None         # class -> bytes, as it said last
        self.pending = {}        # name -> Segment, in the order of sending
        self.sent = set()        # names of these that this connection has had
        self.out = []            # packets that the socket had no room for
        self.stats = {"stored": 0, "refused": 0, "connections": 0, "peer_messages": 0,
                      "peer_bytes": 0}

    def send(self, packet):
        if self.kms is not None:
            self.out.append(packet)
            self.flush()

    def flush(self):
        try:
            while self.out:
                self.kms.send(self.out[0])
                self.out.pop(0)
        except BlockingIOError:
            pass
        except OSError:
            self.lose()
        self.pair.watch(self)

    def lose(self):
        if self.kms is None:
            return
        self.pair.selector.unregister(self.kms)
        self.kms.close()
        self.kms, self.greeted = None, False
        self.sent.clear()
        self.out.clear()

    def accept(self):
        s, _ = self.listener.accept()
        if self.kms is not None:  # one at a time
            s.close()
            return
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.kms = s
        self.stats["connections"] += 1
        self.pair.selector.register(s, selectors.EVENT_READ, self.read)
        p = self.pair
        self.send(struct.pack(">BHcBB", HELLO, SAID_VERSION, self.site.upper().encode(), p.link,
                              p.simulated) + p.secret + text(p.link_name) + text(p.protocol))
        self.send(p.link_packet())

    def read(self):
        try:
            while self.kms is not None:
                packet = self.kms.recv(PACKET)
                if not packet:
                    self.lose()
                    return
                self.take(packet)
        except BlockingIOError:
            pass
        except OSError:
            self.lose()

    def take(self, packet):
        kind = packet[0]
        if kind == KMS_HELLO:
            (version,) = struct.unpack(">H", packet[1:3])
            if version != VERSION:
                raise ValueError(f"kms {self.site} speaks version {version}")
            self.greeted = True
        elif kind == KMS_ACK:
            block, what, position, verdict = struct.unpack(">16sBQB", packet[1:])
            segment = self.pending.pop((block, what, position), None)
            if segment is not None:
                self.stats["stored" if verdict == STORED else "refused"] += 1
                if self.room is not None:  # until it says it anew
                    self.room[what] = max(0, self.room[what] - len(segment.data))
            self.sent.discard((block, what, position))
        elif kind == KMS_PEER:
            self.stats["peer_messages"] += 1
            self.stats["peer_bytes"] += len(packet) - 1
            self.pair.relay(self, packet[1:])
        elif kind == KMS_ROOM:
            self.room = dict(zip(CLASSES, struct.unpack(">QQQQ", packet[1:])[:2]))
        else:
            raise ValueError(f"kms {self.site} sent a message of type {kind}")

    def waiting(self, kind):
        return sum(len(s.data) for s in self.pending.values() if s.kind == kind)

    def has_room(self, kind, n):
        """A KMS that is away gets what comes when it is back, up to a bound."""
        waiting = self.waiting(kind)
        if waiting + n > UNDER_WAY:
            return False
        if self.room is None:
            return self.kms is None  # it is there, and has not said yet
        return waiting + n <= self.room[kind]

    def offer(self):
        """What this KMS has not yet had."""
        if self.greeted:
            for name, segment in self.pending.items():
                if len(self.out) > 8:
                    break
                if name not in self.sent:
                    self.sent.add(name)
                    self.send(segment.packet)


class Gateways:
    """Both sides, in a thread of their own. RATE is bytes of key a second and class; None: as
    fast as the KMEs take it, 0: none."""

    TURN = 0.005

    def __init__(self, paths, rate=None, seed=None, link=7, simulated=True, sparse=False,
                 segment_units=SEGMENT_UNITS, delay=0.0):
        self.link, self.simulated, self.link_name = link, simulated, "lab"
        self.protocol = "four-state one-decoy time-bin BB84, Wiesemann 2024"
        self.dice = random.Random(seed) if seed is not None else random.SystemRandom()
        self.secret = self.bytes(32)
        self.rate, self.sparse, self.segment_units = rate, sparse, segment_units
        self.delay = delay        # seconds from KME to KME
        self.joined = True        # the sites see each other
        self.silent = False       # they do not, but nobody has noticed yet
        self.state = "up"
        self.clock_shift = 0      # seconds that the sites' clocks are ahead
        self.lock = threading.RLock()
        self.selector = selectors.DefaultSelector()
        self.position = {kind: 0 for kind in CLASSES}
        self.made = {kind: 0 for kind in CLASSES}
        self.under_way = []       # heap of (time, number, Side, bytes)
        self.number = 0
        self.credit, self.last = {kind: 0.0 for kind in CLASSES}, time.monotonic()
        self.problem = None
        self.sides = {s: Side(self, s, paths[s]) for s in ("a", "b")}
        for side in self.sides.values():
            self.selector.register(side.listener, selectors.EVENT_READ, side.accept)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def bytes(self, n):
        return os.urandom(n) if isinstance(self.dice, random.SystemRandom) else \
            self.dice.randbytes(n)

    def stop(self):
        self.ending.set()
        self.thread.join()
        for side in self.sides.values():
            side.lose()
            side.listener.close()
            if os.path.exists(side.path):
                os.unlink(side.path)
        if self.problem is not None:
            raise self.problem

    # --- what a test changes ---------------------------------------------------------------

    def link_packet(self):
        up = self.joined
        return struct.pack(">BBB", LINK, up, up and self.rate != 0) + text(self.state)

    def tell_link(self):
        for side in self.sides.values():
            side.send(self.link_packet())

    def part(self, silent=False):
        """The sites lose each other, with all that is between them."""
        with self.lock:
            self.under_way.clear()
            self.silent = silent
            if not silent:
                self.joined, self.state = False, "no session with the peer"
                self.tell_link()

    def join(self):
        with self.lock:
            self.joined, self.silent, self.state = True, False, "up"
            self.tell_link()

    def set_rate(self, rate):
        with self.lock:
            self.rate = rate
            self.tell_link()

    # --- the thread ------------------------------------------------------------------------

    def watch(self, side):
        if side.kms is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if side.out else 0)
            self.selector.modify(side.kms, events, side.read)

    def relay(self, side, message):
        if not self.joined or self.silent:
            return
        other = self.sides["b" if side.site == "a" else "a"]
        self.number += 1
        heapq.heappush(self.under_way, (time.monotonic() + self.delay, self.number, other, message))

    def deliver(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            _, _, side, message = heapq.heappop(self.under_way)
            if side.greeted:
                side.send(bytes([PEER]) + message)

    def make_key(self):
        now = time.monotonic()
        for kind in CLASSES:
            if self.rate is not None:
                self.credit[kind] = min(self.credit[kind] + self.rate * (now - self.last),
                                        max(self.rate, UNDER_WAY))
            n = self.segment_units * UNIT
            for _ in range(4):
                if not self.joined or (self.rate is not None and self.credit[kind] < n) or \
                        not all(s.has_room(kind, n) for s in self.sides.values()):
                    break
                self.credit[kind] -= n
                self.add(kind, self.bytes(n))
        self.last = now

    def add(self, kind, data):
        """The next segment of a class, at both ends."""
        if self.sparse:
            self.position[kind] += self.dice.randrange(0, 3) * self.dice.randrange(0, 5000)
        segment = Segment(self.bytes(16), kind, self.position[kind], data, self.simulated,
                          time.time_ns() + int(self.clock_shift * 1e9))
        self.position[kind] += len(data) // UNIT
        self.made[kind] += len(data)
        for side in self.sides.values():
            side.pending[segment.name] = segment

    def give(self, kind, data, sites=("a", "b"), other=None):
        """A segment of a test's own at SITES; site B has OTHER bytes there, unless they are None."""
        with self.lock:
            block, wall = self.bytes(16), time.time_ns() + int(self.clock_shift * 1e9)
            for site in sites:
                text = other if site == "b" and other is not None else data
                segment = Segment(block, kind, self.position[kind], text, self.simulated, wall)
                self.sides[site].pending[segment.name] = segment
            self.position[kind] += len(data) // UNIT

    def run(self):
        try:
            while not self.ending.is_set():
                # Not within the lock: a test that changes something need not wait for a turn.
                events = self.selector.select(self.TURN)
                with self.lock:
                    for key, mask in events:
                        side = key.data.__self__
                        if mask & selectors.EVENT_WRITE:
                            side.flush()
                        if mask & selectors.EVENT_READ and \
                                key.fileobj in (side.kms, side.listener):
                            key.data()
                    self.deliver()
                    self.make_key()
                    for side in self.sides.values():
                        side.offer()
        except Exception as e:  # told by stop(): a thread has nobody to raise it to
            self.problem = e
