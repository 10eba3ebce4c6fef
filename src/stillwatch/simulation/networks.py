"""Invented networks and clients. Addresses are random, autonomous system numbers are of the range reserved for
private use."""

from __future__ import annotations

import dataclasses
import hashlib
from random import Random

from stillwatch.simulation.rhythm import DAY

FIRST_ASN = 4_200_000_000  # RFC 6996: never assigned to anybody
# name of a client: (share among people, among programs, among developers, releases in the weeks before the log)
CLIENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0": (0.20, 0.0, 0.05, 141),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/{v}.0 Safari/605.1.15": (
        0.18,
        0.0,
        0.03,
        19,
    ),
    "MeridianDesk/{v}.2 (Windows)": (0.22, 0.0, 0.05, 4),
    "MeridianPocket/{v}.0 (Android)": (0.24, 0.0, 0.02, 11),
    "meridian-python/0.{v}.0": (0.06, 0.40, 0.30, 31),
    "meridian-node/1.{v}.0": (0.03, 0.24, 0.20, 12),
    "okhttp/5.{v}.0": (0.01, 0.10, 0.02, 1),
    "Go-http-client/2.{v}": (0.0, 0.12, 0.03, 0),
    "curl/8.{v}.0": (0.02, 0.04, 0.05, 14),
    "langbridge-py/0.{v}.3": (0.02, 0.10, 0.05, 40),
    "tinker-cli/2.{v}.0": (0.01, 0.0, 0.12, 6),
    "larkspur/0.{v}.1": (0.01, 0.0, 0.08, 77),
}
NAMES = tuple(CLIENTS)


def ja4_of(name: str, version: int) -> str:
    """A TLS fingerprint: it belongs to the client's TLS library, which changes with every third version only."""
    digest = hashlib.blake2b(f"{name}/{version // 3}".encode(), digest_size=12).hexdigest()
    return f"t13d{15 + len(name) % 3}{16 + version // 3 % 2}h{1 + len(name) % 2}_{digest[:12]}_{digest[12:]}"


@dataclasses.dataclass(frozen=True, slots=True)
class Client:
    """A client that an account uses: its name, the version at the log's start, how many days an update lags;
    pinned ones never move."""

    name: str
    version: int
    lag: float
    pinned: bool

    def at(self, moment: float) -> tuple[str, str]:
        """User agent and fingerprint at ``moment`` (seconds since the log's start)."""
        version = self.version + (0 if self.pinned else int(max(0.0, moment / DAY - self.lag) // 5.5))
        return self.name.format(v=version), ja4_of(self.name, version)


def client(r: Random, users: int) -> Client:
    """A client drawn for people (``users`` 0), programs (1) or developers (2)."""
    name = r.choices(NAMES, weights=[CLIENTS[name][users] for name in NAMES])[0]
    pinned = r.random() < (0.75 if users == 1 else 0.15)
    return Client(name, max(0, CLIENTS[name][3] - int(r.expovariate(0.9))), r.uniform(0, 6), pinned)


def address(r: Random) -> str:
    """A random IPv4 address outside the blocks that mean something special."""
    first = r.choice([n for n in range(20, 222) if n not in (100, 127, 169, 172, 192, 198, 203)])
    return f"{first}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where an account sends from: addresses of one network. ``lease`` is how many days it keeps an address (0: a
    new draw each session); ``kind`` is what a good table of networks says of it."""

    asn: int
    addresses: tuple[str, ...]
    lease: float
    kind: str

    def address_at(self, r: Random, moment: float) -> str:
        """The address of a session at ``moment`` seconds."""
        if len(self.addresses) == 1:
            return self.addresses[0]
        if self.lease <= 0:
            return r.choice(self.addresses)
        return self.addresses[int(moment / DAY / self.lease) % len(self.addresses)]


class Internet:
    """The invented networks of one simulation, drawn from one seed, shared by everyone in it."""

    def __init__(self, seed: str) -> None:
        r = Random(f"{seed}/internet")
        self.homes = tuple(FIRST_ASN + i for i in range(60))
        self.prefixes = {asn: tuple(address(r).rsplit(".", 2)[0] for _ in range(6)) for asn in self.homes}
        self.carriers = tuple((FIRST_ASN + 100 + i, tuple(address(r) for _ in range(30))) for i in range(8))
        self.vpns = tuple((FIRST_ASN + 200 + i, tuple(address(r) for _ in range(18))) for i in range(5))
        self.clouds = tuple(FIRST_ASN + 300 + i for i in range(9))
        self.exits = tuple((FIRST_ASN + 400 + i, tuple(address(r) for _ in range(240))) for i in range(3))

    def home(self, r: Random) -> Place:
        """A household: one provider, an address that is renewed every few days; one in eight on IPv6."""
        asn = r.choice(self.homes)
        lease = r.choice((2.0, 5.0, 30.0, 30.0))
        if r.random() < 0.125:
            block = f"2001:db8:{r.getrandbits(16):x}:{r.getrandbits(16):x}"
            return Place(asn, tuple(f"{block}::{r.getrandbits(16):x}" for _ in range(4)), 1.0, "residential")
        prefixes = self.prefixes[asn]
        addresses = tuple(f"{r.choice(prefixes)}.{r.randint(0, 255)}.{r.randint(1, 254)}" for _ in range(5))
        return Place(asn, addresses, lease, "residential")

    def carrier(self, r: Random) -> Place:
        """A mobile carrier: thousands behind thirty addresses, another one for each session."""
        return Place(*r.choice(self.carriers), 0.0, "mobile")

    def vpn(self, r: Random) -> Place:
        """A VPN provider's exits, shared with all its customers."""
        asn, addresses = r.choice(self.vpns)
        return Place(asn, tuple(r.sample(addresses, 6)), 0.0, "vpn")

    def cloud(self, r: Random, addresses: int = 1) -> Place:
        """A program's own address(es) in a data centre."""
        return Place(r.choice(self.clouds), tuple(address(r) for _ in range(addresses)), 0.0, "hosting")

    def premises(self, r: Random, addresses: int = 2, kind: str = "business") -> Place:
        """An office or a campus: a few addresses that everyone there shares."""
        return Place(r.choice(self.homes), tuple(address(r) for _ in range(addresses)), 0.0, kind)

    def residential_proxy(self, r: Random) -> Place:
        """A reseller of household exits: hundreds of addresses, another one for each session; tables take them for
        what they are lent from."""
        asn, addresses = r.choice(self.exits)
        return Place(asn, tuple(r.sample(addresses, 40)), 0.0, "residential")
