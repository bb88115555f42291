"""What the owner of a machine types: `hayride-node COMMAND`. One module for each noun, joined to the list in cli.py."""
