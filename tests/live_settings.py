"""Settings of processes that a test starts beside itself: the test's own database and folders, told by the environment."""

import os
from pathlib import Path

from tests.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["NDC_LIVE_DATABASE"]  # noqa: F405
DELIVERY_DIR = Path(os.environ["NDC_LIVE_DELIVERIES"])
SOURCE_ALLOWED_FOLDERS = [Path(os.environ["NDC_LIVE_SOURCES"])]
