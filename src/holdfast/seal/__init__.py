"""Convert, build, seal; and open again what was sealed. Read `release.py` first."""
