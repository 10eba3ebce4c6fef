"""Terms that a dossier uses: of the law of 2026, and of statistics; each defined soberly, and none applied to a person.

"Model extraction attack" and "fraudulent account network provider" are the terms that legislative texts of 2026 use;
what they say here is what the two describe in general, in our own words, and no text is quoted.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ADVICE", "GLOSSARY", "LEGAL", "Term"]


class Term(NamedTuple):
    """A term, what it means, and what this dossier does and does not say with it ("" where nothing need be added)."""

    term: str
    meaning: str
    here: str = ""


ADVICE = (
    "This is a technical record, not legal advice. Whether what it describes breaks a contract or a law, and whose, "
    "is for counsel and courts. It names accounts as the log names them, and no person, company or country: the scan "
    "does not know who holds an account, and reads no language, country, nationality, time zone or name as evidence."
)
LEGAL = (
    Term(
        "model extraction attack",
        "Systematically querying a model of somebody else, against its provider's terms, to train or improve another "
        "model with its answers. Also called adversarial or unauthorised distillation. Distillation with leave, "
        "research, evaluation and ordinary use are none.",
        "The dossier shows querying that fits this and the innocent explanations that it was weighed against. A log "
        "cannot show what was done with the answers, nor what the provider had permitted.",
    ),
    Term(
        "fraudulent account network provider",
        "Whoever supplies others with access to a model through a network of accounts that were opened under false "
        "pretences or hide who uses them.",
        "The dossier says that one operator seems to run these accounts. It does not say whether the operator queries "
        "for itself or for customers, nor whether anything that was declared at sign-up is false: the log holds "
        "neither.",
    ),
    Term(
        "operator",
        "Whoever decides what a group of accounts does, whether one person, one organisation or one program.",
        "A working term. No person or organisation is identified.",
    ),
    Term(
        "accused",
        "Named by the scan as one of a campaign, at the stated error rate.",
        "It is a statistical claim for a person to judge, not a finding of fact, and an accused account can be "
        "innocent.",
    ),
)
GLOSSARY = (
    Term("account", "What is billed for an exchange, by the id that the provider's log gives it."),
    Term("exchange", "One request to the model and its answer."),
    Term("campaign", "A group of accounts that, on the evidence, one operator runs to copy the model."),
    Term("taken", "Exchanges that fed the copy, as an expected number: each exchange counts with its probability."),
    Term("cover", "Exchanges of a campaign's accounts that look like ordinary use and fed nothing."),
    Term(
        "error rate (false discovery rate)",
        "The share of innocents among those accused that is expected at most, over many scans. It says nothing of "
        "which.",
    ),
    Term(
        "q-value",
        "The false discovery rate at which this account or group would just still be accused: the smaller, the surer.",
    ),
    Term("p-value", "How often a group that nobody runs would look at least this alike, by chance."),
    Term(
        "e-value",
        "How many times better one operator predicts what the search did not see than innocent models do; above 1 "
        "speaks for one operator.",
    ),
    Term("expected innocents", "How many of the accused are expected to be innocent; nobody can say which."),
    Term(
        "log-odds, nats",
        "The natural logarithm of the odds. Evidence adds up: +0.7 doubles the odds, +2.3 makes them ten times, +4.6 a "
        "hundred times; what is negative speaks for innocence.",
    ),
    Term(
        "innocent explanation (rival)",
        "Another cause of the same evidence (a class, a company, a tool that many use), fitted to it and compared. By "
        "how much it lost is told as odds.",
    ),
    Term("95% interval", "Made so that it holds the true figure in 95 of 100 cases."),
    Term("artefact", "A means of payment, address, client or wording that accounts share; told as a keyed hash."),
    Term(
        "keyed hash",
        "A value that stands for another and cannot be turned back, nor guessed, without the provider's key.",
    ),
    Term("SHA-256", "A fingerprint of a file: 64 digits that no other file has. One changed byte gives another."),
    Term(
        "drill",
        "Campaigns planted in the provider's own log, in memory, to measure which of them the scan finds, and whom it "
        "accuses wrongly beside them.",
    ),
)
