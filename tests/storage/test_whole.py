"""Small files that are there whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

from stillwatch.storage.whole import write_whole


def test_a_private_file_is_its_owners_alone_whatever_was_left_behind(tmp_path: Path) -> None:
    left = tmp_path / ".appeal.json.partial"
    left.write_bytes(b"left by a kill, and longer than what comes")
    left.chmod(0o644)
    write_whole(tmp_path / "appeal.json", b"a person's words", private=True)
    assert (tmp_path / "appeal.json").read_bytes() == b"a person's words"
    assert stat.S_IMODE((tmp_path / "appeal.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["appeal.json"]
