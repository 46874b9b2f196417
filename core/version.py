"""The program's version, as people and the API see it."""

VERSION = "0.1.0"
