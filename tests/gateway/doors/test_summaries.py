"""Summaries by the user's own model: what callers get of one, and that no reasoning leaves whatever that model does."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import RedirectResponse, Response

from stillwatch.gateway.doors.asgi import StillwatchMiddleware
from stillwatch.gateway.doors.departure import Message
from stillwatch.gateway.doors.litellm_answers import shielded, shielded_stream
from stillwatch.gateway.doors.streams import Shielding
from stillwatch.gateway.doors.summaries import FAILURES, MOST_GIVEN, Bounds, Summaries
from stillwatch.gateway.doors.summary_model import INSTRUCTION, open_summaries
from stillwatch.gateway.doors.upstream import Upstream
from stillwatch.gateway.shielding.quoting import QUOTED_WORDS, cut_short, quotes, shortened
from stillwatch.gateway.shielding.shield import shield_stream
from stillwatch.responses.traffic import API
from tests.gateway.answers import CANARY, answer
from tests.gateway.doors.test_asgi import asked, post, until
from tests.gateway.proxied import Chosen, served
from tests.gateway.shielding.answers import ANSWERS, GEORGIAN
from tests.gateway.shielding.wire import cut, stream, visible
from tests.gateway.summariser import Model, summarising
from tests.gateway.upstream import serving

PATHS: dict[API, str] = {
    "openai_chat": "/v1/chat/completions",
    "anthropic_messages": "/v1/messages",
    "openai_responses": "/v1/responses",
}
KEY = "sk-of-the-summariser"
SUMMARY = "It weighs two considerations."
FAKE = "fake+reasoning+odd"
EITHER = pytest.mark.parametrize("streamed", [False, True])
EACH = pytest.mark.parametrize("api", PATHS)


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with summarising() as model:
        yield model


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serving() as upstream:
        yield upstream.address


@pytest.fixture
def mine(model: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv("SUMMARY_KEY", KEY)
    model.says, model.lasts, model.most_at_once = (lambda reasoning: SUMMARY), 0.0, 0
    model.asked.clear()
    model.keys.clear()
    return model


def summaries_by(model: Model, seconds: float = 30.0, characters: int = 600, **more: Any) -> Summaries:
    return open_summaries(f"{model.named}#env:SUMMARY_KEY", seconds=seconds, characters=characters, **more)


def through(
    upstream: str, summaries: Summaries, *requests: tuple[API, dict[str, Any]], mode: str = "summarise"
) -> list[bytes]:
    """Answers that leave the proxy, one after the other."""
    front = Upstream(upstream)

    async def close() -> None:
        await front.close()
        await summaries.close()

    gate = Chosen(lambda request: {"shield": mode})
    with served(StillwatchMiddleware(front, gate=gate, summarise=summaries), close) as address:
        return [post(address, PATHS[api], body)[2] for api, body in requests]


def body(api: API, streamed: bool) -> dict[str, Any]:
    return asked(FAKE, stream=streamed, **({"input": "Why?"} if api == "openai_responses" else {}))


def said(api: API, streamed: bool, data: bytes) -> str:
    """The texts of an answer that everybody may see."""
    if streamed:
        events = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: {")]
        return "".join(visible(api, events)[0].values())
    whole = json.loads(data)
    if api == "openai_chat":
        return str(whole["choices"][0]["message"]["content"])
    parts = whole["content"] if api == "anthropic_messages" else whole["output"][-1]["content"]
    return "".join(part.get("text", "") for part in parts)


@EITHER
@EACH
def test_the_summary_takes_the_place_of_the_reasoning(api: API, streamed: bool, mine: Model, upstream: str) -> None:
    summaries = summaries_by(mine)
    (told,) = through(upstream, summaries, (api, body(api, streamed)))
    assert SUMMARY in told.decode()
    assert CANARY not in told.decode()
    assert said(api, streamed, told).strip()
    (question,) = mine.asked
    assert question["model"] == "mine"
    assert [turn["role"] for turn in question["messages"]] == ["system", "user"]
    assert question["messages"][0]["content"] == INSTRUCTION
    assert question["messages"][1]["content"].split() == [f"{CANARY}{n}" for n in range(6)]
    assert mine.keys == [f"Bearer {KEY}"]
    assert (summaries.counts["given"], sum(summaries.counts.values())) == (1, 1)


WRONG: dict[str, tuple[Callable[[str], Any], str]] = {
    "repeats all": (lambda reasoning: reasoning, "quoting"),
    "repeats it inside words of its own": (lambda reasoning: f"He wrote: {reasoning}. That is all.", "quoting"),
    "repeats it in capitals, dotted": (lambda reasoning: ".".join(reasoning.upper()), "quoting"),
    "repeats it with lines and signs between": (lambda reasoning: reasoning.replace(" ", " *\n- "), "quoting"),
    "repeats it with invisible characters": (lambda reasoning: "\u200b".join(reasoning), "quoting"),
    "repeats it in wide letters": (
        lambda reasoning: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in reasoning),
        "quoting",
    ),
    "says nothing": (lambda reasoning: " \n", "empty"),
    "only thinks": (lambda reasoning: f"<think>{reasoning}", "empty"),
    "thinks in a field of its own": (lambda reasoning: {"content": "", "reasoning_content": reasoning}, "empty"),
    "refuses": (lambda reasoning: {"content": None, "refusal": reasoning}, "empty"),
    "fails, quoting it": (lambda reasoning: Response(json.dumps({"error": {"message": reasoning}}), 500), "failed"),
    "refuses the key": (lambda reasoning: Response(json.dumps({"error": {"message": reasoning}}), 401), "failed"),
    "redirects": (lambda reasoning: RedirectResponse("/elsewhere"), "failed"),
    "is no JSON": (lambda reasoning: Response(reasoning), "failed"),
    "is of no shape": (lambda reasoning: Response(json.dumps({"choices": reasoning})), "failed"),
    "sends rubbish": (lambda reasoning: Response(b"\xff" * 1000 + reasoning.encode()), "failed"),
    "never ends": (lambda reasoning: None, "late"),
}


@pytest.mark.parametrize("what", WRONG)
def test_whatever_the_model_does_no_reasoning_leaves_and_the_answer_does(
    what: str, mine: Model, upstream: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mine.says, outcome = WRONG[what]
    requests = [(api, body(api, streamed)) for api in PATHS for streamed in (False, True)]
    summaries = Summaries(summaries_by(mine)._ask, Bounds(seconds=0.3 if outcome == "late" else 30.0))
    told = through(upstream, summaries, *requests)
    dropped = through(upstream, summaries, *requests, mode="drop")
    for (api, request), got, bare in zip(requests, told, dropped, strict=True):
        assert CANARY not in unicodedata.normalize("NFKC", got.decode()).casefold(), (what, api)
        assert said(api, request["stream"], got) == said(api, request["stream"], bare) != ""
    assert summaries.counts[outcome] + summaries.counts["resting"] == len(requests)  # type: ignore[literal-required]
    assert summaries.counts[outcome] >= FAILURES  # type: ignore[literal-required]
    assert not any("redirected" in question for question in mine.asked)
    written = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("stillwatch"))
    assert CANARY not in written
    assert KEY not in written


@EITHER
def test_a_long_summary_is_cut_and_a_key_in_it_hidden(streamed: bool, mine: Model, upstream: str) -> None:
    mine.says = lambda reasoning: f"{KEY} " + "It weighs. " * 500
    (told,) = through(upstream, summaries_by(mine, characters=100), ("openai_chat", body("openai_chat", streamed)))
    (summary,) = re.findall(r'"reasoning_content":"([^"]+)"', told.decode())
    assert len(summary) <= 100
    assert summary.startswith("[key] It weighs.")
    assert summary.endswith("…")


def test_an_instruction_of_ones_own_takes_the_place_of_ours(mine: Model, upstream: str, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("Sag es kurz.\n", "utf-8")
    summaries = summaries_by(mine, instruction=tmp_path / "own.txt")
    through(upstream, summaries, ("openai_chat", body("openai_chat", False)))
    assert mine.asked[0]["messages"][0]["content"] == "Sag es kurz."


def test_long_reasoning_loses_its_middle_before_anybody_is_given_it(mine: Model) -> None:
    async def run() -> None:
        summaries = summaries_by(mine)
        assert await summaries.of_answer()(f"first {'word ' * 100_000} last") == SUMMARY
        await summaries.close()

    asyncio.run(run())
    given_to_it = mine.asked[0]["messages"][1]["content"]
    assert len(given_to_it) <= MOST_GIVEN + 10
    assert (given_to_it[:5], given_to_it[-4:], "[…]" in given_to_it) == ("first", "last", True)


def test_the_parts_of_an_answer_share_its_time(mine: Model) -> None:
    mine.says = lambda reasoning: None

    async def run() -> Summaries:
        summaries = summaries_by(mine, seconds=0.2)
        ask = summaries.of_answer()
        assert [await ask("one"), await ask("two"), await ask("three")] == [None] * 3
        await summaries.close()
        return summaries

    assert asyncio.run(run()).counts["late"] == 3
    assert len(mine.asked) == 1  # the others had no time left to ask in


def test_no_more_are_asked_for_at_once_than_was_said_and_few_wait(mine: Model, tmp_path: Path) -> None:
    mine.lasts = 0.3
    (tmp_path / "mine.toml").write_text(f'address = "{mine.named}"\nkey = "env:SUMMARY_KEY"\nconcurrency = 2\n')

    async def run() -> Summaries:
        summaries = open_summaries(str(tmp_path / "mine.toml"), seconds=30, characters=600)
        got = await asyncio.gather(*(summaries.of_answer()("some reasoning") for _ in range(20)))
        assert sum(one == SUMMARY for one in got) == 4
        await summaries.close()
        return summaries

    until(lambda: not mine.at_once)  # those whom earlier tests left alone are gone
    counts = asyncio.run(run()).counts
    assert (counts["given"], counts["busy"]) == (4, 16)
    assert mine.most_at_once == 2


def test_a_model_that_fails_again_and_again_is_left_alone(mine: Model) -> None:
    mine.says = lambda reasoning: Response("down", 503)

    async def run() -> Summaries:
        summaries = summaries_by(mine)
        for _ in range(FAILURES + 7):
            assert await summaries.of_answer()("some reasoning") is None
        await summaries.close()
        return summaries

    counts = asyncio.run(run()).counts
    assert (counts["failed"], counts["resting"], len(mine.asked)) == (FAILURES, 7, FAILURES)


def test_a_function_of_the_users_own_that_fails_breaks_no_answer(upstream: str) -> None:
    async def broken(reasoning: str) -> str | None:
        raise RuntimeError(reasoning)

    gate = Chosen(lambda request: {"shield": "summarise"})
    front = Upstream(upstream)
    with served(StillwatchMiddleware(front, gate=gate, summarise=broken), front.close) as address:
        told = post(address, PATHS["openai_chat"], body("openai_chat", True))[2].decode()
    assert "[DONE]" in told
    assert CANARY not in told


@EITHER
def test_a_caller_who_leaves_ends_what_the_model_does_for_him(streamed: bool, mine: Model, upstream: str) -> None:
    mine.says = lambda reasoning: None
    front, gate = Upstream(upstream), Chosen(lambda request: {"shield": "summarise"})
    summaries = summaries_by(mine, seconds=300.0)

    async def leave(address: str) -> None:
        async with aiohttp.ClientSession() as session:
            asking = asyncio.ensure_future(
                session.post(address + PATHS["openai_chat"], json=body("openai_chat", streamed))
            )
            if streamed:
                asking = asyncio.ensure_future((await asking).read())
            while not mine.at_once:
                await asyncio.sleep(0.01)
            asking.cancel()

    async def close() -> None:
        await front.close()
        await summaries.close()

    with served(StillwatchMiddleware(front, gate=gate, summarise=summaries), close) as address:
        asyncio.run(leave(address))
        until(lambda: not mine.at_once)
        until(lambda: gate.told)


WRITING = (
    lambda text, dice: text,
    lambda text, dice: text.upper(),
    lambda text, dice: "\u200d".join(text),
    lambda text, dice: "".join(dice.choice((c, c + "-", c + "\u0301", f"{c}. ")) for c in text),
    lambda text, dice: f"He says “{text}”, and so on.",
    lambda text, dice: None,
)


@EACH
@given(seed=st.integers(0, 2**32), way=st.integers(0, len(WRITING) - 1))
@settings(max_examples=60, deadline=None)
def test_no_letter_of_reasoning_leaves_by_a_model_that_echoes(api: API, seed: int, way: int) -> None:
    dice = random.Random(seed)
    data = stream(ANSWERS[api](dice), dice, wild=0.1)
    left: list[bytes] = []

    class Told:
        """What a door tells of an exchange: here, nothing."""

        streams, headers = True, {}

        def began(self, status: int, headers: Any) -> None:
            pass

        def came(self, piece: bytes, *, last: bool) -> bytes:
            return piece

    async def echo(reasoning: str) -> str | None:
        return WRITING[way](reasoning, dice)  # type: ignore[no-untyped-call]

    async def send(message: Message) -> None:
        left.append(message.get("body", b""))

    async def run() -> None:
        shielding = Shielding(
            send,
            Told(),
            stream=lambda: shield_stream(api, "summarise"),
            body=lambda data, _: data,
            summaries=Summaries(echo),  # type: ignore[arg-type]
        )
        await shielding({"type": "http.response.start", "status": 200, "headers": []})
        for piece in cut(data, dice):
            await shielding({"type": "http.response.body", "body": piece, "more_body": True})
        await shielding({"type": "http.response.body", "body": b""})

    asyncio.run(run())
    out = b"".join(left).decode()
    shown = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), out)
    assert not (set(GEORGIAN) | set(GEORGIAN.upper())) & set(out + shown)


WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöüéß", min_size=1, max_size=9), min_size=QUOTED_WORDS, max_size=80)


@given(words=WORDS, where=st.integers(0, 10_000), seed=st.integers(0, 2**32))
def test_a_dozen_words_in_a_row_are_found_however_they_are_written(words: list[str], where: int, seed: int) -> None:
    dice = random.Random(seed)
    start = where % (len(words) - QUOTED_WORDS + 1)
    taken = words[start : start + QUOTED_WORDS]
    shown = "".join(dice.choice((word, word.upper(), word.title())) + dice.choice(" ,.\n*-_\u00ad") for word in taken)
    assert quotes(f"He thought: {shown} and so on.", " ".join(words))


@given(words=st.lists(st.sampled_from([f"w{n}x" for n in range(500)]), min_size=20, max_size=80, unique=True))
def test_a_summary_in_other_words_is_no_quotation(words: list[str]) -> None:
    assert not quotes("The notes are about growth, and weigh two considerations.", " ".join(words))
    assert not quotes(" ".join(words[: QUOTED_WORDS - 1]), " ".join(words))
    assert not quotes("anything", "… — !")
    assert not quotes("anything", "")


@pytest.mark.parametrize(
    "reasoning",
    [
        "先ず数を数えて、次に二で割り、最後に余りを確かめる必要があると思います。",
        "ก่อนอื่นเราต้องนับจำนวนแล้วหารด้วยสองและตรวจสอบเศษที่เหลืออยู่",
    ],
)
def test_scripts_without_spaces_are_held_against_each_other_too(reasoning: str) -> None:
    assert quotes(f"要約：「{reasoning[3:33]}」", reasoning)
    assert not quotes("数え方についての検討です。", reasoning)


@given(text=st.text(max_size=300), most=st.integers(40, 200))
def test_what_is_cut_keeps_to_its_length(text: str, most: int) -> None:
    assert len(cut_short(text, most)) <= max(most, 0)
    assert len(shortened(text, most)) <= most + 5
    assert cut_short(text, 300) == shortened(text, 300) == text


@EACH
def test_litellms_answers_get_the_summary_too(api: API, mine: Model) -> None:
    """As LiteLLM's hooks hand them over: whole answers as dictionaries, streams as bytes."""
    kind = {"openai_chat": "chat", "anthropic_messages": "messages", "openai_responses": "responses"}[api]
    whole = json.loads(b"".join(answer(kind, body(api, False) | {"model": "fake+reasoning"}).pieces))

    async def pieces() -> Any:
        for piece in answer(kind, body(api, True)).pieces:
            yield piece

    async def run(summaries: Summaries) -> list[str]:
        told = [json.dumps(await shielded(api, whole, "summarise", summaries))]
        parts = [part async for part in shielded_stream(api, pieces(), "summarise", summaries)]
        await summaries.close()
        return [*told, b"".join(parts).decode()]

    for told in asyncio.run(run(summaries_by(mine))):
        assert SUMMARY in told
        assert CANARY not in told
    mine.says = lambda reasoning: reasoning
    for told in asyncio.run(run(summaries_by(mine))):
        assert CANARY not in told
