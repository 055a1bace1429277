"""The values of the protocol and the names of the layout: pure, without I/O."""
