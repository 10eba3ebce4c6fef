"""The operators of proxy accounts: a campaign as data, its presets, and how it is played."""
