"""Kinds of innocent look-alikes, recognised by behaviour alone, for the side-by-side of false accusations.

These are for counting, never for judging: nothing here reaches a verdict. That an account writes outside ASCII is
looked at for this table only, so that people who write other languages can see how they fare.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stillwatch.linkage.activity import CONTENT, NETWORK, VIRAL, Activity, Floats, Ints

_CROWDED = 20  # accounts at one address or in one network, of which few are one household's


def look_alikes(activity: Activity, beyond_ascii: Floats) -> Mapping[str, Ints]:
    """Account numbers of each kind, by name. ``beyond_ascii`` (s,) says which sessions' requests are not
    written in ASCII letters."""
    kinds: dict[str, Ints] = {}
    n, account = activity.accounts, activity.account
    if NETWORK in activity.sees:
        shared = _users(activity.address, account, n) >= _CROWDED
        kinds["vpn_exit"] = np.unique(account[shared & (activity.address > 0)])
    kinds["agent_developer"] = np.flatnonzero(activity.mean((activity.tools > 0).astype(float)) > 0.5)
    if CONTENT in activity.sees:
        askers = activity.askers
        kinds["class"] = np.flatnonzero(activity.mean(((askers >= 4) & (askers < 60)).astype(float)) > 0.4)
        kinds["viral"] = np.flatnonzero(activity.mean((askers >= VIRAL).astype(float)) > 0.5)
        kinds["generalist"] = _generalists(activity)
        kinds["non_ascii_writer"] = np.flatnonzero(activity.mean(beyond_ascii) > 0.5)
    size = np.bincount(activity.organization, minlength=n)[activity.organization]
    kinds["company"] = np.flatnonzero(size >= 3)
    return {name: accounts for name, accounts in kinds.items() if len(accounts)}


def _users(code: Ints, account: Ints, accounts: int) -> Ints:
    """How many accounts use what each session uses, (s,)."""
    pairs = np.unique(code * np.int64(accounts) + account)
    users: Ints = np.bincount(pairs // accounts, minlength=int(code.max(initial=0)) + 1)[code]
    return users


def _generalists(activity: Activity) -> Ints:
    """Accounts of eight sessions or more that hardly ask within one topic twice."""
    topics = activity.codebooks[1]
    key = np.unique(activity.account * np.int64(topics) + activity.topics[1])
    different = np.bincount(key // topics, minlength=activity.accounts)
    sessions = activity.sessions
    chosen: Ints = np.flatnonzero((sessions >= 8) & (different >= 0.8 * sessions))
    return chosen
