"""Tier 2: answers that were taken against answers that might as well have been given.

For a prompt that a campaign took, the log holds the answer that was given, the *taken* one. The same model with the
same settings could as well have given another: its *twins*, drawn afresh or held back then. Had a suspect never seen
the taken answers, its own answers would be as near to the twins: which of them was handed out is then a coin that
decided nothing, and the test counts the coin's other falls. `running.prove` and `running.prove_open` are the whole.
"""
