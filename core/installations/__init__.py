"""Connections to chat platforms: a workspace, a guild, a bot; and how far each was read."""
