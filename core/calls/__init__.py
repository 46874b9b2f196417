"""Calls by voice and video, as a part of tickets."""
