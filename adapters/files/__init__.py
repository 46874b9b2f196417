"""Where stored objects lie: a folder of this machine, or memory for tests."""
