"""Statistics as pure functions over arrays and counts: one idea per file, each tested against an independent oracle."""
