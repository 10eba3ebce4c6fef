"""Words for the answers to an audit's items: one answerer for each property."""
