"""Where text is generated: what puts a mark there, one file for each engine; imported by who uses it only."""
