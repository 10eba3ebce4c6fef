"""What a user may write for a model, what is refused in one line, and that keys appear nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.asking import ENDPOINTS
from stillwatch.asking.addresses import open_model
from stillwatch.asking.limits import Limits, Price
from stillwatch.errors import InputError, StillwatchError, UsageError

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_KEY", KEY)


def test_addresses_open_what_they_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "q", "text": "yes"}\n')
    assert open_model("openai:my/model:free@https://host.example:8443/v1").name == (
        "openai:my/model:free@host.example:8443"
    )
    assert open_model("openai:m@x@http://127.0.0.1:8000/v1?api-version=1").name == "openai:m@x@127.0.0.1:8000"
    assert open_model("anthropic:claude-x@https://host.example#env:MY_KEY").name == "anthropic:claude-x@host.example"
    assert open_model(str(tmp_path / "a.jsonl")).name == "answers:a.jsonl"
    assert open_model(f"answers:{tmp_path / 'a.jsonl'}").price == Price(0.0, 0.0)


def test_a_toml_file_says_more(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "q", "text": "yes"}\n')
    (tmp_path / "m.toml").write_text(
        'address = "openai:m@https://host/v1"\nname = "the teacher"\nkey = "env:MY_KEY"\nrequests_per_minute = 30\n'
        "concurrency = 2\ntimeout = 60\ntemperature = 0.5\nprice = { input = 1.5, output = 6 }\n"
        '[headers]\nX-Org = "acme"\nX-Other-Key = "env:MY_KEY"\n[extra]\ntop_p = 0.9\n'
    )
    model = open_model(str(tmp_path / "m.toml"))
    assert (model.name, model.price) == ("the teacher", Price(1.5, 6.0))
    assert model.limits == Limits(requests_per_minute=30, concurrency=2, timeout=60)
    assert KEY not in repr(model)
    assert model.settings["address"] == "openai:m@https://host/v1"
    assert model.settings["temperature"] == 0.5
    assert set(model.settings) == {"address", "temperature", "extra"}  # what answers depend on: no key, no limits
    (tmp_path / "f.toml").write_text('address = "answers:a.jsonl"\n')
    assert open_model(str(tmp_path / "f.toml")).name == "answers:a.jsonl"


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("gpt-4", "no model is known as gpt-4; write openai:MODEL@"),
        ("openai:", "names no model or no host"),
        ("openai:m@ftp://host", "neither http:// nor https://"),
        ("openai:m@https://", "names no model or no host"),
        ("openai:m@https://[::1/v1", "is no address"),
        ("openai:m@https://host:99999/v1", "is no address"),
        ("openai:m@https://host/v1#env:ABSENT", "the environment has no ABSENT; set ABSENT to the key"),
        ("answers:absent.jsonl", "cannot be read"),
        ("absent.toml", "cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(address: str, line: str) -> None:
    with pytest.raises(StillwatchError) as raised:
        open_model(address, "--against")
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        f"openai:m@https://user:{KEY}@host/v1",
        f"openai:m@https://{KEY}@host/v1",
        f"openai:m@https://host/v1?api-key={KEY}",
        f"openai:m@https://host/v1#{KEY}",
        f"openai:m@https://host/v1#env:{KEY}",
        f"anthropic:m@https://host?x_token={KEY}",
    ],
)
def test_a_key_in_an_address_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_model(address)
    assert KEY not in str(raised.value)
    assert "env:NAME" in str(raised.value)


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        (f'key = "{KEY}"', "a key is only taken from the environment"),
        (f'[headers]\nAuthorization = "Bearer {KEY}"', "has its key in the file, in Authorization"),
        (f'[headers]\nx-goog-api-key = "{KEY}"', "has its key in the file"),
        ("concurrency = 0", "concurrency is 1 to 256"),
        ("requests_per_minute = -1", "requests_per_minute is a number above 0"),
        ("timeout = 'long'", "Expected"),
        ("price = { input = 1 }", "output"),
        ("temprature = 1", "temprature"),
        ("extra = { messages = [] }", "extra cannot say messages"),
        ("[headers]\n'a b' = 'c'", "header whose name is none"),
        ("= 1", "is no TOML"),
    ],
)
def test_a_toml_file_that_cannot_be_is_refused_without_its_key(toml: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(f'address = "openai:m@https://host/v1"\n{toml}\n')
    with pytest.raises(StillwatchError) as raised:
        open_model(str(tmp_path / "m.toml"))
    assert line in str(raised.value)
    assert KEY not in str(raised.value)
    (tmp_path / "m.toml").write_text("concurrency = 1\n")
    with pytest.raises(InputError, match="has no address"):
        open_model(str(tmp_path / "m.toml"))


def test_every_kind_has_a_name_and_an_example_of_its_own() -> None:
    names = ("openai", "anthropic", "answers")
    for name in names:
        kind = ENDPOINTS.get(name)
        assert kind.info.name == name
        assert kind.opens(kind.info.example)
        assert not any(
            other != name and ENDPOINTS.get(other).opens(kind.info.example) for other in ("openai", "answers")
        )


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("", "holds no answers"),
        ('{"question": "a", "text": 3}\n', ":1: holds no answer"),
        ('{"question": "a", "text": "x"}\n\n{"question": "a", "sample": 0, "text": "y"}\n', ":3: answers what line 1"),
        ("[" * 5000 + "\n", ":1: holds no answer"),
        ('{"question": "a", "text": "\udcff"}\n', ":1: holds no answer"),
    ],
)
def test_broken_answer_files_name_the_line(lines: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as raised:
        open_model(str(tmp_path / "a.jsonl"))
    assert line in str(raised.value)
