"""Signals followed from window to window, and alarms as rare as was asked for."""
