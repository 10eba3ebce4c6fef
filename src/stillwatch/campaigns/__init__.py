"""From a linked group of accounts to a claim that a person can check."""
