"""Judging models: what they are asked, how their verdicts are read, who may judge, and how often they are wrong."""
