"""Who may see and do what, how that is known, and the record of who did: people, sessions, log-in, audit log."""
