"""Garbage collection while registries serve: docs/gc.md has the protocol, and why it loses nothing."""
