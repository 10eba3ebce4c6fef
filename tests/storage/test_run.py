"""A run is there whole or not at all: after errors, a full disk, a kill in the middle, and beside another run."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.settings import Settings
from stillwatch.storage.disk import is_full
from stillwatch.storage.manifest import read_manifest, write_manifest
from stillwatch.storage.run import MANIFEST, new_run

SOURCE = Path(__file__).parents[2] / "src"


def make(out: Path, text: str, *, overwrite: bool = False) -> None:
    with new_run(out, overwrite=overwrite) as staging:
        (staging / "result").write_text(text)
        write_manifest(staging, Settings(), [])


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_appears_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "run"
    with new_run(out) as staging:
        (staging / "result").write_text("1")
        assert not out.exists()
    assert sorted(p.name for p in out.iterdir()) == ["result"]
    assert [p.name for p in out.parent.iterdir()] == ["run"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_run(tmp_path / "run") as staging:  # noqa: PT012
        (staging / "half").write_text("1")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_run(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    with pytest.raises(ZeroDivisionError), new_run(tmp_path / "run", overwrite=True):
        raise ZeroDivisionError
    assert (tmp_path / "run" / "result").read_text() == "old"


def test_a_run_is_replaced_only_when_asked(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    with pytest.raises(UsageError, match=r"holds a run already; .*--overwrite"):
        make(tmp_path / "run", "new")
    make(tmp_path / "run", "new", overwrite=True)
    assert (tmp_path / "run" / "result").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_what_is_no_run_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for name in ("thesis", "file"):
        with pytest.raises(UsageError):
            make(tmp_path / name, "new", overwrite=True)
    assert (tmp_path / "thesis" / "chapter").read_text() == "years of work"


def test_an_empty_directory_is_free(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    make(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result").read_text() == "new"


KILLED = """
    import sys, time
    from pathlib import Path
    from stillwatch.storage.run import new_run
    with new_run(Path(sys.argv[1])) as staging:
        (staging / "half").write_text("x" * 100_000)
        print("writing", flush=True)
        time.sleep(60)
"""


def test_a_killed_run_leaves_nothing_under_its_name_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    process = python(KILLED, str(tmp_path / "run"))
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    make(tmp_path / "run", "a run beside one that works")
    assert len(list(tmp_path.glob(".run.staging-*"))) == 1, "a run that works is left alone"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [MANIFEST, "result"]
    make(tmp_path / "run", "next", overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_run_that_died_between_the_two_moves_comes_back(tmp_path: Path) -> None:
    make(tmp_path / "run", "old")
    (tmp_path / "run").rename(tmp_path / ".run.replaced-0123abcd")
    with pytest.raises(UsageError, match="holds a run already"):
        make(tmp_path / "run", "new")
    assert (tmp_path / "run" / "result").read_text() == "old"


FULL = """
    import resource, signal, sys
    from pathlib import Path
    import pyarrow as pa
    from stillwatch.errors import StorageError
    from stillwatch.storage.run import new_run
    from stillwatch.storage.tables import write_table
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    table = pa.table({"x": pa.array(range(2_000_000))})
    if sys.argv[2] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    try:
        with new_run(Path(sys.argv[1])) as staging:
            write_table(table, staging / "big.parquet")
    except StorageError as error:
        print(error)
"""


def check_full(out: Path, how: str) -> None:
    stdout, stderr = python(FULL, str(out), how).communicate(timeout=60)
    assert stdout.strip() == f"{out}: the disk is full; nothing was kept; free some space, or name another --out", (
        stderr
    )
    assert list(out.parent.iterdir()) == []


def test_no_room_for_a_file_is_one_line_and_nothing_is_kept(tmp_path: Path) -> None:
    check_full(tmp_path / "run", "limit")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_is_one_line_and_nothing_is_kept(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        check_full(tmp_path / "run", "mount")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


class WrappedError(Exception):
    """What a database library raises."""


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (WrappedError('IO Error: Could not write file "x": No space left on device'), True),
        (WrappedError("No space left on device (os error 28)"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (WrappedError("column not found"), False),
    ],
)
def test_full_disks_are_recognised_through_libraries(error: Exception, full: bool) -> None:
    outer = ValueError("while writing")
    outer.__cause__ = error
    assert is_full(error) == is_full(outer) == full


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"), new_run(tmp_path / "file" / "below" / "run"):
        pass


def test_manifest_lists_what_the_run_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc")
    settings = Settings(seed=7, retention_days=10)
    with new_run(tmp_path / "run") as staging:
        (staging / "result").write_text("1")
        written = write_manifest(staging, settings, [tmp_path / "log"], {"reading": 1.23456})
    manifest = read_manifest(tmp_path / "run")
    assert manifest == written
    assert manifest.settings == settings.as_text()
    assert (manifest.seed, (manifest.delete_after - manifest.made_at.date()).days) == (7, 10)
    assert [(f.name, f.bytes) for f in manifest.inputs] == [(str(tmp_path / "log"), 3)]
    assert [(f.name, f.bytes) for f in manifest.outputs] == [("result", 1)]
    assert manifest.seconds == {"reading": 1.235}


def test_what_is_no_run_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run of Stillwatch"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(InputError, match="manifest that cannot be read"):
        read_manifest(tmp_path)
