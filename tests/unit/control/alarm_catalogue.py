#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The catalogue of alarms against the calls that raise them: alarm_catalogue.py SOURCE_DIR LGCTL.

Every kind that is raised is in it, every one in it is raised, each with its cause and what to do.
"""
import json
import pathlib
import re
import subprocess
import sys

KIND = r'"([a-z]+(?:-[a-z]+)*)"'
root = pathlib.Path(sys.argv[1])
lgctl = sys.argv[2]
problems = []


def text(name):
    return (root / name).read_text(encoding="utf-8")


def table(name, start):
    """The kinds of the initialiser that begins with START."""
    body = text(name).split(start, 1)[1].split("};", 1)[0]
    return re.findall(r"\[[A-Z_]+\] = \{?" + KIND, body)


# What calls with something else than a literal raise, by file and first argument.
indirect = {
    ("control/dwdm_watch.c", "kinds[f->kind]"): table("control/dwdm_watch.c", "kinds[]"),
    ("control/error_cause.c", "engine_alarm_name(alarm)"): table("qkd-engine/alarms.c", "names[ENGINE_ALARM_COUNT]"),
    ("control/link.c", "engine_alarm_name(note->alarm)"): table("qkd-engine/alarms.c", "names[ENGINE_ALARM_COUNT]"),
    ("control/otdr_alarm.c", "kinds[kind].kind"): table("control/otdr_alarm.c", "kinds[OTDR_KINDS]"),
    ("control/qrng_watch.c", "kind"): [
        "qrng-" + n for n in re.findall(r'"([a-z]+)"', re.search(
            r"names\[QRNG_FAULTS\] = \{(.*?)\};", text("drivers/qrng.c"), re.S).group(1)) if n != "none"],
    ("control/fibre_watch.c", "row->alarm"): re.findall(r'= \{"[a-z-]+", ' + KIND, text("drivers/watch/monitors.c")),
    ("control/kms_service.c", "e.kind"): sorted({
        k for f in (root / "control/kms").glob("service*.c") for k in re.findall(r'"(kms-[a-z-]+)"', f.read_text())
    }),
    # They hand on what their callers say, who are looked at themselves.
    ("control/link.c", "kind"): [],
    ("control/link_kme.c", "kind"): [],
    ("control/link_tunnels.c", "kind"): [],
}
# The raising half of the call alone: alarm_clear() has the same kinds.
CALL = re.compile(r"(?:\balarm_raise\(\s*|\blink_alarm\(\s*[^,;]+,\s*|ops\.alarm\(\s*\w+->ctx,\s*|\bops->alarm\(\s*ctx,\s*)"
                  r"([^,;]+),")
raised, raisers = set(), {}
for folder in ("control", "dataplane"):
    for path in sorted((root / folder).rglob("*.c")):
        name, source = str(path.relative_to(root)), path.read_text(encoding="utf-8")
        for kind in CALL.findall(source):
            kind = kind.strip()
            defined = re.search(rf"#define {re.escape(kind)}\s+{KIND}", source)
            literal = re.fullmatch(KIND, kind)
            if literal or defined:
                raised.add((literal or defined).group(1))
                raisers[(literal or defined).group(1)] = name
            elif "const char *kind" in kind:
                continue
            elif indirect.get((name, kind)) is None:
                problems.append(f"{name}: raises {kind}, of which this test does not know what it is")
            else:
                raised.update(indirect[name, kind])
for (name, kind), kinds in indirect.items():
    if not kinds and (kind != "kind" or "link" not in name):
        problems.append(f"{name}: {kind}: its kinds are not found")

catalogue = json.loads(subprocess.run([lgctl, "--json", "alarm", "explain"], capture_output=True, check=True,
                                      text=True).stdout)
described = {k["kind"]: k for k in catalogue}
problems += [f"{k['kind']}: {name} is empty or too long" for k in catalogue
             for name, most in (("cause", 400), ("action", 400), ("resource", 100), ("severities", 4))
             if not 0 < len(k[name]) <= most]
if len(described) != len(catalogue):
    problems.append("a kind is there twice")
problems += [f"{k}: is raised, and not in control/alarm_kinds_*.c" for k in sorted(raised - set(described))]
problems += [f"{k}: is in control/alarm_kinds_*.c, and nobody raises it" for k in sorted(set(described) - raised)]
# What KMS and gateway raise themselves is of their part.
problems += [f"{k}: is of the wrong program" for k, where in sorted(raisers.items())
             if (described.get(k, {}).get("program") == "kms") != where.startswith("control/kms")]
# What is to be configured otherwise is a node of the model: PARENT/NODE, in texts for operators.
members, used, above = {}, [], []
for indent, kind, name in re.findall(r"^( *)(container|list|leaf-list|leaf|choice|case|grouping|uses) ([a-z0-9-]+)",
                                     text("config/lumengate.yang"), re.M):
    above = [a for a in above if a[0] < len(indent)]
    inside = next((a[2] for a in reversed(above) if a[1] not in ("choice", "case")), "")
    if kind == "uses":
        used.append((inside, name))
    elif kind not in ("choice", "case"):
        members.setdefault(inside, set()).add(name)
    above.append((len(indent), kind, name))
for inside, name in used:
    members.setdefault(inside, set()).update(members.get(name, ()))
answers = {"card/loops"}  # of lgctl link show
named = 0
for path in sorted({*root.glob("control/alarm_kinds*.c"), *root.glob("control/*why*.c")}):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#include")]
    for said in re.findall(r'"((?:[^"\\]|\\.)*)"', "\n".join(lines)):
        for place in re.findall(r"\b([a-z0-9-]+/[a-z0-9-]+)\b", said):
            parent, node = place.split("/")
            if parent in members and place not in answers:
                named += 1
                if node not in members[parent]:
                    problems.append(f"{path.name}: the model has no {place}")
if named < 10:
    problems.append(f"{named} nodes of the model are named: they are not found")
print("\n".join(problems + [f"{len(raised)} kinds raised, {len(described)} described"]))
sys.exit(bool(problems) or len(raised) < 60)
