import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can be told")

_BLOCK = 50 << 20
_MEASURE = f"""
import resource
import numpy as np
from pipeline import heap

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones({_BLOCK}, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
"""


def _measured(code: str) -> list[int]:
    """What `code` prints in a fresh process, for numbers."""
    done = subprocess.run([sys.executable, "-c", _MEASURE + code], capture_output=True, text=True, check=True)
    return [int(number) for number in done.stdout.split()]


def test_a_large_block_that_was_freed_is_used_again_without_page_faults():
    first, later, outside = _measured("""
with heap.reused():
    print(faults(1), faults(10))
print(faults(10))
""")
    assert later < first / 10
    assert outside > 9 * first


def test_what_was_kept_is_given_back_at_the_end():
    before, within, after = _measured("""
print(resident())
with heap.reused():
    faults(1)
    print(resident())
print(resident())
""")
    assert within - before > 0.9 * _BLOCK
    assert after - before < 0.1 * _BLOCK
