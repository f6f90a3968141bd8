"""Before a release: evaluate a model honestly, and judge it against its limits. Read `evaluate.py` first."""
