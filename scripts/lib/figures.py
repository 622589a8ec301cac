# SPDX-License-Identifier: BSD-3-Clause
"""The gateways' figures, read over their control sockets, for the demo's table and summary."""

import datetime
import time

PROTOCOL = "four-state one-decoy time-bin BB84, Wiesemann 2024"

# What may happen to a packet between its sealing at one end and its opening at the other.
UNDER_WAY = ("drop.wan_tx_full", "drop.no_headroom", "drop.no_wan_route", "drop.neighbour_queue",
             "drop.neighbour_full", "drop.neighbour_failed", "drop.malformed", "drop.wrong_core",
             "drop.no_sa", "drop.replay", "drop.auth", "drop.inner_malformed", "drop.dummy",
             "drop.ecn", "drop.overload", "drop.wan_fragment", "drop.not_our_mac",
             "drop.wan_not_local", "drop.ip_malformed", "drop.inbox_full")


def seconds(rfc3339):
    """Seconds since 1970 of an RFC 3339 time in UTC; None stays None."""
    if rfc3339 is None:
        return None
    return datetime.datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp()


def ratio(part, whole):
    return part / whole if whole else 0.0


class Figures:
    EAVESDROPPER = ("intercept-resend", "qber-z", "qber-x")

    def __init__(self, rig):
        self.rig = rig
        self.history = []

    def read(self):
        """Everything the table and the summary need, of both ends, at one moment."""
        a, b = self.rig.rpc("a", "status"), self.rig.rpc("b", "status")
        engine, tunnels = b["link"]["engine"], (a["tunnels"][0], b["tunnels"][0])
        drops = {}
        for name in a["drops"]:
            n = a["drops"][name] + b["drops"][name]
            if n:
                drops[name] = n
        if n := self.rig.wire_dropped():
            drops["wire.dropped"] = n
        for port in ("lan", "wan"):
            n = a["ports"][port]["rx_missed"] + b["ports"][port]["rx_missed"]
            if n:
                drops[f"port.{port}.rx_missed"] = n
        return {
            "time": time.monotonic(),
            "simulated": a["link"]["simulated"] or b["link"]["simulated"],
            "engine": engine,
            "secret_bits": engine["secret_bits"],
            "sampled_z": engine["sampled_z"], "sample_errors_z": engine["sample_errors_z"],
            "sifted_x": engine["sifted_x"], "errors_x": engine["errors_x"],
            "sifted_z": engine["sifted_z"],
            "blocks_ok": engine["blocks_ok"], "blocks_failed": engine["blocks_aborted"],
            "rekeys": tunnels[0]["rekeys"],
            "sealed": sum(t["packets_sealed"] for t in tunnels),
            "opened": sum(t["packets_opened"] for t in tunnels),
            "bytes": sum(t["bytes_sealed"] for t in tunnels),
            "drops": drops,
            "keys": a["keystore"]["available"]["rekey"],
            "alarms": [x["kind"] for s in "ab" for x in self.rig.rpc(s, "alarm_list")["alarms"]
                       if x["active"]],
        }

    def settle(self):
        """Figures while nothing is under way: the same twice."""
        now = self.read()
        for _ in range(30):
            time.sleep(0.1)
            before, now = now, self.read()
            if (before["sealed"], before["opened"]) == (now["sealed"], now["opened"]):
                break
        return now

    def banner(self):
        gateway = self.rig.rpc("a", "status")["gateway"]
        return (f"AES-256-GCM by {gateway['gcm']} of {gateway['gcm_library']}; the card is "
                "simulated, all else is real")

    # --- the live table --------------------------------------------------------------------

    def heading(self):
        return (f"{'time':>5}  {'QBER Z':>7} {'QBER X':>7}  {'sifted':>9} {'secret':>9}  "
                f"{'keys':>6} {'rekeys':>6}  {'packets':>9} {'traffic':>10}  drops, alarms")

    def row(self):
        now = self.read()
        last = self.history[-1] if self.history else now
        self.history.append(now)
        dt = max(now["time"] - last["time"], 1e-3)
        # A block is sifted and made key every 1.8 s: rates are told over the last ten seconds.
        old = self.history[-11:][0]
        since = max(now["time"] - old["time"], 1)
        secret = (now["secret_bits"] - old["secret_bits"]) / since
        drops = " ".join(f"{k.removeprefix('drop.')} {v}" for k, v in sorted(now["drops"].items())
                         if v != last["drops"].get(k, 0))
        alarms = sorted(set(now["alarms"]))
        text = (f"{now['time'] - self.history[0]['time']:5.0f}  {now['engine']['qber_z']:7.2%} "
                f"{now['engine']['qber_x']:7.2%}  "
                f"{(now['sifted_z'] - old['sifted_z']) / since / 1e3:5.0f}kb/s "
                f"{secret / 1e3:5.0f}kb/s  "
                f"{now['keys']:6} {now['rekeys']:6}  "
                f"{(now['sealed'] - last['sealed']) / dt:7.0f}/s "
                f"{(now['bytes'] - last['bytes']) * 8 / dt / 1e6:6.1f}Mb/s  "
                f"{drops or '-'}  {', '.join(alarms) or '-'}")
        return {"text": text, "eavesdropper_alarms": [k for k in alarms
                                                      if k in self.EAVESDROPPER]}

    # --- the summary -----------------------------------------------------------------------

    def blocks(self):
        return self.rig.rpc("b", "block_list")["blocks"]

    def quantum(self, distance_km, first_key_seconds, run_seconds, last):
        blocks, engine = self.blocks(), last["engine"]
        n_z, m_z, n_x, m_x = (sum(sum(b[k]) for b in blocks)
                              for k in ("n_z", "m_z", "n_x", "m_x"))
        return {
            "protocol": PROTOCOL, "distance_km": distance_km,
            "sifted_bits": engine["blocks_sifted_bits"],
            "qber_z": ratio(m_z, n_z), "qber_x": ratio(m_x, n_x),
            "compared_z": n_z, "compared_x": n_x,
            "leaked_bits": engine["leaked_bits"],
            "efficiency_f": ratio(sum(b["efficiency_f"] for b in blocks), len(blocks)),
            "secret_bits": engine["secret_bits"],
            "secret_bits_per_second": engine["secret_bits"] / run_seconds,
            "blocks_ok": engine["blocks_ok"], "blocks_failed": engine["blocks_aborted"],
            "first_key_seconds": round(first_key_seconds, 2),
            "simulated": last["simulated"],
        }

    def tunnel(self, last):
        """Sealed = opened + drops by name. A receive ring or a wire that overflowed does not
        tell ESP from the classical channel: its count may explain more than is missing."""
        named = sum(last["drops"].get(name, 0) for name in UNDER_WAY)
        missing = last["sealed"] - last["opened"] - named
        # What came faster than it could be taken: the ring was full, or the gateway let it go
        # in favour of the classical channel.
        missed = (last["drops"].get("port.wan.rx_missed", 0) +
                  last["drops"].get("drop.overload", 0) +
                  last["drops"].get("wire.dropped", 0))
        return {"rekeys": last["rekeys"], "packets_sealed": last["sealed"],
                "packets_opened": last["opened"],
                "lost": max(0, missing - missed) if missing >= 0 else missing,
                "drops": last["drops"]}

    def alarms(self):
        """Raised and cleared ones of both ends, with times in seconds since 1970."""
        found = []
        for site in ("a", "b"):
            for a in self.rig.rpc(site, "alarm_list")["alarms"]:
                found.append({"site": site, "kind": a["kind"], "resource": a["resource"],
                              "severity": a["severity"], "text": a["text"],
                              "raised_at": seconds(a["raised"]),
                              "cleared_at": seconds(a["cleared"])})
        return found

    @staticmethod
    def between(before, after):
        """Outcomes that were compared between two readings, and their error rates."""
        compared_z = after["sampled_z"] - before["sampled_z"]
        compared_x = after["sifted_x"] - before["sifted_x"]
        return {
            "compared_z": compared_z, "compared_x": compared_x,
            "qber_z": ratio(after["sample_errors_z"] - before["sample_errors_z"], compared_z),
            "qber_x": ratio(after["errors_x"] - before["errors_x"], compared_x),
        }

    @staticmethod
    def count_keyed(blocks, first_slot, last_slot):
        """Blocks of key with a detection in the transmitter's slots from first to last."""
        return sum(b["slots"][0] <= last_slot and b["slots"][1] >= first_slot for b in blocks)
