"""Every prediction and its truth: none lost, none doubled."""
