"""The indicators of help by name; every file of this folder whose name has no leading underscore holds one."""

import sys

from ona.indicators.base import Evidence, Indicator, collect, indicator

INDICATORS = collect(sys.modules[__name__])
"""Every indicator by its name, in alphabetical order."""

__all__ = ["INDICATORS", "Evidence", "Indicator", "indicator"]
