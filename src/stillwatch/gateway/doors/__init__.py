"""Doors, thin: each turns what it serves into requests, carries out decisions, tells what ended."""
