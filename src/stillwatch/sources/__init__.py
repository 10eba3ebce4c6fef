"""Log formats: bytes of a log become batches of THE record (`stillwatch.exchange.EXCHANGE`).

`SOURCES` lists every format that is recognised by its content; a new one is one file and one line here, or an entry
point of the group ``stillwatch.sources`` in another wheel. `stillwatch.sources.log.open_log` picks among them.
"""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.sources.base import Source

__all__ = ["SOURCES"]

SOURCES: Registry[Source] = Registry(
    "stillwatch.sources",
    {
        "parquet": "stillwatch.sources.canonical_parquet:SOURCE",
        "jsonl": "stillwatch.sources.canonical_jsonl:SOURCE",
        "csv": "stillwatch.sources.canonical_csv:SOURCE",
        "litellm": "stillwatch.sources.litellm:SOURCE",
        "otlp": "stillwatch.sources.otlp:SOURCE",
        "phoenix": "stillwatch.sources.phoenix:SOURCE",
    },
)
