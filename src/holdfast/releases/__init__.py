"""Sealed releases and kept evaluations: named bytes and digests, nothing about models."""
