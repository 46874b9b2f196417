"""Stand-ins that need nothing but this process: live updates in memory, mail into a page."""
