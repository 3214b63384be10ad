"""The hooks: payload, event, measurement, charge, notices, reply.

Every module here is on the path that each tool call waits for: the standard library only, and little of it.
"""
