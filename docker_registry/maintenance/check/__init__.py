"""What a registry will find in a storage, said before it relies on it."""
