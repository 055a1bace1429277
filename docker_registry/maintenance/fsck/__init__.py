"""Damage and waste in a container: found, reported, repaired where nothing is lost."""
