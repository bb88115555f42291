"""What runs on a person's machine.

script.py   the join script that /worker serves; standard library only
cli.py      `hayride-node`, and outside the box: agent.py, tunnel.py, box.py, state.py, redeem.py, allow.py, facts.py
inner/      inside the machine's box: the tunnel's SSH end and `ray start`
"""
