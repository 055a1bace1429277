"""One token for a process: got, renewed, and what a refusal means."""
