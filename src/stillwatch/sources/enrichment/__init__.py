"""What completes a log: a second log, tables of networks, forwarded addresses."""
