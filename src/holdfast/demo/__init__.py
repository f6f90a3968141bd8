"""The main job on generated transactions, or on a file of yours. Read `__main__.py` first."""
