"""For all tests, on every Python."""

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # Python 2, and wherever only the driver is tested
    pass
else:
    # A busy machine is no fault of what is tested.
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
