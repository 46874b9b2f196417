"""Encryption in the application: fields, keys that wrap keys, files, and keyed word hashes."""
