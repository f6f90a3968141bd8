"""From rows to counts, and where counts are kept."""
