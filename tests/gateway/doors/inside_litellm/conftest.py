"""What stands here is run by another Python (`tests/sources/other_python.py`) and imports what this one lacks."""

collect_ignore_glob = ["*"]
