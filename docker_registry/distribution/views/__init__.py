"""What people want to see of a registry, as plain values: for the page and the command line. No HTML, no printing."""
