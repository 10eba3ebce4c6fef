"""Which campaigns a policy marks, and whether a key is committed for each."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

import msgspec

from stillwatch.errors import StillwatchError, one_line
from stillwatch.gateway.marking.keys import MarkKeys, scheme_of
from stillwatch.gateway.planning import plan
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.steering import microseconds, must_be_there, state_of
from stillwatch.gateway.stores.opening import open_store
from stillwatch.responses.mark_output import campaign_hash

__all__ = ["MarkedCampaign", "marked_campaigns"]


class MarkedCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign whose answers are to be marked. ``about`` is what its key is committed for, ``folder`` that of the
    ``keyring`` ("": the policy names none), ``scheme`` the mark, ``key`` its id ("": none is committed), ``wrong`` why
    the folder cannot be used. ``accounts`` of it are reached; ``dry``: they are only watched."""

    campaign_id: str
    about: str
    keyring: str
    folder: str
    scheme: str
    key: str
    wrong: str
    accounts: int
    dry: bool


def marked_campaigns(folder: Path, store: str | None, policy: Policy, now: dt.datetime) -> tuple[MarkedCampaign, ...]:
    """Those whose accounts ``policy`` marks, by all claims that stand in a gateway's ``folder`` (or ``store``).

    Raises `UsageError` for a folder that is none, `StorageError` and `InputError` where the store cannot be read.
    """
    must_be_there(folder)
    opened = open_store(folder, store)
    try:
        state = state_of(opened.since(0))
    finally:
        opened.close()
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for action in plan(state.subjects(), policy, state.key, microseconds(now)).actions:
        if action.response == "mark_output":
            found[action.campaign_id, str(action.parameters["keyring"])].append(action.dry)
    keys = MarkKeys()
    return tuple(_one(keys, policy, *name, dry) for name, dry in sorted(found.items()))


def _one(keys: MarkKeys, policy: Policy, campaign_id: str, keyring: str, dry: list[bool]) -> MarkedCampaign:
    about, key, wrong = campaign_hash(campaign_id), "", ""
    try:
        found = keys.key(f"{keyring}/{about}", policy.marking)
        key = "" if found is None else found.id
    except StillwatchError as error:
        wrong = one_line(error)
    return MarkedCampaign(
        campaign_id=campaign_id,
        about=about,
        keyring=keyring,
        folder=policy.marking.keyrings.get(keyring, ""),
        scheme=scheme_of(policy.marking),
        key=key,
        wrong=wrong,
        accounts=len(dry),
        dry=all(dry),
    )
