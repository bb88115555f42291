"""The server's one public port: join, tunnel, dashboard, the node's files.

Nothing here knows the store, a box's process or Ray.
"""
