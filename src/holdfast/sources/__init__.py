"""The ways in: one file per kind of source, each giving parts that a table reads one after the other."""
