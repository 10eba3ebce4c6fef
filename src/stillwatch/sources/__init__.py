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
        "http_pairs": "stillwatch.sources.http_pairs:SOURCE",
        "batch": "stillwatch.sources.batch:SOURCE",
        "bedrock": "stillwatch.sources.bedrock:SOURCE",
        "litellm_spend": "stillwatch.sources.litellm_spend:SOURCE",
        "langfuse": "stillwatch.sources.langfuse:SOURCE",
        "kong": "stillwatch.sources.kong:SOURCE",
        "envoy": "stillwatch.sources.envoy:SOURCE",
        "helicone": "stillwatch.sources.helicone:SOURCE",
        "cloudflare": "stillwatch.sources.cloudflare:SOURCE",
        "azure_apim": "stillwatch.sources.azure_apim:SOURCE",
        "otlp": "stillwatch.sources.otlp:SOURCE",
        "phoenix": "stillwatch.sources.phoenix:SOURCE",
    },
)
