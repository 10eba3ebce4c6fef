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
        "parquet": "stillwatch.sources.formats.canonical_parquet:SOURCE",
        "jsonl": "stillwatch.sources.formats.canonical_jsonl:SOURCE",
        "csv": "stillwatch.sources.formats.canonical_csv:SOURCE",
        "litellm": "stillwatch.sources.formats.litellm:SOURCE",
        "http_pairs": "stillwatch.sources.formats.http_pairs:SOURCE",
        "batch": "stillwatch.sources.formats.batch:SOURCE",
        "bedrock": "stillwatch.sources.formats.bedrock:SOURCE",
        "litellm_spend": "stillwatch.sources.formats.litellm_spend:SOURCE",
        "langfuse": "stillwatch.sources.formats.langfuse:SOURCE",
        "kong": "stillwatch.sources.formats.kong:SOURCE",
        "envoy": "stillwatch.sources.formats.envoy:SOURCE",
        "helicone": "stillwatch.sources.formats.helicone:SOURCE",
        "cloudflare": "stillwatch.sources.formats.cloudflare:SOURCE",
        "azure_apim": "stillwatch.sources.formats.azure_apim:SOURCE",
        "otlp": "stillwatch.sources.formats.otlp:SOURCE",
        "phoenix": "stillwatch.sources.formats.phoenix:SOURCE",
    },
)
