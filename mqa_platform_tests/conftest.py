"""What holds for every test: how long hypothesis may take to think of an example.

Belongs here: settings of the whole suite. Does not belong here: fixtures, which live with the tests that use them.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# On a busy machine the first example takes seconds; that says nothing about the rule that is tested.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
