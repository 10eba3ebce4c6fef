"""What linkage hands on: groups of accounts, each with the evidence, the rivals that it beat and its error rates.

Arrays are indexed by *account number* and *exchange number*: positions in the tables that linkage was given.
No text is here, and nothing that identifies a person but the account numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stillwatch.signals.behaviour import Behaviour

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Accounts that may be run by one operator.

    ``accounts`` (m,) are the account numbers of its members, ascending, ``log_odds`` (m,) what the membership model
    says of each, and ``posterior`` (m,) the calibrated probability that each belongs. ``verdict`` says whether the
    group's members are accused ("campaign") or shown to a person ("review"). ``evidence`` maps the name of a kind of
    evidence to the log-odds (nats) that it moved for each member, (m,); ``rivals`` maps the name of an innocent
    explanation to the nats by which the campaign model beat it on the whole group (negative: it lost). ``p_value``,
    ``e_value`` and ``q_value`` are those of the group as a candidate (sessions that the search did not see);
    ``expected_innocent`` the expected number of innocent members.
    """

    accounts: Ints
    log_odds: Floats
    posterior: Floats
    verdict: Literal["campaign", "review"]
    p_value: float
    e_value: float
    q_value: float
    expected_innocent: float
    evidence: Mapping[str, Floats]
    rivals: Mapping[str, float]


@dataclass(frozen=True)
class Findings:
    """All groups of a scan, the strongest first, and what is known of every account and exchange.

    ``taken`` (exchanges,) is the probability that the exchange fed a copy: 0 outside accused groups and groups under
    review. ``session`` (exchanges,) numbers the conversations; ``wording`` (exchanges,) the shared wording that an
    exchange's new text was filled into, -1 for none. ``technique`` (exchanges, 7) holds the probabilities in the order
    of `stillwatch.signals.techniques.examples.TECHNIQUES`; ``frames`` (exchanges, 7) those of the words of its wording
    alone, NaN for none. ``kinds`` maps the name of a kind of innocent look-alike, recognised by behaviour, to the
    account numbers of that kind. ``candidates`` counts the groups that were tested; ``null_draws`` the random groups
    behind their p-values. ``blind`` has one sentence for everything that could not be seen. ``behaviour`` is what each
    account does, for other providers to compare theirs with.
    """

    groups: tuple[Group, ...]
    taken: Floats
    session: Ints
    wording: Ints
    technique: Floats
    candidates: int
    null_draws: int
    kinds: Mapping[str, Ints] = field(default_factory=dict)
    blind: tuple[str, ...] = ()
    frames: Floats | None = None
    behaviour: Behaviour | None = None
