"""Backups: what a desk is, in one file, and the keys of its people in another.

`FILE`         a zip64 archive: the database without people's keys, the sealed files, sums.
`FILE.keys`    the wrapped keys of people; it lives a few days only, so that the erased stay erased.
`FILE.erased`  the list of erased people, for whoever restores an older archive.

None of them holds the master key. The format is described in docs/admins/backup.md.
"""
