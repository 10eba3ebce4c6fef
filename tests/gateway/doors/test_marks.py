"""Answers marked by the proxy, asked for by real clients over HTTP: what is marked, what is not, what is kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import anthropic
import openai
import pytest

from bench.made_answers import a_key, prompts, somebody
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors import marked as marked_module
from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.marks import Marks
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.marking.records import answer_hash, prompt_hash
from stillwatch.gateway.policy import Policy
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import REGISTER
from stillwatch.marks.text.marking import mark_answer
from stillwatch.proving.radioactivity.text_marks import Reply, choices_test, halves_test, sightings
from stillwatch.responses.traffic import Request
from tests.gateway.answers import CANARY
from tests.gateway.doors.test_bytes import CASES, PATHS, answers, received
from tests.gateway.keyrings import MARK, keyring, policy
from tests.gateway.proxied import Chosen, served
from tests.gateway.upstream import Upstream as Fake
from tests.gateway.upstream import serving


class Stand(NamedTuple):
    gate: Chosen
    marks: Marks
    upstream: Fake
    address: str
    folder: Path


class Failing(Chosen):
    """A gate that has a defect where it is told to."""

    fails = False

    def decide(self, request: Request) -> Decision:
        if self.fails:
            raise RuntimeError("a defect")
        return super().decide(request)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    gate, marks, folder = Failing(), Marks(), tmp_path_factory.mktemp("marks")
    with serving() as upstream:
        front = Upstream(upstream.address)
        with served(StillwatchMiddleware(front, gate=gate, marks=marks), front.close) as address:
            yield Stand(gate, marks, upstream, address, folder)


@pytest.fixture
def stand(running: Stand, tmp_path: Path) -> Stand:
    gate = running.gate
    gate.choose, gate.fails, gate.keeps_text = (lambda request: {"mark": MARK}), False, True
    gate.policy = Policy(version=1, name="test")
    for kept in (gate.told, gate.requests, running.upstream.received):
        kept.clear()
    running.marks.counts.update(dict.fromkeys(running.marks.counts, 0))
    return running._replace(folder=tmp_path / "keys")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def asked(prompt: str, flags: str = "+prose", api: str = "chat", **more: Any) -> dict[str, Any]:
    place = "input" if api == "responses" else "messages"
    return {"model": f"fake{flags}", "max_tokens": 900, place: [{"role": "user", "content": prompt}], **more}


async def sent(address: str, bodies: list[dict[str, Any]], api: str = "chat", **headers: str) -> list[Answer]:
    limit = asyncio.Semaphore(16)
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def one(body: dict[str, Any]) -> Answer:
            async with limit, session.post(address + PATHS[api], json=body, headers=headers) as answer:
                told = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status, told, await answer.read())

        return await asyncio.gather(*map(one, bodies))


def ask(stand: Stand, prompt: str, flags: str = "+prose", api: str = "chat", **more: Any) -> Answer:
    return asyncio.run(sent(stand.address, [asked(prompt, flags, api, **more)], api))[0]


def given(prompt: str) -> str:
    return somebody(3).answer(prompt)


def changed(key: MarkKey, number: int = 400) -> Iterator[str]:
    return (prompt for prompt in prompts(number) if mark_answer(prompt, given(prompt), key).edits)


def text(answer: Answer) -> str:
    return str(json.loads(answer.body)["choices"][0]["message"]["content"])


def test_marked_answers_arrive_and_a_test_finds_the_key_that_marked_them(stand: Stand) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder)
    questions = prompts(300)
    told = asyncio.run(sent(stand.address, [asked(prompt) for prompt in questions]))
    assert all(int(answer.headers["content-length"]) == len(answer.body) for answer in told)
    expected = [mark_answer(prompt, given(prompt), key) for prompt in questions]
    assert [text(answer) for answer in told] == [one.text for one in expected]

    rows = {row["messages"]: row for row in (observed.row for observed in stand.gate.told)}
    kept = [rows[json.dumps([{"role": "user", "content": p}], separators=(",", ":"))] for p in questions]
    assert [row["response"] for row in kept] == [one.text for one in expected]
    assert [tuple(row["marks"]["could"]) for row in kept] == [one.could for one in expected]
    assert {row["marks"]["key"] for row in kept} == {key.id}
    assert stand.marks.counts["marked"] == sum(bool(one.edits) for one in expected) > 100
    assert stand.marks.counts["marked"] + stand.marks.counts["plain"] == 300

    replies = [
        Reply(prompt=p, answers=(text(answer),), could=tuple(row["marks"]["could"]))
        for p, answer, row in zip(questions, told, kept, strict=True)
    ]
    seen = sightings(replies)
    assert halves_test(seen, key).p_value < 1e-6
    assert choices_test(seen, key).p_value < 1e-3
    others = [halves_test(seen, a_key(seed)).p_value for seed in range(40)]
    assert min(others) > 1e-4, "no key that was not used"


@pytest.mark.parametrize("text", [True, False], ids=["with text", "without text"])
def test_what_bears_no_mark_passes_byte_for_byte_although_one_is_due(stand: Stand, text: bool) -> None:
    """Streams held, odd pieces, compression, errors: none of these thousand answers has a place for a mark."""
    keyring(stand.folder)
    stand.gate.policy, stand.gate.keeps_text = policy(stand.folder, streams="hold"), text
    bare = asyncio.run(answers(stand.upstream.address))
    asked_bare = received(stand.upstream)
    through = asyncio.run(answers(stand.address))
    arrived = received(stand.upstream)
    assert [place for place in range(len(CASES)) if through[place] != bare[place]] == []
    assert [place for place in asked_bare if arrived[place] != asked_bare[place]] == []
    assert stand.marks.counts["plain"] > 100
    assert stand.marks.counts["marked"] == stand.marks.counts["failed"] == 0
    assert len(stand.gate.told) == sum(request.operation != "other" for request in stand.gate.requests)


def test_without_a_committed_key_answers_go_out_unmarked_and_one_line_says_so(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    keyring(stand.folder, about="another campaign")
    stand.gate.policy = policy(stand.folder)
    with caplog.at_level(logging.WARNING):
        told = asyncio.run(sent(stand.address, [asked(prompt) for prompt in prompts(20)]))
    assert [text(answer) for answer in told] == [given(prompt) for prompt in prompts(20)]
    assert stand.marks.counts["no_key"] == 20
    assert [record.getMessage() for record in caplog.records if MARK in record.getMessage()] == [
        f"no key is committed for {MARK} (text-1-d294b2546beebb69): its answers go out unmarked; "
        "see stillwatch gate marks"
    ]
    assert all("marks" not in observed.row for observed in stand.gate.told)
    key = keyring(stand.folder)  # committed while the proxy runs
    prompt = next(changed(key))
    assert text(ask(stand, prompt)) == mark_answer(prompt, given(prompt), key).text


def test_a_compressed_answer_leaves_marked_and_plain_or_as_it_came(stand: Stand) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder)
    prompt = next(changed(key))
    answer = ask(stand, prompt, "+prose+gzip")
    assert text(answer) == mark_answer(prompt, given(prompt), key).text
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.body)
    other = next(p for p in prompts(300) if not mark_answer(p, given(p), key).edits)
    assert ask(stand, other, "+prose+gzip").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_shielded_answer_is_marked_too(stand: Stand, api: str, stream: bool) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder, streams="hold")
    stand.gate.choose = lambda request: {"mark": MARK, "shield": "drop"}
    prompt = next(changed(key))
    answer = ask(stand, prompt, "+prose+reasoning", api, stream=stream)
    assert CANARY.encode() not in answer.body
    expected = mark_answer(prompt, given(prompt), key).text
    (row,) = [observed.row for observed in stand.gate.told]
    assert row["response"] == expected
    assert CANARY in str(row["reasoning"]), "the journal keeps what the model thought"
    assert row["marks"]["answer"] == answer_hash(key, expected)
    assert row["marks"]["prompt"] == prompt_hash(key, prompt)


@pytest.mark.parametrize(
    "flags", ["+prose", "+prose+tools+unknown", "+prose+odd", "+prose+gzip", "+prose+crlf+comments"]
)
def test_streams_that_were_held_are_read_by_the_vendors_own_libraries(stand: Stand, flags: str) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder, streams="hold")
    mine = openai.OpenAI(base_url=f"{stand.address}/v1", api_key="sk-a", max_retries=0)
    theirs = anthropic.Anthropic(base_url=stand.address, api_key="sk-a", max_retries=0)
    model = f"fake+prose{flags}"
    for prompt in list(changed(key))[:3]:
        messages: Any = [{"role": "user", "content": prompt}]
        expected = mark_answer(prompt, given(prompt), key).text
        with mine.chat.completions.create(model=model, messages=messages, stream=True) as chunks:
            deltas = [choice.delta for chunk in chunks for choice in chunk.choices or ()]
        assert "".join(delta.content or "" for delta in deltas) == expected
        with mine.responses.stream(model=model, input=messages) as events:
            spoken = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            whole = events.get_final_response()
        assert spoken == expected
        assert next(item for item in whole.output if item.type == "message").content[0].text == expected  # type: ignore[union-attr]
        with theirs.messages.stream(model=model, max_tokens=900, messages=messages) as stream:
            assert stream.get_final_text() == expected
    assert {row["response"] for row in (observed.row for observed in stand.gate.told)} == {
        mark_answer(prompt, given(prompt), key).text for prompt in list(changed(key))[:3]
    }


@pytest.mark.parametrize("api", PATHS)
def test_streams_pass_as_they_came_unless_the_policy_holds_them(stand: Stand, api: str) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder)
    body = asked(next(changed(key)), api=api, stream=True)
    (bare,) = asyncio.run(sent(stand.upstream.address, [body], api))
    (through,) = asyncio.run(sent(stand.address, [body], api))
    assert through.body == bare.body
    assert stand.marks.counts["stream"] == 1
    assert "marks" not in stand.gate.told[0].row


def test_a_held_stream_that_takes_too_long_or_is_too_long_goes_on_as_it_came(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = keyring(stand.folder)
    stand.gate.policy = policy(stand.folder, streams="hold")
    monkeypatch.setattr(marked_module, "MOST_READ", 2000)
    body = asked(next(changed(key)), stream=True)
    (bare,) = asyncio.run(sent(stand.upstream.address, [body]))
    (through,) = asyncio.run(sent(stand.address, [body]))
    assert through.body == bare.body
    assert stand.marks.counts["failed"] == 1
    stand.gate.policy = policy(stand.folder, closed=True, streams="hold")
    (through,) = asyncio.run(sent(stand.address, [body]))
    assert given(next(changed(key)))[:20].encode() not in through.body
    assert b"answer_withheld" in through.body
    assert [observed.row["status"] for observed in stand.gate.told] == [200, 502]


def test_a_held_stream_that_breaks_off_loses_no_byte_and_breaks_off_here_too(stand: Stand) -> None:
    keyring(stand.folder)
    stand.gate.policy = policy(stand.folder, streams="hold")

    async def read(address: str) -> bytes:
        came = b""
        body = asked("Why?", "+long40+cut+slow", stream=True)
        async with aiohttp.ClientSession() as session, session.post(address + PATHS["chat"], json=body) as answer:
            try:
                async for piece in answer.content.iter_any():
                    came += piece
            except aiohttp.ClientPayloadError:
                return came
        raise AssertionError("it did not break off")

    assert asyncio.run(read(stand.address)) == asyncio.run(read(stand.upstream.address))
    assert [observed.row["status"] for observed in stand.gate.told] == [502]


def test_an_answer_that_cannot_be_marked_passes_untouched_unless_the_policy_says_closed(stand: Stand) -> None:
    key = keyring(stand.folder)
    body = asked(next(changed(key)), "+prose+broken")
    (bare,) = asyncio.run(sent(stand.upstream.address, [body]))
    stand.gate.policy = policy(stand.folder)
    (through,) = asyncio.run(sent(stand.address, [body]))
    assert (through.status, through.body) == (200, bare.body)
    stand.gate.policy = policy(stand.folder, closed=True)
    (through,) = asyncio.run(sent(stand.address, [body]))
    assert through.status == 502
    assert json.loads(through.body)["error"]["code"] == "answer_withheld"
    assert stand.marks.counts["failed"] == 2
    assert [observed.row["status"] for observed in stand.gate.told] == [200, 502]


def test_a_register_that_was_changed_marks_nothing(stand: Stand) -> None:
    prompt = next(changed(keyring(stand.folder)))
    register = stand.folder / REGISTER
    register.write_bytes(register.read_bytes().replace(b'"decoys":1000', b'"decoys":1001'))
    stand.gate.policy = policy(stand.folder)
    assert text(ask(stand, prompt)) == given(prompt)
    stand.gate.policy = policy(stand.folder, closed=True)
    asked_before = len(stand.upstream.received)
    assert ask(stand, prompt).status == 502
    assert len(stand.upstream.received) == asked_before


def test_without_kept_text_the_journal_has_the_mark_and_no_word(stand: Stand) -> None:
    key = keyring(stand.folder)
    stand.gate.policy, stand.gate.keeps_text = policy(stand.folder), False
    prompt = next(changed(key))
    ask(stand, prompt)
    (row,) = [observed.row for observed in stand.gate.told]
    expected = mark_answer(prompt, given(prompt), key)
    assert row["marks"] == {
        "key": key.id,
        "scheme": key.scheme,
        "could": expected.could,
        "did": {name: len(edits) for name, edits in expected.edits.items()},
        "prompt": prompt_hash(key, prompt),
        "answer": answer_hash(key, expected.text),
    }
    assert row["response"] is row["messages"] is None


CLAIMED = {"vllm_xargs": {"stillwatch_mark": "a-key", "other": 1}}


def heard(stand: Stand) -> tuple[dict[str, Any], str | None]:
    last = stand.upstream.received[-1]
    return json.loads(last.body), last.header("x-stillwatch-mark")


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("engine", ["", "gumbel"])
def test_a_callers_own_word_of_a_key_never_reaches_the_server(stand: Stand, api: str, engine: str) -> None:
    key = keyring(stand.folder, "gumbel")
    stand.gate.policy = policy(stand.folder, engine=engine)
    claim = {"X-Stillwatch-Mark": "a-key"}
    for choose in ({}, {"mark": MARK}, {"mark": "campaigns/0000000000000000"}):
        stand.gate.choose = lambda request, choose=choose: choose  # type: ignore[misc]
        asyncio.run(sent(stand.address, [asked("Why?", "", api, **CLAIMED)], api, **claim))
        body, header = heard(stand)
        if engine and choose == {"mark": MARK}:
            told = {} if api == "messages" else {"stillwatch_mark": key.id}
            assert (body["vllm_xargs"], header) == ({"other": 1, **told}, key.id)
        else:
            assert (body["vllm_xargs"], header) == ({"other": 1}, None)
    stand.gate.fails = True
    asyncio.run(sent(stand.address, [asked("Why?", "", api, **CLAIMED)], api, **claim))
    assert (heard(stand)[0]["vllm_xargs"], heard(stand)[1]) == ({"other": 1}, None)


def test_a_server_that_marks_is_told_the_key_and_the_journal_keeps_it(stand: Stand) -> None:
    key = keyring(stand.folder, "gumbel")
    stand.gate.policy = policy(stand.folder, engine="gumbel")
    prompt = prompts(1)[0]
    answer = ask(stand, prompt)
    assert text(answer) == given(prompt), "the door itself marks nothing then"
    assert heard(stand) == ({**asked(prompt), "vllm_xargs": {"stillwatch_mark": key.id}}, key.id)
    marks = stand.gate.told[0].row["marks"]
    assert marks == {
        "key": key.id,
        "scheme": "gumbel",
        "prompt": prompt_hash(key, prompt),
        "answer": answer_hash(key, given(prompt)),
    }
    ask(stand, prompt, stream=True)
    assert stand.gate.told[1].row["marks"] == marks


def test_a_server_that_marks_gets_no_request_that_nobody_could_look_into(stand: Stand) -> None:
    stand.gate.choose = lambda request: {}
    strange = json.dumps(asked("Why?", **CLAIMED)).encode()

    async def send() -> int:
        headers = {"content-type": "application/json", "content-encoding": "x-unknown"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(stand.address + PATHS["chat"], data=strange, headers=headers, compress=False) as answer,
        ):
            return answer.status

    stand.gate.policy = policy(stand.folder)
    assert asyncio.run(send()) == 200
    stand.gate.policy = policy(stand.folder, engine="gumbel")
    assert asyncio.run(send()) == 415
