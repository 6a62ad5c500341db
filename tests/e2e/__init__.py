"""Tests against a real cluster; a missing one is created, never skipped."""
