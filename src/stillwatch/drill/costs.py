"""What a campaign costs its operator: money, accounts and days, all for 1,000 exchanges that it can keep.

An evasion that works is only worth something at its price. The figures are assumptions (``costs.toml`` says on what
ground), so their order of size is what counts; a user gives better ones.
"""

from __future__ import annotations

import math
import tomllib
from importlib import resources
from pathlib import Path

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.simulation.operators.campaign import Campaign

__all__ = ["HARVESTED", "Costs", "Price", "price", "read_costs"]

HARVESTED = 1000.0
"""The harvested exchanges that a price is for."""
_MONTH = 30.0  # days
_LEAST = 1e-9  # harvested exchanges an account below which there is no harvest
_HIGHEST = 1e9  # beyond it a figure is a slip, and sums stop being amounts


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What things cost, in ``currency``; ``costs.toml`` describes each.

    Once: ``account``, ``aged_account`` (on top), ``card``, ``organization``, ``personal_client`` and
    ``personal_harness`` (an account). By the month: ``cloud_address`` and ``home_connection`` (each), and
    ``residential_exit`` and ``vpn`` (an account). For 1,000 requests: ``paraphrase``, ``cover_text``. In days:
    ``burst_days`` and ``spread_days`` (to sign a wave up), ``ageing_days``.
    """

    currency: str
    account: float
    aged_account: float
    card: float
    organization: float
    cloud_address: float
    residential_exit: float
    home_connection: float
    vpn: float
    personal_client: float
    personal_harness: float
    paraphrase: float
    cover_text: float
    burst_days: float
    spread_days: float
    ageing_days: float


class Price(msgspec.Struct, frozen=True):
    """What 1,000 harvested exchanges take: ``money`` in the currency of the costs, ``accounts`` that work over the
    log's span (a fraction where less than one is needed), ``days`` from the first sign-up to the first of them.

    ``parts`` has the money by what it is paid for: accounts, payment, network, clients, texts, exchanges.
    """

    money: float
    accounts: float
    days: float
    parts: dict[str, float]


def read_costs(path: Path | None) -> Costs:
    """The costs in a TOML file; what it leaves out, and everything for None, is as in this package's ``costs.toml``.

    Raises InputError for a file that cannot be read, has an unknown entry, or a figure that is not from 0 to a billion.
    """
    ours = (resources.files("stillwatch.drill") / "costs.toml").read_bytes()
    entries = tomllib.loads(ours.decode("utf-8"))
    where = "costs.toml" if path is None else str(path)
    try:
        costs = msgspec.convert(entries | ({} if path is None else tomllib.loads(path.read_bytes().decode())), Costs)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where, "name another file with --costs") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, nested without end, no such table
        raise InputError(f"is no table of costs: {error}", where, "the package's costs.toml is one") from error
    if not (costs.currency.isprintable() and 0 < len(costs.currency) <= 10):
        raise InputError("has a currency that is none", where, 'write one such as "USD"')
    for name in costs.__struct_fields__[1:]:
        figure = getattr(costs, name)
        if not (math.isfinite(figure) and 0 <= figure <= _HIGHEST):
            raise InputError(f"has a figure for {name} that is none", where, "give a number from 0 to a billion")
    return costs


def price(campaign: Campaign, span_days: float, per_exchange: float, costs: Costs) -> Price:
    """What 1,000 harvested exchanges cost the operator of ``campaign`` in a log of ``span_days``.

    ``per_exchange`` is what the provider charges for one, harvested or cover. An account takes
    ``exchanges * (1 - cover)`` harvested exchanges in the span; days of good behaviour (``honest_days``) add exchanges
    at half its later pace, and so cost and take time. What is rented by the month is paid for whole months, one at
    least, for as long as an account works inside the span. Waves after the first are signed up while others work and
    take no days.

    With nothing but cover (``cover`` 1, or as good as 1) there is no harvest: money and accounts are infinite. Raises
    UsageError for a span of 0 days or less and for a charge below 0.
    """
    if not (math.isfinite(span_days) and span_days > 0):
        raise UsageError("the log spans no time", do="give a log of some hours at least")
    if not (math.isfinite(per_exchange) and per_exchange >= 0):
        raise UsageError("what an exchange costs is no amount", do="give a number of 0 or more")
    days = _days(campaign, costs)
    kept = 1.0 - campaign.cover
    if campaign.exchanges * kept < _LEAST:
        return Price(math.inf, math.inf, days, {})
    accounts = HARVESTED / (campaign.exchanges * kept)
    asked = HARVESTED / kept
    honest = min(campaign.honest_days, span_days)
    pace = campaign.exchanges / max(1.0, span_days - honest)
    cover = asked - HARVESTED + accounts * 0.5 * pace * honest
    worded = 1.0 - campaign.techniques.get("plain", 0.0) / sum(campaign.techniques.values())
    texts = HARVESTED * worded * campaign.paraphrase * costs.paraphrase
    texts += cover * costs.cover_text * (campaign.cover_kind != "mimic")
    parts = {
        "accounts": accounts * (costs.account + costs.aged_account * (campaign.sign_up == "aged")),
        "payment": accounts * (costs.card / campaign.cards + costs.organization / campaign.organizations),
        "network": accounts * _network(campaign, costs) * _months(campaign, span_days),
        "clients": accounts * _clients(campaign, costs),
        "texts": texts / 1000.0,
        "exchanges": (HARVESTED + cover) * per_exchange,
    }
    return Price(sum(parts.values()), accounts, days, parts)


def _days(campaign: Campaign, costs: Costs) -> float:
    wait = {"burst": costs.burst_days, "spread": costs.spread_days, "aged": costs.ageing_days}
    return wait[campaign.sign_up] + campaign.honest_days


def _months(campaign: Campaign, span_days: float) -> float:
    """Months that an account is paid for: its share of the span, in whole months."""
    share = max(0.0, min(1.0, campaign.end) - max(0.0, campaign.start)) / campaign.waves
    return float(max(1, math.ceil(round(share * span_days / _MONTH, 6))))


def _network(campaign: Campaign, costs: Costs) -> float:
    """What an account's way to the provider costs a month."""
    match campaign.network:
        case "cloud":
            return costs.cloud_address / campaign.addresses
        case "home":
            return costs.home_connection / campaign.addresses
        case "vpn":
            return costs.vpn
        case _:
            return costs.residential_exit


def _clients(campaign: Campaign, costs: Costs) -> float:
    own_agent = campaign.harness == "own" and campaign.techniques.get("agent_traces", 0.0) > 0
    own_client = campaign.clients in ("people", "agents")
    return costs.personal_client * own_client + costs.personal_harness * own_agent
