"""Everything that the console's pages read from a run, a gateway's folder and a drill: values, no web."""

from stillwatch.console.reading.run import Run, open_run

__all__ = ["Run", "open_run"]
