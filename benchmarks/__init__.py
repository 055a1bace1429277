"""What the registry costs, measured against its peers on one Swift: `python -m benchmarks --help`."""
