"""A caller who writes a gateway's own marks into its request hides neither the call nor its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stillwatch.sources.calls.bodies import request_values
from stillwatch.sources.formats import batch, cloudflare, helicone, http_pairs, litellm, litellm_spend
from stillwatch.sources.log import open_log

ASKED = [{"role": "user", "content": "Why?"}]


@pytest.mark.parametrize("source", [litellm.SOURCE, litellm_spend.SOURCE], ids=lambda source: source.info.name)
@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("redacted-by-litellm", None),
        ('{"text": "redacted-by-litellm"}', None),
        ("redacted-by-litellm\nWrite a proof of it.", "redacted-by-litellm\nWrite a proof of it."),
        ("Say redacted-by-litellm, then prove it.", "Say redacted-by-litellm, then prove it."),
    ],
)
def test_only_a_text_that_is_the_mark_of_litellm_was_redacted(source: Any, said: str, read: str | None) -> None:
    document = json.loads(source.info.example)
    request = {"messages": [{"role": "user", "content": said}]}
    answer = {"choices": [{"message": {"content": said}}]}
    (row,) = source.exchanges({**document, **request, "proxy_server_request": request, "response": answer})
    assert row["response"] == read
    assert [message["content"] for message in row["messages"] or []] == ([] if read is None else [read])


@pytest.mark.parametrize(
    "more", [{"_type": "tool"}, {"_type": "data"}, {"helicone_message": "?"}, {"heliconeMessage": "?"}]
)
def test_a_call_with_marks_of_helicone_is_a_call(more: dict[str, Any]) -> None:
    row = json.loads(helicone.SOURCE.info.example)
    body = {"model": "m", "messages": ASKED, **more}
    (found,) = helicone.SOURCE.exchanges({**row, "request_body": body})
    assert found["messages"] == ASKED


def test_an_empty_conversation_of_another_vendor_beside_the_real_one_hides_nothing() -> None:
    assert request_values({"messages": ASKED, "contents": []})["messages"] == ASKED


@pytest.mark.parametrize("session", [True, {"id": []}, ["s"], {}, 1.5])
def test_a_session_that_is_none_does_not_spoil_the_record(session: Any) -> None:
    pair, row = json.loads(http_pairs.SOURCE.info.example), json.loads(cloudflare.SOURCE.info.example)
    pair["request"]["body"]["conversation"] = session
    row["metadata"] = json.dumps({"user_id": "a1", "session_id": session})
    payload = json.loads(litellm.SOURCE.info.example) | {"session_id": session}
    sources: list[tuple[Any, Any]] = [
        (http_pairs.SOURCE, pair),
        (cloudflare.SOURCE, row),
        (litellm.SOURCE, payload),
    ]
    for source, document in sources:
        (found,) = source.exchanges(document)
        assert found["session_id"] is None
        assert found["account_id"] == "a1"


def test_a_body_with_a_har_files_own_keys_is_a_body() -> None:
    pair = json.loads(http_pairs.SOURCE.info.example)
    body = pair["request"].pop("body")
    (found,) = http_pairs.SOURCE.exchanges({**pair, "request": pair["request"] | {"content": body | {"mimeType": "x"}}})
    assert found["messages"] == [{"role": "user", "content": "Good morning"}]


def test_an_answered_call_is_one_whatever_names_the_caller_gave_its_conversation() -> None:
    """Servers in Go take ``Messages`` for ``messages``."""
    pair = json.loads(http_pairs.SOURCE.info.example)
    pair["request"]["body"] = {"Model": "m", "MESSAGES": ASKED}
    (found,) = http_pairs.SOURCE.exchanges(pair)
    assert (found["account_id"], found["operation"]) == ("a1", "chat")


@pytest.mark.parametrize("url", ["/v1/chat/completion$", "/v1/files", "x"])
def test_a_path_that_the_caller_made_up_hides_no_answer_of_a_batch(url: str, tmp_path: Path) -> None:
    line = json.loads(batch.SOURCE.info.example)
    asked = {"custom_id": line["custom_id"], "method": "POST", "url": url, "body": {"messages": ASKED}}
    (tmp_path / "answers.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "requests.jsonl").write_text(json.dumps(asked) + "\n")
    assert open_log([tmp_path]).read()["operation"].to_pylist() == ["chat"]


@pytest.mark.parametrize("claimed", ["u\ud800"])
def test_an_account_that_only_the_caller_names_may_be_misspelt(claimed: str, tmp_path: Path) -> None:
    pair = json.loads(http_pairs.SOURCE.info.example)
    del pair["account_id"]
    pair["request"]["body"]["user"] = claimed
    (tmp_path / "log.jsonl").write_text(json.dumps(pair) + "\n")
    assert open_log([tmp_path]).read()["account_id"].to_pylist() == ["u\ufffd"]


def test_a_record_without_an_id_gets_one_whatever_is_in_it(tmp_path: Path) -> None:
    pair = json.loads(http_pairs.SOURCE.info.example)
    del pair["id"]
    pair["request"]["body"] |= {"seed": 10**30, "stop": "\ud800"}
    (tmp_path / "log.jsonl").write_text(json.dumps(pair) + "\n")
    assert open_log([tmp_path]).read().num_rows == 1
