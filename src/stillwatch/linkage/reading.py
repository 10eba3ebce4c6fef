"""From the log to numbers: the last place of linkage that sees text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stillwatch.beside import beside
from stillwatch.exchange import accounts_of
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, NETWORK, Activity, Floats, Ints
from stillwatch.progress import Progress
from stillwatch.signals.behaviour import HEAD as BEHAVIOUR_HEAD
from stillwatch.signals.behaviour import TAIL as BEHAVIOUR_TAIL
from stillwatch.signals.behaviour import Behaviour, behaviour, sampled
from stillwatch.signals.embedding import embed
from stillwatch.signals.new_text import Turns, new_turns
from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.frames import frame_probabilities
from stillwatch.signals.techniques.model import Request, classify
from stillwatch.signals.topics import Codebook, learn_codebook
from stillwatch.signals.wording.repeats import find_repeats
from stillwatch.signals.wording.small_talk import SmallTalk, learn_small_talk
from stillwatch.signals.wording.templates import find_wordings

CODEBOOKS = (60, 150, 300)
"""Topics of the codebooks, coarse to fine."""
REDRAWN = 2
"""Times that the coarser two are fitted again from other starts: where a codebook happens to cut moves memberships."""
_DAY = 8.64e10
HEAD, TAIL = 1000, 500
_MOST_TOOLS = 1000
_FITTED = 15  # sessions of one account that a codebook is fitted to
_FITTERS = 2  # codebooks that are fitted at a time
_MANY = 5000  # sessions from which techniques are worth a process of their own


class Reading(NamedTuple):
    """What was read.

    ``activity``; ``session`` (exchanges,) the session of each exchange; ``opening`` (sessions,) the exchange that
    opened it; ``frames`` (sessions, 7) the techniques of the words of its wording alone, NaN for none; ``beyond_ascii``
    (sessions,) 1 where the request is mostly written in letters beyond ASCII (for the table of false accusations, never
    for a verdict). What was learnt from this log, to read further requests by: ``small_talk`` and ``codebooks`` (those
    of ``activity.topics``, then of ``activity.redrawn``). ``behaviour`` is what each account does in classes that are
    the same everywhere: of its own traffic alone, nothing learnt.
    """

    activity: Activity
    session: Ints
    opening: Ints
    frames: Floats
    beyond_ascii: Floats
    small_talk: SmallTalk
    codebooks: tuple[Codebook, ...]
    behaviour: Behaviour


def read_activity(exchanges: pa.Table, customers: pa.Table | None, *, progress: Progress, start: int = 0) -> Reading:
    """Turn exchanges (schema `EXCHANGE`, sorted by time and id) and customers (`CUSTOMER`) into an `Activity`.

    Codebooks are fitted from the ``start`` given: a log has the same topics whatever the seed of a scan.
    """
    (ids, account), turns = accounts_of(exchanges), new_turns(exchanges.column("messages"))
    session, opening = _sessions(exchanges, account, turns.history_length)
    who = account[opening]
    progress.step("reading what was asked", 5)
    with beside(classify, _request(exchanges, turns, opening), apart=len(opening) >= _MANY) as classified:
        small_talk = learn_small_talk([turns.text[i] for i in opening])
        asked = [small_talk.strip(turns.text[i]) for i in opening]
        progress.advance()
        wordings = find_wordings(asked, who)
        progress.advance()
        vector = embed(wordings.filling, HEAD, TAIL)
        progress.advance()
        codebooks, drawn = _codebooks(vector, _thinned(who, start), start)
        topics, redrawn = drawn[: len(CODEBOOKS)], drawn[len(CODEBOOKS) :]
        progress.advance()
        technique = classified() if any(asked) else np.zeros((len(asked), len(TECHNIQUES)))
    repeat = _own_number_for_empty(find_repeats(wordings.filling, vector, topics), asked)
    progress.advance()

    def code(name: str) -> Ints:
        return _codes(exchanges.column(name))[opening]

    model, newest = _models(exchanges)
    activity = Activity(
        accounts=len(ids),
        account=who,
        start=_microseconds(exchanges.column("started_at"))[opening] / _DAY,
        turns=np.bincount(session, minlength=len(opening)).astype(np.float64),
        errors=(_numbers(exchanges.column("status"), 200)[opening] >= 400).astype(np.float64),
        answered=np.log1p(np.maximum(_numbers(exchanges.column("output_tokens"), 0)[opening], 0)),
        topics=topics,
        codebooks=CODEBOOKS,
        redrawn=redrawn,
        wording=wordings.number,
        repeat=repeat,
        technique=technique,
        vector=vector,
        talk=np.array([len(text) < len(turns.text[i]) for text, i in zip(asked, opening, strict=True)], dtype=bool),
        system=code("system_prompt"),
        tools=np.clip(_numbers(exchanges.column("tool_count"), 0)[opening], 0, _MOST_TOOLS),
        model=model[opening],
        temperature=code("temperature"),
        max_tokens=code("max_tokens"),
        client=code("user_agent"),
        address=code("client_ip"),
        network=code("client_asn"),
        fingerprint=code("ja4"),
        **_customers(ids, customers),
        newest=newest,
        sees=_sees(exchanges, customers, asked),
    )
    frames = frame_probabilities(wordings.example)[wordings.number]
    told = _behaviour(len(ids), who, technique, [turns.text[i] for i in opening])
    return Reading(activity, session, opening, frames, _beyond_ascii(asked), small_talk, codebooks, told)


def _behaviour(accounts: int, account: Ints, technique: Floats, asked: list[str]) -> Behaviour:
    """Of the requests as they came: small talk and wordings are learnt from all accounts, and this is of one's own."""
    length = np.array([len(text) if not text.isspace() else 0 for text in asked], dtype=np.int64)
    chosen = sampled(account)
    vector = embed([asked[i] for i in chosen], BEHAVIOUR_HEAD, BEHAVIOUR_TAIL)
    return behaviour(accounts, account, technique, length, chosen, vector.astype(np.float64))


def _sessions(exchanges: pa.Table, account: Ints, history: NDArray[np.int64]) -> tuple[Ints, Ints]:
    """Number the conversations in order of time; without an id, an exchange that repeats history goes on the last."""
    names: list[str | None] = exchanges.column("session_id").to_pylist()
    number: dict[tuple[int, str], int] = {}
    last: dict[int, int] = {}
    session = np.empty(len(names), dtype=np.int64)
    opening: list[int] = []
    for i, (who, name, before) in enumerate(zip(account.tolist(), names, history.tolist(), strict=True)):
        known = number.get((who, name)) if name is not None else (last.get(who) if before else None)
        if known is None:
            known = len(opening)
            opening.append(i)
        if name is not None:
            number[who, name] = known
        else:
            last[who] = known
        session[i] = known
    return session, np.array(opening, dtype=np.int64)


def _codebooks(vector: NDArray[np.float32], fitted: Ints, start: int) -> tuple[tuple[Codebook, ...], tuple[Ints, ...]]:
    """All codebooks, the coarser two fitted again at the end, and the topics of each."""
    sizes = (*CODEBOOKS, *CODEBOOKS[:2] * REDRAWN)

    def draw(number: int) -> tuple[Codebook, Ints]:
        learnt = learn_codebook(vector, fitted, sizes[number], seed=start + number)
        return learnt, learnt.topics(vector)

    with ThreadPoolExecutor(_FITTERS) as fitters:  # they fit outside the interpreter's lock
        drawn = list(fitters.map(draw, range(len(sizes))))
    return tuple(learnt for learnt, _ in drawn), tuple(topics for _, topics in drawn)


def _request(exchanges: pa.Table, turns: Turns, rows: Ints) -> Request:
    given = exchanges.column("system_prompt").take(rows).to_pylist()
    return Request(
        text=[turns.text[i] for i in rows],
        system=[prompt or turns.system[i] for prompt, i in zip(given, rows, strict=True)],
        tool_count=np.clip(_numbers(exchanges.column("tool_count"), 0)[rows], 0, _MOST_TOOLS),
        is_tool_result=turns.is_tool_result[rows],
        history_length=turns.history_length[rows],
    )


def _thinned(account: Ints, start: int) -> Ints:
    """Sessions to fit a codebook to: at most 15 an account, so that no account's taste is everybody's."""
    order = np.random.default_rng(start).permutation(len(account))
    by_account = order[np.argsort(account[order], kind="stable")]
    first = np.r_[True, np.diff(account[by_account]) != 0]
    place = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    kept: Ints = np.sort(by_account[place < _FITTED])
    return kept


def _beyond_ascii(asked: list[str]) -> Floats:
    """Whether each request is mostly written in letters beyond ASCII, (s,)."""

    def mostly(beginning: str) -> bool:
        if beginning.isascii():
            return False
        letters = [character for character in beginning if character.isalpha()]
        return bool(letters) and sum(not letter.isascii() for letter in letters) > 0.2 * len(letters)

    return np.array([mostly(text[:200]) for text in asked], dtype=np.float64)


def _own_number_for_empty(repeat: Ints, asked: list[str]) -> Ints:
    """Requests without text ask nothing in common."""
    empty = np.array([not text.strip() for text in asked], dtype=bool)
    return np.where(empty, repeat.max(initial=-1) + 1 + np.arange(len(repeat)), repeat)


def _codes(column: pa.ChunkedArray) -> Ints:
    """Category numbers by sorted value, null 0: the same whatever the order of rows."""
    values = column.combine_chunks()
    known = pc.unique(values).drop_null()
    known = known.take(pc.sort_indices(known))
    found = pc.index_in(values, value_set=known)
    codes: Ints = pc.add(pc.fill_null(found, -1), 1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _numbers(column: pa.ChunkedArray, missing: int) -> Ints:
    numbers: Ints = pc.fill_null(column, missing).to_numpy().astype(np.int64)
    return numbers


def _microseconds(column: pa.ChunkedArray) -> Floats:
    times: Floats = column.cast(pa.int64()).to_numpy().astype(np.float64)
    return times


def _models(exchanges: pa.Table) -> tuple[Ints, int]:
    """Model numbers, and the number of the one that was seen first the latest."""
    model = _codes(exchanges.column("model"))
    appeared = np.full(int(model.max(initial=0)) + 1, -1, dtype=np.int64)
    appeared[model[::-1]] = np.arange(len(model))[::-1]
    return model, int(appeared.argmax())


def _customers(ids: pa.Array, customers: pa.Table | None) -> dict[str, Any]:
    n = len(ids)
    unknown = np.arange(n, dtype=np.int64)
    if customers is None:
        return {"payment": unknown, "organization": unknown, "created": np.full(n, np.nan)}
    rows = pc.index_in(ids.cast(pa.large_string()), value_set=customers.column("account_id").combine_chunks())
    columns: dict[str, Any] = {}
    for name, column in (("payment", "payment_id"), ("organization", "organization_id")):
        code = _codes(customers.column(column).take(rows))
        columns[name] = np.where(code == 0, code.max(initial=0) + 1 + unknown, code)
    created = customers.column("created_at").take(rows).cast(pa.int64())
    columns["created"] = pc.cast(created, pa.float64()).to_numpy() / _DAY
    return columns


def _sees(exchanges: pa.Table, customers: pa.Table | None, asked: list[str]) -> frozenset[str]:
    network = ("client_ip", "client_asn", "user_agent", "ja4")
    shown = {NETWORK} if any(exchanges.column(c).null_count < len(exchanges) for c in network) else set()
    if any(text.strip() for text in asked):
        shown.add(CONTENT)
    if customers is not None:
        shown.add(CUSTOMERS)
    return frozenset(shown)
