"""Nothing lost, nothing doubled: the real program, killed again and again while people talk.

For each platform the desk runs as a program of its own with the platform's real library, before
the stand-in. A seeded script of messages, edits, deletions, commands and replies goes on while the
program gets `kill -9` and is started again, and while the stand-in misbehaves. At the end what
people said is compared with what the other side shows.
"""
