"""The tests of each tier for one case: one file a tier, each with what it plans and what it finds.

What a case plans is known before anybody is asked; a test that cannot be made in the end is told of all the same.
"""
