"""Where pairs and answers come from: files that somebody prepared, sealed answers, or a run and its log."""
