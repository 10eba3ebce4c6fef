"""What can go wrong in a simulation, for people: one line that says what, where, and what to do."""

from __future__ import annotations


class SimulationError(Exception):
    """Any failure of the simulator or its scorer that is the user's to mend."""


class CampaignError(SimulationError):
    """A campaign that cannot be read or makes no sense."""


class WorldError(SimulationError):
    """A world's or a run's files are missing or do not have the columns they need."""
