"""The REST API, version 1: the same services as the pages, for programs."""
