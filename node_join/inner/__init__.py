"""What runs inside a machine's box: the SSH end of the tunnel, and the Ray node."""
