"""Calls: the engine that carries picture and sound, and what it records.

The engine runs in a process of its own (`serve`), so that calls and chat never slow each other;
`Client` is its port in every other process. Nothing here loads a media library until an engine
is served.
"""
