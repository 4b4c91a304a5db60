"""On PYTHONPATH, this makes `use_core` hold in every Python that tests start, too."""

import use_core  # noqa: F401
