"""The old net-entropy program's alarms, syslog lines and statistics files.

Packet rows, flow records and the protospecs that `policy.protospec` reads go in; log lines and ``.dat`` files come out.
Section by section: `connections` turns packet rows into samples, `alarm` compares the two, `lines` words the result,
`statistics` writes one file a connection.
"""
