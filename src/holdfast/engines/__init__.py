"""Where the counting runs: an engine maps one function over batches of rows and merges what comes back."""
