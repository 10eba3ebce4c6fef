"""Was this model copied from ours? Three tiers of evidence, never mixed; each with what was randomised and by whom.

``radioactivity/`` (tier 1: a model that was trained on marked text), ``twins/`` (tier 2: the answer that was taken
against one that might as well have been given), ``style/`` (tier 3: whom a model writes like; corroboration, no
proof).
"""
