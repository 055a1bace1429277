"""Blobs, manifests, tags and uploads over a storage driver; nothing here knows HTTP beyond the errors it raises."""
