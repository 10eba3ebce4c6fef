"""What is known of the method where no drill measured it in the log at hand: the figures of the project's own bench.

They are those of README.md ("What it finds, and whom it accuses wrongly"), and a test holds them against it. They are
of other traffic: each says which.
"""

from __future__ import annotations

from stillwatch.dossier.record import Measured, Performance

__all__ = ["PUBLISHED"]

PUBLISHED = Performance(
    source="published",
    said=(
        "No drill was given, so how often the method finds a campaign, and how often it accuses an innocent, was not "
        "measured in this provider's traffic. What follows was measured by its makers on labelled traffic of others, "
        "with default settings (`python -m bench detection` and `bench simulated`, told in the README of this "
        "version), and need not hold here. `stillwatch drill` measures it here.",
        "The weights of the evidence were fitted to campaigns that the makers simulated or planted in traffic without "
        "any; the campaigns and innocents of the worlds below taught them nothing.",
    ),
    figures=(
        Measured("Accused wrongly, ordinary world (dev-mixed)", "0 of 329 accused", "2,394 accounts, real texts"),
        Measured("Accused wrongly, hard world (dev-hard)", "6 of 460 accused", "2,555 accounts, real texts"),
        Measured("Innocents of both who were accused", "0.1 %", "4,074 innocent accounts"),
        Measured("Campaigns found, ordinary world", "4 of 4, to 0.975 of their accounts or more", "labels known"),
        Measured("Campaigns found, hard world", "3 of 4, to 0.840 of their accounts or more", "labels known"),
        Measured("Accused wrongly, four simulated worlds", "15 of 958 accused", "nothing was fitted to them"),
        Measured(
            "Accused wrongly, four sparse simulated worlds",
            "141 of 1,609 accused",
            "most of them in three wrong groups: tenants of one product, and strangers",
        ),
    ),
)
