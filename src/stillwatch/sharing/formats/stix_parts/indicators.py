"""An indicator of ours as a STIX pattern, a name, and an observable."""

from __future__ import annotations

from stix2 import v21

from stillwatch.sharing.bulletin import Client, Indicator, KeyedArtefact, Life, Network, Tls
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION, PROPERTY
from stillwatch.sharing.formats.stix_parts.fixed import Object

__all__ = ["described", "observable", "pattern_of"]


def pattern_of(indicator: Indicator) -> str:
    """The pattern. What STIX has no property for is one of the extension's, on the object of STIX that has it."""
    if isinstance(indicator, Network):
        return f"[autonomous-system:number = {indicator.asn}]"
    if isinstance(indicator, Tls):
        return f"[{_own('network-traffic', 'ja4')} = '{indicator.ja4}']"
    if isinstance(indicator, Client):
        return f"[{_own('software', 'client_family')} = '{indicator.family}']"
    if isinstance(indicator, KeyedArtefact):
        return (
            f"[{_own('user-account', 'keyed_artefact')} = '{indicator.artefact}' "
            f"AND {_own('user-account', 'key_id')} = '{indicator.key_id}' "
            f"AND {_own('user-account', 'digest')} = '{indicator.digest}']"
        )
    if isinstance(indicator, Life):
        return (
            f"[{_own('user-account', 'days_at_work')} >= {indicator.days} "
            f"AND {_own('user-account', 'exchanges_on_a_day')} >= {indicator.daily}]"
        )
    return f"[{_own('user-account', 'days_until_new_model')} <= {indicator.days}]"


def described(indicator: Indicator) -> str:
    """Its name, for people."""
    if isinstance(indicator, Network):
        return f"Network AS{indicator.asn}"
    if isinstance(indicator, Tls):
        return f"TLS client {indicator.ja4}"
    if isinstance(indicator, Client):
        return f"Client software {indicator.family}"
    if isinstance(indicator, KeyedArtefact):
        return f"Keyed hash of a {indicator.artefact} (key {indicator.key_id})"
    if isinstance(indicator, Life):
        return f"Accounts that work {indicator.days} days or more, with {indicator.daily} exchanges a day or more"
    return f"Accounts that move to a new model within {indicator.days} days"


def observable(indicator: Network | Client) -> Object:
    """What was observed, as an object of STIX; the same whoever observed it, so it bears no marking."""
    if isinstance(indicator, Network):
        return v21.AutonomousSystem(number=indicator.asn)
    return v21.Software(
        name=indicator.family,
        extensions={EXTENSION: {"extension_type": PROPERTY, "client_family": indicator.family}},
        allow_custom=True,
    )


def _own(kind: str, name: str) -> str:
    return f"{kind}:extensions.'{EXTENSION}'.{name}"
