"""How good a scan was, held against a labelled world: who was accused rightly, what was labelled rightly, what was
counted rightly."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from stillwatch.errors import InputError

LEAST_SHARE = (
    0.05  # a group counts as a part of a campaign from this share of the campaign's accounts on (and two accounts)
)


class CampaignScore(msgspec.Struct, frozen=True):
    """One true campaign: ``recall`` of its accounts, as how many groups it was found, and the ``purity`` of these
    groups (None if not found)."""

    name: str
    accounts: int
    accused: int
    recall: float
    found_as: int
    purity: float | None


class TechniqueScore(msgspec.Struct, frozen=True):
    """Labels inside the true campaigns: ``true`` exchanges of the technique, ``said`` by the scan, ``right`` of
    these."""

    name: str
    true: int
    said: int
    right: int
    precision: float | None
    recall: float | None
    f1: float


class IntervalScore(msgspec.Struct, frozen=True):
    """One accused group: exchanges truly taken by its accused accounts, the scan's figure and its 95 % interval."""

    campaign_id: str
    true: int
    said: float
    low: float
    high: float
    holds: bool


class GroupRate(msgspec.Struct, frozen=True):
    """How many of a group of innocents were accused."""

    name: str
    accounts: int
    accused: int


class Score(msgspec.Struct, frozen=True):
    """A whole score. ``precision`` is None where nobody was accused; parts whose files are absent are empty."""

    accounts: int
    accused: int
    wrongly_accused: int
    precision: float | None
    innocents_by_kind: tuple[GroupRate, ...]
    innocents_by_trait: tuple[GroupRate, ...]
    campaigns: tuple[CampaignScore, ...]
    techniques: tuple[TechniqueScore, ...]
    intervals: tuple[IntervalScore, ...]

    @property
    def intervals_held(self) -> int:
        """How many intervals contain the truth."""
        return sum(interval.holds for interval in self.intervals)


class Answers(msgspec.Struct, frozen=True):
    """A world's answers. ``owners``: exchange_id, account_id. ``traits`` may be None (only simulated worlds know
    them)."""

    accounts: pl.DataFrame
    exchanges: pl.DataFrame
    owners: pl.DataFrame
    traits: pl.DataFrame | None = None


class Findings(msgspec.Struct, frozen=True):
    """What a scan wrote; ``exchanges`` and ``campaigns`` may be missing."""

    accounts: pl.DataFrame
    exchanges: pl.DataFrame | None = None
    campaigns: pl.DataFrame | None = None


def score(answers: Answers, findings: Findings) -> Score:
    """The score of ``findings`` against ``answers``. Pure; a world without campaigns or accusations gives empty parts.

    Only the verdict "campaign" accuses. An account that the scan does not name is not accused. Techniques are judged
    inside the true campaigns alone, because strangers use them too. Raises InputError where an account is named twice.
    """
    if findings.accounts["account_id"].n_unique() != findings.accounts.height:
        raise InputError("names an account twice", "accounts.parquet")
    joined = answers.accounts.select("account_id", "kind", pl.col("campaign").alias("true")).join(
        findings.accounts.select("account_id", "campaign_id", "verdict"), on="account_id", how="left"
    )
    judged = joined.with_columns((pl.col("verdict") == "campaign").fill_null(False).alias("accused"))
    accused = judged.filter("accused")
    wrong = accused.filter(pl.col("true").is_null())
    return Score(
        accounts=judged.height,
        accused=accused.height,
        wrongly_accused=wrong.height,
        precision=1 - wrong.height / accused.height if accused.height else None,
        innocents_by_kind=_rates(judged.filter(pl.col("true").is_null()).rename({"kind": "name"})),
        innocents_by_trait=_traits(judged, answers.traits),
        campaigns=_campaigns(judged),
        techniques=_techniques(answers, findings),
        intervals=_intervals(answers, findings, accused),
    )


def _rates(innocent: pl.DataFrame) -> tuple[GroupRate, ...]:
    counted = (
        innocent.group_by("name").agg(pl.len().alias("accounts"), pl.col("accused").sum().alias("accused")).sort("name")
    )
    return tuple(GroupRate(**row) for row in counted.iter_rows(named=True))


def _traits(judged: pl.DataFrame, traits: pl.DataFrame | None) -> tuple[GroupRate, ...]:
    """Innocents by what must make no difference: the language they write, the network they use, the hours they keep."""
    if traits is None:
        return ()
    known = judged.filter(pl.col("true").is_null()).join(traits, on="account_id")
    named = (
        pl.when(pl.col("language") == "en").then(pl.lit("writes English")).otherwise(pl.lit("writes another language")),
        pl.format("network: {}", pl.col("network")),
        pl.when("night").then(pl.lit("works at night")).otherwise(pl.lit("works by day")),
    )
    return tuple(rate for name in named for rate in _rates(known.with_columns(name.alias("name"))))


def _campaigns(judged: pl.DataFrame) -> tuple[CampaignScore, ...]:
    found = []
    accused = judged.filter("accused")
    for (name,), members in judged.filter(pl.col("true").is_not_null()).group_by(["true"], maintain_order=False):
        hit = members.filter("accused")
        sizes = hit.drop_nulls("campaign_id").group_by("campaign_id").len()
        groups = sizes.filter(pl.col("len") >= max(2.0, LEAST_SHARE * members.height))["campaign_id"].to_list()
        people = accused.filter(pl.col("campaign_id").is_in(groups))
        own = people.filter(pl.col("true") == name).height
        purity = own / people.height if people.height else None
        found.append(
            CampaignScore(str(name), members.height, hit.height, hit.height / members.height, len(groups), purity)
        )
    return tuple(sorted(found, key=lambda campaign: campaign.name))


def _techniques(answers: Answers, findings: Findings) -> tuple[TechniqueScore, ...]:
    if findings.exchanges is None:
        return ()
    guilty = (
        answers.accounts.filter(pl.col("campaign").is_not_null())
        .join(answers.owners, on="account_id")
        .select("exchange_id")
    )
    labels = answers.exchanges.join(guilty, on="exchange_id", how="semi").join(
        findings.exchanges.select("exchange_id", pl.col("technique").cast(pl.String).alias("said")),
        on="exchange_id",
        how="left",
    )
    scores = []
    for name in sorted(set(labels["technique"].drop_nulls()) - {"plain"}):
        true, said = labels.filter(pl.col("technique") == name), labels.filter(pl.col("said") == name)
        right = true.filter(pl.col("said") == name).height
        scores.append(
            TechniqueScore(
                name,
                true.height,
                said.height,
                right,
                right / said.height if said.height else None,
                right / true.height if true.height else None,
                2 * right / (true.height + said.height),
            )
        )
    return tuple(scores)


def _intervals(answers: Answers, findings: Findings, accused: pl.DataFrame) -> tuple[IntervalScore, ...]:
    if findings.campaigns is None:
        return ()
    taken = (
        answers.exchanges.filter("harvested")
        .join(answers.owners, on="exchange_id")
        .join(accused.select("account_id", "campaign_id"), on="account_id")
    )
    true = dict(taken.group_by("campaign_id").len().iter_rows())
    groups = accused["campaign_id"].drop_nulls().unique().to_list()
    said = (
        findings.campaigns.filter(pl.col("campaign_id").is_in(groups))
        .select("campaign_id", "taken", "taken_low", "taken_high")
        .sort("campaign_id")
    )
    return tuple(
        IntervalScore(name, true.get(name, 0), estimate, low, high, low <= true.get(name, 0) <= high)
        for name, estimate, low, high in said.iter_rows()
    )


def score_folders(world: Path, run: Path) -> Score:
    """Score the run directory ``run`` against the labelled world in ``world``.

    Raises InputError where a needed file is absent, unreadable or lacks a column.
    """
    answers = Answers(
        _read(world / "truth/accounts.parquet", ("account_id", "kind", "campaign")),
        _read(world / "truth/exchanges.parquet", ("exchange_id", "harvested", "technique")),
        _read(world / "exchanges.parquet", ("exchange_id", "account_id")),
        _optional(world / "truth/traits.parquet", ("account_id", "language", "network", "night")),
    )
    findings = Findings(
        _read(run / "accounts.parquet", ("account_id", "campaign_id", "verdict")),
        _optional(run / "exchanges.parquet", ("exchange_id", "technique", "taken")),
        _optional(run / "campaigns.parquet", ("campaign_id", "taken", "taken_low", "taken_high")),
    )
    return score(answers, findings)


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        return pl.read_parquet(path, columns=list(columns))
    except FileNotFoundError as error:
        raise InputError("is missing", path, "give a labelled world's folder and a run's folder") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot be read as Parquet with the columns {', '.join(columns)}: {error}", path) from error


def _optional(path: Path, columns: tuple[str, ...]) -> pl.DataFrame | None:
    return _read(path, columns) if path.exists() else None
