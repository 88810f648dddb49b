"""What every store promises (tests/contract/test_store.py), promised by Neptune's through the stand-in.

With `HEADWATER_NEPTUNE=neptune://...` in the environment the same tests run on that cluster, **which they empty**.
"""

from tests.contract.test_store import *  # noqa: F403 - the same tests, with this folder's stores

del test_ten_thousand_rows_are_one_write  # noqa: F821 - 600 requests; see test_large.py for fewer
