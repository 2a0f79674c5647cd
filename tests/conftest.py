"""Fixtures that the whole suite shares."""

pytest_plugins = ["monitor.testing.servers.pytest_plugin"]
