"""Pictures of a report as inline SVG: plain functions from values to markup, no script, no style attribute."""
