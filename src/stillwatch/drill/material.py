"""What a log offers a drill: its sessions as numbers, and of each opening request what is needed to ask it again.

All of it stays in memory. Texts are those of the user's log and are never written anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.errors import InputError
from stillwatch.exchange import accounts_of
from stillwatch.linkage.activity import CONTENT, CUSTOMERS, VIRAL, Activity, Bools, Ints
from stillwatch.linkage.lookalikes import look_alikes
from stillwatch.linkage.reading import Reading, read_activity
from stillwatch.progress import Progress
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.topics import Codebook
from stillwatch.signals.wording.small_talk import SmallTalk

__all__ = ["CODED", "MOST_EXCHANGES", "Material", "read_material", "read_prompts", "sampled"]

CODED: Mapping[str, str] = {
    "client_ip": "address",
    "client_asn": "network",
    "user_agent": "client",
    "ja4": "fingerprint",
    "model": "model",
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "system_prompt": "system",
}
"""Columns of the log whose values a planted session may change, and their category numbers in an `Activity`."""
_FEWEST_PROMPTS = 50
_FEWEST_SESSIONS, _HEAVY = 3, 150  # of an account that is a life to be taken on: above, it is a program
MOST_EXCHANGES = 250_000
"""Exchanges above which a drill draws accounts, whole, instead of taking all: every planting is a scan."""


@dataclass(frozen=True)
class Material:
    """Sessions (s,) and accounts (n,) of a log, in the order of ``activity``.

    ``at`` (s,) when each session opened (microseconds); ``text``, ``system``, ``answer`` of its opening exchange;
    ``tool_result`` and ``history`` of it; ``values`` its raw values by column (`CODED` and ``tool_count``). ``task``
    (s,) whether it is a request that could be anybody's: no shared wording, not viral; ``agent`` whether tools were
    offered. ``kinds`` are account numbers of innocent look-alikes by name. ``suspected`` (n,) are accounts that are
    neither material nor innocents. ``prompts`` are what campaigns harvest in place of the log's own requests, if there
    are any. ``small_talk`` and ``codebooks`` read further requests as the log was read.
    """

    activity: Activity
    at: Ints
    text: list[str]
    system: list[str]
    answer: list[str]
    tool_result: Bools
    history: Ints
    values: Mapping[str, list[Any]]
    task: Bools
    agent: Bools
    kinds: Mapping[str, Ints]
    small_talk: SmallTalk
    codebooks: tuple[Codebook, ...]
    prompts: tuple[str, ...] = ()
    suspected: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def shows_content(self) -> bool:
        """Whether the log holds requests."""
        return CONTENT in self.activity.sees

    @property
    def knows_customers(self) -> bool:
        """Whether the provider's table of accounts was given."""
        return CUSTOMERS in self.activity.sees

    @property
    def may_host(self) -> Bools:
        """Accounts whose life a planted one may take on, (n,): not suspected, not all but silent, not a program's."""
        sessions = self.activity.sessions
        life: Bools = (sessions >= _FEWEST_SESSIONS) & (sessions <= _HEAVY) & ~self.suspected
        return life

    def codes(self) -> dict[str, dict[Any, int]]:
        """Category number of each raw value seen at the opening of a session, by column."""
        return {
            column: dict(zip(self.values[column], getattr(self.activity, name).tolist(), strict=True))
            for column, name in CODED.items()
        }


def read_prompts(path: Path) -> tuple[str, ...]:
    """Requests to harvest from a text file, one a line (UTF-8), each once; blank lines are passed over.

    Raises `InputError` for a file that cannot be read, is no UTF-8, or holds fewer than 50.
    """
    try:
        lines = path.read_bytes().decode().splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name another file with --prompts") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError("is no UTF-8 text", f"{path}:{line}", "write one request a line, in UTF-8") from error
    prompts = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(prompts) < _FEWEST_PROMPTS:
        raise InputError(
            f"holds {len(prompts)} different requests", path, f"give {_FEWEST_PROMPTS} or more, one a line"
        )
    return prompts


def sampled(exchanges: pa.Table, most: int, seed: int) -> pa.Table:
    """The exchanges of as many accounts, drawn at random, as hold about ``most`` of them; all where there are fewer."""
    if exchanges.num_rows <= most:
        return exchanges
    _, account = accounts_of(exchanges)
    sizes = np.bincount(account)
    order = np.random.default_rng([seed, 9]).permutation(len(sizes))
    kept = np.zeros(len(sizes), dtype=bool)
    kept[order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), most)))]] = True
    return exchanges.filter(pa.array(kept[account]))


def read_material(exchanges: pa.Table, customers: pa.Table | None, *, progress: Progress) -> tuple[Material, Reading]:
    """Read ``exchanges`` (schema `EXCHANGE`, by time and id) for a drill; the reading is that of a scan of them."""
    reading = read_activity(exchanges, customers, progress=progress)
    opened = exchanges.take(pa.array(reading.opening))
    turns = new_turns(opened.column("messages"))
    given = opened.column("system_prompt").to_pylist()
    activity = reading.activity
    material = Material(
        activity=activity,
        at=opened.column("started_at").cast(pa.int64()).to_numpy(),
        text=turns.text,
        system=[prompt or inside for prompt, inside in zip(given, turns.system, strict=True)],
        answer=[answer or "" for answer in opened.column("response").to_pylist()],
        tool_result=turns.is_tool_result,
        history=turns.history_length,
        values={name: opened.column(name).to_pylist() for name in (*CODED, "tool_count")},
        task=(activity.wording == 0) & (activity.askers < VIRAL),
        agent=activity.tools > 0,
        kinds=look_alikes(activity, reading.beyond_ascii),
        small_talk=reading.small_talk,
        codebooks=reading.codebooks,
        suspected=np.zeros(activity.accounts, dtype=bool),
    )
    return material, reading
