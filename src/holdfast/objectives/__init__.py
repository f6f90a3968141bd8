"""Values of objectives, row by row, from plain arrays. The records that name and configure them are in `objective`."""
