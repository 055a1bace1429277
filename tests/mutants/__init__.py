"""Mutants of the registry: the code with one breakage each, which the tests that docs/spec.md names must notice.

A tool that breaks code at random (mutmut, cosmic-ray) was not taken: it makes thousands of mutants, most of which say
nothing about the spec, and cannot ask whether one certain test notices one certain breakage. The table in `breakages`
does; `make mutants` runs all of it, the tests a sample.
"""
