"""Tier 3: whom a model writes like. Corroboration, not proof."""
