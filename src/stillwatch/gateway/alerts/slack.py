"""Alerts to a chat room through an incoming webhook: Slack's, or one that takes Slack's form (Mattermost, Rocket.Chat,
Discord's ``/slack``).

An id can hold anything, so each stands in a code span, where no mention, link or emphasis works, with the characters
that Slack gives a meaning (``&``, ``<``, ``>``) escaped and backticks and controls replaced.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from stillwatch.gateway.alerts.addresses import web_address
from stillwatch.gateway.alerts.base import Alert, Info
from stillwatch.gateway.alerts.posting import post
from stillwatch.gateway.alerts.texts import fact_lines, printable

__all__ = ["Slack", "code", "prose"]

MARKS = {"info": ":information_source:", "warning": ":warning:", "critical": ":rotating_light:"}
LONGEST = 2900
"""Characters of a section; Slack takes 3,000."""
FORMATTING = str.maketrans(dict.fromkeys("*_~`@#[]|", " "))


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``url`` of the incoming webhook; whoever has it can write there, so name it: ``env:NAME``."""

    url: str


class Slack:
    """A message in a room."""

    info: ClassVar[Info] = Info(
        name="slack",
        summary="A message through an incoming webhook of Slack, or of a chat that takes its form.",
        reference="Slack, Sending messages using incoming webhooks; Formatting text (escaping)",
        version="1",
        example='{ channel = "slack", severity = "warning", parameters = { url = "env:SLACK_WEBHOOK" } }',
    )
    parameters: ClassVar[type[msgspec.Struct]] = Parameters

    def __init__(self, parameters: Parameters) -> None:
        self._url = web_address(parameters.url, "alerts: slack url")

    def encode(self, alert: Alert) -> bytes:
        """The message: a plain line for notices, and the same with its facts as a section."""
        line = f"{MARKS[alert.severity]} {prose(alert.summary)}"
        if alert.campaign_id:
            line += f" Campaign {code(alert.campaign_id)}."
        facts = "\n".join(f"• {prose(name)}: {code(value)}" for name, value in fact_lines(alert.facts))
        text = f"*Stillwatch* {line}\n{facts}".strip()
        cut = text if len(text) <= LONGEST else text[:LONGEST].rpartition("\n")[0] + "\n…"
        section = {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": cut}}
        message = {"text": line, "blocks": [section], "unfurl_links": False, "unfurl_media": False, "link_names": False}
        return msgspec.json.encode(message)

    async def send(self, alert: Alert) -> None:
        """See `Channel.send`."""
        await post(self._url, self.encode(alert), {})


def code(value: object) -> str:
    """A stranger's value as a code span, in which nothing works."""
    return f"`{_escaped(printable(value).replace('`', chr(0x2019))) or ' '}`"


def prose(text: str) -> str:
    """Our own words, without characters that format."""
    return _escaped(" ".join(printable(text, 1000).translate(FORMATTING).split()))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
