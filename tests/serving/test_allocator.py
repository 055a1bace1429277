"""A worker's memory, freed and taken again, in a process of its own: what is set there stays set."""

import subprocess
import sys

PROGRAM = """
import resource
from docker_registry.serving.allocator import keep_freed_memory

def faults_of_blocks():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(64):
        blocks = [bytes(bytearray(1 << 20)) for _ in range(8)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults_of_blocks()
assert keep_freed_memory(64 << 20)
faults_of_blocks()
print(first, faults_of_blocks())
"""


def test_freed_blocks_cost_no_page_faults_again() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    before, after = map(int, done.stdout.split())
    assert after < before / 10
