"""What a provider has decided to do, as one readable TOML file; how it is checked is `gateway.policy_file`.

A policy never widens what a response may do: each response's own bounds hold whatever stands here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from stillwatch.gateway.alerts.base import AlertTo
from stillwatch.responses.base import Measure

__all__ = ["Bounds", "Exemption", "Failing", "Failures", "Learning", "Marking", "Policy"]

Failing = Literal["open", "closed"]
"""Let the request pass untouched, or refuse it with 503."""


class Exemption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom responses do not reach: authorised distillation partners, evaluators, academics, whole tiers.

    ``responses`` names those it protects from ("*": all). ``until`` (a date, "" for ever) ends it; ``why`` is required.
    """

    name: str
    why: str
    accounts: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    responses: tuple[str, ...] = ("*",)
    until: str = ""


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the gateway stands down by itself: where the share of requests, or of accounts seen, that it touches within
    ``window`` seconds exceeds these (counted from ``least`` requests on). It then only watches, tells (an alert), and
    acts again when a person says so."""

    requests_touched: float = 0.25
    accounts_touched: float = 0.1
    window: float = 3600.0
    least: int = 500


class Failures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens where something breaks; open unless the policy says closed. ``batch_unread``: the file of a batch
    cannot be looked into; ``marking``: an answer that is to be marked cannot be, and leaves unmarked, or not at all.
    ``clock_jump``: seconds by which the clock may leap before budgets and expiries are frozen until it is steady;
    ``upstream_timeout``: seconds to its first byte."""

    store_down: Failing = "open"
    error: Failing = "open"
    policy_broken: Failing = "open"
    batch_unread: Failing = "open"
    marking: Failing = "open"
    clock_jump: float = 300.0
    upstream_timeout: float = 600.0


class Learning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is learnt from traffic that passes. ``keep_text_hours``: how long requests and answers stay in the journal
    (0: their text is never written; scans of the journal then see numbers only). ``journal_days``: how long its lines
    do. ``scan_hours``: how often a scan of the journal (and of ``logs``) judges anew; 0: never, the provider scans."""

    keep_text_hours: float = 0.0
    journal_days: float = 30.0
    scan_hours: float = 24.0
    logs: tuple[str, ...] = ()
    suspect: bool = True


class Marking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How answers are marked where a measure says ``mark_output``. ``keyrings``: the folder of each set of keys that a
    measure names (`stillwatch marks init`); without it nothing is marked. ``streams``: answers that stream "pass" as
    they are, or are on "hold" until they are whole. ``engine``: the sampling scheme by which the model's server marks
    as it draws, given the key's id with the request; "": the door marks the answer's text."""

    keyrings: dict[str, str] = {}
    streams: Literal["pass", "hold"] = "pass"
    engine: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy. ``mode``: "act"; "watch" decides and tells but touches nobody; "off" decides nothing (the emergency
    switch, also ``stillwatch gate off``). ``days`` is how long an action stands before it ends by itself."""

    version: Literal[1]
    name: str
    mode: Literal["act", "watch", "off"] = "watch"
    days: float = 30.0
    longest_wait: float = 20.0
    measures: tuple[Measure, ...] = ()
    exempt: tuple[Exemption, ...] = ()
    bounds: Bounds = Bounds()
    failures: Failures = Failures()
    learning: Learning = Learning()
    marking: Marking = Marking()
    alerts: tuple[AlertTo, ...] = ()
    appeal: str = ""
