"""Answers marked at the gateway: which key, which text of which dialect, what the journal keeps. No input or output but
the register of keys."""
