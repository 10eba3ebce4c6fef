"""``python -m bench [TABLE ...]``: the tables that the README quotes; all of them takes more than an hour."""

from __future__ import annotations

import sys

from bench import (
    audit,
    audit_failures,
    audit_intervals,
    audit_judges,
    console,
    detection,
    drill,
    formats,
    fuzzing,
    gateway_decide,
    gateway_kills,
    gateway_proxy,
    gateway_replay,
    gateway_streams,
    leaks,
    nulls,
    overlap,
    psi,
    radioactivity_nulls,
    radioactivity_power,
    sharing,
    style,
    techniques,
    text_marks,
    twins_nulls,
    twins_power,
)

DETECTION = ("throughput", "detection", "variants", "simulated", "stability")


def main(names: list[str]) -> None:
    """Print the tables named, or all."""
    others = {
        "techniques": techniques.main,
        "nulls": nulls.main,
        "overlap": overlap.main,
        "formats": formats.main,
        "fuzzing": fuzzing.main,
        "leaks": leaks.main,
        "drill": drill.main,
        "console": console.main,
        "audit": audit.main,
        "audit_judges": audit_judges.main,
        "audit_failures": audit_failures.main,
        "audit_intervals": audit_intervals.main,
        "text_marks": text_marks.main,
        "psi": psi.main,
        "radioactivity_nulls": radioactivity_nulls.main,
        "radioactivity_power": radioactivity_power.main,
        "sharing": sharing.main,
        "twins_nulls": twins_nulls.main,
        "twins_power": twins_power.main,
        "style": style.main,
        "gateway_decide": gateway_decide.main,
        "gateway_kills": gateway_kills.main,
        "gateway_proxy": gateway_proxy.main,
        "gateway_streams": gateway_streams.main,
        "gateway_replay": lambda: gateway_replay.main([]),
    }
    for name in names or (*DETECTION, *others):
        if name in DETECTION:
            detection.main([name])
        elif name in others:
            others[name]()
        else:
            raise SystemExit(f"no table {name!r}; known are {', '.join((*DETECTION, *others))}")


if __name__ == "__main__":
    main(sys.argv[1:])
