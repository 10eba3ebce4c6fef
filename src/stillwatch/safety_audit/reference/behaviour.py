"""How the models of a reference server behave: a TOML file, checked before anything is served."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from stillwatch.errors import InputError

__all__ = ["Behaviour", "ErrorRates", "Failures", "Mishap", "ModelBehaviour", "Where", "read_behaviour"]

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Rates = Mapping[str, Share]
"""Kind of answer: how often. What is left goes to the usual kind or, where that is named, to the last that is not."""
Mishap = Literal[
    "limited", "overloaded", "error", "gateway", "html", "broken", "wrong", "empty", "cut", "reset", "hang", "drip"
]


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other rates for some items of a property: those that have every value that is given here."""

    property: str
    rates: Rates
    language: str = ""
    topic: str = ""
    side: Literal["", "a", "b"] = ""
    unit: str = ""
    key: Mapping[str, Any] = {}
    """Entries of the item's ``key`` (the form of a jailbreak, for one) and the value that each must have."""


class ErrorRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well a judge judges one figure: how often it says 1 of a true 1, 0 of a true 0, and how often nothing."""

    sensitivity: Share = 1.0
    specificity: Share = 1.0
    unreadable: Share = 0.0


class Failures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong on the way.

    ``share`` of all tries fail, each in one of ``mishaps`` (drawn evenly); ``per_second`` and ``burst`` are a rate
    limit; ``filtered`` is the share of questions that the provider's filter takes, however often they are asked.
    """

    share: Share = 0.0
    mishaps: tuple[Mishap, ...] = ("limited", "overloaded", "error", "gateway", "broken", "cut")
    retry_after: Seconds = 1.0
    hang: Seconds = 60.0
    drip: Seconds = 5.0
    per_second: Annotated[float, msgspec.Meta(gt=0)] | None = None
    burst: Annotated[int, msgspec.Meta(ge=1)] = 10
    filtered: Share = 0.0
    latency: Seconds = 0.0


class ModelBehaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model. ``rates`` are by property; where several of ``where`` fit an item, the last one holds.

    ``shared`` is the part of an answer's luck that is the unit's own and the same for all models of the server,
    ``within`` the part that all answers of one model to one unit have in common; the rest is each answer's own. Rates
    are the same whatever these are. ``odd`` is the share of answers in an unusual wording, ``says`` the model's
    name in what it sends (its own where empty). A model with ``judges`` is a judging model: figures
    by ``PROPERTY.FIGURE``, any other figure it judges without error.
    """

    says: str = ""
    rates: Mapping[str, Rates] = {}
    where: tuple[Where, ...] = ()
    shared: Share = 0.0
    within: Share = 0.0
    odd: Share = 0.0
    fresh: bool = False
    """Whether a question that is answered again without a ``seed`` is drawn anew; otherwise its answer is the same."""
    judges: Mapping[str, ErrorRates] | None = None
    failures: Failures = Failures()


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All models of one server by the name that a request asks for; ``key``, where given, must come as bearer token."""

    models: Mapping[str, ModelBehaviour]
    seed: int = 0
    languages: tuple[str, ...] = ()
    """Languages of the items that are known by their text; all of ours where empty."""
    key: str = ""
    family: str = ""
    """The teacher's family of models, whose name models give themselves that say they are it; the first where empty."""


def read_behaviour(path: Path) -> Behaviour:
    """The behaviour in a file. Raises `InputError` where it cannot be read or says what makes no sense."""
    try:
        behaviour = msgspec.convert(tomllib.loads(path.read_bytes().decode("utf-8")), Behaviour)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (tomllib.TOMLDecodeError, UnicodeError, msgspec.ValidationError) as error:
        raise InputError(f"is no behaviour: {error}", path) from error
    check(behaviour, path)
    return behaviour


def check(behaviour: Behaviour, where: object = "behaviour") -> None:
    """Raise `InputError` where rates do not add up; whether names are known is checked when answers are planned."""
    if not behaviour.models:
        raise InputError("has no model", where, "add a table [models.NAME]")
    for name, model in behaviour.models.items():
        if model.shared + model.within > 1:
            raise InputError("shared + within is more than 1", f"{where}: models.{name}")
        if not model.failures.mishaps and model.failures.share:
            raise InputError("failures without mishaps", f"{where}: models.{name}", "name some, or leave share out")
        tables = [*model.rates.items(), *((one.property, one.rates) for one in model.where)]
        for title, rates in tables:
            if sum(rates.values()) > 1 + 1e-9:
                raise InputError(f"rates of {title} add up to more than 1", f"{where}: models.{name}")
