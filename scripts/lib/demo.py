# SPDX-License-Identifier: BSD-3-Clause
"""The main job, shown end to end: photons become keys, keys become security associations,
packets cross encrypted. See scripts/demo."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

import prediction
from figures import Figures
from rig import LAN, ROOT, Rig, RigError

UDP_RATE = 250       # datagrams a second
UDP_PORT = 7000
PING_INTERVAL = 0.05
CALIBRATE_S = 3
# What the paced TCP run may have under way is less than a packet ring holds: when the machine
# holds a gateway up, frames wait there and ping and UDP behind them are late, not lost.
PACED_WINDOW = "400K"
UNLIMITED_S = 5
ALARM_AT = 0.06      # error rate that is clearly above the gateways' threshold of 5 %
SECRET_BITS_S = 66_000   # at least: 4,000,000 a minute
# With --lit: the gateway's own WAN wavelengths on the quantum channel's fibre, and one that is added:
# name, THz, dBm at launch, whether it goes from Bob to Alice. C34 is the quantum channel.
WAN_LIGHT = (("C37", 193.7, -15, False), ("C38", 193.8, -15, True))
ADDED_LIGHT = ("C40", 194.0, -12, True)
PAUSE_S = 0.7        # for what is under way when streams stop


def parse(argv):
    p = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    p.add_argument("--seconds", type=int, default=60, metavar="N",
                   help="how long to run after the first key (default 60, at least 20)")
    p.add_argument("--json", metavar="FILE", help="write the summary as JSON")
    p.add_argument("--keep", action="store_true",
                   help="leave everything running and say how to look around")
    p.add_argument("--attack", metavar="intercept-resend[=FRACTION[,Z-SHARE]]",
                   help="an eavesdropper from a third of the time to two thirds of it")
    p.add_argument("--lit", action="store_true",
                   help="data channels share the fibre, and one more comes half-way")
    args = p.parse_args(argv)
    if args.lit and args.attack:
        p.error("--lit: not beside --attack")
    if args.seconds < 20:
        p.error("--seconds: at least 20")
    if args.attack:
        name, _, figures = args.attack.partition("=")
        if name != "intercept-resend":
            p.error(f"--attack: {name} is unknown, intercept-resend is known")
        try:
            values = [float(v) for v in figures.split(",")] if figures else []
            fraction, z_share = (values + [1.0, 0.5][len(values):])
            if not (0 < fraction <= 1 and 0 <= z_share <= 1):
                raise ValueError
        except ValueError:
            p.error("--attack: FRACTION is above 0 up to 1, Z-SHARE is 0 to 1")
        args.attack = (name, fraction, z_share)
    if args.json:
        try:
            open(args.json, "a").close()
        except OSError as e:
            p.error(f"--json: {args.json}: {e.strerror}")
    return args


def spoken(channel):
    name, _, dbm, counter = channel
    return f"{name} {dbm} {'counter' if counter else 'co'}"


class Streams:
    """Ping, the numbered UDP stream and iperf3 between the two hosts."""

    def __init__(self, rig):
        self.rig = rig
        self.python = ["/usr/bin/python3", os.path.join(ROOT, "scripts/lib/udp_stream.py")]
        self.tools = {}

    def popen(self, name, command):
        self.tools[name] = self.rig.start(name, command, stdout=subprocess.PIPE, text=True)
        return self.tools[name]

    def start_server(self):
        self.rig.start("iperf-server", self.rig.in_ns("dc-b") + ["iperf3", "-s"])
        time.sleep(0.3)

    def iperf(self, seconds, *options):
        """Bits per second received, of one TCP run to its end."""
        done = subprocess.run(
            self.rig.in_ns("dc-a") + ["iperf3", "-J", "-c", f"{LAN['b']}.2", "-t",
                                      str(seconds), *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=seconds + 30)
        try:
            return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]
        except (KeyError, json.JSONDecodeError):
            raise RigError("iperf3: " + done.stdout.strip()[-300:])

    def start_paced(self, seconds, bits_per_second):
        receiver = self.popen("udp-receiver", self.rig.in_ns("dc-b") + self.python +
                              ["recv", str(UDP_PORT)])
        if receiver.stdout.readline().strip() != "ready":
            raise RigError("the UDP receiver did not start")
        self.popen("udp-sender", self.rig.in_ns("dc-a") + self.python +
                   ["send", f"{LAN['b']}.2", str(UDP_PORT), str(UDP_RATE), str(seconds)])
        self.popen("ping", self.rig.in_ns("dc-a") + [
            "ping", "-q", "-i", str(PING_INTERVAL), "-w", str(seconds), "-W", "5",
            "-p", "4c756d656e67617465", f"{LAN['b']}.2"])
        self.popen("iperf", self.rig.in_ns("dc-a") + [
            "iperf3", "-J", "-c", f"{LAN['b']}.2", "-t", str(seconds), "-b",
            str(int(bits_per_second)), "-w", PACED_WINDOW])

    def finish(self, name, sig=None):
        process = self.tools.pop(name)
        if sig is not None:
            os.killpg(process.pid, sig)
        out, _ = process.communicate(timeout=60)
        self.rig.processes.pop(name, None)
        return out

    def stop_paced(self):
        """Results of ping, UDP and the paced iperf3."""
        sent = json.loads(self.finish("udp-sender"))
        ping_out = self.finish("ping", signal.SIGINT)
        iperf = json.loads(self.finish("iperf"))
        time.sleep(PAUSE_S)
        received = json.loads(self.finish("udp-receiver", signal.SIGTERM))
        ping = {"sent": 0, "received": 0}
        for line in ping_out.splitlines():
            if "packets transmitted" in line:
                words = line.split()
                ping = {"sent": int(words[0]), "received": int(words[3])}
        limited = iperf.get("end", {}).get("sum_received", {}).get("bits_per_second", 0.0)
        return ping, {**sent, **received}, limited


class Demo:
    def __init__(self, args):
        self.args = args
        self.rig = Rig()
        self.figures = Figures(self.rig)
        self.streams = Streams(self.rig)
        self.attack = self.lit = None
        self.problems = []

    def check(self, ok, problem):
        if not ok:
            self.problems.append(problem)

    def say(self, text):
        print(text, flush=True)

    # --- the parts -------------------------------------------------------------------------

    def bring_up(self):
        self.say("building two sites: dc-a - gw-a - wan - gw-b - dc-b")
        self.rig.wire()
        self.watch_file = os.path.abspath("lumengate-wan.pcap") if self.args.keep else \
            self.rig.path("wan.pcap")
        self.rig.start_watch(self.watch_file)
        self.rig.start_model([word for c in WAN_LIGHT for word in ("--channel", spoken(c))]
                             if self.args.lit else ())
        if self.args.lit:
            self.plan_channels()
        for site in ("a", "b"):
            self.rig.start_gateway(site)
        self.light = time.monotonic()
        for site in ("a", "b"):
            self.rig.wait_ready(site)
        self.say(self.figures.banner())

    def plan_channels(self):
        """The gateways know of their own light, and of nothing else on the fibre."""
        link = prediction.LINK
        for site in ("a", "b"):
            config = self.rig.config(site)
            config["lumengate:gateway"]["qkd"]["dwdm"] = {
                "fibre-loss-db": str(link["distance_km"] * link["loss_db_per_km"]),
                "prediction": {"length-km": str(link["distance_km"])},
                "channel": [{"name": name, "direction": "counter" if counter else "co",
                             "power-dbm": str(dbm)} for name, _, dbm, counter in WAN_LIGHT]}
            self.rig.write_config(site, config)

    def wait_first_key(self):
        self.rig.wait_for(lambda: self.figures.read()["secret_bits"] > 0, 60, "the first key")
        self.first_key = time.monotonic() - self.light
        self.rig.wait_for(lambda: self.rig.ping(1, wait=1)[1] == 1, 15, "the first ping")
        self.first_ping = time.monotonic() - self.light
        self.say(f"first key after {self.first_key:.1f} s, first encrypted ping after "
                 f"{self.first_ping:.1f} s\n")

    def live(self, until):
        """The table, once a second, and the eavesdropper at her times."""
        name, fraction, z_share = self.args.attack or (None, 0, 0)
        third = (until - self.start) / 3
        while (now := time.monotonic()) < until:
            self.rig.alive()
            if name and self.attack is None and now >= self.start + third:
                self.begin_attack(name, fraction, z_share)
            if self.attack and "ended" not in self.attack and now >= self.start + 2 * third:
                self.end_attack()
            if self.args.lit and self.lit is None and now >= (self.start + until) / 2:
                self.add_channel()
            row = self.figures.row()
            self.watch_attack(row)
            self.say(row["text"])
            time.sleep(max(0.0, min(until, now + 1) - time.monotonic()))

    def add_channel(self):
        self.lit = {"before": self.figures.read()}
        reply = json.loads(self.rig.model("channel add " + spoken(ADDED_LIGHT)))
        self.lit["began_wall"] = time.time()
        self.lit["channels"] = len(reply["channels"])
        self.lit["since"] = self.figures.read()
        self.say(f"--- {spoken(ADDED_LIGHT)} is put on the fibre beside "
                 + ", ".join(spoken(c) for c in WAN_LIGHT))

    def begin_attack(self, name, fraction, z_share):
        reply = json.loads(self.rig.model(f"attack {name} {fraction} {z_share}"))
        self.attack = {"name": name, "began": time.monotonic(), "began_wall": time.time(),
                       "first_slot": reply["alice_slot"]}
        self.say(f"--- the eavesdropper begins: {name}, fraction {fraction}, "
                 f"Z share {z_share}")

    def end_attack(self):
        # Figures over all that she touched: those of her first second are mixed, left out.
        self.attack["after"] = self.figures.read()
        reply = json.loads(self.rig.model("attack none"))
        self.attack.update(ended=time.monotonic(), ended_wall=time.time(),
                           last_slot=reply["alice_slot"] - 1)
        self.say("--- the eavesdropper ends")

    def watch_attack(self, row):
        if self.attack and "before" not in self.attack and \
                time.monotonic() >= self.attack["began"] + 1:
            self.attack["before"] = self.figures.read()
        if not self.attack or "ended" not in self.attack:
            return
        if "cleared" not in self.attack and not row["eavesdropper_alarms"]:
            self.attack["cleared"] = time.monotonic()

    def run(self):
        self.bring_up()
        self.wait_first_key()
        self.start = time.monotonic()
        end = self.start + self.args.seconds
        self.streams.start_server()
        calibrated = self.streams.iperf(CALIBRATE_S)
        paced_s = int(end - time.monotonic()) - UNLIMITED_S - 2
        self.say(f"calibrated: {calibrated / 1e6:.0f} Mb/s unlimited; "
                 f"{calibrated / 2e6:.0f} Mb/s runs beside ping and UDP")
        self.say(self.figures.heading())
        before = self.figures.settle()
        self.streams.start_paced(paced_s, calibrated / 2)
        self.live(time.monotonic() + paced_s)
        ping, udp, limited = self.streams.stop_paced()
        after = self.figures.settle()
        unlimited = self.streams.iperf(UNLIMITED_S)
        time.sleep(PAUSE_S)
        self.summarise(before, after, ping, udp, limited, unlimited)

    # --- the end ---------------------------------------------------------------------------

    def summarise(self, before, after, ping, udp, limited, unlimited):
        last = self.figures.settle()
        self.alarms = self.figures.alarms()
        blocks = self.figures.blocks()
        capture = self.rig.stop_watch()
        seconds = time.monotonic() - self.light - self.first_key
        self.summary = {
            "quantum": self.figures.quantum(prediction.LINK["distance_km"], self.first_key,
                                            seconds, last),
            "tunnel": self.figures.tunnel(last),
            "ping": ping, "udp": udp,
            "iperf3": {"bits_per_second": unlimited, "limited_bits_per_second": limited},
            "first_ping_seconds": round(self.first_ping, 2),
            "wan_capture": {k: v for k, v in capture.items() if not k.endswith("_bytes")},
            "alarms": self.alarms,
        }
        if self.attack:
            self.summary["attack"] = self.attack_summary(blocks)
        if self.lit:
            self.summary["lit"] = self.lit_summary(before, last)
        self.judge(before, after)
        self.summary["problems"] = self.problems
        if self.args.json:
            with open(self.args.json, "w") as f:
                json.dump(self.summary, f, indent=2)
                f.write("\n")
        self.print_summary()

    def lit_summary(self, before, last):
        raised = [a for a in self.alarms if a["kind"].startswith("dwdm")]
        times = [a["raised_at"] for a in raised]
        return {"channels": self.lit["channels"],
                "alarm": raised[0]["kind"] if raised else None,
                "alarm_after_seconds":
                    round(min(times) - self.lit["began_wall"], 3) if times else None,
                "before": self.figures.between(before, self.lit["before"]),
                "after": self.figures.between(self.lit["since"], last),
                "secret_bits_after": last["secret_bits"] - self.lit["since"]["secret_bits"],
                "eavesdropper_alarms": [a["kind"] for a in self.alarms
                                        if a["kind"] in self.figures.EAVESDROPPER]}

    def attack_summary(self, blocks):
        a = self.attack
        raised = [x for x in self.alarms if x["kind"] in self.figures.EAVESDROPPER]
        times = [x["raised_at"] for x in raised if x["raised_at"] >= a["began_wall"] - 0.01]
        cleared = [x["cleared_at"] for x in raised]
        still = None in cleared
        return {
            "name": a["name"],
            "alarm": raised[0]["kind"] if raised else None,
            "detected_after_seconds": round(min(times) - a["began_wall"], 3) if times else None,
            "blocks_keyed_during": self.figures.count_keyed(blocks, a["first_slot"],
                                                            a["last_slot"]),
            **self.figures.between(a["before"], a["after"]),
            "cleared_after_seconds":
                round(max(cleared) - a["ended_wall"], 3) if cleared and not still else None,
        }

    def judge(self, before, after):
        s, q = self.summary, self.summary["quantum"]
        expect = prediction.predict()
        paced_rekeys = after["rekeys"] - before["rekeys"]
        self.check(s["first_ping_seconds"] <= 15, "the first ping took longer than 15 s")
        self.check(paced_rekeys >= 0.8 * (self.args.seconds - 15),
                   f"only {paced_rekeys} rekeys under way")
        self.check(s["tunnel"]["rekeys"] >= 50 / 60 * self.args.seconds,
                   f"only {s['tunnel']['rekeys']} rekeys")
        self.check(s["ping"]["sent"] > 0 and s["ping"]["sent"] == s["ping"]["received"],
                   f"ping lost {s['ping']['sent'] - s['ping']['received']}")
        self.check(s["udp"]["sent"] > 0 and s["udp"]["sent"] == s["udp"]["received"] and
                   s["udp"]["twice"] == 0,
                   f"the UDP stream lost {s['udp']['sent'] - s['udp']['received']}")
        self.check(s["tunnel"]["lost"] == 0, f"{s['tunnel']['lost']} packets are not accounted for")
        self.check(s["wan_capture"]["esp"] == s["tunnel"]["packets_sealed"],
                   f"WAN: {s['wan_capture']['esp']} ESP frames, "
                   f"{s['tunnel']['packets_sealed']} were sealed")
        for what in ("plaintext", "other", "kernel_dropped"):
            self.check(s["wan_capture"][what] == 0, f"WAN: {s['wan_capture'][what]} {what}")
        self.check(s["wan_capture"]["esp"] > 0 and s["wan_capture"]["classical"] > 0,
                   "WAN: nothing was captured")
        if self.lit:
            self.judge_lit()
        elif self.attack:
            self.judge_attack()
        else:
            for basis in ("z", "x"):
                seen, bits = q["qber_" + basis], q["compared_" + basis]
                self.check(abs(seen - expect["qber"]) <= prediction.tolerance(expect["qber"], bits),
                           f"QBER {basis.upper()} {seen:.4%} is not the {expect['qber']:.4%} "
                           "predicted")
            self.check(q["secret_bits"] >= SECRET_BITS_S * self.args.seconds,
                       f"only {q['secret_bits']} secret bits")
            self.check(q["blocks_failed"] == 0, f"{q['blocks_failed']} blocks failed")
            self.check(not self.alarms_at_end(), "alarms: " + ", ".join(self.alarms_at_end()))

    def alarms_at_end(self):
        return [a["kind"] for a in self.alarms if not a.get("cleared_at")]

    def judge_lit(self):
        lit = self.summary["lit"]
        for when, channels in (("before", WAN_LIGHT), ("after", (*WAN_LIGHT, ADDED_LIGHT))):
            expect = prediction.predict(channels=[c[1:] for c in channels])["qber"]
            for basis in ("z", "x"):
                seen, bits = lit[when]["qber_" + basis], lit[when]["compared_" + basis]
                self.check(bits > 0 and
                           abs(seen - expect) <= prediction.tolerance(expect, bits) + 0.05 * expect,
                           f"QBER {basis.upper()} {when} the channel came {seen:.4%} is not the "
                           f"{expect:.4%} predicted")
        self.check(lit["after"]["qber_z"] > lit["before"]["qber_z"] + 0.005,
                   "the channel did not raise the errors")
        self.check(lit["secret_bits_after"] > 0, "no key with the channel on the fibre")
        self.check(not lit["eavesdropper_alarms"],
                   "an eavesdropper was seen in a data channel's light: " +
                   ", ".join(lit["eavesdropper_alarms"]))
        others = set(self.alarms_at_end()) - {"dwdm-new"}
        self.check(not others, "alarms: " + ", ".join(others))
        self.check(lit["alarm"] == "dwdm-new", f"the alarm is {lit['alarm']}, not dwdm-new")
        self.check(lit["alarm_after_seconds"] is not None and lit["alarm_after_seconds"] <= 4,
                   f"the channel was seen after {lit['alarm_after_seconds']} s")

    def judge_attack(self):
        a, (_, fraction, z_share) = self.summary["attack"], self.args.attack
        honest = prediction.predict()["qber"]
        seen = {}
        for basis, share in (("z", 1 - z_share), ("x", z_share)):
            # Eve in the other basis leaves a random bit, in the same one the bit that it was.
            expected = honest + fraction * share * (0.5 - honest)
            seen[basis] = expected > ALARM_AT
            self.check(abs(a["qber_" + basis] - expected) <= 0.02,
                       f"QBER {basis.upper()} under attack {a['qber_' + basis]:.2%}, "
                       f"{expected:.2%} is expected")
        if not any(seen.values()):
            return  # below the alarm threshold: the bound removes what she knows
        kind = "intercept-resend" if all(seen.values()) else "qber-z" if seen["z"] else "qber-x"
        self.check(a["alarm"] == kind, f"the alarm is {a['alarm']}, not {kind}")
        self.check(a["detected_after_seconds"] is not None and a["detected_after_seconds"] <= 2,
                   f"the attack was detected after {a['detected_after_seconds']} s")
        self.check(a["blocks_keyed_during"] == 0,
                   f"{a['blocks_keyed_during']} blocks that saw the attack became key")
        self.check((a["cleared_after_seconds"] or 0) > 0, "the alarm did not clear after the attack")
        self.check(any(b["slots"][0] > self.attack["last_slot"] for b in self.figures.blocks()),
                   "no key flowed again after the attack")

    def print_summary(self):
        s, q, t = self.summary, self.summary["quantum"], self.summary["tunnel"]
        c = s["wan_capture"]
        print(f"""
quantum   {q['protocol']}, {q['distance_km']:.0f} km, {'simulated card' if q['simulated'] else 'card'}
          QBER Z {q['qber_z']:.3%}, X {q['qber_x']:.3%}; {q['blocks_ok']} blocks, {q['blocks_failed']} failed, f {q['efficiency_f']:.3f}
          {q['secret_bits']} secret bits, {q['secret_bits_per_second'] / 1e3:.0f} kb/s; first key after {q['first_key_seconds']:.1f} s
tunnel    {t['rekeys']} rekeys, {t['packets_sealed']} packets sealed, {t['packets_opened']} opened, {t['lost']} lost
          drops {t['drops'] or 'none'}
traffic   ping {s['ping']['received']} of {s['ping']['sent']}, UDP {s['udp']['received']} of {s['udp']['sent']}, TCP {s['iperf3']['limited_bits_per_second'] / 1e6:.0f} Mb/s paced, {s['iperf3']['bits_per_second'] / 1e6:.0f} Mb/s unlimited
WAN       {c['esp']} ESP, {c['classical']} classical, {c['arp_nd']} ARP/ND, {c['plaintext']} plaintext, {c['other']} other, {c['kernel_dropped']} missed""")
        if "attack" in s:
            a = s["attack"]
            print(f"attack    {a['name']}: alarm {a['alarm']} after {a['detected_after_seconds']} s, "
                  f"{a['blocks_keyed_during']} blocks keyed, cleared {a['cleared_after_seconds']} s "
                  "after its end")
        if "lit" in s:
            lit = s["lit"]
            print(f"fibre     {lit['channels']} data channels; QBER Z {lit['before']['qber_z']:.3%} before "
                  f"the last came, {lit['after']['qber_z']:.3%} since; {lit['secret_bits_after']} secret "
                  f"bits since; alarm {lit['alarm']} after {lit['alarm_after_seconds']} s, of an "
                  f"eavesdropper {lit['eavesdropper_alarms'] or 'none'}")
        for problem in self.problems:
            print("NOT AS IT SHOULD BE: " + problem)
        print("all as it should be" if not self.problems else "", flush=True)

    def keep(self):
        rig = self.rig
        print(f"""
Everything runs on until Ctrl-C. To look around:
  {rig.program('lgctl')} --socket {rig.path('site-a', 'control.sock')} status
  ip netns exec {rig.ns('dc-a')} ping {LAN['b']}.2
  tcpdump -r {self.watch_file}
  logs: {rig.dir}/*.log""", flush=True)
        while True:
            rig.alive()
            time.sleep(1)


def main():
    args = parse(sys.argv[1:])
    demo = Demo(args)

    def interrupted(_signal, _frame):
        raise KeyboardInterrupt

    # SIGINT, too: a shell's background job inherits it ignored.
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    try:
        demo.run()
        if args.keep:
            demo.keep()
        return 1 if demo.problems else 0
    except (RigError, OSError, ValueError, subprocess.TimeoutExpired) as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted, cleaning up", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        demo.rig.down()


if __name__ == "__main__":
    sys.exit(main())
