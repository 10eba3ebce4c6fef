"""What is kept of a run, where, and for how long: a directory that is there whole or not at all."""
