"""What a change costs, and what kind of change it is: labelled rows of the reference, put into the window."""
