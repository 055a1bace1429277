"""The registry: OCI Distribution 1.1 over any storage driver."""
