"""What may be told to peers: bulletins, the formats that carry them, the ways they travel, and matching.

`SHARE_FORMATS` lists every document format; a new one is one file and one line here, or an entry point of the group
``stillwatch.sharing`` in another wheel.
"""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.sharing.base import ShareFormat

__all__ = ["SHARE_FORMATS"]

SHARE_FORMATS: Registry[ShareFormat] = Registry(
    "stillwatch.sharing",
    {
        "bulletin": "stillwatch.sharing.formats.own:FORMAT",
        "stix": "stillwatch.sharing.formats.stix:FORMAT",
        "misp": "stillwatch.sharing.formats.misp:FORMAT",
        "csv": "stillwatch.sharing.formats.csv:FORMAT",
        "sigma": "stillwatch.sharing.formats.sigma:FORMAT",
    },
    extras={"stix": "sharing", "misp": "sharing"},
)
