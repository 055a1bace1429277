"""One file a resource: HTTP in, calls of storage/ out, HTTP back."""
