"""Fitted models, packed: made by `python -m bench.training`, read by `stillwatch.linkage.scoring`."""
