"""What each kind of evidence adds to the log-odds that an account is a member: exact shares of the model's answer.

The membership model is a sum of trees; its answer splits into one contribution for each feature (Lundberg et al. 2020,
"From local explanations to global understanding with explainable AI for trees"). Contributions of one kind of evidence
are added, so that the bars of a waterfall add up to the log-odds stated.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import Floats, Ints
from stillwatch.linkage.membership import Evidence
from stillwatch.linkage.scoring import Model

_KINDS = {
    "content": ("c1", "c2", "c1n", "share", "gen"),
    "wordings": ("c3", "w1", "lo_worded"),
    "repeats": ("r1", "r2", "viral"),
    "settings": ("lo_temp", "lo_maxt"),
    "client": ("lo_client", "lo_sysp", "lo_agent", "lo_tools"),
    "style": ("lo_talk", "lo_answer"),
    "networks": ("lo_asn", "lo_nasn", "lo_nip"),
    "sign_up": ("lo_age", "lo_created"),
    "life": ("lo_first", "lo_last", "lo_dur"),
    "load": ("lo_load", "lo_rate", "lo_turns", "lo_gapcv", "lo_err", "lns"),
    "model_move": ("lo_m5", "lo_fm5"),
    "payment": ("po",),
    "organization": ("oo",),
    "likeness": ("SG", "z", "SGtop"),
    "usage": ("losum",),
}
"""Kinds of evidence and the features of each; features of the group as a whole and the base rate are "group"."""
_KIND_OF = {feature: kind for kind, features in _KINDS.items() for feature in features}


def waterfall(evidence: Evidence, model: Model, member: Floats, accounts: Ints) -> dict[str, Floats]:
    """Log-odds (nats) by kind of evidence for ``accounts`` (m,), name → (m,); they sum to the model's log-odds.

    ``member`` (n,) are the memberships that the group is described by. Kinds that moved nobody are left out.
    """
    features, rows = evidence.features(member)
    place = {int(account): i for i, account in enumerate(rows)}
    chosen = np.array([place[int(account)] for account in accounts], dtype=np.int64)
    moved = model.contributions(features[chosen])
    bars: dict[str, Floats] = {}
    for i, name in enumerate(evidence.names):
        kind = _KIND_OF.get(name, "group")
        bars[kind] = bars.get(kind, 0.0) + moved[:, i]
    bars["group"] = bars.get("group", 0.0) + moved[:, -1]
    return {kind: bar for kind, bar in bars.items() if np.abs(bar).max(initial=0.0) > 0.01}
