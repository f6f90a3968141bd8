"""Figures of windows as far as the truth is known."""
