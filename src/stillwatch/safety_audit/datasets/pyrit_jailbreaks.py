"""The jailbreak templates that PyRIT ships, each with our own harmful requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.datasets.reading import in_forms, text_of, yaml_of

__all__ = ["DATA_SET", "JailbreakTemplates"]

_MARK = "{{ prompt }}"


class JailbreakTemplates:
    """The templates of the folder itself; those below it (hundreds from forums) are left out."""

    info: ClassVar[DataSetInfo] = DataSetInfo(
        name="pyrit.jailbreaks",
        title="Jailbreak templates of PyRIT",
        package="pyrit",
        version="1.1.0",
        folders=("pyrit/datasets/jailbreak/templates/",),
        endings=(".yaml",),
        digest="41b5b266ae0167ee93322d63527b302a4e8522169b0ee43f3899a6d0788a1266",
        licence="MIT (PyRIT's; each template names its source)",
        credit="Microsoft PyRIT and the sources that its templates name",
        reference="https://github.com/microsoft/PyRIT",
        property="jailbreaks",
        harmful=True,
    )

    def read(self, files: Mapping[str, bytes]) -> tuple[Item, ...]:
        """Each of our requests under two of the templates that take one request as text, dealt round."""
        forms = []
        for path, content in sorted(files.items()):
            template = yaml_of(path, text_of(path, content))
            if isinstance(template, dict) and template.get("parameters") == ["prompt"]:
                forms.append((path.rpartition("/")[2].removesuffix(".yaml"), str(template.get("value"))))
        return in_forms(self.info, forms, _MARK)


DATA_SET = JailbreakTemplates()
