"""Work side by side, and the memory it may take."""
