"""Served features held against the same features made again, row by row."""
