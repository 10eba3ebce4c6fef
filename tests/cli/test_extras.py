"""An extra that is missing costs one line, which says what to install; and the command line starts without any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
from stillwatch.cli import main
main(sys.argv[2:])
"""


def without(modules: str, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and what is said on stderr where ``modules`` are not installed."""
    command = [sys.executable, "-c", WITHOUT, modules, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("missing", "command", "extra"),
    [
        ("aiohttp", ["watch", "--upstream", "http://127.0.0.1:9", "--policy", "careful"], "gateway"),
        ("uvicorn", ["watch", "--upstream", "http://127.0.0.1:9", "--policy", "careful"], "gateway"),
        ("prometheus_client", ["watch", "--upstream", "http://127.0.0.1:9", "--policy", "careful"], "gateway"),
        ("starlette", ["gate", "guardrail", "--policy", "careful"], "gateway"),
        ("uvicorn", ["gate", "appeals", "serve"], "gateway"),
        ("starlette", ["console"], "console"),
        ("argon2", ["console"], "console"),
        ("joserfc", ["console"], "console"),
        ("grpc", ["gate", "envoy", "--policy", "careful"], "envoy"),
        ("envoy", ["gate", "envoy", "--policy", "careful"], "envoy"),
    ],
)
def test_a_missing_extra_is_one_line_that_says_what_to_install(
    missing: str, command: list[str], extra: str, tmp_path: Path
) -> None:
    code, said = without(missing, *command, "--state", tmp_path / "state")
    assert code == 2
    assert said.count("\n") == 1
    assert said.endswith(f"; pip install 'stillwatch[{extra}]'\n")
    assert not (tmp_path / "state").exists()


def test_people_steer_a_gateway_where_nothing_serves(tmp_path: Path) -> None:
    extras = "aiohttp,cryptography,grpc,httptools,prometheus_client,redis,starlette,uvicorn,uvloop"
    state = tmp_path / "state"
    state.mkdir()
    why = ("--by", "Ada", "--why", "a look")
    assert without(extras, "gate", "off", "--state", state, *why) == (0, "")
    assert without(extras, "gate", "status", "--state", state) == (1, "")
    assert without(extras, "gate", "clear", "acct_1", "--state", state, *why) == (0, "")
    assert without(extras, "policy", "check", "careful") == (0, "")
    files = [path for path in state.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.stat().st_mode & 0o077 and path.name != "off"] == []


def test_help_imports_no_command() -> None:
    code = (
        "import contextlib, sys\n"
        "from stillwatch.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "heavy = {'numpy', 'pyarrow', 'duckdb', 'aiohttp', 'uvicorn', 'stillwatch.gateway', 'stillwatch.responses'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
