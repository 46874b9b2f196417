"""The embedded engine: passes media on between browsers as it comes, without transcoding.

aiortc brings DTLS, RTCP packets and the reading of session descriptions, and is used as it is.
What decides how cheap a call is, the way of a packet from the socket to the other sockets, is
ours.
"""
