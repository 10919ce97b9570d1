"""The old net-entropy program's protospec files, alarms, syslog lines and statistics files.

Packet rows and flow records go in; log lines and ``.dat`` files come out. Section by section: `protospec` reads what is
normal for a protocol, `connections` turns packet rows into samples, `alarm` compares the two, `lines` words the result,
`statistics` writes one file a connection.
"""
