#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Key delivery by ETSI GS QKD 014: two lumengate-kms behind what plays their gateways.

    scripts/bench kms [--only ROW] [--seconds S] [--requests N] [--memory-requests N] [--kills N]

The KME that is measured has one CPU, all else has the other. Rows: connections, requests, keys,
latency, soak, conformance, memory. See docs/benchmarks.md.
"""

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/lib"))
from kme import KmeError, Lab, cpu_seconds, free_port  # noqa: E402
from kms_soak import PAIRS, Soak  # noqa: E402
from programs import TOP, BuildError, program  # noqa: E402

ROWS = ("connections", "requests", "keys", "latency", "soak", "conformance", "memory")
ITEMS = 24          # of the conformance list
SPELLS = 3          # of each rival, in turn
CONNECTIONS = 16
FETCHERS = 64       # connections of dec_keys: all that wait for the disk share its next write
MOST = 128
PRIORITY = -15      # nice
STATUS = "/api/v1/keys/b-1/status"
ENC = "/api/v1/keys/b-1/enc_keys"
DEC = "/api/v1/keys/a-1/dec_keys"


def pin(pid, cpu):
    """All threads of a process to one CPU."""
    if len(CPUS) > 1:
        subprocess.run(["taskset", "-acp", str(cpu), str(pid)], stdout=subprocess.DEVNULL,
                       check=True)


def prefer(pid, nice):
    """Before what else the machine does: the kernel weighs sessions, where it groups by them."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as f:
            f.write(str(nice))
    except OSError:
        pass
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.setpriority(os.PRIO_PROCESS, int(thread), nice)
        except OSError:
            pass


def urgent(pid, yes=True):
    """Whoever else runs is put aside at once, where that is allowed."""
    policy = (os.SCHED_RR, os.sched_param(1)) if yes else (os.SCHED_OTHER, os.sched_param(0))
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.sched_setscheduler(int(thread), *policy)
        except OSError:
            pass


CPUS = sorted(os.sched_getaffinity(0))
SERVER, LOAD = CPUS[0], CPUS[-1]


class Bench:
    def __init__(self, args):
        self.args = args
        self.load_program = program("tests/bench/kms_load")
        self.lab = None
        self.rate = self.dec_rate = None  # of row requests
        self.urgent = False

    # --- the parts of a measurement --------------------------------------------------------

    def raise_lab(self, **options):
        """Two KMEs, A on the CPU that is measured; more key at hand than a test's. All of it goes
        before what else the machine does, where that is allowed."""
        self.lab = Lab(settings={"store": {"max-size-kib": 24 << 10},
                                 "http": {"connections-per-address": 12000}}, **options)
        pin(os.getpid(), LOAD)
        self.measure_site("a")
        self.lab.wait_key(1000)

    def measure_site(self, site):
        for s, kme in self.lab.kme.items():
            pin(kme.pid, SERVER if s == site else LOAD)
            prefer(kme.pid, PRIORITY if s == site else 0)
            urgent(kme.pid, self.urgent and s == site)

    def client(self, sae):
        c = self.lab.certificates.client(sae)
        return ["--ca", self.lab.certificates.ca.pem, "--cert", c.pem, "--key", c.key]

    def load(self, sae, *options):
        """What kms_load counted as SAE at its KME, with the CPU seconds of that KME."""
        kme = self.lab.kme[sae[0]]
        before = kme.cpu_seconds()
        process = subprocess.Popen(
            [self.load_program, "--connect", str(kme.port), *self.client(sae), *options],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        prefer(process.pid, PRIORITY)
        urgent(process.pid, self.urgent)
        out, _ = process.communicate()
        if process.returncode != 0 or not out:
            raise KmeError(f"kms_load ended with status {process.returncode}")
        f = json.loads(out)
        f["cpu_s"] = kme.cpu_seconds() - before
        return f

    def spell(self, target, seconds=None, **options):
        """enc_keys as a-1 for a while, and the identifiers of what was delivered."""
        ids = os.path.join(self.lab.folder, "ids")
        if os.path.exists(ids):
            os.unlink(ids)
        f = self.load("a-1", "--get", target, "--connections", str(CONNECTIONS), "--ids", ids,
                      *(("--seconds", str(seconds)) if seconds else ()),
                      *(x for k, v in options.items() for x in ("--" + k, str(v))))
        with open(ids) as file:
            return f, file.read().split()

    def fetch(self, ids, batch, *options):
        """dec_keys as b-1 of all of IDS, so many in a request."""
        path = os.path.join(self.lab.folder, "list")
        with open(path, "w") as f:
            for at in range(0, len(ids), batch):
                some = ids[at:at + batch]
                if batch == 1:
                    f.write(f"GET {DEC}?key_ID={some[0]}\n")
                else:
                    f.write(f"POST {DEC} " + json.dumps(
                        {"key_IDs": [{"key_ID": i} for i in some]}, separators=(",", ":")) + "\n")
        return self.load("b-1", "--list", path, "--connections", str(FETCHERS), *options)

    @staticmethod
    def good(f):
        """The share of answers that were what was asked for."""
        return f["status"].get("200", 0) / max(f["requests"], 1)

    def wait_key(self, keys):
        self.lab.wait_key(keys)

    def wait_full(self):
        """Until the stores have no room: all the memory that they ever take is taken."""
        made = None
        while made != self.lab.gateways.made:
            made = dict(self.lab.gateways.made)
            time.sleep(0.5)

    # --- rows ------------------------------------------------------------------------------

    def s_server(self):
        """openssl s_server with the KME's certificate, which asks for the client's, and gives a
        file as long as a status."""
        folder = tempfile.mkdtemp(dir=self.lab.folder)
        with self.lab.client("a-1") as c:
            body = c.status("b-1").body
        os.makedirs(folder + os.path.dirname(STATUS), exist_ok=True)
        with open(folder + STATUS, "wb") as f:
            f.write(body)
        c, port = self.lab.certificates.kme["a"], free_port()
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", c.pem, "-key", c.key,
             "-CAfile", self.lab.certificates.ca.pem, "-Verify", "1", "-verify_return_error",
             "-WWW", "-quiet", "-no_ticket"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=folder, start_new_session=True)
        pin(server.pid, SERVER)
        prefer(server.pid, PRIORITY)
        return server, port

    def s_time(self, port, seconds):
        """New connections a second that openssl s_time makes, one after the other."""
        c = self.lab.certificates.client("a-1")
        began = time.monotonic()
        process = subprocess.Popen(
            ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", str(seconds),
             "-www", STATUS, "-cert", c.pem, "-key", c.key, "-CAfile",
             self.lab.certificates.ca.pem],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        prefer(process.pid, PRIORITY)
        out, _ = process.communicate(timeout=seconds + 20)
        took = time.monotonic() - began
        found = re.search(r"^(\d+) connections in .*real seconds, (\d+) bytes", out, re.M)
        if found is None or int(found[2]) == 0:
            raise KmeError("openssl s_time: " + out.strip()[-300:])
        return int(found[1]) / took

    def row_connections(self):
        self.raise_lab()
        server, port = self.s_server()
        seconds = max(1, round(self.args.seconds))
        samples = {name: [] for name in ("s_time", "kms", "many", "cpu", "s_server_cpu")}
        try:
            self.lab.wait_for(lambda: socket.create_connection(("127.0.0.1", port)), 10,
                              "openssl s_server").close()
            for _ in range(SPELLS):
                before, began = cpu_seconds(server.pid), time.monotonic()
                samples["s_time"].append(self.s_time(port, seconds))
                made = samples["s_time"][-1] * (time.monotonic() - began)
                samples["s_server_cpu"].append((cpu_seconds(server.pid) - before) / made * 1e6)
                samples["kms"].append(self.s_time(self.lab.kme["a"].port, seconds))
                f = self.load("a-1", "--get", STATUS, "--new", "--connections", "8", "--seconds",
                              str(seconds))
                if self.good(f) != 1:
                    raise KmeError(f"answers were {f['status']}")
                samples["many"].append(f["per_s"])
                samples["cpu"].append(f["cpu_s"] / f["requests"] * 1e6)
        finally:
            server.kill()
            server.wait()
        m = {k: statistics.median(v) for k, v in samples.items()}
        return {"per_s": m["many"], "one_after_the_other_per_s": m["kms"],
                "s_time_per_s": m["s_time"], "ratio_to_s_time": m["kms"] / m["s_time"],
                "cpu_us": m["cpu"], "s_server_cpu_us": m["s_server_cpu"]}

    def row_requests(self):
        self.raise_lab()
        enc, dec, status, cpu = [], [], [], []
        for _ in range(SPELLS):
            self.wait_key(1000)
            self.measure_site("a")
            f, ids = self.spell(ENC, self.args.seconds)
            if self.good(f) < 0.999:
                raise KmeError(f"answers were {f['status']}")
            enc.append(f["per_s"])
            cpu.append(f["cpu_s"] / f["requests"] * 1e6)
            status.append(self.load("a-1", "--get", STATUS, "--seconds",
                                    str(self.args.seconds / 2))["per_s"])
            self.measure_site("b")
            f = self.fetch(ids, 1)
            if self.good(f) != 1:
                raise KmeError(f"answers of dec_keys were {f['status']}")
            dec.append(f["per_s"])
        self.rate, self.dec_rate = statistics.median(enc), statistics.median(dec)
        return {"per_s": self.rate, "cpu_us": statistics.median(cpu), "dec_per_s": self.dec_rate,
                "status_per_s": statistics.median(status)}

    def row_keys(self):
        self.raise_lab()
        enc, dec, cpu, refused = [], [], [], 0
        for _ in range(SPELLS):
            self.wait_key(100_000)
            self.measure_site("a")
            f, ids = self.spell(f"{ENC}?number={MOST}&size=256", min(self.args.seconds, 1))
            refused += f["status"].get("503", 0)
            enc.append(f["keys_per_s"])
            cpu.append(f["cpu_s"] / f["keys"] * 1e6)
            self.measure_site("b")
            f = self.fetch(ids, MOST)
            if self.good(f) != 1:
                raise KmeError(f"answers of dec_keys were {f['status']}")
            dec.append(f["keys_per_s"])
        return {"per_s": statistics.median(enc), "cpu_us": statistics.median(cpu),
                "dec_per_s": statistics.median(dec), "number": MOST, "size": 256,
                "refused": refused}

    def row_latency(self):
        """At half of the load that row requests found; measured anew when that has not run."""
        self.raise_lab()
        f, ids = self.spell(ENC, self.args.seconds)
        rate = self.rate or f["per_s"]
        self.measure_site("b")
        dec_rate = self.dec_rate or self.fetch(ids, 1)["per_s"]
        rows = []
        self.urgent = True
        for _ in range(SPELLS):
            self.wait_key(1000)
            self.measure_site("a")
            f, ids = self.spell(ENC, self.args.seconds, rate=rate / 2)
            if self.good(f) < 0.999:
                raise KmeError(f"answers were {f['status']}")
            self.measure_site("b")
            ids = ids[:max(200, int(dec_rate / 2 * self.args.seconds))]
            rows.append((f, self.fetch(ids, 1, "--rate", str(dec_rate / 2))))
        return {"rate_per_s": rate / 2, "dec_rate_per_s": dec_rate / 2,
                **{k: statistics.median(r[0][k] for r in rows) for k in ("p50_ms", "p99_ms")},
                "max_ms": max(r[0]["max_ms"] for r in rows),
                **{"dec_" + k: statistics.median(r[1][k] for r in rows)
                   for k in ("p50_ms", "p99_ms")}}

    def row_soak(self):
        # Each crash takes what was reserved ahead, and the other end holds that for a day.
        self.lab = Lab(sparse=True, delay=0.002, settings={"store": {"max-size-kib": 24 << 10}})
        self.lab.wait_key()
        kills = self.args.kills if self.args.kills is not None else \
            max(2, self.args.requests // 4000)
        f = Soak(self.lab, PAIRS, self.args.requests, kills, seed=self.args.requests).run()
        for problem in f.pop("problems"):
            print(f"bench kms: soak: {problem}", file=sys.stderr)
        return f

    def row_conformance(self):
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.xml")
            subprocess.run(
                ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                 f"--junitxml={report}", os.path.join(TOP, "tests/system/test_kms_conformance.py")],
                stdout=sys.stderr, env={"KMS_KEYS": "1000000", **os.environ})
            items = {}
            for case in xml.etree.ElementTree.parse(report).iter("testcase"):
                if found := re.match(r"test_(\d\d)_", case.get("name")):
                    ok = not any(case.find(x) is not None for x in ("failure", "error", "skipped"))
                    items[found[1]] = items.get(found[1], True) and ok
        return {"passed": sum(items.values()), "total": ITEMS,
                "missing": [f"{i:02}" for i in range(1, ITEMS + 1) if not items.get(f"{i:02}")]}

    def row_memory(self):
        """Requests in rounds, each key fetched at the other end; the larger growth of both KMEs."""
        self.raise_lab()
        self.wait_full()
        done, first, tenth, began = 0, None, None, time.monotonic()
        cycle = min(20_000, self.args.memory_requests // 4)
        while done < self.args.memory_requests:
            want = 500 if first is None else cycle
            self.wait_key(min(want, 20_000))
            f, ids = self.spell(ENC, requests=want)
            g = self.fetch(ids, 1)
            done += f["requests"] + g["requests"]
            memory = {s: kme.memory() for s, kme in self.lab.kme.items()}
            if first is None:
                first, first_done = memory, done
            if tenth is None and done >= self.args.memory_requests / 10:
                tenth = memory
        site = max("ab", key=lambda s: memory[s] / first[s])
        return {"requests": done, "first_requests": first_done, "first_kb": first[site],
                "tenth_kb": tenth[site], "last_kb": memory[site], "ratio": memory[site] / first[site], "site": site,
                "seconds": round(time.monotonic() - began, 1)}

    def row(self, name):
        try:
            return {"name": name, **getattr(self, "row_" + name)()}
        finally:
            os.sched_setaffinity(0, CPUS)
            self.urgent = False
            if self.lab is not None:
                self.lab.down()
                self.lab = None


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench kms", allow_abbrev=False,
                                     description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROW", help="measure this row alone")
    parser.add_argument("--seconds", type=float, default=2, help="of each spell; default 2")
    parser.add_argument("--requests", type=int, default=100_000, help="of the soak")
    parser.add_argument("--kills", type=int, help="during the soak; default one in 4000 requests")
    parser.add_argument("--memory-requests", type=int, default=1_000_000,
                        help="of row memory; default 1000000")
    args = parser.parse_args()
    if args.only is not None and args.only not in ROWS:
        parser.error(f"no row {args.only}: choose from {', '.join(ROWS)}")
    if args.requests < 100 or args.memory_requests < 4000 or args.seconds <= 0:
        parser.error("so few measure nothing: --requests from 100, --memory-requests from 4000")
    try:
        program("control/lumengate-kms")
        bench = Bench(args)
        rows = [bench.row(name) for name in (ROWS if args.only is None else [args.only])]
    except (KmeError, BuildError, OSError, subprocess.SubprocessError) as e:
        sys.exit(f"bench: {e}")
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
