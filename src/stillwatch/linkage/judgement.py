"""Is a group a campaign? What is known of it as a whole, weighed by a model that has judged many groups.

The model was fitted to groups that this very search found in simulated logs, campaigns and innocent look-alikes
alike. Its probability is that most of the group's accounts are one operator's.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.activity import CONTENT, CUSTOMERS, Floats
from stillwatch.linkage.growth import step
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.scoring import Model
from stillwatch.linkage.search import likely

OF_GROUP = (
    "size", "mean_posterior", "sum_posterior", "low_posterior", "leak", "cohesion", "load_spread", "load",
    "log_odds", "low_log_odds", "organizations", "payments", "beats_habits", "beats_taste", "askers",
)  # fmt: skip

FEATURES = (*OF_GROUP, *(name for name in NAMES if name.startswith("g_")))


def describe(evidence: Evidence, model: Model, member: Floats) -> Floats:
    """A group as a row of numbers: `OF_GROUP`, then the group's part of `Evidence.features`. ``member`` (n,)."""
    _, features, rows = step(evidence, model, member)
    chosen = likely(member)
    inside, names = features[chosen[rows]], evidence.names
    size = float(chosen.sum())
    sessions = np.log(np.maximum(evidence.accounts.sessions[chosen], 1.0))
    posterior = member[chosen]
    scores = evidence.scores[np.ix_(chosen, chosen)]
    log_odds = inside[:, names.index("losum")]
    activity = evidence.activity
    asked = np.minimum(evidence.askers[chosen[activity.account]], 20)
    sees_content, sees_customers = CONTENT in activity.sees, CUSTOMERS in activity.sees
    own = [
        size,
        posterior.mean(),
        posterior.sum(),
        np.quantile(posterior, 0.25),
        member[member > 0.1].sum() / max(posterior.sum(), 1e-9),
        scores.sum() / max(size * (size - 1), 1.0),
        sessions.std(),
        sessions.mean(),
        np.nanmean(log_odds),
        np.nanquantile(log_odds, 0.2),
        len(np.unique(activity.organization[chosen])) / size if sees_customers else np.nan,
        len(np.unique(activity.payment[chosen])) / size if sees_customers else np.nan,
        (inside[:, names.index("c1")] > 0).mean() if sees_content else np.nan,
        (inside[:, names.index("c2")] > 0).mean() if sees_content else np.nan,
        asked.mean() if sees_content else np.nan,
    ]
    whole = features[0, names.index("g_lsize") :]
    row: Floats = np.concatenate([own, whole]).astype(np.float64)
    return row
