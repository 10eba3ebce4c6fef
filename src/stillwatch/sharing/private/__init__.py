"""Private matching: two providers learn which artefacts they have in common, or how many, and nothing else.

`items` says what may be matched and in which spelling, `curve` calls the library that does the arithmetic, `protocol`
is the two sides as state machines without any input or output, `transcript` what auditors get, `files` and `web` the
two ways that messages travel. docs/sharing-private.md says who learns what.
"""
