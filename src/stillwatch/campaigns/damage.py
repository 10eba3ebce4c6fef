"""What was taken: exchanges with their interval, tokens, and what they are worth at a table of prices."""

from __future__ import annotations

import fnmatch
import math
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.calibration import Interval, sum_interval
from stillwatch.errors import InputError

PER = 1e6
_APART = 0.05
CALIBRATION_SD = 2.0
"""Nats by which all probabilities of an exchange having been taken may be wrong together (one standard deviation):
of 43 planted and simulated campaigns that no model had seen, the 95 % interval then held for 41."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Price per million tokens; ``reasoning`` None: reasoning tokens cost what other output costs."""

    input: float
    output: float
    reasoning: float | None = None


class ModelPrice(Price, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The price of the models whose whole name fits ``match`` (``*`` any text, ``?`` a character; no case)."""

    match: str


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices by model: the first of ``models`` that fits, else ``default``."""

    currency: str
    default: Price
    models: tuple[ModelPrice, ...] = ()

    def of(self, model: str | None) -> Price:
        """The price of a model; None (the log does not say) costs ``default``."""
        if model is not None:
            for entry in self.models:
                if fnmatch.fnmatchcase(model.casefold(), entry.match.casefold()):
                    return entry
        return self.default


def read_prices(path: Path | None) -> PriceTable:
    """The price table in a TOML file (``prices.toml`` of this package shows the form); None: that one.

    Raises `InputError` for a file that cannot be read, is no such table, or has a price below 0 or not finite.
    """
    where = "prices.toml" if path is None else str(path)
    try:
        raw = (resources.files("stillwatch.campaigns") / "prices.toml" if path is None else path).read_bytes()
        table = msgspec.convert(tomllib.loads(raw.decode("utf-8")), type=PriceTable)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where, "name another file with --price-table") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"is no table of prices: {error}", where, "the package's prices.toml is one") from error
    prices: tuple[Price, ...] = (table.default, *table.models)
    for price in prices:
        figures = (price.input, price.output, price.reasoning or 0.0)
        if not all(math.isfinite(figure) and figure >= 0 for figure in figures):
            raise InputError("has a price that is no amount", where, "give numbers of 0 or more")
    return table


@dataclass(frozen=True)
class Cost:
    """Tokens and worth of every exchange, each (exchanges,); what the log does not say counts as 0.

    ``output_tokens`` holds the reasoning; ``apart`` tells that the log counts reasoning apart from the output, so that
    it was added.
    """

    input_tokens: Floats
    output_tokens: Floats
    reasoning_tokens: Floats
    value: Floats
    currency: str
    apart: bool


def cost_of(exchanges: pa.Table, prices: PriceTable) -> Cost:
    """Tokens of each of the ``exchanges`` (schema `EXCHANGE`) and their worth at ``prices``.

    By the record's definition reasoning is a part of the output. Some logs count it apart; that shows where an exchange
    has more reasoning than output. If one in twenty of those with reasoning has, the log is taken to count apart.
    """
    tokens = {
        name: np.maximum(np.nan_to_num(_numbers(exchanges, name)), 0.0)
        for name in ("input_tokens", "output_tokens", "reasoning_tokens")
    }
    encoded: Any = exchanges.column("model").combine_chunks().dictionary_encode()
    names: list[str | None] = [*encoded.dictionary.to_pylist(), None]
    model = encoded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    price = [prices.of(name) for name in names]
    reasoning, output = tokens["reasoning_tokens"], tokens["output_tokens"]
    apart = int((reasoning > output).sum()) > _APART * int((reasoning > 0).sum())
    if apart:
        output = output + reasoning
    reasoning = np.minimum(reasoning, output)
    value = (
        tokens["input_tokens"] * np.array([p.input for p in price])[model]
        + (output - reasoning) * np.array([p.output for p in price])[model]
        + reasoning * np.array([p.output if p.reasoning is None else p.reasoning for p in price])[model]
    ) / PER
    return Cost(tokens["input_tokens"], output, reasoning, value, prices.currency, apart)


def _numbers(exchanges: pa.Table, name: str) -> Floats:
    """A column of numbers, (exchanges,); NaN where null."""
    numbers: Floats = exchanges.column(name).cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return numbers


def taken_interval(probability: Floats, session: Ints, level: float = 0.95) -> Interval:
    """How many exchanges were taken: the expected number and its interval.

    Two uncertainties. Sessions are the units: all exchanges of one session are one draw, taken together or not
    (correlation 1 within a session, independent between). And the probabilities may be too bold or too shy as a
    whole: their log-odds share an error of standard deviation `CALIBRATION_SD`, which is what keeps the interval
    from shrinking to nothing for a campaign of a hundred thousand exchanges.

    Args:
        probability: (n,) in [0, 1], that each exchange was taken; 0 and 1 are taken as certain.
        session: (n,) the session of each.
        level: coverage, in (0, 1).

    Returns:
        The sum, and whole-number ends within [0, n]; (0, 0, 0) for n = 0; for n = 1 [0, 1] unless the probability
        is all but certain.

    Raises:
        ValueError: lengths differ, a probability is outside [0, 1] or NaN.
    """
    return sum_interval(probability, session, level=level, correlation=1.0, extra_sd=CALIBRATION_SD)
