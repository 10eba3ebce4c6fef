"""Behavioural fingerprints: what remains of a campaign when accounts, cards and addresses differ.

`make_fingerprint` tells how a campaign's accounts behave without telling whether any one account was among them;
`likeness` says with a p-value whether a group of accounts here works like that. docs/sharing-fingerprint.md has the
method.
"""

from __future__ import annotations

from stillwatch.campaigns.results import BEHAVIOUR
from stillwatch.sharing.fingerprint.likeness import Likeness, likeness
from stillwatch.sharing.fingerprint.sketch import ADVANTAGE, LEAST, make_fingerprint, secret_seed

__all__ = ["ADVANTAGE", "BEHAVIOUR", "LEAST", "Likeness", "likeness", "make_fingerprint", "secret_seed"]
