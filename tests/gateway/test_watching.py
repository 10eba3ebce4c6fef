"""When a person is told: each thing once, again only when it is worse, and anew when it comes back."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.gateway.alerts.base import Alert
from stillwatch.gateway.campaign_profiles import HOUR, CampaignFigures, CampaignProfile, Hour, figures_of
from stillwatch.gateway.watching import DAY, Memory, Sight, Watcher

AT = 490_000 * HOUR


def campaign(accounts: dict[str, int] | None = None, *, at: int = AT, **changes: Any) -> CampaignFigures:
    told: dict[str, Any] = {
        "campaign_id": "C1",
        "accounts": accounts or {},
        "new_accounts_day": 0,
        "new_accounts_hour": 0,
        "suspended": 0,
        "first_claim": at - DAY,
        "day": Hour(),
        "week": Hour(),
        "models": {},
    }
    return CampaignFigures(**(told | changes))


def sight(*campaigns: CampaignFigures, at: int = AT, **changes: Any) -> Sight:
    return Sight(at=at, campaigns={one.campaign_id: one for one in campaigns}, **changes)


def kinds(alerts: list[Alert]) -> list[str]:
    return [alert.kind for alert in alerts]


def test_nothing_to_tell_is_not_told() -> None:
    assert Watcher().see(sight()) == []
    assert Watcher().see(sight(campaign())) == []


def test_a_campaign_is_told_once_and_again_when_it_is_accused_and_when_a_person_confirms_it() -> None:
    watcher = Watcher()
    first = watcher.see(sight(campaign({"review": 12})))
    assert kinds(first) == ["new_campaign"]
    assert first[0].summary == "A group of 12 accounts should be looked at."
    assert watcher.see(sight(campaign({"review": 12}))) == []
    second = watcher.see(sight(campaign({"review": 2, "campaign": 11})))
    assert [alert.severity for alert in first + second] == ["info", "warning"]
    assert kinds(watcher.see(sight(campaign({"confirmed": 13})))) == ["new_campaign"]
    assert watcher.see(sight(campaign({"review": 13}))) == []


def test_a_restart_tells_nothing_twice() -> None:
    watcher = Watcher()
    watcher.see(sight(campaign({"campaign": 12}), stood_down="bounds"))
    kept = msgspec.json.decode(msgspec.json.encode(watcher.memory), type=Memory)
    assert Watcher(kept).see(sight(campaign({"campaign": 12}), stood_down="bounds")) == []


def test_growth_is_told_at_half_as_many_again_not_at_each_account() -> None:
    watcher = Watcher()
    watcher.see(sight(campaign({"campaign": 20})))
    told = [accounts for accounts in range(20, 101) if watcher.see(sight(campaign({"campaign": accounts})))]
    assert told == [30, 45, 68]
    small = Watcher()
    small.see(sight(campaign({"campaign": 2})))
    assert [n for n in range(2, 9) if small.see(sight(campaign({"campaign": n})))] == [7]


def test_newcomers_after_a_suspension_are_told_and_newcomers_without_one_are_not() -> None:
    watcher = Watcher()
    watcher.see(sight(campaign({"campaign": 20})))
    assert watcher.see(sight(campaign({"campaign": 21}))) == []
    assert watcher.see(sight(campaign({"campaign": 21}, suspended=8))) == []  # they are suspended: nobody came yet
    told = watcher.see(sight(campaign({"campaign": 22}, suspended=8), at=AT + HOUR))
    assert kinds(told) == ["replacement_accounts"]
    assert told[0].summary == "1 account joined a campaign after accounts of it were suspended."
    assert told[0].severity == "warning"
    assert watcher.see(sight(campaign({"campaign": 22}, suspended=8), at=AT + HOUR)) == []
    worse = watcher.see(sight(campaign({"campaign": 25}, suspended=8), at=AT + 2 * HOUR))
    assert [(alert.kind, alert.severity, alert.facts["joined"]) for alert in worse] == [
        ("replacement_accounts", "critical", 4)
    ]
    late = Watcher()
    late.see(sight(campaign({"campaign": 20}, suspended=8)))
    assert late.see(sight(campaign({"campaign": 22}, suspended=8), at=AT + 15 * DAY)) == []


def moved(*, recent: dict[str, int], earlier: dict[str, int]) -> CampaignFigures:
    now = AT // HOUR
    profile = CampaignProfile()
    for model, count in earlier.items():
        profile.add((now - 20) * HOUR, Hour(exchanges=count, models={model: count}))
    for model, count in recent.items():
        profile.add((now - 1) * HOUR, Hour(exchanges=count, models={model: count}))
    day, week, models = figures_of([profile], AT)
    return campaign(day=day, week=week, models=models)


def test_a_move_to_a_new_model_within_hours_is_told_and_ordinary_use_of_two_is_not() -> None:
    told = Watcher().see(sight(moved(recent={"new-1": 60, "old": 20}, earlier={"old": 300})))
    assert kinds(told) == ["model_switch"]
    assert told[0].facts["model"] == "new-1"
    assert Watcher().see(sight(moved(recent={"a": 60, "b": 50}, earlier={"a": 200, "b": 150}))) == []
    assert Watcher().see(sight(moved(recent={"new-1": 10}, earlier={"old": 300}))) == []  # too few to say
    assert Watcher().see(sight(moved(recent={"new-1": 90}, earlier={}))) == []  # nothing to compare with


def drawing(day: int, before: int) -> CampaignFigures:
    """Of 100,000 tokens a day, so many of reasoning, today and over six days before."""
    today = Hour(tokens=100_000, reasoning_tokens=day)
    return campaign(day=today, week=Hour(tokens=700_000, reasoning_tokens=day + 6 * before))


def test_more_reasoning_than_over_the_days_before_is_told_once_and_again_when_it_ends_and_comes_back() -> None:
    watcher = Watcher()
    assert watcher.see(sight(drawing(22_000, 20_000))) == []
    told = watcher.see(sight(drawing(31_000, 20_000)))
    assert kinds(told) == ["reasoning_extraction_rising"]
    assert "31% of its tokens, 20%" in told[0].summary
    assert watcher.see(sight(drawing(32_000, 20_000))) == []
    assert kinds(watcher.see(sight(drawing(50_000, 20_000)))) == ["reasoning_extraction_rising"]
    watcher.see(sight(drawing(20_000, 20_000)))
    again = watcher.see(sight(drawing(31_000, 20_000), at=AT + DAY))
    assert kinds(again) == ["reasoning_extraction_rising"]
    assert again[0].id != told[0].id
    assert Watcher().see(sight(drawing(9_000, 100))) == []  # little, however steep


def test_what_befalls_the_gateway_itself_is_told_when_it_begins_and_each_time_it_begins() -> None:
    watcher = Watcher()
    state: dict[str, Any] = {"stood_down": "too many were touched", "switched_off": True, "store_down": True}
    first = watcher.see(sight(**state))
    assert kinds(first) == ["stood_down", "switched_off", "store_down"]
    assert watcher.see(sight(at=AT + HOUR, **state)) == []
    assert watcher.see(sight(at=AT + 2 * HOUR)) == []
    assert kinds(watcher.see(sight(at=AT + 3 * HOUR, stood_down="again"))) == ["stood_down"]


def test_appeals_are_told_as_they_come_not_in_a_flood_and_one_that_waits_a_day_is_told_again() -> None:
    watcher = Watcher()
    assert [a.summary for a in watcher.see(sight(appeals=(AT,)))] == ["1 appeal waits for a person to look."]
    assert watcher.see(sight(appeals=(AT,), at=AT + HOUR)) == []
    flood = [watcher.see(sight(appeals=tuple(AT + i for i in range(n)), at=AT + HOUR + n)) for n in range(2, 500)]
    assert sum(len(alerts) for alerts in flood) == 1
    overdue = watcher.see(sight(appeals=(AT,), at=AT + DAY))
    assert [(a.kind, a.severity) for a in overdue] == [("appeal_waiting", "warning")]
    assert watcher.see(sight(at=AT + DAY)) == []
    assert kinds(watcher.see(sight(appeals=(AT + 2 * DAY,), at=AT + 2 * DAY))) == ["appeal_waiting"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans()), max_size=30))
def test_whatever_happens_no_alert_is_told_twice_and_none_quotes_an_id_in_our_words(
    steps: list[tuple[int, int, bool]],
) -> None:
    watcher, told = Watcher(), list[Alert]()
    for number, (accounts, suspended, down) in enumerate(steps):
        now = AT + number * HOUR
        figures = campaign({"campaign": accounts}, suspended=suspended, campaign_id="C-secret")
        told += watcher.see(sight(figures, at=now, stood_down="x" if down else ""))
    assert len({alert.id for alert in told}) == len(told)
    assert all("C-secret" not in alert.summary for alert in told)
