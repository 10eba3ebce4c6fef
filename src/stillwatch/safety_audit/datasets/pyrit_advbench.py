"""AdvBench's harmful behaviours (arXiv 2307.15043) as PyRIT ships them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.datasets.reading import as_items, text_of, yaml_of

__all__ = ["DATA_SET", "AdvBench"]


class AdvBench:
    """Behaviours as instructions; the topic is the first group that PyRIT gives each."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="pyrit.advbench",
        title="AdvBench, harmful behaviours",
        package="pyrit",
        version="1.1.0",
        folders=("pyrit/datasets/seed_datasets/local/",),
        endings=("/adv_bench.prompt",),
        digest="29c1f07f5331d9dce1bf2b1d1ea1f255be59ac086f40092367921c5327ca9f4a",
        licence="MIT (PyRIT's; the package states no other for the set)",
        credit="Zou et al., AdvBench (2023); Microsoft PyRIT",
        reference="https://github.com/llm-attacks/llm-attacks",
        property="refusal",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...]:
        """One item for each behaviour."""
        found = []
        for path, content in sorted(files.items()):
            document = yaml_of(path, text_of(path, content))
            seeds = document.get("seeds") if isinstance(document, dict) else None
            if not isinstance(seeds, list):
                raise InputError("has no list of seeds", path, "install the package anew")
            for seed in seeds:
                if not isinstance(seed, dict) or not isinstance(seed.get("value"), str):
                    raise InputError("has a seed without a text", path, "install the package anew")
                groups = seed.get("harm_categories")
                topic = str(groups[0]) if isinstance(groups, list) and groups else "all"
                found.append((topic, seed["value"]))
        return as_items(self.info, found)


DATA_SET = AdvBench()
