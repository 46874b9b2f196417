"""Calls that are killed: what is left of them on their tickets, and what can be played.

The desk runs as a program of its own with its engine and its database. Two people talk and are
recorded with their consent; at a moment that a seed chose, the engine, the desk, or everything at
once gets `kill -9`. What was there is then compared with what the desk shows.
"""
