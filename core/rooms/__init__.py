"""Desk rooms: where agents see tickets in their own chat, one thread for each."""
