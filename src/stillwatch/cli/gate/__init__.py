"""``stillwatch gate``: the gateway at work: what it knows, its switches, its doors but the proxy, and appeals."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered

__all__ = ["SUBCOMMANDS", "gate"]

HELP = "Run and steer the gateway: load a scan, learn, switch it off, hear appeals."
# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "load": Command(
        "stillwatch.cli.gate.learn:load",
        "Take a scan's results into the gateway.",
        "stillwatch gate load --run run --state gateway",
    ),
    "learn": Command(
        "stillwatch.cli.gate.learn:learn",
        "Follow what passes: link new accounts to campaigns, and scan anew.",
        "stillwatch gate learn --state gateway --policy policy.toml",
    ),
    "guardrail": Command(
        "stillwatch.cli.gate.guardrail:guardrail",
        "Answer LiteLLM's guardrail API beside its proxy.",
        "stillwatch gate guardrail --policy policy.toml --state gate --key env:GUARDRAIL_KEY",
    ),
    "confirm": Command(
        "stillwatch.cli.gate.people:confirm",
        "A person has looked and confirms a claim.",
        "stillwatch gate confirm C1 --state gateway --by Ada --why 'looked at forty of them'",
    ),
    "clear": Command(
        "stillwatch.cli.gate.people:clear",
        "A person has looked and clears an account.",
        "stillwatch gate clear acct_1 --state gateway --by Ada --why 'the university wrote'",
    ),
    "appeals": Command(
        "stillwatch.cli.gate.appeals:appeals",
        "Hear the people whom the gateway touched.",
        "stillwatch gate appeals list --state gateway",
        family=True,
    ),
    "off": Command(
        "stillwatch.cli.gate.switch:off",
        "Pull the emergency switch: within a second or two nobody is touched.",
        "stillwatch gate off --state gateway --by Ada --why 'complaints from the campus'",
    ),
    "on": Command(
        "stillwatch.cli.gate.switch:on",
        "Let the gateway act again, after it was switched off or stood down.",
        "stillwatch gate on --state gateway --by Ada --why 'looked at those touched'",
    ),
    "status": Command(
        "stillwatch.cli.gate.switch:status",
        "Say whether the gateway acts, whom it knows of, and what stands against them.",
        "stillwatch gate status --state gateway",
    ),
    "undo": Command(
        "stillwatch.cli.gate.switch:undo",
        "Take back an action, or all against an account or a campaign.",
        "stillwatch gate undo acct_1 --state gateway --by Ada --why 'known customer'",
    ),
    "ledger": Command(
        "stillwatch.cli.gate.ledger:ledger",
        "Check the ledger, or find what a person's reference belongs to.",
        "stillwatch gate ledger --state gateway",
    ),
    "marks": Command(
        "stillwatch.cli.gate.marks:marks",
        "List the campaigns whose answers are marked, and which of them need a key.",
        "stillwatch gate marks --state gateway --policy policy.toml",
    ),
    "marked": Command(
        "stillwatch.cli.gate.marks:marked",
        "Write the exchanges whose answers bear a mark, as prove takes them.",
        "stillwatch gate marked --state gateway --keys marks --out marked.jsonl",
    ),
    "envoy": Command(
        "stillwatch.cli.gate.envoy:envoy",
        "Be the gateway behind Envoy: its external processor and authorisation.",
        "stillwatch gate envoy --policy policy.toml --state gateway --account-header x-account-id",
    ),
    "seal-key": Command(
        "stillwatch.cli.gate.seal:seal_key",
        "Make the key with which the gateway seals reasoning.",
        "stillwatch gate seal-key --out seal.keys",
    ),
    "open-seal": Command(
        "stillwatch.cli.gate.seal:open_seal",
        "Open a token that stands for sealed reasoning.",
        "stillwatch gate open-seal --key gateway/seal.keys < token.txt",
    ),
}

gate = registered(App(name="gate", help=HELP, sort_key=7), SUBCOMMANDS)
