"""Images in and out of a registry's storage without a server: what the command line does."""
