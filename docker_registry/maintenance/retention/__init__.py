"""Retention: tags and manifests that go by rules of the config file. docs/retention.md has what the rules mean."""
