"""Our own model, read along a suspect's answers: sealed, gone on with, and checked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.ngram_folders import FolderModel, World
from stillwatch.errors import UsageError
from stillwatch.progress import Silent
from stillwatch.proving.running import run
from tests.proving.read_suspects import BESIDE, cli, report_in, wanted


def test_our_own_model_read_along_other_answers_does_not_count(
    copied: Path, innocent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    shutil.copy(innocent / BESIDE, out / BESIDE)
    assert cli("prove", "check", out) == 1
    assert "was read along other answers, or for another case" in capsys.readouterr().out
    (out / BESIDE).unlink()
    assert cli("prove", "check", out) == 1
    assert "cannot be read" in capsys.readouterr().out


def test_reading_along_answers_goes_on_where_it_was_and_needs_the_same_model(
    world: World, copied: Path, tmp_path: Path
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    for name in ("prove.json", "prove.html", "statement.html"):
        (out / name).unlink()
    sealed = (out / BESIDE).read_bytes()
    whole = b"".join(sealed.splitlines(keepends=True)[:40])
    (out / BESIDE).write_bytes(whole + b'{"line":41,"ha')
    models: list[FolderModel] = []

    def opened(folder: Path, device: str) -> FolderModel:
        models.append(FolderModel(folder))
        return models[-1]

    run(wanted(world, "copy")._replace(opener=opened), out, Silent())
    assert (out / BESIDE).read_bytes().startswith(whole)
    assert sum(model.reads for model in models) == 144 - 39, "what was sealed is not read again"
    assert report_in(out).tests == report_in(copied).tests
    (out / "prove.json").unlink()
    changed_model = tmp_path / "case" / "teacher"
    shutil.copytree(world.folder, tmp_path / "case")
    shutil.copy(world.folder / "honest" / "model.safetensors", changed_model / "model.safetensors")
    with pytest.raises(UsageError, match=r"whose files have changed since|is not the model that the answers' head"):
        run(wanted(world, "copy", tmp_path / "case" / "copy.toml"), out, Silent())


def test_answers_that_are_closed_are_read_along_by_the_model_that_was_settled(
    world: World, copied: Path, tmp_path: Path
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    (out / "prove.json").unlink()
    shutil.copytree(world.folder, tmp_path / "case")
    shutil.copy(world.folder / "honest" / "model.safetensors", tmp_path / "case" / "teacher" / "model.safetensors")
    closed = wanted(world, "copy", tmp_path / "case" / "copy.toml")._replace(close=True)
    with pytest.raises(UsageError, match="is not the model that the answers' head"):
        run(closed, out, Silent())
