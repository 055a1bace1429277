"""docker-registry-core's own suite on the swift driver; nose runs this on Python 2.7.

The environment variable DRIVER_CONFIG holds the driver's options as JSON.
"""

import json
import os

from docker_registry import testing


class TestQuery(testing.Query):
    def __init__(self):
        testing.Query.__init__(self, "swift")


class TestDriver(testing.Driver):
    def __init__(self):
        config = testing.Config(json.loads(os.environ["DRIVER_CONFIG"]))
        testing.Driver.__init__(self, "swift", "", config)
