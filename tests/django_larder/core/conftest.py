"""What is tested is the compiled part alone: no Django is set up."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "common")]


def pytest_report_header():
    import django_larder

    return f"django_larder: {Path(django_larder.__file__).parent}"


# Where the wheel is to be tested, the sources beside it must not be.
if os.environ.get("LARDER_WHEEL") == "installed":
    import django_larder

    assert "site-packages" in Path(django_larder.__file__).parts, django_larder.__file__
