"""Long jobs over a storage driver: what is in a container, what is wrong with it, and what can be mended.

Everything here speaks the driver's contract; only `check` looks into the swift
driver, since it is there to explain it.
"""
