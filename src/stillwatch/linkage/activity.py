"""What linkage computes on: the sessions of a log as numbers. No text is here.

A *session* is one conversation: exchanges that repeat each other's history are one draw, not many. Accounts are
numbered by `stillwatch.exchange.accounts_of`; the other columns hold category numbers that mean nothing by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

VIRAL = 8
"""A request that so many accounts ask is nobody's."""
CONTENT, CUSTOMERS, NETWORK = "content", "customers", "network"


@dataclass(frozen=True)
class Activity:
    """Sessions (s,) and accounts (n,) of a log.

    ``account`` the account of each session; ``start`` its time (days); ``turns`` its exchanges; ``errors`` whether its
    first exchange failed; ``answered`` log(1 + tokens) of its first answer. Content of the opening request: ``topics``
    one (s,) array for each codebook, ``codebooks`` their sizes, ``redrawn`` more of the first two codebooks by turns,
    fitted from other starts; ``wording`` the shared wording it was filled into
    (0: none); ``repeat`` equal numbers ask the same; ``technique`` (s, 7) probabilities; ``vector`` (s, d) unit
    embedding; ``talk`` whether small talk went round it; ``system`` the system prompt (0: none); ``tools`` how many
    tools were offered. How it was asked: ``model``, ``temperature``, ``max_tokens``, ``client``, ``address``,
    ``network``, ``fingerprint``. Of accounts: ``payment``, ``organization`` (each its own number where unknown) and
    ``created`` (days). ``newest`` is the number of the model that appeared last. ``sees`` names which of content,
    customers and network the log shows.
    """

    accounts: int
    account: Ints
    start: Floats
    turns: Floats
    errors: Floats
    answered: Floats
    topics: tuple[Ints, ...]
    codebooks: tuple[int, ...]
    redrawn: tuple[Ints, ...]
    wording: Ints
    repeat: Ints
    technique: Floats
    vector: Singles
    talk: Bools
    system: Ints
    tools: Ints
    model: Ints
    temperature: Ints
    max_tokens: Ints
    client: Ints
    address: Ints
    network: Ints
    fingerprint: Ints
    payment: Ints
    organization: Ints
    created: Floats
    newest: int
    sees: frozenset[str]

    @property
    def sessions(self) -> Floats:
        """Number of sessions of each account, (n,)."""
        return np.bincount(self.account, minlength=self.accounts).astype(np.float64)

    @property
    def askers(self) -> Ints:
        """How many accounts ask what each session asks, (s,)."""
        pairs = np.unique(self.repeat * np.int64(self.accounts) + self.account)
        count = np.bincount(pairs // self.accounts, minlength=int(self.repeat.max(initial=-1)) + 1)
        askers: Ints = count[self.repeat]
        return askers

    def only(self, chosen: Bools | Ints) -> Activity:
        """The same accounts with the chosen sessions only: ``chosen`` (s,) or session numbers, in their order."""
        names = (
            "account start turns errors answered wording repeat technique vector talk system tools model temperature "
            "max_tokens client address network fingerprint"
        )
        kept = {name: getattr(self, name)[chosen] for name in names.split()}
        topics, redrawn = (tuple(topic[chosen] for topic in each) for each in (self.topics, self.redrawn))
        return replace(self, **kept, topics=topics, redrawn=redrawn)

    def mean(self, values: Floats) -> Floats:
        """Mean over each account's sessions of ``values`` (s,): shape (n,); 0 for an account without a session."""
        total = np.bincount(self.account, weights=values, minlength=self.accounts)
        result: Floats = total / np.maximum(self.sessions, 1)
        return result
