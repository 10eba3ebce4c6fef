"""Reasoning out of answers and streams, requests made smaller, refusals in the caller's dialect."""
