"""Objects, large objects and their segments, read and written safely."""
