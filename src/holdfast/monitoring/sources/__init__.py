"""Where rows and references come from."""
