#!/usr/bin/env python3
"""Prints which end-to-end tests will be SKIPPED on this machine, and why; fails for that under DM_REQUIRE_ALL=1."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from lib import dockerd  # noqa: E402


def main():
    reasons = [("tests with a real Docker", dockerd.why_not()),
               ("tests with a full disk", None if os.geteuid() == 0 else "needs root to mount a small tmpfs")]
    skipped = [(what, why) for what, why in reasons if why]
    for what, why in skipped:
        print(f"SKIPPED: {what}: {why}", flush=True)
    return 1 if skipped and os.environ.get("DM_REQUIRE_ALL") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
