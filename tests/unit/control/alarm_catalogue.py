#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tables of alarms in the documents against the code: alarm_catalogue.py SOURCE_DIR.

Every kind that is raised has a row, every row a kind that is raised, each with what is meant and what to do.
"""
import pathlib
import re
import sys

KIND = r'"([a-z]+(?:-[a-z]+)*)"'
root = pathlib.Path(sys.argv[1])
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
raised = set()
for folder in ("control", "dataplane"):
    for path in sorted((root / folder).rglob("*.c")):
        name, source = str(path.relative_to(root)), path.read_text(encoding="utf-8")
        for kind in CALL.findall(source):
            kind = kind.strip()
            defined = re.search(rf"#define {re.escape(kind)}\s+{KIND}", source)
            literal = re.fullmatch(KIND, kind)
            if literal or defined:
                raised.add((literal or defined).group(1))
            elif "const char *kind" in kind:
                continue
            elif indirect.get((name, kind)) is None:
                problems.append(f"{name}: raises {kind}, of which this test does not know what it is")
            else:
                raised.update(indirect[name, kind])
for (name, kind), kinds in indirect.items():
    if not kinds and (kind != "kind" or "link" not in name):
        problems.append(f"{name}: {kind}: its kinds are not found")

documented = {}
for name, columns in (("docs/operating.md", 5), ("docs/kms.md", 3)):
    for line in text(name).splitlines():
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        severity = cells[1] if columns == 3 and len(cells) > 1 else cells[2] if len(cells) > 2 else ""
        if len(cells) != columns or not re.fullmatch(r"(?:(?:critical|major|minor|warning)(?:, | or )?)+", severity):
            continue
        for kind in re.findall(r"`([a-z-]+)`", cells[0]):
            if kind in documented:
                problems.append(f"{name}: {kind} has two rows")
            documented[kind] = name
            if not all(cells):
                problems.append(f"{name}: {kind}: a cell is empty")
problems += [f"{k}: is raised, and is in no table" for k in sorted(raised - set(documented))]
problems += [f"{documented[k]}: {k}: nobody raises it" for k in sorted(set(documented) - raised)]
print("\n".join(problems + [f"{len(raised)} kinds raised, {len(documented)} described"]))
sys.exit(bool(problems) or len(raised) < 60)
