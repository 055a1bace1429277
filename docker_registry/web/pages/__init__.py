"""One file a page: each takes a Visit and the variables of its address, and returns the answer."""
