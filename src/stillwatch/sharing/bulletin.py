"""The bulletin: the one object that may leave. By type it has no field for prompt, answer, customer or account.

No field is free text: what is not a number, a date or a word of a closed list here is a hexadecimal hash, a public
fingerprint of client software, or the name that the provider gives itself. So a bulletin cannot carry what nobody may
share, whoever fills it in; `decode` refuses one that tries. Counts are ranges (`Range`), never exact; shares are
multiples of `SHARE_STEP`; times are whole days, UTC. What contradicts itself (an end before its beginning) is no
bulletin: a ValueError where it is made, a refusal where it is read.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "SHARE_STEP",
    "Bulletin",
    "CampaignFacts",
    "Client",
    "ErrorRate",
    "Fingerprint",
    "Indicator",
    "KeyedArtefact",
    "Life",
    "ModelMove",
    "Network",
    "Producer",
    "Range",
    "Response",
    "Rival",
    "Technique",
    "Tls",
]

SHARE_STEP = 0.05
MOST_INDICATORS = 10_000
MOST_VALUES = 4096

Uuid = Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Ja4 = Annotated[str, Meta(pattern=r"^[tqd][0-9s]{2}[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}\Z")]
Share = Annotated[float, Meta(ge=0, le=1)]
Moment = Annotated[dt.datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
ProviderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9 .&-]{0,62}[A-Za-z0-9.])?\Z", max_length=64)]

Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
TechniqueName = Literal[
    "reasoning_elicitation", "rubric_grading", "prompt_evolution", "jailbreak", "agent_traces", "code_tasks",
    "answer_rewriting", "plain",
]  # fmt: skip
RivalName = Literal[
    "own_habits", "shared_taste", "shared_wording", "class", "viral", "company", "same_network", "same_start", "other",
]  # fmt: skip
EvidenceName = Literal[
    "content", "wordings", "fillings", "repeats", "techniques", "usage", "client", "style", "settings", "sign_up",
    "networks", "payment", "organization", "load", "life", "model_move", "likeness", "habits", "other",
]  # fmt: skip
ResponseName = Literal[
    "observe", "step_up", "slow_down", "cap_reasoning", "shield_reasoning", "reduce_output", "mark_output", "hold",
    "suspend", "contact",
]  # fmt: skip
ClientFamily = Literal[
    "openai-python", "openai-node", "anthropic-python", "anthropic-typescript", "litellm", "langchain", "curl",
    "python-requests", "httpx", "aiohttp", "node-fetch", "undici", "axios", "go-http", "okhttp", "java-http", "browser",
    "other",
]  # fmt: skip


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all parts have in common: a field that is not named here is refused."""


class Range(_Part, frozen=True, kw_only=True):
    """Between ``low`` and ``high``, both inclusive; ``high`` None: or more. The bounds are those of a public ladder."""

    low: Count
    high: Count | None

    def __post_init__(self) -> None:
        if self.high is not None and self.high < self.low:
            raise ValueError("a range ends below its beginning")


class Producer(_Part, frozen=True, kw_only=True):
    """Who says it: the provider's own name for itself, and the UUID under which it publishes."""

    identity: Uuid
    name: ProviderName


class ErrorRate(_Part, frozen=True, kw_only=True):
    """What the accusation's threshold buys: at most ``level`` of the accounts accused are expected to be innocent, as
    measured on ``draws`` groups of innocent accounts; ``innocent`` the share expected among those of this campaign."""

    level: Share
    innocent: Share
    draws: Count


class Rival(_Part, frozen=True, kw_only=True):
    """An innocent explanation and how far the campaign beat it (nats, rounded)."""

    name: RivalName
    nats: float


class Evidence(_Part, frozen=True, kw_only=True):
    """A kind of evidence and how far it moved the log-odds of "one operator" (nats, mean of an account)."""

    name: EvidenceName
    nats: float


class Technique(_Part, frozen=True, kw_only=True):
    """A technique and its share of what was taken."""

    name: TechniqueName
    share: Share


class CampaignFacts(_Part, frozen=True, kw_only=True):
    """What a campaign was: from the first to the last day, how large, with what, and how sure that is.

    ``exchanges`` are those of its accounts, ``taken`` those that fed the copy. ``q_value`` bounds the share of wrong
    ones among campaigns that stand as firmly. ``waves`` counts cohorts of accounts that replaced earlier ones.
    """

    first_day: dt.date
    last_day: dt.date
    accounts: Range
    exchanges: Range
    taken: Range
    techniques: tuple[Technique, ...]
    evidence: tuple[Evidence, ...]
    rivals: tuple[Rival, ...]
    error_rate: ErrorRate
    q_value: Share
    waves: Count = 1

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError("a campaign ends before it begins")


class _Indicator(_Part, frozen=True, kw_only=True, tag_field="kind"):
    """What all indicators say: valid from when until when, the share of the campaign's accounts and of all other
    accounts that show it (so that whoever receives it knows how many innocent it would touch)."""

    valid_from: dt.date
    valid_until: dt.date
    members: Share
    others: Share

    def __post_init__(self) -> None:
        if self.valid_until < self.valid_from:
            raise ValueError("an indicator expires before it is valid")


class Network(_Indicator, frozen=True, kw_only=True, tag="network"):
    """A network by its public number (RFC 6793); never an address."""

    asn: Annotated[int, Meta(ge=1, le=4294967295)]


class Tls(_Indicator, frozen=True, kw_only=True, tag="tls"):
    """A JA4 fingerprint: of client software, shared by all who run it."""

    ja4: Ja4


class Client(_Indicator, frozen=True, kw_only=True, tag="client"):
    """A family of client software, from a closed list: what a client calls itself is never passed on as it stands."""

    family: ClientFamily


class KeyedArtefact(_Indicator, frozen=True, kw_only=True, tag="keyed"):
    """An artefact that identifies: HMAC-SHA-256 under a key that both sides hold (``key_id``: its public name).

    Nobody without the key can test a guess. What has too few values to stand even that (addresses, telephone
    numbers) has no place here: it may only be matched privately.
    """

    artefact: Literal["payment", "organization", "wording"]
    key_id: KeyId
    digest: Hash


class Life(_Indicator, frozen=True, kw_only=True, tag="life"):
    """How long an account of the campaign works, median days from its first to its last exchange, and how many
    exchanges on a day that it works (a ladder's lower bounds)."""

    days: Count
    daily: Count


class ModelMove(_Indicator, frozen=True, kw_only=True, tag="model_move"):
    """Within so many days of a new model's first answer most of the campaign's exchanges went to it."""

    days: Count


Indicator = Network | Tls | Client | KeyedArtefact | Life | ModelMove


class Fingerprint(_Part, frozen=True, kw_only=True):
    """What remains of a campaign when accounts, cards and addresses differ: a noise-protected sketch.

    ``values`` (d,) times ``scale`` are the votes of the accounts for each class of the public ``space``, over
    ``accounts``, the ladder's lower bound of how many they are; an account has ``clip`` votes at most. To each a number
    is added that is drawn evenly from -``noise`` to ``noise``. ``advantage`` bounds how much better than a coin anybody
    can tell from it whether a given account was among them (total variation; `stillwatch.sharing.fingerprint.sketch`).
    """

    version: Annotated[int, Meta(ge=1, le=1)]
    space: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
    values: Annotated[tuple[Annotated[int, Meta(ge=-32768, le=32767)], ...], Meta(max_length=MOST_VALUES)]
    scale: Annotated[float, Meta(gt=0, le=1e6)]
    noise: Annotated[float, Meta(ge=0, le=1e6)]
    clip: Annotated[float, Meta(gt=0, le=1e6)]
    accounts: Count
    advantage: Share


class Response(_Part, frozen=True, kw_only=True):
    """What was done about it and whether it helped; ``returned_after`` days until it was back (None: it was not)."""

    name: ResponseName
    outcome: Literal["worked", "worked in part", "did not work", "not known yet"]
    returned_after: Count | None = None


class Bulletin(_Part, frozen=True, kw_only=True):
    """One campaign as one provider tells it to its peers.

    A bulletin with the ``id`` of an earlier one and a later ``modified`` replaces it; ``revoked`` takes it back. ``k``
    is the least number of accounts behind any figure or indicator. After ``expires`` none of it should be used.
    """

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    id: Uuid
    created: Moment
    modified: Moment
    expires: dt.date
    revoked: bool = False
    producer: Producer
    tlp: Tlp
    k: Annotated[int, Meta(ge=2, le=1000)]
    campaign: CampaignFacts
    indicators: Annotated[tuple[Indicator, ...], Meta(max_length=MOST_INDICATORS)] = ()
    fingerprint: Fingerprint | None = None
    responses: Annotated[tuple[Response, ...], Meta(max_length=100)] = ()

    def __post_init__(self) -> None:
        if self.modified < self.created:
            raise ValueError("a bulletin is modified before it is created")
