"""What people and their systems are told, as it happens.

`ALERT_CHANNELS` lists the ways; a new one is one file and one line here, or an entry point of the group
``stillwatch.alerts`` in another wheel.
"""

from __future__ import annotations

from stillwatch.gateway.alerts.base import ChannelKind
from stillwatch.registry import Registry

__all__ = ["ALERT_CHANNELS"]

ALERT_CHANNELS: Registry[ChannelKind] = Registry(
    "stillwatch.alerts",
    {
        "webhook": "stillwatch.gateway.alerts.webhook:Webhook",
        "slack": "stillwatch.gateway.alerts.slack:Slack",
        "pagerduty": "stillwatch.gateway.alerts.pagerduty:PagerDuty",
        "syslog": "stillwatch.gateway.alerts.syslog:Syslog",
        "ocsf": "stillwatch.gateway.alerts.ocsf:Ocsf",
    },
    extras=dict.fromkeys(("webhook", "slack", "pagerduty", "ocsf"), "gateway"),
)
