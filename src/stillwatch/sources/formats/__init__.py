"""The log formats, one file each; `stillwatch.sources.SOURCES` registers them."""
