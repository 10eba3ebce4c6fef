"""Labelled synthetic API traffic, and the scorer that holds a scan against its labels."""
