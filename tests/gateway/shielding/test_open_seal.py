"""``stillwatch gate seal-key`` and ``open-seal`` as a person calls them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from stillwatch.cli import main
from stillwatch.gateway.shielding.seal import Sealer, read_keys


def ended(arguments: list[str]) -> object:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_a_key_is_made_and_a_token_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seal.keys"
    assert ended(["gate", "seal-key", "--out", str(path)]) == 0
    block = {"type": "thinking", "thinking": "first\n\x1b[31msecond", "signature": "s"}
    token = Sealer(read_keys(path), "acct_1").seal("anthropic_messages", "block", block)
    capsys.readouterr()
    assert ended(["gate", "open-seal", token, "--key", str(path)]) == 0
    out = capsys.readouterr().out
    assert out == "account acct_1, anthropic_messages\nfirst\n\\u{1b}[31msecond\n", (
        "no escape sequence reaches a terminal"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert ended(["gate", "open-seal", "--key", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == block


def test_what_cannot_be_opened_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "seal.keys"
    assert ended(["gate", "open-seal", "x", "--key", str(path)]) == 2
    assert ended(["gate", "seal-key", "--out", str(path)]) == 0
    assert ended(["gate", "seal-key", "--out", str(path)]) == 2
    assert ended(["gate", "open-seal", "swseal1.abc.", "--key", str(path)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert "is no token that this key opens" in lines[-1]
