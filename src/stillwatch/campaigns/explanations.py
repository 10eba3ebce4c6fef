"""The words for what linkage names: kinds of evidence, innocent explanations, look-alikes, aims of techniques.

Linkage hands on names and figures. A name without words here is shown as it is, and says so where a reading is due.
"""

from __future__ import annotations

from typing import NamedTuple


class EvidenceWords(NamedTuple):
    """A kind of evidence: its title, what was seen, and the likeliest innocent cause of it."""

    title: str
    plain: str
    innocent_reading: str


class RivalWords(NamedTuple):
    """An innocent explanation: its title, and what it would have looked like."""

    title: str
    plain: str


_EVIDENCE = {
    "content": (
        "They ask from one source",
        "The accounts' sessions look drawn from one distribution of requests, and not from the habits of many people",
        "the accounts work through the same course, list or product",
    ),
    "wordings": (
        "They share wordings",
        "The accounts put different content into the same wordings",
        "they use the same prompt library, extension or template that went round",
    ),
    "fillings": (
        "They share what fills the wordings",
        "What stands in the shared wordings is of the same kinds in all accounts",
        "they work on the same public data",
    ),
    "repeats": (
        "The work is shared out",
        "The accounts hardly ask the same thing twice, less often than people with the same task would",
        "a tool hands each question out once, to one person",
    ),
    "techniques": (
        "They use the same techniques",
        "The accounts use the techniques of copying a model in like proportions",
        "they are researchers or makers of training data with leave to do so",
    ),
    "usage": (
        "They are used alike",
        "Client, settings, sign-up, networks or load agree more than for other accounts of like load",
        "one program, published or bought, runs for many customers",
    ),
    "client": (
        "They use the same client",
        "The accounts share client software, or one set-up of a coding agent, that few others use",
        "a popular tool, or one company's program",
    ),
    "style": (
        "They write alike",
        "Their requests carry small talk about equally often, and their answers are about equally long",
        "people of one trade, or one product's instructions",
    ),
    "settings": (
        "They use the same settings",
        "Sampling settings and limits agree more than for other accounts of like load",
        "the defaults of a tool that they share",
    ),
    "sign_up": (
        "They signed up together",
        "The accounts were opened closer together than others",
        "a course, an event or a company brought them at one time",
    ),
    "networks": (
        "They come from the same networks",
        "The accounts share networks or addresses more than others",
        "a VPN, a carrier, a campus or a cloud that thousands use",
    ),
    "payment": (
        "They are paid for together",
        "One means of payment pays for several of the accounts",
        "a family, an agency or a company pays for its people",
    ),
    "organization": (
        "They declare one organisation",
        "Several of the accounts declare the same organisation",
        "they are colleagues, which they said themselves",
    ),
    "load": (
        "The load is spread evenly",
        "The accounts work about equally much, more equally than people do",
        "they run the same scheduled job",
    ),
    "life": (
        "They start and stop together",
        "The accounts begin, pause and end at the same times more than others",
        "a term, a project or a deadline that they share",
    ),
    "model_move": (
        "They move to a new model together",
        "The accounts change the model at the same time",
        "a tool that they share changed its default",
    ),
    "likeness": (
        "Pair by pair they are alike",
        "Compared two by two, in what they share and how they are used, the accounts are closer than strangers are",
        "they belong together in an ordinary way: one class, one office, one tool",
    ),
    "group": (
        "How common such groups are",
        "Where the scale begins: most groups are innocent, so an account starts far on the innocent side, and what the "
        "group is like as a whole moves it from there",
        "this is the presumption of innocence, in figures",
    ),
    "habits": (
        "Habits of their own",
        "What an account asks beside the shared work is its own, as people's is",
        "these are people with lives of their own",
    ),
}  # fmt: skip
_SAME_EVIDENCE = {
    "exchangeable": "content", "mixture": "content", "taste": "content", "topics": "content", "pool": "content",
    "wording": "wordings", "template": "wordings", "templates": "wordings", "filling": "fillings",
    "payloads": "fillings", "work_split": "repeats", "overlap": "repeats", "technique": "techniques",
    "clients": "client", "user_agent": "client", "ja4": "client", "max_tokens": "settings", "temperature": "settings",
    "setting": "settings", "created": "sign_up", "signup": "sign_up", "network": "networks", "address": "networks",
    "asn": "networks", "cards": "payment", "card": "payment", "shared_payment": "payment", "org": "organization",
    "load_balance": "load", "volume": "load", "lifecycle": "life", "start": "life", "stop": "life", "span": "life",
    "model": "model_move", "model_switch": "model_move", "own_habits": "habits", "innocent": "habits",
}  # fmt: skip
_RIVALS = {
    "own_habits": ("People with habits of their own", "Each account would follow its own interests, day after day"),
    "generalist": ("People who ask about everything once", "Each account would ask widely, and none like another"),
    "shared_taste": (
        "People who share an interest",
        "Each account would have its own version of the interest; here none has one of its own",
    ),
    "shared_wording": (
        "Strangers with one prompt library",
        "They would share the wordings, but each fill them with matters of its own",
    ),
    "class": ("A class with the same assignments", "A class asks few texts, each by many accounts"),
    "course": ("Learners of an open course", "They would do the same exercises, with other numbers in them"),
    "company": ("One company on one bill", "A company declares its bill, and its people keep to their own work"),
    "family": ("A family on one card", "They would share a card and nothing of what they ask"),
    "agency": ("An agency that pays for its clients", "They would share a card; each client asks its own things"),
    "benchmark": ("Evaluators on one public list", "Evaluators ask the same items; a pool shares them out"),
    "viral": ("A prompt that went round", "It would be one text, asked by many strangers"),
    "agent_developer": (
        "Developers with one coding agent",
        "They would share the agent's system prompt and client; each works on code of its own",
    ),
    "aggregator": ("One service for many people", "It would be a declared account that carries many people's habits"),
    "synthetic_data": ("A maker of synthetic data with leave", "It would be one declared account, or a few"),
    "product": ("Customers of one product", "They would share its wording and client; each brings its own matter"),
    "crowd": ("Crowd workers on one list", "They would share out one narrow list and do little else"),
    "topic": ("People with the same topic", "Their questions would agree in topic and in nothing else"),
    "same_network": (
        "One network for strangers",
        "A VPN, campus or carrier would explain shared networks; the figure is what is left without them",
    ),
    "same_start": (
        "One launch or term for strangers",
        "It would explain that they come and go together; the figure is what is left without that",
    ),
    "chance": ("Chance", "A group of accounts of like load, drawn at random"),
}  # fmt: skip
_SAME_RIVALS = {
    "habits": "own_habits", "innocent": "own_habits", "generalists": "generalist", "taste": "shared_taste",
    "wording": "shared_wording", "prompt_library": "shared_wording", "exercise_sheet": "course",
    "framework": "agent_developer", "agents": "agent_developer", "customers": "product",
    "crowd_workers": "crowd", "random": "chance", "null": "chance", "strangers": "chance",
}  # fmt: skip
_LOOK_ALIKES = {
    "vpn_exit": "People behind VPN and carrier exits",
    "campus": "Campuses",
    "agent_developer": "Developers with coding agents",
    "class": "Classes with the same assignments",
    "company": "Companies on one bill",
    "benchmark": "Evaluators on public lists",
    "generalist": "People who ask about everything once",
    "non_ascii_writer": "People who write beyond plain ASCII",
    "viral": "People who pass one prompt round",
    "everyone_else": "Everyone else",
}
_AIMS = {
    "reasoning_elicitation": "its reasoning, step by step",
    "rubric_grading": "grades of answers, as a reward model needs",
    "prompt_evolution": "new tasks made from old ones",
    "jailbreak": "answers that it withholds",
    "agent_traces": "how it works with tools",
    "code_tasks": "solutions of programming tasks",
    "answer_rewriting": "better versions of answers",
    "plain": "ordinary answers in bulk",
}


def _title(name: str) -> str:
    words = name.replace("_", " ").strip() or "unnamed"
    return words[0].upper() + words[1:]


def evidence_words(name: str) -> EvidenceWords:
    """The words for a kind of evidence; an unknown name becomes the title, and its innocent reading is left open."""
    known = _EVIDENCE.get(_SAME_EVIDENCE.get(name, name))
    if known is not None:
        return EvidenceWords(*known)
    title = _title(name)
    return EvidenceWords(title, f"Evidence of the kind “{title}”", "another cause than one operator brings this about")


def rival_words(name: str) -> RivalWords:
    """The words for an innocent explanation; an unknown name becomes the title."""
    known = _RIVALS.get(_SAME_RIVALS.get(name, name))
    return (
        RivalWords(_title(name), "An innocent explanation, scored on the same evidence")
        if known is None
        else (RivalWords(*known))
    )


def look_alike_title(name: str) -> str:
    """The words for a kind of innocent look-alike; an unknown name becomes the title."""
    return _LOOK_ALIKES.get(name, _title(name))


def aim_of(technique: str) -> str:
    """What an operator who uses a technique is after; an unknown technique is named."""
    return _AIMS.get(technique, _title(technique).lower())
