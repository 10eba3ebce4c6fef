"""Reports as a scan would write them, made from a seed: none, ordinary, huge and hostile ones."""

from __future__ import annotations

import datetime as dt
import random

from stillwatch.campaigns.report import (
    Account,
    ArtefactLink,
    Campaign,
    Day,
    ErrorRate,
    Evidence,
    Input,
    LookAlike,
    Reject,
    Report,
    Rival,
    Sample,
    Verdict,
)

RATE = ErrorRate("fdr", 0.01, "sessions dealt at random among accounts of like size", 2_000)
START = dt.date(2026, 4, 22)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|'/C calc'!A0",
    "\x1b[31mred\x1b[0m\x07\x00",
    "\u202eevil\u202c\u2066",
    "a" * 10_000,
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)//https://evil.example/x",
    "[bold red]markup[/]",
    "</style><style>*{display:none}",
    "\u05d0\u05d1\u05d2 Z\u0300\u0301\u0302\u0303\u0304\u0305",
    "",
)

_EVIDENCE = (
    ("shared_payment", "One card pays for several accounts", 9.4,
     "41 accounts without an organisation in common were paid with six cards",
     "a family or an agency pays for its people"),
    ("exchangeable", "Accounts ask the same mixture", 14.2,
     "on the half of the log that the search did not see, swapping the accounts' labels changes nothing",
     "the accounts follow the same course or list"),
    ("work_split", "They hardly ask the same thing twice", 6.1,
     "two accounts of the group repeat each other less often than strangers of the same interests do",
     "the questions come from a tool that hands each one out once"),
    ("load_balance", "Load is spread evenly", 3.3,
     "exchanges per account vary less than people's do",
     "the accounts run the same scheduled job"),
    ("own_habits", "Some have habits of their own", -2.7,
     "a third of the accounts also ask things that no other account asks",
     "these are people with lives of their own"),
)  # fmt: skip
_RIVALS = (
    ("class", "A class with the same assignments", 11.8, "a class repeats its tasks; this group hardly does"),
    ("company", "One company on one bill", 7.6, "a company declares its bill and keeps the hours of its work"),
    ("benchmark", "Evaluators on one public list", 19.5, "evaluators ask the same items; here they are shared out"),
    ("framework", "Users of one agent framework", 24.1, "the system prompts differ between the accounts"),
    ("viral", "A prompt that went round", 33.0, "a viral prompt is one text; here are thousands"),
)


def evidence(scale: float = 1.0) -> tuple[Evidence, ...]:
    return tuple(Evidence(name, title, odds * scale, plain, reading) for name, title, odds, plain, reading in _EVIDENCE)


def rivals(scale: float = 1.0) -> tuple[Rival, ...]:
    return tuple(Rival(name, title, odds * scale, plain) for name, title, odds, plain in _RIVALS)


def days(accounts: int, exchanges: int, length: int, seed: int) -> tuple[Day, ...]:
    rng = random.Random(seed)
    weights = [rng.uniform(0.6, 1.4) * min(1.0, (d + 1) / 6) for d in range(length)]
    total = sum(weights)
    made = []
    for d in range(length):
        use = int(exchanges * weights[d] / total)
        new = min(0.9, max(0.04, (d - length * 0.6) * 0.3))
        models = {"orion-3": int(use * (1 - new) * 0.85), "orion-3-mini": int(use * (1 - new) * 0.15)}
        if d > length * 0.5:
            models["orion-4"] = int(use * new)
        wave = 0.3 if d in (0, length // 2) else 0.4 / length
        made.append(
            Day(START + dt.timedelta(days=d), models, use * 0.62, int(accounts * wave * 0.7), int(accounts * wave),
                int(accounts * (0.5 if d == length - 1 else 0.25 if d == length // 2 else 0.1 / length)))
        )  # fmt: skip
    return tuple(made)


def account(account_id: str, campaign_id: str | None, verdict: Verdict, rng: random.Random) -> Account:
    first = dt.datetime(2026, 4, 22, 8, tzinfo=dt.UTC) + dt.timedelta(days=rng.randrange(20))
    posterior = {"campaign": rng.uniform(0.98, 0.99999), "review": rng.uniform(0.5, 0.97), "clear": rng.uniform(0, 0.1)}
    exchanges = rng.randrange(8, 400)
    harvested = 0.62 if verdict == "campaign" else 0.0
    odds = {"campaign": 0.4, "review": 0.1, "clear": -0.1}[verdict] * rng.uniform(0.6, 1.4)
    return Account(
        account_id, campaign_id, verdict, round(rng.uniform(1e-6, 0.009), 6) if verdict == "campaign" else 0.2,
        posterior[verdict], exchanges, exchanges * harvested, first, first + dt.timedelta(days=rng.randrange(1, 25)),
        evidence(odds), rivals(odds)[1] if campaign_id else None,
    )  # fmt: skip


def campaign(name: str, size: int, seed: int, **changes: object) -> tuple[Campaign, list[Account]]:
    rng = random.Random(seed)
    accounts = size
    members = [f"acct_{rng.getrandbits(48):012x}" for _ in range(accounts)]
    exchanges = accounts * 96
    links = []
    for kind, groups in (("payment", 6), ("address", 9), ("client", 3), ("wording", 5)):
        for _ in range(groups):
            held = max(2, int(accounts * rng.uniform(0.04, 0.7 if kind in ("client", "wording") else 0.22)))
            where = rng.randrange(accounts - held + 1)
            links.append(ArtefactLink(kind, f"{rng.getrandbits(64):016x}", tuple(members[where : where + held]),
                                      rng.choice((0, 0, 1, 3)) if kind != "client" else 8_000))  # fmt: skip
    if accounts > 5_000:
        links += [ArtefactLink("address", f"{rng.getrandbits(64):016x}", tuple(rng.sample(members, 2)), 0)
                  for _ in range(3_000)]  # fmt: skip
    taken = exchanges * 0.62
    fields: dict[str, object] = {
        "campaign_id": name, "verdict": "campaign", "accounts": accounts, "exchanges": exchanges,
        "taken": taken, "taken_low": taken * 0.91, "taken_high": taken * 1.07, "expected_innocent": accounts * 0.0031,
        "input_tokens": taken * 410, "output_tokens": taken * 1_900, "reasoning_tokens": taken * 1_220,
        "value": taken * 0.029, "currency": "USD", "p_value": 1 / 2_001, "e_value": 1_840.0, "q_value": 0.0021,
        "error_rate": RATE,
        "techniques": {"reasoning_elicitation": taken * 0.54, "rubric_grading": taken * 0.17, "plain": taken * 0.29},
        "aims": ("mathematical reasoning", "code review", "graded answers for a reward model"),
        "story": ("Most accounts signed up in two waves, 22 days apart",
                  "Within a day of the release of orion-4 most of their traffic moved to it"),
        "evidence": evidence(), "rivals": rivals(), "timeline": days(accounts, exchanges, 45, seed),
        "artefacts": tuple(links), "members": tuple(members),
    }  # fmt: skip
    made = [account(member, name, "campaign", rng) for member in members]
    return Campaign(**(fields | changes)), made  # type: ignore[arg-type]


def report(campaigns: list[Campaign], accounts: list[Account], **changes: object) -> Report:
    total = len(accounts) + 3_000
    fields: dict[str, object] = {
        "version": 1, "stillwatch": "0.1.0", "seed": 7,
        "settings": {"prices": "built-in table of 2026-11", "fdr": "0.01"},
        "input": Input(
            12, "canonical table (Parquet)", total * 70, total * 19, total,
            dt.datetime(2026, 4, 22, 0, 4, tzinfo=dt.UTC), dt.datetime(2026, 6, 5, 23, 51, tzinfo=dt.UTC),
            (Reject("not valid JSON", 812, "logs/04.jsonl:1193"),
             Reject("negative token count", 3, "logs/07.jsonl:88")),
            ("there was no table of accounts, so shared cards and sign-up dates are unknown",
             "answers were not logged, so answers pasted back cannot be followed"),
        ),
        "campaigns": tuple(campaigns), "accounts": tuple(accounts),
        "look_alikes": (
            LookAlike("vpn", "VPN and carrier exits", 412, 2, 0.0012, 0.0003, 0.0044),
            LookAlike("campus", "Campuses and classes", 260, 0, 0.0, 0.0, 0.0039),
            LookAlike("agents", "Developers with coding agents", 505, 1, 0.0021, 0.0008, 0.0056),
            LookAlike("non_english", "People writing other languages", 733, 1, 0.0009, 0.0002, 0.0031),
        ),
        "error_rate": RATE, "candidates": 41,
        "notes": ("Two wordings were masked before repeats were counted",),
    }  # fmt: skip
    return Report(**(fields | changes))  # type: ignore[arg-type]


def empty() -> Report:
    """A scan that found nothing."""
    rng = random.Random(3)
    return report([], [account(f"acct_{rng.getrandbits(48):012x}", None, "clear", rng) for _ in range(50)])


def ordinary() -> Report:
    """Three campaigns of 412, 36 and 25 accounts (the last one under review), review accounts and clear ones."""
    first, a = campaign("C1", 412, 1)
    second, b = campaign("C2", 36, 2, techniques={"rubric_grading": 1_800.0, "plain": 300.0}, aims=("a reward model",))
    third, c = campaign(
        "C3", 25, 3, verdict="review", q_value=0.09, p_value=0.012, e_value=14.0, artefacts=(), evidence=evidence(0.2),
        rivals=(Rival("company", "One company on one bill", -0.6, "they pay one bill"), *rivals(0.2)),
    )  # fmt: skip
    rng = random.Random(4)
    waiting = [account(one.account_id, "C3", "review", rng) for one in c]
    clear = [account(f"free_{n:03d}", None, "clear", rng) for n in range(40)]
    return report([first, second, third], [*a, *b, *waiting, *clear])


def huge() -> Report:
    """Three campaigns, one of 25,000 accounts."""
    first, a = campaign("C1", 25_000, 5)
    second, b = campaign("C2", 412, 6)
    third, c = campaign("C3", 30, 7)
    return report([first, second, third], [*a, *b, *c])


def hostile() -> Report:
    """Every string that could come from a log or a plugin is an attack."""
    rng = random.Random(8)
    bad = HOSTILE
    bars = tuple(Evidence(text, text, float(place), text, text) for place, text in enumerate(bad))
    accounts = [account(text, bad[0], "campaign", rng) for text in bad]
    accounts += [account(f"{text}!", bad[1], "review", rng) for text in bad]
    one, _ = campaign(
        bad[0], 20, 9, members=bad, accounts=len(bad), story=bad, aims=bad, evidence=bars, currency=bad[1],
        techniques=dict.fromkeys(bad, 3.0), rivals=tuple(Rival(t, t, 2.0, t) for t in bad),
        artefacts=tuple(ArtefactLink(t, t, bad, 1) for t in bad),
        timeline=tuple(Day(START + dt.timedelta(days=n), {t: 4}, 2.0, 1, 1, 1) for n, t in enumerate(bad)),
        error_rate=ErrorRate(bad[0], 0.01, bad[1], 10),
        samples=tuple(Sample(t, t, t, 0.5, t + "\n" + t) for t in bad),
    )  # fmt: skip
    two, _ = campaign(bad[1], 20, 10)
    return report(
        [one, two], accounts, stillwatch=bad[0], settings={text: text for text in bad}, notes=bad,
        error_rate=ErrorRate(bad[0], 0.01, bad[1], 10),
        look_alikes=tuple(LookAlike(t, t, 5, 1, 0.1, 0.0, 0.4) for t in bad),
        input=Input(1, bad[0], 10, 5, 12, None, None, tuple(Reject(t, 1, t) for t in bad), bad),
    )  # fmt: skip


def extreme() -> Report:
    """Numbers at their limits: nothing, infinities, not a number, one account, one day, years of days."""
    nan, inf = float("nan"), float("inf")
    rng = random.Random(11)
    bars = tuple(Evidence(str(odds), str(odds), odds, "p", "q") for odds in (nan, inf, -inf, 0.0, 1e300, 1e-9))
    nothing, a = campaign(
        "N0", 2, 12, evidence=(), rivals=(), timeline=(), artefacts=(), techniques={}, aims=(), story=(), members=(),
        taken=nan, taken_low=nan, taken_high=inf, expected_innocent=nan, value=nan, q_value=nan, p_value=0.0,
    )  # fmt: skip
    wild, b = campaign(
        "N1", 2, 13, evidence=bars, rivals=tuple(Rival(e.name, e.title, e.log_odds, e.plain) for e in bars),
        timeline=(Day(START, {}, 0.0, 0, 0, 0), Day(START + dt.timedelta(days=4_000), {"m": 1}, nan, 1, 0, 1)),
    )  # fmt: skip
    one_day, c = campaign("N2", 2, 14, timeline=(Day(START, {"m": 5}, 5.0, 0, 5, 5),))
    lone = account("alone", None, "clear", rng)
    return report(
        [nothing, wild, one_day], [*a, *b, *c, lone], look_alikes=(LookAlike("a", "a", 0, 0, nan, nan, nan),),
        error_rate=ErrorRate("other kind", 0.0, "theory", 0), candidates=0,
    )  # fmt: skip
