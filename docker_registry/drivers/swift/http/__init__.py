"""Requests to Swift: connections, retries, listings, deletions, and what errors mean."""
