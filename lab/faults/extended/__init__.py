"""Faults that break what is promised beyond the documents: a module an area of the extended suite.

Every module here registers its faults; which requirement each breaks says the entry of the requirement.
"""

import pkgutil
from importlib import import_module

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
