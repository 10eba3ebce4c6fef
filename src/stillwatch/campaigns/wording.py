"""Numbers and hostile text turned into words that a person can read; shared by the page and the terminal.

Everything here is pure. Log-odds are natural logarithms ("nats"). No function raises on a non-finite
number: it says that the figure is not known, because a rendering must never be the part that fails.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import unicodedata
from collections.abc import Sequence

from stillwatch.campaigns.report import ErrorRate, Judged

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_TECHNIQUES = {
    "reasoning_elicitation": "reasoning elicitation",
    "rubric_grading": "rubric grading",
    "prompt_evolution": "prompt evolution",
    "self_instruct": "self-instruct",
    "jailbreak": "jailbreak",
    "agent_traces": "agent-trace harvesting",
    "agent_trace_harvesting": "agent-trace harvesting",
    "code_tasks": "code-task harvesting",
    "code_task_harvesting": "code-task harvesting",
    "answer_rewriting": "answer rewriting",
    "plain": "ordinary-looking requests",
}
_NETWORKS = {
    "hosting": "hosting networks",
    "residential": "access providers",
    "mobile": "mobile carriers",
    "business": "companies' own networks",
    "education": "schools and universities",
    "government": "government networks",
    "vpn": "VPNs",
    "proxy": "proxies for hire",
    "relay": "privacy relays",
    "tor": "Tor",
}
_RATE_KINDS = {
    "fdr": "false discovery rate",
    "fwer": "family-wise error rate",
    "fpr": "false-positive rate",
}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_UNKNOWN = "unknown"
_ODDS_CAP = 1e6


def visible(text: str, *, limit: int = 160, lines: bool = False) -> str:
    """Make text from a log safe to look at: what is invisible or steers a display becomes ``⟨U+202E⟩``.

    Control characters (so also ANSI escapes), bidirectional overrides, zero-width and unassigned
    characters are spelt out. Runs of combining marks are cut at four, so that nothing is drawn over its
    neighbours. Text above ``limit`` characters keeps its head and tail, with its length and a short hash
    between them, so that two long ids never look alike. ``lines`` keeps line breaks and tabs.
    The empty string is shown as ``(empty)``.
    """
    if not text:
        return "(empty)"
    if len(text) > limit:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        tail = min(12, limit // 4)
        note = f"…⟨{len(text):,} characters, sha256 {digest}⟩…"
        return _spell(text[: limit - tail], lines) + note + _spell(text[-tail:], lines)
    return _spell(text, lines)


def _spell(text: str, lines: bool) -> str:
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if lines and character in "\n\t":
            shown.append(character)
        elif category in _INVISIBLE:
            shown.append(f"⟨U+{ord(character):04X}⟩")
        elif category.startswith("M"):
            marks += 1
            if marks <= 4:
                shown.append(character)
            continue
        else:
            shown.append(character)
        marks = 0
    return "".join(shown)


def count(number: float) -> str:
    """A count of things: ``1,240``, ``1.24 million``, ``over 10¹⁵``; below ten, one decimal if it is not whole."""
    if not math.isfinite(number):
        return _UNKNOWN
    size = abs(number)
    if size >= 1e15:
        return f"over 10{_superscript(math.floor(math.log10(size)))}" if number > 0 else _UNKNOWN
    for unit, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if size >= unit * 0.9995:
            return f"{number / unit:,.3g} {name}" if size < unit * 999.5 else f"{number / unit:,.0f} {name}"
    if size < 10 and abs(number - round(number)) > 0.05:
        return f"{number:.1f}"
    if 0 < size < 0.95:
        return "under 0.1" if size < 0.05 else f"{number:.1f}"
    return f"{round(number):,}"


def short_count(number: float) -> str:
    """A count for an axis: ``850``, ``12 k``, ``1.2 M``."""
    if not math.isfinite(number):
        return _UNKNOWN
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number:.3g}"


def counted(number: float, singular: str, plural: str | None = None) -> str:
    """A count with its noun: ``1 account``, ``412 accounts``."""
    shown = count(number)
    return f"{shown} {singular if shown == '1' else plural or singular + 's'}"


def percent(share: float) -> str:
    """A share as per cent, never rounded to a certainty it does not have: ``0.12 %``, ``54 %``, ``over 99.9 %``.

    The blank before the sign does not break.
    """
    if not math.isfinite(share):
        return _UNKNOWN
    if share <= 0:
        return "0\u00a0%"
    if share < 0.00005:
        return "under 0.01\u00a0%"
    if 0.9995 <= share < 1:
        return "over 99.9\u00a0%"
    if share < 0.0095:
        return f"{share * 100:.2g}\u00a0%"
    return f"{share * 100:.0f}\u00a0%" if _whole(share * 100) else f"{share * 100:.1f}\u00a0%"


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 0.05


def probability(value: float) -> str:
    """A p- or q-value: ``0.032``; below one in ten thousand as a power (``3.1×10⁻⁶``)."""
    if not math.isfinite(value):
        return _UNKNOWN
    if value == 0 or value >= 1e-4:
        return f"{value:.2g}" if value < 0.9995 else f"{value:.3g}"
    power = math.floor(math.log10(abs(value)))
    return f"{value / 10.0**power:.1f}×10{_superscript(power)}"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def nats(log_odds: float) -> str:
    """Log-odds with their sign and unit: ``+12.4 nats``."""
    return f"{signed(log_odds)} nats"


def signed(log_odds: float) -> str:
    """Log-odds with their sign only: ``+12.4``, ``−0.3``."""
    if not math.isfinite(log_odds):
        return _UNKNOWN
    return f"{log_odds:+.1f}".replace("-", "−") if abs(log_odds) >= 0.05 else "0.0"


def odds(log_odds: float) -> str:
    """How many to one: ``12 to 1``; a figure above a million is not claimed (``over a million to 1``)."""
    if not math.isfinite(log_odds):
        return _UNKNOWN
    size = abs(log_odds)
    ratio = math.exp(min(size, 700.0))
    if ratio > _ODDS_CAP:
        figure = "over a million to 1"
    else:
        figure = "even" if ratio < 1.05 else f"{_ratio(ratio)} to 1"
    return figure if log_odds >= 0 or figure == "even" else f"{figure} against"


def times(log_odds: float) -> str:
    """The same as a ratio of likelihoods: ``12 times as likely``, ``3 times less likely``."""
    if not math.isfinite(log_odds):
        return _UNKNOWN
    ratio = math.exp(min(abs(log_odds), 700.0))
    if ratio < 1.05:
        return "no more and no less likely"
    figure = "over a million" if ratio > _ODDS_CAP else _ratio(ratio)
    return f"{figure} times {'as' if log_odds > 0 else 'less'} likely"


def _ratio(ratio: float) -> str:
    if ratio < 9.95:
        return f"{ratio:.1f}"
    digits = max(0, math.floor(math.log10(ratio)) - 1)
    return f"{round(ratio / 10**digits) * 10**digits:,.0f}"


def money(value: float, currency: str) -> str:
    """An amount: ``USD 12,300``, ``USD 1.24 million``. The currency is shown as the price table names it."""
    shown = visible(currency, limit=12) if currency else ""
    if not math.isfinite(value):
        return _UNKNOWN
    figure = count(value) if abs(value) >= 10 or value == 0 else f"{value:.2f}"
    return f"{shown} {figure}".strip()


def interval(low: float, high: float) -> str:
    """An interval of counts: ``1,100 to 1,380``."""
    return f"{count(low)} to {count(high)}"


def chances(probability_of_it: float) -> str:
    """A probability as natural frequencies: ``7 in 1,000``; the base grows with the rarity."""
    if not math.isfinite(probability_of_it):
        return _UNKNOWN
    share = min(max(probability_of_it, 0.0), 1.0)
    if share == 0:
        return "none"
    for base in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        hits = share * base
        if hits >= 0.95 and base - hits >= 0.95 and (abs(hits - round(hits)) < 0.05 or hits >= 9.5):
            return f"{round(hits):,} in {base:,}"
    return "fewer than 1 in 1,000,000" if share < 0.5 else "more than 999,999 in 1,000,000"


def date(day: dt.date | dt.datetime | None) -> str:
    """A day in full: ``3 May 2026``; UTC. None is ``unknown``."""
    if day is None:
        return _UNKNOWN
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: dt.date) -> str:
    """A day for an axis: ``3 May``."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def period(first: dt.date | None, last: dt.date | None) -> str:
    """From one day to another: ``1 May 2026 to 14 June 2026``."""
    if first is None or last is None:
        return "no time stamps"
    return date(first) if date(first) == date(last) else f"{date(first)} to {date(last)}"


def network(kind: str) -> str:
    """A kind of network as a place that calls come from: ``hosting networks``."""
    return _NETWORKS.get(kind, f"networks of kind “{visible(kind, limit=40)}”")


def technique(name: str) -> str:
    """The words for a technique's name; an unknown one is shown as it is, without underscores."""
    return _TECHNIQUES.get(name, visible(name.replace("_", " ").strip() or "unnamed", limit=60))


def listed(items: Sequence[str], *, most: int = 6) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond ``most``, ``a, b and 5 more``."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most:,} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentence(text: str) -> str:
    """Text as a sentence of its own: first letter large, a full stop at its end, nothing hostile in it."""
    shown = visible(text.strip(), limit=1200)
    shown = shown[0].upper() + shown[1:]
    return shown if shown[-1] in ".!?…" else f"{shown}."


def rate_kind(kind: str) -> str:
    """The words for a kind of error rate (``fdr`` is ``false discovery rate``)."""
    return _RATE_KINDS.get(kind.lower(), visible(kind.replace("_", " "), limit=120))


def error_rate(rate: ErrorRate) -> tuple[str, ...]:
    """What a threshold buys, in sentences: the rate, the null it was measured on, and its resolution."""
    kind = rate_kind(rate.kind)
    if "discovery" in kind:
        said = f"Of those that this scan accuses, at most {chances(rate.level)} should be innocent on average"
    elif "family" in kind:
        said = f"The chance that this scan accuses anyone innocent at all is at most {chances(rate.level)}"
    else:
        said = f"The error rate is at most {chances(rate.level)}"
    null = visible(rate.null, limit=400).rstrip(".")
    first = f"{said} ({kind} {percent(rate.level)})."
    if rate.n_null <= 0:
        return (first, f"No draws of a null were made ({null}): this rate rests on theory and was not measured here.")
    draws = counted(rate.n_null, "draw")
    return (
        first,
        f"Measured on {draws} from a world without campaigns: {null}.",
        f"With {draws}, no chance below {chances(1 / (rate.n_null + 1))} can be told from zero by counting alone.",
    )


def record(judged: Judged) -> str:
    """The detector's record with people, in a sentence or three."""
    if not judged.accounts:
        return "No account was judged by a person yet."
    said = [
        f"People judged {counted(judged.accounts, 'account')} and cleared {count(judged.cleared)} of them"
        f" ({percent(judged.share)}; 95% interval {percent(judged.low)} to {percent(judged.high)})."
    ]
    if judged.stated_accounts:
        said.append(
            f"Of {counted(judged.stated_accounts, 'account')} among them a probability of innocence had been stated:"
            f" {judged.stated_innocent:.3g} innocent were expected."
        )
    if judged.kept_out:
        said.append(
            f"{counted(judged.kept_out, 'cleared account')} would have been in a group again, and"
            f" {'was' if judged.kept_out == 1 else 'were'} left alone."
        )
    return " ".join(said)
