# SPDX-License-Identifier: BSD-3-Clause
"""Clients of a control socket, good and bad, for scripts/bench control and its tests.

    control_clients.py SOCKET

takes commands on stdin, one a line, and answers each with a line of JSON:

    on KIND...    these connect: see KINDS
    off           all go; what they did and saw since "on"
"""

import json
import os
import random
import selectors
import socket
import sys
import time

SUBSCRIBERS = 100
ACTS_PER_S = 50       # of the operator: each is an event for each subscriber
PIECE = 1 << 16
CHUNKS = 64
DEAD_PER_S = 200


def request(method, params=None):
    call = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        call["params"] = params
    return json.dumps(call).encode() + b"\n"


def make_garbage(seed=1):
    """Bytes of many kinds, no one of which is a request that is carried out."""
    dice = random.Random(seed)
    kinds = (
        lambda n: dice.randbytes(n),
        lambda n: b"{]" * (n // 2) + b"\n",
        lambda n: b"[" * n + b"\n",
        lambda n: b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * dice.randrange(n) + b'"}\n',
        lambda n: b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":' * 8 + b"\n",
        lambda n: b"[" + b"1," * (n // 4) + b"1]\n",
        lambda n: b"\xff\xfe\0" * (n // 3) + b"\n",
        lambda n: b'{"method":"config_set","params":[{}],"id":{}}\n' * (n // 50),
        lambda n: b'"' + b"\\" * n + b'"\n',
    )
    pieces = []
    while sum(map(len, pieces)) < PIECE * CHUNKS:
        pieces.append(dice.choice(kinds)(dice.choice((10, 100, 1000, 20000))))
    return b"".join(pieces)


class Client:
    """A connection that is served by the loop; what it reads is counted in lines."""

    def __init__(self, swarm):
        self.swarm = swarm
        self.lines = 0
        self.out = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(swarm.path)
        self.socket.setblocking(False)
        swarm.selector.register(self.socket, selectors.EVENT_READ, self)

    def write(self, data):
        self.out += data
        self.flush()

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.gone()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.out else 0)
        self.swarm.selector.modify(self.socket, events, self)

    def ready(self, events):
        if events & selectors.EVENT_READ:
            try:
                data = self.socket.recv(PIECE)
            except BlockingIOError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                self.gone()
                return
            if data:
                self.lines += data.count(b"\n")
                self.heard(data)
        if events & selectors.EVENT_WRITE and self.socket.fileno() >= 0:
            self.flush()

    def heard(self, data):
        pass

    def gone(self):
        self.swarm.count("closed_" + type(self).__name__.lower())
        self.close()

    def close(self):
        if self.socket.fileno() >= 0:
            self.swarm.selector.unregister(self.socket)
            self.socket.close()

    def act(self, now):
        pass


class Subscriber(Client):
    def __init__(self, swarm):
        super().__init__(swarm)
        self.write(request("subscribe"))


class Silent(Client):
    """Subscribes, and reads nothing."""

    def __init__(self, swarm):
        super().__init__(swarm)
        self.write(request("subscribe") + request("get_methods") * 20)
        if self.socket.fileno() >= 0:
            swarm.selector.unregister(self.socket)

    def close(self):
        self.socket.close()


class Vandal(Client):
    """Sends garbage as fast as it is taken; comes back when it is thrown out."""

    def act(self, now):
        if self.socket.fileno() < 0:
            try:
                self.__init__(self.swarm)
            except OSError:
                return
        if not self.out:
            at = self.swarm.dice.randrange(len(self.swarm.garbage) - PIECE)
            self.swarm.count("garbage_bytes", PIECE)
            self.write(self.swarm.garbage[at:at + PIECE])


class Paced(Client):
    """Does something so many times a second."""

    per_s = 1

    def __init__(self, swarm):
        super().__init__(swarm)
        self.due = time.monotonic()

    def act(self, now):
        if now >= self.due and self.socket.fileno() >= 0:
            self.due = max(self.due + 1 / self.per_s, now - 0.1)
            self.work()


class Operator(Paced):
    """Changes something: an audit event for each subscriber."""

    per_s = ACTS_PER_S

    def work(self):
        self.swarm.count("acts")
        self.write(request("log_set", {"component": "main", "level": "info"}))


class Dead(Paced):
    """Others that connect, ask half of something, and are gone."""

    per_s = DEAD_PER_S

    def work(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.swarm.path)
            s.sendall(request("subscribe") + request("status")[:-9])
        self.swarm.count("died")


class Caller(Client):
    """Asks for the status again and again."""

    def __init__(self, swarm):
        super().__init__(swarm)
        self.write(request("status"))

    def heard(self, data):
        if data.endswith(b"\n"):
            self.swarm.count("calls")
            self.write(request("status"))


KINDS = {"subscribers": (Subscriber, SUBSCRIBERS), "garbage": (Vandal, 1), "operator": (Operator, 1),
         "silent": (Silent, 20), "dead": (Dead, 1), "callers": (Caller, 4)}


class Swarm:
    def __init__(self, path):
        self.path = path
        self.garbage = make_garbage()
        self.dice = random.Random(2)
        self.selector = selectors.DefaultSelector()
        self.clients, self.counts = [], {}

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def on(self, kinds):
        self.clients = [make(self) for kind in kinds for make, n in [KINDS[kind]] for _ in range(n)]

    def off(self):
        subscribers = [c.lines for c in self.clients if isinstance(c, Subscriber)]
        if subscribers:
            self.count("lines_least", min(subscribers))
            self.count("lines_most", max(subscribers))
        for c in self.clients:
            c.close()
        self.clients = []

    def turn(self):
        now = time.monotonic()
        for c in self.clients:
            c.act(now)
        for key, events in self.selector.select(0.002):
            if key.fileobj is sys.stdin:
                return os.read(0, 4096).decode()
            key.data.ready(events)
        return None

    def run(self):
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            line = self.turn()
            if line == "":
                return
            if line is None:
                continue
            words = line.split()
            self.off()
            print(json.dumps(self.counts), flush=True)
            self.counts = {}
            if words[0] == "on":
                self.on(words[1:])


if __name__ == "__main__":
    Swarm(sys.argv[1]).run()
