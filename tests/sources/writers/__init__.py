"""Exchanges rendered in every log format, sharing no code with the readers: one module for each format.

Each has ``write(exchanges, folder)``, which writes files and returns their paths, and ``CARRIES``, the columns that
come back exactly as they were.
"""
