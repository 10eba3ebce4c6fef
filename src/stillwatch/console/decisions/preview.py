"""What a decision would do, shown before it is done: exactly whom it reaches, and what was stated of them.

The digest is over everything that was shown. Whoever confirms sends it back; what is applied is what has that digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

import msgspec

from stillwatch.console.decisions.derived import Derived
from stillwatch.console.decisions.entry import ABOUT_ACCOUNTS, MOST_ACCOUNTS, Faced, Kind
from stillwatch.errors import UsageError

__all__ = ["Preview", "look_ahead"]


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A decision before it is one.

    ``accused``, ``under_review`` and ``clear`` count the accounts by the run's verdict; ``expected_innocent`` sums the
    stated probabilities of innocence, ``unmeasured`` counts accounts without one; ``worst_q`` is the largest q-value
    among them. ``under_appeal`` are accounts with an open appeal, ``exempt`` pairs of account and the exemption of the
    policy that protects it, ``states`` counts how they stand by earlier decisions. ``refused`` says why it cannot be
    applied ("": it can), ``warnings`` what whoever confirms should know, in sentences.
    """

    kind: Kind
    run: str
    campaign: str
    faced: tuple[Faced, ...]
    version: int
    accused: int
    under_review: int
    clear: int
    expected_innocent: float
    unmeasured: int
    worst_q: float
    under_appeal: tuple[str, ...]
    exempt: tuple[tuple[str, str], ...]
    states: tuple[tuple[str, int], ...]
    warnings: tuple[str, ...]
    refused: str

    @property
    def digest(self) -> str:
        """SHA-256 of all that was shown, 64 hexadecimal digits."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it reaches."""
        return tuple(one.account_id for one in self.faced)

    @property
    def parts(self) -> tuple[tuple[Faced, ...], ...]:
        """The accounts by part: the groups of a split, the campaigns of a merge."""
        parts: dict[int, list[Faced]] = {}
        for one in self.faced:
            parts.setdefault(one.part, []).append(one)
        return tuple(tuple(parts[number]) for number in sorted(parts))


def look_ahead(
    derived: Derived,
    kind: Kind,
    chosen: Sequence[Faced],
    *,
    now: int,
    run: str,
    campaign: str,
    under_appeal: Collection[str],
    exempt: Mapping[str, str],
) -> Preview:
    """The preview of ``kind`` for the accounts ``chosen``, by part and account id whatever order they come in.

    Raises `UsageError` for a kind that is not decided about accounts, for no or too many accounts, one named twice, and
    a split or merge without two parts.
    """
    faced = tuple(sorted(chosen, key=lambda one: (one.part, one.account_id)))
    _check(kind, faced)
    names = [one.account_id for one in faced]
    states = derived.states(names, now)
    accused = [one for one in faced if one.verdict == "campaign"]
    review = sum(one.verdict == "review" for one in faced)
    appealing = tuple(one.account_id for one in faced if one.account_id in under_appeal)
    protected = tuple((one.account_id, exempt[one.account_id]) for one in faced if one.account_id in exempt)
    return Preview(
        kind=kind,
        run=run,
        campaign=campaign,
        faced=faced,
        version=derived.version(names),
        accused=len(accused),
        under_review=review,
        clear=len(faced) - len(accused) - review,
        expected_innocent=float(sum(one.innocent for one in faced if one.innocent is not None)),
        unmeasured=sum(one.innocent is None for one in faced),
        worst_q=max(one.q_value for one in faced),
        under_appeal=appealing,
        exempt=protected,
        states=tuple(sorted(states.items())),
        warnings=_warnings(kind, faced, review, appealing, protected, states),
        refused=_refused(kind, faced, states),
    )


def _check(kind: Kind, faced: Sequence[Faced]) -> None:
    if kind not in ABOUT_ACCOUNTS:
        raise UsageError("is not decided about accounts", kind, f"one of: {', '.join(sorted(ABOUT_ACCOUNTS))}")
    if not faced:
        raise UsageError("no account was chosen", kind, "choose at least one")
    if len(faced) > MOST_ACCOUNTS:
        raise UsageError(f"{len(faced):,} accounts are too many for one decision", kind, f"at most {MOST_ACCOUNTS:,}")
    if len({one.account_id for one in faced}) < len(faced):
        raise UsageError("an account was named twice", kind, "put each into one part")
    if kind in ("split", "merge") and len({one.part for one in faced}) < 2:
        raise UsageError("needs two parts or more", kind, "choose accounts of each")


def _refused(kind: Kind, faced: Sequence[Faced], states: Mapping[str, int]) -> str:
    if kind != "suspend":
        return ""
    not_accused = sum(one.verdict != "campaign" for one in faced)
    if not_accused:
        return f"{not_accused:,} of them are not accused; only accounts that a scan accuses can be suspended"
    for state in ("dismissed", "held", "suspended", "proposed for suspension"):
        if states.get(state):
            words = {"held": "on hold"}.get(state, state)
            return f"{states[state]:,} of them are {words}; leave them out, or undo that first"
    return ""


def _warnings(
    kind: Kind,
    faced: Sequence[Faced],
    review: int,
    appealing: Sequence[str],
    protected: Sequence[tuple[str, str]],
    states: Mapping[str, int],
) -> tuple[str, ...]:
    said = []
    if appealing:
        said.append(f"{len(appealing):,} of them appealed and wait to be heard: hear them first.")
    if protected and kind == "suspend":
        said.append(f"{len(protected):,} of them are exempt by the policy: the gateway will not act against them.")
    if review and kind in ("confirm", "merge"):
        said.append(f"{review:,} of them are under review: no error rate was measured for them.")
    if kind == "confirm" and states.get("dismissed"):
        said.append(f"{states['dismissed']:,} of them were dismissed before: this decision replaces that one.")
    if kind in ("dismiss", "hold") and states.get("suspended"):
        said.append(f"{states['suspended']:,} of them are suspended: that ends at once, and for good.")
    small = [number for number in {one.part for one in faced} if sum(one.part == number for one in faced) < 8]
    if kind == "split" and small:
        said.append("A part of fewer than eight accounts accuses nobody in the next scan; it is shown for review.")
    if kind == "merge" and len({one.verdict for one in faced}) > 1:
        said.append("Accused accounts and those under review stay apart: joining them makes nobody more accused.")
    return tuple(said)
