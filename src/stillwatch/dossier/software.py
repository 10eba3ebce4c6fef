"""The versions of all software that a dossier was made with, as far as Python's own records of packages tell."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement, Requirement

from stillwatch import __version__

__all__ = ["software"]

OWN = "stillwatch"
EXTRA = "dossier"
# What figures or bytes depend on, for an installation of which Python knows no list of requirements.
_KNOWN = (
    "cryptography",
    "duckdb",
    "jinja2",
    "lightgbm",
    "msgspec",
    "numpy",
    "polars",
    "pyarrow",
    "scikit-learn",
    "scipy",
)


def software() -> dict[str, str]:
    """Name and version of Python, the system, Stillwatch and every installed package that it needs, by name."""
    return dict(_software())


@functools.cache  # a process does not change what it runs on, and reading it takes a second
def _software() -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = [(OWN, EXTRA), *((name, "") for name in (*_KNOWN, "weasyprint", "rfc3161-client"))]
    while waiting:
        name, extra = waiting.pop()
        key = name.lower().replace("_", "-")
        if key in found and not extra:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        if key != OWN:
            found[key] = package.version
        for line in package.requires or ():
            needed = _needed(line, extra)
            if needed is not None and needed.name.lower().replace("_", "-") not in found:
                waiting.append((needed.name, ""))
    first = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        OWN: __version__,
    }
    return first | dict(sorted(found.items()))


def _needed(line: str, extra: str) -> Requirement | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None
    marker = requirement.marker
    return requirement if marker is None or marker.evaluate({"extra": extra}) else None
