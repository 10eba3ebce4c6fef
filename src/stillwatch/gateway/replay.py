"""A policy tried on a log: its exchanges in the order of their time, through the gateway's own decision.

The clock is the log's. The claims are those of a finished scan, as if they had stood from the log's first exchange on;
mode "watch" is replayed as "act", since the question is what would be done. Whoever is refused is taken to go away:
what somebody would have tried instead no log can tell.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import InputError
from stillwatch.exchange import in_order
from stillwatch.gateway.bounds import Breach, Watchman
from stillwatch.gateway.decide import decide
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.planning import Plan, plan
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.replayed import (
    LeftOutCount,
    Person,
    Replay,
    ResponseCount,
    StoodDown,
    Taken,
    cost,
    innocents,
)
from stillwatch.gateway.state import State, Switch
from stillwatch.progress import Progress, Silent
from stillwatch.responses.base import ANYBODY, Subject
from stillwatch.responses.traffic import Operation, Request
from stillwatch.sources.log import Log

__all__ = ["KEY", "read_taken", "replay"]

KEY = b"replay".ljust(32, b"\0")
"""The key of roll-outs where a replay is given none: the same policy on the same log always reaches the same."""
COLUMNS = ("exchange_id", "started_at", "account_id", "operation", "max_tokens")
CHUNK = 65_536
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OPERATIONS = frozenset(get_args(Operation))
NEVER_SEEN = (
    "Who asks for log-probabilities, several answers or reasoning, and how large a batch is, stands in no log: the"
    " responses that look at these are counted on the answers alone, or not at all."
)
NO_TIERS = "A log says no account's tier: measures for some tiers reach nobody here."


class _Row(NamedTuple):
    """What is read of one exchange; ``reasoned``: reasoning was in its answer; ``taken`` is NaN where unknown."""

    exchange_id: str
    at: int
    account_id: str
    operation: str | None
    max_tokens: int | None
    reasoned: bool
    taken: float


def read_taken(run: Path) -> pa.Table:
    """Of each exchange that a run judged, its id and the probability that it was taken. Raises `InputError`."""
    path = run / "exchanges.parquet"
    try:
        table: pa.Table = pq.read_table(path, columns=["exchange_id", "taken"])
        return table.cast(pa.schema([("exchange_id", pa.large_string()), ("taken", pa.float64())]))
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "cannot be read as a run's table of exchanges", path, "name the directory of `stillwatch scan --out`"
        ) from error


def replay(
    log: Log,
    subjects: Sequence[Subject],
    policy: Policy,
    taken: pa.Table | None = None,
    *,
    key: bytes = KEY,
    progress: Progress | None = None,
) -> Replay:
    """What ``policy`` would have done with ``log``, given the claims ``subjects``.

    ``taken`` is `read_taken` of the run that makes the claims (None: not known); ``key`` a gateway's own, to tell whom
    its roll-out reaches. Memory holds six columns of the log and no text. Raises `InputError` for a log without an
    exchange, and where there are claims but none about an account of this log.
    """
    progress = progress or Silent()
    rows = _rows(log, taken, progress)
    claims = _from_the_start(subjects, rows)
    acting = msgspec.structs.replace(policy, mode="off" if policy.mode == "off" else "act", days=366.0)
    at = int(rows.column("started_at")[0].as_py())
    planned = plan(claims, acting, key, at)
    run = _Running(acting, planned, claims, key)
    progress.step("replaying", rows.num_rows)
    for chunk in _chunks(rows):
        for row in chunk:
            run.pass_on(row)
        progress.advance(len(chunk))
    return run.told(policy, rows, planned, knows_taken=taken is not None)


def _rows(log: Log, taken: pa.Table | None, progress: Progress) -> pa.Table:
    """The log's exchanges in order, with what a gateway sees of them."""
    batches = []
    for batch in log.batches(progress):
        reasoned = pc.or_(
            pc.is_valid(batch.column("reasoning")),
            pc.greater(pc.fill_null(batch.column("reasoning_tokens"), 0), 0),
        )
        columns = [batch.column(name) for name in COLUMNS]
        columns[1] = columns[1].cast(pa.int64())
        batches.append(pa.RecordBatch.from_arrays([*columns, reasoned], [*COLUMNS, "reasoned"]))
    table = in_order(pa.Table.from_batches(batches))
    known: pa.Array | pa.ChunkedArray = pa.nulls(table.num_rows, pa.float64())
    if taken is not None:
        ids = taken.column("exchange_id").combine_chunks()
        known = taken.column("taken").combine_chunks().take(pc.index_in(table.column("exchange_id"), value_set=ids))
    return table.append_column("taken", pc.fill_null(known, float("nan")))


def _from_the_start(subjects: Sequence[Subject], rows: pa.Table) -> list[Subject]:
    """The claims as if they had been made when the log begins."""
    if subjects:
        accounts = set(pc.unique(rows.column("account_id")).to_pylist())
        if not any(subject.account_id in accounts for subject in subjects):
            raise InputError(
                "makes claims about no account of this log", "--run", "name the run of a scan of the same accounts"
            )
    at = int(rows.column("started_at")[0].as_py())
    return [msgspec.structs.replace(subject, since=at) for subject in subjects]


def _chunks(rows: pa.Table) -> Iterator[list[_Row]]:
    for batch in rows.to_batches(max_chunksize=CHUNK):
        yield [_Row(*values) for values in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


class _Running:
    """The gateway as it would have run, and what it did."""

    def __init__(self, policy: Policy, planned: Plan, claims: Sequence[Subject], key: bytes) -> None:
        self.policy = policy
        self.state = State(key)
        self.watchman = Watchman(policy.bounds)
        self.costless = {n for n, r in self.state.responses.items() if r.info.max_error_rate >= ANYBODY}
        self.breach: Breach | None = None
        self.after = 0
        self.people: dict[str, Person] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.touched: dict[tuple[str, str], set[str]] = {}
        self.weights = {"refused": 0.0, "limited": 0.0, "passed": 0.0}
        self.claims = {claim.account_id: claim for claim in claims}
        for action in planned.actions:
            self.state.responses[action.response].apply(action, self.state)
            person = self._person(action.account_id)
            if action.dry:
                person.watched += (action.response,)
            else:
                person.responses += (action.response,)

    def pass_on(self, row: _Row) -> None:
        """One exchange of the log, as the gateway would have seen it."""
        request = Request(
            request_id=row.exchange_id,
            at=row.at,
            account_id=row.account_id,
            operation=row.operation if row.operation in OPERATIONS else "other",  # type: ignore[arg-type]
            asks_reasoning=row.reasoned,
            tokens=max(row.max_tokens or 0, 0),
        )
        decision = decide(request, self.state, self.policy)
        breach = self.watchman.note(row.account_id, decision.touches, row.at)
        if breach is not None and self.breach is None:
            self.breach = breach
            down = Switch(name="stood_down", on=True, why="", at=row.at)
            self.state.switches[down.name] = down
        how = self._count(decision, row)
        if row.taken == row.taken:  # known: NaN is not itself
            self.weights[how] += row.taken

    def _count(self, decision: Decision, row: _Row) -> str:
        """Note what is done to an exchange; "refused", "limited" or "passed"."""
        person = self.people.get(row.account_id)
        if person is None:
            return "passed"
        person.exchanges += 1
        if self.state.stood_down:
            self.after += any(name in person.responses and self._felt(name, row) for name in decision.dry)
        shielded = decision.shield is not None and row.reasoned
        shaped = decision.shape is not None
        if decision.refuse is None and decision.wait <= 0 and not shaped and not shielded:
            return "passed"
        person.touched += 1
        person.refused += decision.refuse is not None
        person.waited += decision.wait > 0
        person.wait_hours += decision.wait / 3600
        person.shaped += shaped
        person.shielded += shielded
        for response in decision.reasons:
            if not self._felt(response, row):
                continue
            place = (person.campaign_id, response)
            self.requests[place] += 1
            self.touched.setdefault(place, set()).add(row.account_id)
        return "refused" if decision.refuse is not None else "limited"

    def _felt(self, response: str, row: _Row) -> bool:
        """Whether somebody notices a response at this exchange."""
        return response not in self.costless and (response != "shield_reasoning" or row.reasoned)

    def _person(self, account_id: str) -> Person:
        if account_id not in self.people:
            claim = self.claims[account_id]
            self.people[account_id] = Person(
                account_id=account_id,
                campaign_id=claim.campaign_id,
                level=claim.level,
                innocent=claim.innocent,
            )
        return self.people[account_id]

    def told(self, policy: Policy, rows: pa.Table, planned: Plan, *, knows_taken: bool) -> Replay:
        """All of it."""
        people = sorted(self.people.values(), key=lambda p: (-p.touched, -p.innocent, p.account_id))
        touched = [person for person in people if person.touched]
        at = rows.column("started_at")
        weights = np.asarray(rows.column("taken").to_numpy(), np.float64)
        return Replay(
            policy=policy.name,
            mode=policy.mode,
            first=_moment(at[0].as_py()),
            last=_moment(at[-1].as_py()),
            exchanges=rows.num_rows,
            accounts=len(pc.unique(rows.column("account_id"))),
            claims=len(self.claims),
            touched_accounts=len(touched),
            touched=sum(p.touched for p in people),
            refused=sum(p.refused for p in people),
            waited=sum(p.waited for p in people),
            shaped=sum(p.shaped for p in people),
            shielded=sum(p.shielded for p in people),
            wait_hours=sum(p.wait_hours for p in people),
            asked=len({message.body.get("account_id") for message in self.state.waiting.values()}),
            innocent=innocents(touched),
            cost=cost(people),
            taken=self._taken(weights) if knows_taken else None,
            responses=self._responses(planned),
            people=tuple(people),
            left_out=_left_out(planned),
            stood_down=self._stood_down(),
            notes=_notes(policy, self.claims),
        )

    def _taken(self, weights: npt.NDArray[np.float64]) -> Taken:
        return Taken(known=int(np.isfinite(weights).sum()), without=float(np.nansum(weights)), **self.weights)

    def _responses(self, planned: Plan) -> tuple[ResponseCount, ...]:
        standing = Counter((a.campaign_id, a.response, a.dry) for a in planned.actions)
        strength = {name: response.info.strength for name, response in self.state.responses.items()}
        found = [
            ResponseCount(
                campaign_id=campaign,
                response=response,
                accounts=accounts,
                touched=0 if dry else len(self.touched.get((campaign, response), ())),
                requests=0 if dry else self.requests[campaign, response],
                watched=dry,
            )
            for (campaign, response, dry), accounts in standing.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.campaign_id, strength[one.response], one.watched)))

    def _stood_down(self) -> StoodDown | None:
        if self.breach is None:
            return None
        b = self.breach
        return StoodDown(at=_moment(b.at), what=b.what, share=b.share, most=b.most, after=self.after)


def _left_out(planned: Plan) -> tuple[LeftOutCount, ...]:
    """Whom no measure for a response reaches, by the last reason given: that of the measure that came closest."""
    last = {(one.account_id, one.response): one.why for one in planned.left_out if one.why != "level"}
    counts = Counter((response, why) for (_, response), why in last.items())
    return tuple(LeftOutCount(response=r, why=why, accounts=n) for (r, why), n in sorted(counts.items()))


def _notes(policy: Policy, claims: Mapping[str, Subject]) -> tuple[str, ...]:
    notes = []
    if claims and {"reduce_detail", "cap_reasoning"} & {measure.response for measure in policy.measures}:
        notes.append(NEVER_SEEN)
    if any(measure.tiers for measure in policy.measures) or any(exemption.tiers for exemption in policy.exempt):
        notes.append(NO_TIERS)
    return tuple(notes)


def _moment(microseconds: int) -> dt.datetime:
    return EPOCH + dt.timedelta(microseconds=microseconds)
