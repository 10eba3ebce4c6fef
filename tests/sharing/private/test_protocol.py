"""Both sides of a session: exact, one answer for one offer, and hostile messages end with one line."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import private_set_intersection.python as psi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.progress import Silent
from stillwatch.sharing.private import curve, messages
from stillwatch.sharing.private.items import encoded, items_of
from stillwatch.sharing.private.messages import Message, Mode, read, written
from stillwatch.sharing.private.protocol import Ask, Limits, Offer, Outcome, warnings

NO_LEAST = Limits(fewest_counted=0)
TEXTS = st.lists(st.text(max_size=12) | st.sampled_from(["a", "b", "ü", "\U0001f600", "a\u0308", "ä", "c" * 1024]))


def session(offered: list[str], asked: list[str], mode: Mode = "items", kind: str = "payment") -> Outcome:
    offer, setup = Offer.begin(items_of(kind, offered), mode)
    ask, _, request = Ask.begin(setup, items_of(kind, asked), mode)
    _, response = offer.answer(request, NO_LEAST)
    return ask.finish(response)


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_what_comes_out_is_the_plain_intersection(offered: list[str], asked: list[str]) -> None:
    ours, theirs = set(items_of("payment", asked).values), set(items_of("payment", offered).values)
    named = session(offered, asked)
    assert named.values is not None
    assert (set(named.values), len(named.values)) == (ours & theirs, len(ours & theirs))
    assert (named.size, named.ours, named.theirs) == (len(ours & theirs), len(ours), len(theirs))
    assert session(offered, asked, "count") == named._replace(values=None)


@pytest.mark.parametrize(("offered", "asked"), [(0, 0), (0, 3), (3, 0), (1, 1), (9000, 8300), (8192, 8192)])
def test_sets_of_any_size_on_all_cores(offered: int, asked: int) -> None:
    outcome = session([f"{n}" for n in range(offered)], [f"{n}" for n in range(offered // 2, offered // 2 + asked)])
    assert outcome.values == tuple(sorted(f"{n}" for n in range(offered // 2, min(offered, offered // 2 + asked))))


def test_who_only_counts_gets_no_names_from_the_library() -> None:
    numbers = [str(n) for n in range(40)]
    assert session(numbers, numbers, "count").values is None
    client, server = psi.client.CreateWithNewKey(False), psi.server.CreateWithNewKey(False)
    setup = server.CreateSetupMessage(0.0, 40, numbers, psi.DataStructure.RAW)
    response = server.ProcessRequest(client.CreateRequest(numbers))
    with pytest.raises(RuntimeError, match="reveal_intersection == false"):
        client.GetIntersection(setup, response)
    assert client.GetIntersectionSize(setup, response) == 40


def test_a_counting_answer_has_an_order_that_says_nothing_and_a_naming_one_keeps_it() -> None:
    asked = items_of("payment", [str(n) for n in range(200)])
    offering, asking = curve.fresh_key(), curve.fresh_key()
    points = curve.masked(asking, encoded(asked), False, Silent())
    named, counted = (curve.remasked(offering, points, count_only, Silent()) for count_only in (False, True))
    assert counted.tolist() == sorted(named.tolist()) != named.tolist()
    backwards = curve.remasked(offering, points[::-1].copy(), True, Silent())
    assert backwards.tolist() == counted.tolist()


def test_the_same_set_is_never_hidden_the_same_way_twice() -> None:
    items = items_of("payment", ["a", "b", "c"])
    setups = [read(Offer.begin(items, "items")[1], "setup").array().tolist() for _ in range(3)]
    assert not set(setups[0]) & set(setups[1]) | set(setups[1]) & set(setups[2])


def test_an_offer_is_answered_once_and_its_key_is_gone() -> None:
    offer, setup = Offer.begin(items_of("payment", ["a"]), "items")
    first = Ask.begin(setup, items_of("payment", ["a"]), "items")
    other = Ask.begin(setup, items_of("payment", ["b"]), "items")
    offer.answer(first[2], Limits())
    assert offer.state.key == b""
    for request in (other[2], first[2]):
        with pytest.raises(InputError, match="after this offer was answered; make a new offer"):
            offer.answer(request, Limits())


def test_a_refused_request_does_not_spend_the_offer() -> None:
    offer, setup = Offer.begin(items_of("payment", ["a"]), "items")
    _, _, request = Ask.begin(setup, items_of("payment", ["a"]), "items")
    with pytest.raises(InputError):
        offer.answer(request[:-1], Limits())
    assert offer.answer(request, Limits())[0].count == 1


def test_messages_of_two_sessions_do_not_mix() -> None:
    items = items_of("payment", ["a", "b"])
    (first, first_setup), (second, second_setup) = Offer.begin(items, "items"), Offer.begin(items, "items")
    asking, _, request = Ask.begin(first_setup, items, "items")
    with pytest.raises(InputError, match="belongs to another session"):
        second.answer(request, Limits())
    other, _, other_request = Ask.begin(second_setup, items, "items")
    _, response = second.answer(other_request, Limits())
    with pytest.raises(InputError, match="belongs to another session"):
        asking.finish(response)
    again, _, _ = Ask.begin(second_setup, items, "items")
    with pytest.raises(InputError, match="belongs to another session"):
        again.finish(response)  # the same session, but another request of it
    assert other.finish(response).size == 2
    with pytest.raises(InputError, match="after this session ended"):
        other.finish(response)
    first.answer(request, Limits())


@pytest.mark.parametrize(
    ("kind", "mode", "line"),
    [("ja4", "items", "an offer of payment, not of ja4; give --kind payment"), ("payment", "count", "offers to name")],
)
def test_both_sides_must_mean_the_same(kind: str, mode: Mode, line: str) -> None:
    _, setup = Offer.begin(items_of("payment", ["a"]), "items")
    with pytest.raises(InputError, match=line):
        Ask.begin(setup, items_of(kind, []), mode)


def test_limits_on_how_many_and_how_few() -> None:
    offer, setup = Offer.begin(items_of("payment", ["a"]), "items")
    _, _, request = Ask.begin(setup, items_of("payment", [str(n) for n in range(101)]), "items")
    with pytest.raises(InputError, match="more than 100"):
        offer.answer(request, Limits(most=100))
    counting, setup = Offer.begin(items_of("payment", ["a"]), "count")
    _, _, request = Ask.begin(setup, items_of("payment", ["a"]), "count")
    with pytest.raises(InputError, match="asks to count 1 artefacts; under 10 a number tells of each"):
        counting.answer(request, Limits())


def test_a_peer_that_asks_with_everything_is_pointed_out() -> None:
    assert warnings("payment", 1000, 5) == ()
    assert "10 times what is offered" in warnings("payment", 1001, 5)[0]
    assert "whoever asks with all of them learns your whole set" in warnings("address", 1_000_000, 900_000)[0]


@pytest.fixture(scope="module")
def exchanged() -> dict[str, bytes]:
    """A setup, request and response that fit, both sides with the same twelve artefacts."""
    items = items_of("payment", [str(n) for n in range(12)])
    offer, setup = Offer.begin(items, "items")
    ask, _, request = Ask.begin(setup, items, "items")
    _, response = offer.answer(request, Limits())
    assert ask.finish(response).size == 12
    return {"setup": setup, "request": request, "response": response}


def changed(data: bytes, **fields: object) -> bytes:
    whole = msgspec.msgpack.decode(data.partition(b"\n")[2])
    return b"stillwatch-psi 1\n" + msgspec.msgpack.encode({**whole, **fields})


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "is no message"),
        (b"\x00" * 100, "is no message"),
        (b"stillwatch-psi 2\n\x80", "of another version; this Stillwatch speaks 1"),
        (b"stillwatch-psi 1\n", "is a broken message"),
        (b"stillwatch-psi 1\n\xc6\xff\xff\xff\xff", "is a broken message"),  # promises 4 GiB
        (b"stillwatch-psi 1\n" + b"\x91" * 100_000, "is a broken message"),
        (b"stillwatch-psi 1\n\xdf\xff\xff\xff\xff", "is a broken message"),
        (b"stillwatch-psi 1\n" + b"\x00" * 200_000_000, "is larger than a message of"),
    ],
)
def test_rubbish_is_refused_in_one_line(data: bytes, line: str) -> None:
    with pytest.raises(InputError, match=line) as refused:
        read(data, "setup")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"step": "request"}, "is the request, where the setup belongs"),
        ({"session": "x"}, "is a broken message"),
        ({"session": 7}, "is a broken message"),
        ({"mode": "everything"}, "is a broken message"),
        ({"kind": "mail"}, "kind that is not known"),
        ({"kind": "k" * 1000}, "is a broken message"),
        ({"answers": "0" * 64}, "what it answers does not fit"),
        ({"more": 1}, "is a broken message"),
        ({"points": "text"}, "is a broken message"),
        ({"points": b"\x02" * 34}, "cut short"),
        ({"points": b"\x04" + b"\x01" * 32}, "no point of the curve"),
        ({"points": (b"\x02" + b"\x01" * 32) * 2}, "a point twice"),
        ({"points": b"\x03" + b"\x01" * 32 + b"\x02" + b"\x01" * 32}, "in an order that would tell something"),
    ],
)
def test_a_message_with_one_thing_wrong_is_refused(
    exchanged: dict[str, bytes], fields: dict[str, object], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        read(changed(exchanged["setup"], **fields), "setup")


def test_points_beside_the_curve_are_refused_and_the_offer_stands(exchanged: dict[str, bytes]) -> None:
    offer, setup = Offer.begin(items_of("payment", ["a"]), "items")
    _, _, request = Ask.begin(setup, items_of("payment", ["a"]), "items")
    beside = b"\x02" + b"\xff" * 32
    with pytest.raises(InputError, match="no point of the curve"):
        offer.answer(changed(request, points=beside), Limits())
    assert offer.state.key


def test_a_response_with_points_left_out_or_beside_the_curve_is_refused() -> None:
    items = items_of("payment", [str(n) for n in range(12)])
    for points, line in ((b"", "answers 0 artefacts, and 12 were asked"), (None, "no point of the curve")):
        offer, setup = Offer.begin(items, "items")
        ask, _, request = Ask.begin(setup, items, "items")
        _, response = offer.answer(request, Limits())
        whole = read(response, "response").points
        broken = whole[:33] + b"\x02" + b"\xff" * 32 + whole[66:] if points is None else points
        with pytest.raises(InputError, match=line):
            ask.finish(changed(response, points=broken))


@settings(max_examples=150)
@given(st.data())
def test_no_change_of_a_message_does_anything_but_one_line(exchanged: dict[str, bytes], data: st.DataObject) -> None:
    step = data.draw(st.sampled_from(["setup", "request", "response"]))
    whole = bytearray(exchanged[step])
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))]) if data.draw(st.booleans()) else bytes(whole)
    refused = ""
    try:
        assert isinstance(read(cut, step), Message)
    except InputError as error:  # any other error fails the test
        refused = str(error)
    assert len(refused.splitlines()) <= 1


def test_a_message_is_the_same_bytes_again(exchanged: dict[str, bytes]) -> None:
    for step, data in exchanged.items():
        assert written(read(data, step)) == data


def test_messages_hold_no_artefact_and_look_like_chance(exchanged: dict[str, bytes]) -> None:
    items = items_of("payment", [f"card-{n:06}" for n in range(4000)])
    _, setup = Offer.begin(items, "items")
    assert b"card-" not in setup
    rest = np.frombuffer(read(setup, "setup").points, np.uint8).reshape(-1, 33)[:, 1:]
    ones = int(np.unpackbits(rest).sum())
    bits = rest.size * 8
    assert abs(ones - bits / 2) < 6 * math.sqrt(bits) / 2  # a fair coin is outside once in 5 * 10^8


def test_the_largest_message_is_what_a_set_of_that_size_needs() -> None:
    assert messages.largest(1_000_000) < 32 * 2**20
