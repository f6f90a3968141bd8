"""Checks: `(current, reference, context) -> findings`, one family per file, several codes each."""
