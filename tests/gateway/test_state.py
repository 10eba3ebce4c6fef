"""What the gateway knows: claims, budgets, profiles; bounded, and the same however it was brought about."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.gateway.budgets import Bucket, Budgets
from stillwatch.gateway.campaign_profiles import HOUR
from stillwatch.gateway.clock import SteadyClock
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.expiry import Expiry
from stillwatch.gateway.profiles import Profile, Profiles
from stillwatch.gateway.state import State
from stillwatch.responses.traffic import Refusal
from tests.gateway.claims import NOW, SECOND, asked, claim, ended
from tests.gateway.test_decide import action

KEY = b"k" * 32


def test_a_stronger_or_newer_claim_replaces_an_older_one() -> None:
    state = State(KEY)
    for level, since, stands in (
        ("review", 5, "review"),
        ("suspected", 9, "review"),
        ("campaign", 1, "campaign"),
        ("confirmed", 2, "confirmed"),
        ("campaign", 99, "confirmed"),
    ):
        state.claim(claim("a", level=level, since=since))
        held = state.subject("a")
        assert held is not None
        assert held.level == stands
    state.claim(claim("a", level="confirmed", since=1, campaign_id="older"))
    assert state.subject("a").campaign_id == "c"  # type: ignore[union-attr]


def test_a_cleared_account_stays_cleared_until_a_person_confirms_anew() -> None:
    state = State(KEY)
    state.claim(claim("a"))
    state.hold(action("slow_down"))
    state.clear("a", "a class of students", NOW)
    assert state.subject("a") is None
    assert state.actions("a") == ()
    state.claim(claim("a", since=NOW + 1))
    state.claim(claim("a", level="confirmed", since=NOW - 1))
    assert state.subject("a") is None
    state.claim(claim("a", level="confirmed", since=NOW + 1))
    assert state.subject("a") is not None
    assert state.cleared("a") is None


def test_an_action_is_held_once_with_the_later_end_and_released_once() -> None:
    state, one = State(KEY), action("suspend")
    state.hold(one)
    state.hold(msgspec.structs.replace(one, until=one.until - 5))
    assert state.actions("a") == (one,)
    later = msgspec.structs.replace(one, until=one.until + 5)
    state.hold(later)
    assert state.actions("a") == (later,)
    state.release(one.id)
    state.release(one.id)
    assert (state.actions("a"), state.holds(one.id), state.figures()["accounts_with_actions"]) == ((), False, 0)


def test_actions_end_by_themselves_and_only_those() -> None:
    state = State(KEY)
    short, long = action("suspend"), msgspec.structs.replace(action("suspend", "b"), until=NOW + 9 * HOUR)
    state.hold(short)
    state.hold(long)
    assert state.expired(NOW) == []
    assert state.expired(short.until) == [short]
    assert state.expired(short.until) == []


def test_expiry_hands_out_each_once_and_in_order() -> None:
    ends = Expiry()
    assert ends.due(10**18) == []
    for until in (5, 1, 3):
        ends.add(until, str(until))
    assert ends.due(3) == ["1", "3"]
    assert ends.due(9) == ["5"]


# Budgets


def test_a_budget_gives_its_burst_and_then_its_rate() -> None:
    budgets = Budgets()
    assert [budgets.take("b", 1, 0.5, 3, NOW) for _ in range(3)] == [0, 0, 0]
    assert budgets.take("b", 1, 0.5, 3, NOW) == 2.0 - 2e-9
    assert budgets.take("b", 1, 0.5, 3, NOW + 2 * SECOND) == 0
    assert budgets.take("b", 1, 0.5, 3, NOW - 9 * SECOND) > 0  # time that runs backwards fills nothing


def test_patience_borrows_from_the_time_to_come() -> None:
    budgets = Budgets()
    waits = [round(budgets.take("b", 1, 1, 1, NOW, patience=2.5), 3) for _ in range(5)]
    assert waits == [0, 1, 2, 3, 3]


@given(st.lists(st.tuples(st.floats(0.1, 20), st.integers(0, 30 * SECOND), st.integers(0, 2)), min_size=1, max_size=60))
def test_a_campaign_never_gets_more_than_rate_and_burst_however_many_gateways_serve_it(
    steps: list[tuple[float, int, int]],
) -> None:
    gateways = [Budgets() for _ in range(3)]
    at, got, first = NOW, 0.0, NOW
    for units, passes, where in steps:
        at += passes
        units = min(units, 10.0)
        if gateways[where].take("b", units, 0.5, 10, at) == 0:
            got += units
        buckets = [[g._buckets["b"]] if "b" in g._buckets else [] for g in gateways]
        for number, gateway in enumerate(gateways):  # every gateway hears of every other between two requests
            others = [msgspec.structs.replace(b) for n, own in enumerate(buckets) if n != number for b in own]
            gateway.told({"b": others})
    assert got <= 10 + 0.5 * (at - first) / SECOND + 1e-6


def test_telling_a_total_twice_takes_once() -> None:
    budgets = Budgets()
    budgets.take("b", 1, 1, 10, NOW)
    for _ in range(3):
        budgets.told({"b": [Bucket(5.0, NOW, 10.0, used=4.0)]})
    assert budgets.left("b") == 5.0


def test_a_gateway_that_is_new_to_a_budget_does_not_begin_with_a_full_one() -> None:
    budgets = Budgets()
    budgets.told({"b": [Bucket(0.0, NOW, 10.0, used=90.0)]})
    assert budgets.take("b", 1, 1, 10, NOW) > 0
    assert budgets.take("b", 1, 1, 10, NOW + SECOND) == 0


def test_budgets_outlive_the_gateway_and_a_clock_that_is_set() -> None:
    budgets, again = Budgets(), Budgets()
    budgets.take("b", 10, 1, 10, NOW)
    again.restore([*budgets.changed().items(), ("broken", b"{")])
    assert again.take("b", 1, 1, 10, NOW) > 0
    again.shift(-HOUR)
    assert again.take("b", 1, 1, 10, NOW - HOUR + SECOND) == 0


# Profiles

EXCHANGES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 99), st.integers(0, 9), st.booleans(), st.integers(0, 99)),
    max_size=40,
)


@given(EXCHANGES, st.randoms(use_true_random=False))
def test_profiles_are_sums_minima_and_maxima_in_any_order(exchanges: list[tuple], random: object) -> None:  # type: ignore[type-arg]
    one, two = Profiles(KEY), Profiles(KEY)
    for exchange in exchanges:
        one.add(*exchange)
    random.shuffle(exchanges)  # type: ignore[attr-defined]
    for exchange in exchanges:
        two.add(*exchange)
    for name in "abc":
        own = [e for e in exchanges if e[0] == name]
        wanted = None
        if own:
            at = [e[4] for e in own]
            wanted = Profile(
                len(own), sum(e[1] for e in own), sum(e[2] for e in own), sum(e[3] for e in own), min(at), max(at)
            )
        assert one.get(name) == two.get(name) == wanted


def test_memory_is_bounded_and_the_long_unseen_go_first() -> None:
    profiles = Profiles(KEY, most=100)
    for number in range(1000):
        profiles.add(f"a{number}", 1, 0, False, number)
    assert len(profiles) == 100
    kept = [number for number in range(1000) if profiles.get(f"a{number}") is not None]
    assert len(kept) == 100
    assert min(kept) > 700


def test_what_was_kept_is_taken_up_again() -> None:
    one, two = Profiles(KEY), Profiles(KEY)
    for number in range(30):
        one.add(f"a{number}", number, 1, number % 2 == 0, NOW + number)
    first = one.changed(20)
    one.not_kept(first)
    kept = dict(one.changed(1000))
    assert len(kept) == 30
    assert one.changed() == []
    two.restore(kept.items())
    assert [two.get(f"a{n}") for n in range(30)] == [one.get(f"a{n}") for n in range(30)]
    assert Profiles(b"x" * 32).get("a1") is None


# Campaigns


def decision(account: str, at: int, *, refused: bool = False) -> Decision:
    refuse = Refusal(status=429, code="slow_down", message="later") if refused else None
    request = asked(account, at)
    return Decision(request_id=request.request_id, account_id=account, at=at, refuse=refuse)


def test_a_campaigns_figures_say_what_it_still_gets() -> None:
    state = State(KEY)
    state.claim(claim("a", innocent=0.25, since=NOW - 2 * 24 * HOUR))
    state.claim(claim("b", level="suspected", innocent=0.5, since=NOW - 60 * SECOND))
    state.hold(action("suspend"))
    for at, account, refused, status in (
        (NOW - 30 * HOUR, "a", False, 200),
        (NOW, "a", False, 200),
        (NOW, "a", True, 429),
        (NOW, "b", False, 200),
        (NOW, "b", False, 500),
        (NOW, "nobody", False, 200),
    ):
        row = {"status": status, "model": "m", "input_tokens": 10, "output_tokens": 90, "reasoning_tokens": 50}
        state.observe(ended(decision(account, at, refused=refused), **row))
    figures = state.campaigns(NOW)["c"]
    assert figures.accounts == {"campaign": 1, "suspected": 1}
    assert (figures.new_accounts_day, figures.new_accounts_hour, figures.suspended) == (1, 1, 1)
    assert (figures.day.exchanges, figures.day.limited, figures.day.refused) == (4, 1, 1)
    assert figures.taken_per_day == 0.75 + 0.5
    assert figures.week.exchanges == 5
    assert figures.reasoning_share == 0.5
    assert figures.models == {(NOW - 30 * HOUR) // HOUR: {"m": 1}, NOW // HOUR: {"m": 2}}
    assert state.figures()["exchanges"] == 6
    assert state.figures()["accounts"] == 3
    assert State(KEY).campaigns(NOW) == {}


def test_figures_of_several_gateways_are_added_up() -> None:
    one, two = State(KEY), State(KEY)
    for state in (one, two):
        state.claim(claim("a"))
        state.observe(ended(decision("a", NOW), status=200, model="m"))
    again = State(KEY)
    again.restore_campaigns([*two.campaigns_changed().items(), ("broken", b"[")])
    one.elsewhere = {"c": [again._campaigns["c"]]}
    assert one.campaigns(NOW)["c"].day.exchanges == 2


def test_rows_with_nonsense_for_numbers_are_counted_as_nothing() -> None:
    state = State(KEY)
    for value in (None, "x", -5, 1.5, True, 2**70, [], {"a": 1}):
        state.observe(ended(decision("a", NOW), input_tokens=value, status=value, model=value))
    profile = state.profile("a")
    assert profile is not None
    assert profile.exchanges == 8
    assert profile.tokens == 2**40


# Clock


class Machine:
    def __init__(self) -> None:
        self.wall, self.monotonic = 1000.0, 5.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


def test_a_leap_of_the_machines_clock_is_not_believed_until_it_is_steady() -> None:
    machine = Machine()
    clock = SteadyClock(300, 60, wall=lambda: machine.wall, monotonic=lambda: machine.monotonic)
    machine.passes(10)
    assert clock.now() == 1010 * SECOND
    machine.wall += 200  # within what the policy allows
    assert clock.now() == 1210 * SECOND
    machine.wall += 100_000
    assert clock.now() == 1210 * SECOND
    machine.passes(59)
    assert (clock.now(), clock.leaping) == (1269 * SECOND, True)
    machine.wall -= 50_000  # leaps again: it is watched anew
    machine.passes(30)
    assert (clock.now(), clock.leaping) == (1299 * SECOND, True)
    machine.passes(60)
    assert (clock.now(), clock.leaping) == (51_359 * SECOND, False)
    assert clock.set_by == 50_000 * SECOND


def test_a_leap_that_is_taken_back_leaves_no_trace() -> None:
    machine = Machine()
    clock = SteadyClock(300, 60, wall=lambda: machine.wall, monotonic=lambda: machine.monotonic)
    machine.wall -= 10_000
    assert clock.now() == 1000 * SECOND
    machine.wall += 10_000
    machine.passes(100)
    assert (clock.now(), clock.leaping, clock.set_by) == (1100 * SECOND, False, 0)
