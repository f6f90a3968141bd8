"""After a release: windows of the log, what is counted in them, and which of their changes are worth an alarm."""
