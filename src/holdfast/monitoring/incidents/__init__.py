"""From alarms to incidents: what they cost, how they stand, and who is told."""
