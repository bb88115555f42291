"""`python -m head.pool`: what runs in a pool's box. Configured by the file that HAYRIDE_CONFIG names."""

from __future__ import annotations

import asyncio
import logging
import os

from head.pool.config import Layout, load_config
from head.pool.output import take_over
from head.pool.ray_head import ray_environment
from sealing import inherited, processes

log = logging.getLogger("head.pool")


def main() -> None:
    """Until now a fault is told on standard error, which the keeper keeps; from now on in the box's own files."""
    config = load_config()
    layout = Layout.of(config)
    layout.make(config)
    http, door = inherited("http"), inherited("door")
    take_over(layout.logs)
    # Before anything imports ray: it reads these once.
    os.environ.update(ray_environment(config, layout))
    processes.adopt_orphans()
    # After the environment is right, for what it imports reads it.
    from head.pool.life import Life, RayDied, begin_anew

    try:
        asyncio.run(Life(config, layout, http=http, door=door).run())
    except RayDied as death:
        log.error("The Ray head has died (%s); beginning anew", death)
        logging.shutdown()
        begin_anew(http, door)
    except BaseException:
        log.exception("The pool's program ended by a fault")
        raise


if __name__ == "__main__":
    main()
