"""The mergeable summary of rows that every check, page and estimate reads instead of the rows."""
