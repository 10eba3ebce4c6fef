"""Channels of alerts, each against a real receiver: what leaves, what an id of a stranger's can do there (nothing)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import PeerError, UsageError
from stillwatch.gateway.alerts import ALERT_CHANNELS
from stillwatch.gateway.alerts.base import KINDS, Alert, Channel
from stillwatch.gateway.alerts.ocsf import finding
from stillwatch.gateway.alerts.slack import Parameters as SlackTo
from stillwatch.gateway.alerts.slack import Slack
from stillwatch.gateway.alerts.syslog import cef
from stillwatch.gateway.alerts.webhook import key_of, signature
from tests.gateway.receivers import receiving, tcp, udp

AT = 1_780_000_000_123_456
NASTY = "C1|x=1\n<!channel> `*@here*` \\ ]]> http://evil.example/ \x1b[31m \u202e"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def alert(**changes: Any) -> Alert:
    told: dict[str, Any] = {
        "id": "new_campaign-1",
        "kind": "new_campaign",
        "at": AT,
        "severity": "warning",
        "summary": "A scan accuses a campaign of 12 accounts.",
        "campaign_id": "C1",
        "facts": {"accounts": 12, "taken_per_day": 3.5},
    }
    return Alert(**(told | changes))


def channel(name: str, **parameters: object) -> Channel:
    kind = ALERT_CHANNELS.get(name)
    return kind(msgspec.convert(parameters, kind.parameters))


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", KEY)
    monkeypatch.setenv("ROUTING_KEY", "R0UT1NGKEY0123456789")
    monkeypatch.setenv("TOKEN", "t0ken-of-the-collector")


def test_every_channel_says_what_it_is_and_refuses_unknown_parameters() -> None:
    for name, kind in ALERT_CHANNELS.all():
        assert kind.info.name == name
        assert kind.info.summary.endswith(".")
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"surprise": 1}, kind.parameters)


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    body = b'{"test": 2432232314}'
    told = signature(key_of(KEY), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_is_signed_over_what_arrives_and_tells_the_same_id_twice() -> None:
    async def run() -> list[Any]:
        async with receiving() as receiver:
            hook = channel("webhook", url=receiver.url, secret="env:HOOK_KEY")
            await hook.send(alert(campaign_id=NASTY))
            await hook.send(alert(campaign_id=NASTY))
            return receiver.posts

    first, second = asyncio.run(run())
    key = base64.b64decode(KEY.removeprefix("whsec_"))
    for post in (first, second):
        signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert post.headers["webhook-signature"] == f"v1,{expected}"
        assert post.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    told = msgspec.json.decode(first.body)
    assert told["type"] == "stillwatch.new_campaign"
    assert told["timestamp"] == "2026-05-28T20:26:40.123Z"
    assert told["data"]["campaign_id"] == NASTY  # JSON escapes it
    assert told["data"]["facts"] == {"accounts": 12, "taken_per_day": 3.5}


def test_an_error_says_whether_to_try_again_and_neither_the_secret_path_nor_what_was_answered() -> None:
    async def run() -> list[PeerError]:
        errors = []
        async with receiving() as receiver:
            hook = channel("slack", url=receiver.url)
            receiver.retry_after = "7"
            for status in (429, 503, 400, 302):
                receiver.statuses = [status]
                with pytest.raises(PeerError) as raised:
                    await hook.send(alert())
                errors.append(raised.value)
            assert len(receiver.posts) == 4  # no redirect was followed
            gone = receiver.url
        with pytest.raises(PeerError) as raised:
            await channel("slack", url=gone).send(alert())
        return [*errors, raised.value]

    errors = asyncio.run(run())
    assert [(error.again, error.status) for error in errors] == [
        (True, 429),
        (True, 503),
        (False, 400),
        (False, 302),
        (True, 0),
    ]
    assert errors[0].after == 7
    assert all("T000" not in str(error) and "stranger" not in str(error) for error in errors)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("webhook", {"url": "http://ops.example/", "secret": "env:HOOK_KEY"}, "without TLS"),
        ("webhook", {"url": "https://ops.example/", "secret": KEY}, "only taken from the environment"),
        ("webhook", {"url": "https://ops.example/", "secret": "env:NOT_SET_AT_ALL"}, "the environment has no"),
        ("slack", {"url": "ops.example"}, "is no address"),
        ("pagerduty", {"routing_key": "R0UT1NGKEY0123456789"}, "only taken from the environment"),
        ("syslog", {"address": "http://siem.example"}, "is no address"),
        ("syslog", {"address": "tls://siem.example", "authority": "/no/such/file"}, "is no PEM file"),
        ("ocsf", {}, "needs one place"),
        ("ocsf", {"url": "https://c.example/", "file": "a"}, "needs one place"),
    ],
)
def test_parameters_that_cannot_be_are_refused_in_one_line_without_the_secret(
    name: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        channel(name, **parameters)
    assert KEY not in str(raised.value)
    assert "R0UT1NGKEY" not in str(raised.value)


SPAN = re.compile(r"`[^`\n]*`")


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_an_id_holds_works_in_a_chat(campaign: str, model: str) -> None:
    slack = Slack(SlackTo(url="https://hooks.example/x"))
    told = alert(campaign_id=campaign, facts={"model": model, "accounts": 3})
    message = msgspec.json.decode(slack.encode(told))
    text = message["blocks"][0]["text"]["text"]
    assert not re.search(r"[<>]", text)
    for line in (message["text"], *text.splitlines()[1:]):
        outside = SPAN.sub("", line)
        assert "`" not in outside
        assert not set(outside) & set("*_~@#[]|")
    assert message["unfurl_links"] is False


def test_a_chat_message_says_what_when_and_how_much() -> None:
    slack = Slack(SlackTo(url="https://hooks.example/x"))
    message = msgspec.json.decode(slack.encode(alert()))
    assert message["text"] == ":warning: A scan accuses a campaign of 12 accounts. Campaign `C1`."
    assert "• accounts: `12`" in message["blocks"][0]["text"]["text"]


def test_tellings_of_one_thing_are_one_incident() -> None:
    async def run() -> list[Any]:
        async with receiving() as receiver:
            duty = channel("pagerduty", routing_key="env:ROUTING_KEY", url=receiver.url, source="gw-1")
            receiver.statuses = [202, 202]
            await duty.send(alert())
            await duty.send(alert(id="new_campaign-2", severity="critical"))
            return [msgspec.json.decode(post.body) for post in receiver.posts]

    first, second = asyncio.run(run())
    assert first["event_action"] == "trigger"
    assert first["routing_key"] == "R0UT1NGKEY0123456789"
    assert first["dedup_key"] == second["dedup_key"]
    payload = first["payload"]
    assert (payload["severity"], payload["source"], payload["class"]) == ("warning", "gw-1", "new_campaign")
    assert payload["custom_details"] == {"campaign": "C1", "accounts": "12", "taken per day": "3.5"}
    long = msgspec.json.decode(channel("pagerduty", routing_key="env:ROUTING_KEY").encode(alert(campaign_id="x" * 999)))
    assert len(long["dedup_key"]) <= 255


def unescaped(line: str) -> tuple[list[str], dict[str, str]]:
    """A line of CEF taken apart as its definition says."""
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    found = {}
    for field in re.finditer(r"(?:^| )([A-Za-z0-9]+)=((?:\\.|[^=\\])*)(?= [A-Za-z0-9]+=|$)", parts[7]):
        found[field[1]] = field[2].replace("\\=", "=").replace("\\\\", "\\")
    return parts[:7], found


def test_cef_says_everything_and_no_id_breaks_out_of_its_field() -> None:
    head, fields = unescaped(cef(alert(campaign_id=NASTY, facts={"model": "m|=x\\", "accounts": 12})))
    assert head[0] == "CEF:0"
    assert head[4:7] == ["new_campaign", "New campaign", "6"]
    assert fields["cs1"].startswith("C1|x=1 <!channel>")
    assert fields["stillwatchModel"] == "m|=x\\"
    assert fields["stillwatchAccounts"] == "12"
    assert fields["rt"] == str(AT // 1000)


@given(st.text(max_size=80))
def test_a_cef_line_is_one_line_whatever_an_id_holds(name: str) -> None:
    line = cef(alert(campaign_id=name, facts={"model": name}))
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f\u2028\u202e]", line)


SYSLOG = re.compile(r"<(\d+)>1 (\S+Z) (\S+) stillwatch \d+ new_campaign - \ufeffCEF:0\|")


def test_syslog_over_udp_is_one_datagram_and_over_tcp_its_length_goes_before() -> None:
    async def run() -> tuple[bytes, bytes, bytes]:
        async with udp() as (port, came):
            await channel("syslog", address=f"udp://127.0.0.1:{port}").send(alert())
            datagram = await asyncio.wait_for(came.get(), 10)
            await channel("syslog", address=f"udp://127.0.0.1:{port}").send(alert(summary="é" * 5000))
            long = await asyncio.wait_for(came.get(), 10)
        async with tcp() as (port, came):
            await channel("syslog", address=f"tcp://127.0.0.1:{port}").send(alert())
            stream = await asyncio.wait_for(came.get(), 10)
        with pytest.raises(PeerError) as raised:
            await channel("syslog", address=f"tcp://127.0.0.1:{port}").send(alert())
        assert raised.value.again
        assert len(long) <= 2048
        assert long.decode()  # cut between characters
        return datagram, stream, long

    datagram, stream, _ = asyncio.run(run())
    told = SYSLOG.match(datagram.decode())
    assert told is not None
    assert int(told[1]) == 13 * 8 + 4
    assert told[2] == "2026-05-28T20:26:40.123Z"
    length, _, message = stream.partition(b" ")
    assert int(length) == len(message)
    assert SYSLOG.match(message.decode())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_syslog_over_tls_goes_to_whom_the_authority_vouches_for_and_to_nobody_else(tmp_path: Path) -> None:
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    wanted = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout {key} -out {chain}"
    subprocess.run(
        ["openssl", *wanted.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    async def run() -> bytes:
        async with tcp(context) as (port, came):
            with pytest.raises(PeerError):
                await channel("syslog", address=f"tls://127.0.0.1:{port}").send(alert())
            await channel("syslog", address=f"tls://127.0.0.1:{port}", authority=str(chain)).send(alert())
            while not (data := await asyncio.wait_for(came.get(), 10)):
                continue
            return data

    assert b"CEF:0|Stillwatch" in asyncio.run(run())


def test_a_finding_has_what_ocsf_requires_of_class_2004() -> None:
    for kind in KINDS:
        told = finding(alert(kind=kind))
        assert (told["class_uid"], told["category_uid"], told["type_uid"]) == (2004, 2, 200401)
        assert told["severity_id"] in {1, 2, 3, 4, 5, 6}
        assert told["time"] == AT // 1000
        assert {"version", "product"} <= set(told["metadata"])
        assert {"uid", "title"} <= set(told["finding_info"])
    assert finding(alert())["unmapped"] == {"campaign_id": "C1", "accounts": 12, "taken_per_day": 3.5}


def test_findings_go_to_a_collector_with_its_token_or_line_by_line_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "findings.jsonl"

    async def run() -> Any:
        async with receiving() as receiver:
            await channel("ocsf", url=receiver.url, token="env:TOKEN").send(alert())
            await channel("ocsf", file=str(path)).send(alert(campaign_id=NASTY))
            with path.open("ab") as file:
                file.write(b'{"cut o')  # a kill in the middle of a line
            await channel("ocsf", file=str(path)).send(alert(id="again"))
            with pytest.raises(PeerError) as raised:
                await channel("ocsf", file=str(tmp_path / "no" / "folder")).send(alert())
            assert raised.value.again
            return receiver.posts[0]

    post = asyncio.run(run())
    assert post.headers["authorization"] == "Bearer t0ken-of-the-collector"
    lines = path.read_bytes().splitlines()
    assert len(lines) == 3
    assert msgspec.json.decode(lines[2])["metadata"]["uid"] == "again"
    assert path.stat().st_mode & 0o777 == 0o600
