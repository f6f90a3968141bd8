"""Performance before the truth comes: fitted at seal time, counted per window, estimated, and judged when labels come."""
