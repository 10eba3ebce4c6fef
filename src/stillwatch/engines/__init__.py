"""The registry of engines, and nothing else."""

from __future__ import annotations

from stillwatch.engines.base import Engine
from stillwatch.registry import Registry

ENGINES: Registry[type[Engine]] = Registry("stillwatch.engines", {"duckdb": "stillwatch.engines.duckdb:DuckDB"})
