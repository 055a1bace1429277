"""The subcommands of docker-registry-swift."""
