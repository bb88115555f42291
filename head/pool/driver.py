"""The pool's Ray driver: finds or makes a place's agent and calls it, with a deadline of our own on everything.

A call of Ray's may neither answer nor raise while a machine is away, so none is waited for without one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from head.pool.agents import end_agent
from head.pool.config import PoolConfig
from ray_jobs.ports import HEAD

log = logging.getLogger(__name__)

NAMESPACE = "hayride"
#: The place that is the pool's own head node.
HEAD_PLACE = "head"
#: Seconds within which an agent has to take a call, its own start on a machine included.
REACH = 10.0
#: Seconds for a question to the Ray head itself.
ASK = 5.0
_CONNECT_TIME = 60.0
_THREADS = 16

T = TypeVar("T")


class DriverError(Exception):
    """A call that came to nothing; `status` and `code` are what the box's HTTP interface answers."""

    status = 500
    code = "agent_failed"


class NotReady(DriverError):
    """The Ray head is still starting."""

    status, code = 503, "starting"


class MachineAway(DriverError):
    """The place's agent does not answer in time."""

    status, code = 409, "machine_away"


class NotThere(DriverError):
    """The agent knows no such thing."""

    status, code = 404, "not_found"


class Refused(DriverError):
    """The agent does not take what it was given."""

    status, code = 400, "refused"


def resource_of(place: str) -> str:
    """The Ray resource that only this place's node has."""
    return HEAD_PLACE if place == HEAD_PLACE else f"m_{place}"


class Driver:
    """Ray, as the rest of the box sees it. Not ready until `connect` has returned."""

    def __init__(self, config: PoolConfig) -> None:
        self._config = config
        self._agents: dict[str, Any] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        # Blocking calls that Ray never returns from must not starve the default pool.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ray-call")
        self.ready = False

    async def connect(self) -> None:
        """Becomes the driver of the running head. Raises what `ray.init` raises, or TimeoutError."""
        await self._blocking(self._init, deadline=_CONNECT_TIME)
        self.ready = True

    def pin(self, place: str) -> dict[str, float]:
        """The resources that hold a task to the place: the user's tag and the machine's, or the head's."""
        own = {resource_of(place): 0.001}
        return own if place == HEAD_PLACE else own | {self._config.tag: 0.001}

    async def call(self, place: str, method: str, *arguments: object, deadline: float = REACH) -> Any:
        """The agent's answer: hostile, as everything from a machine. Raises a DriverError."""
        if not self.ready:
            raise NotReady("The Ray head is still starting.")
        agent = await self._agent(place)
        try:
            # Large arguments go through the object store, which may have to wait for room.
            reference = await self._blocking(lambda: getattr(agent, method).remote(*arguments), deadline=deadline)
        except TimeoutError:
            raise MachineAway(f"{method} could not be sent within {deadline:.0f} s.") from None
        return await self._answer(place, method, reference, deadline)

    async def reach(self, place: str) -> None:
        """Returns once the agent has answered, before something that may take long. Raises MachineAway, NotReady."""
        await self.call(place, "status", deadline=REACH)

    async def ask(self, question: Callable[[], T]) -> T:
        """A blocking question to the Ray head, in a thread. Raises NotReady, or DriverError without an answer."""
        if not self.ready:
            raise NotReady("The Ray head is still starting.")
        try:
            return await self._blocking(question, deadline=ASK)
        except TimeoutError:
            raise DriverError("The Ray head does not answer.") from None

    async def remake(self, place: str) -> None:
        """Ends the place's agent, which was never made; the next call makes another. Raises DriverError."""
        self._agents.pop(place, None)
        await self.ask(lambda: end_agent(place, NAMESPACE))

    async def _answer(self, place: str, method: str, reference: Any, deadline: float) -> Any:
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        try:
            return await asyncio.wait_for(asyncio.wrap_future(reference.future()), deadline)
        except TimeoutError:
            # Or it would be done when the machine is back, and nobody would expect it any more.
            with suppress(Exception):
                ray.cancel(reference)
            raise MachineAway(f"No answer to {method} within {deadline:.0f} s.") from None
        except RayTaskError as error:
            raise _as_driver_error(error) from None
        except RayActorError as error:
            self._agents.pop(place, None)
            raise MachineAway(f"The agent of {place} is gone: {type(error).__name__}.") from None
        except RayError as error:
            raise DriverError(f"{method} came to nothing: {type(error).__name__}.") from None

    async def _agent(self, place: str) -> Any:
        async with self._locks.setdefault(place, asyncio.Lock()):
            if place not in self._agents:
                try:
                    self._agents[place] = await self._blocking(lambda: _make_agent(place), deadline=REACH)
                except TimeoutError:
                    raise MachineAway("The Ray head does not answer.") from None
            return self._agents[place]

    async def _blocking(self, work: Callable[[], T], *, deadline: float) -> T:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, work), deadline)

    def _init(self) -> None:
        import ray

        ray.init(
            address=f"{self._config.address}:{HEAD.gcs}",
            _node_ip_address=self._config.address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
        # The agent on the head's node ended with the node's last run, which Ray's memory may not know.
        end_agent(HEAD_PLACE, NAMESPACE)


def _make_agent(place: str) -> Any:
    """The agent's handle. Where there is none yet it is created, now or when its machine is back."""
    from ray_jobs.agent import MachineAgent

    resource = resource_of(place)
    return MachineAgent.options(
        name=f"agent-{place}", namespace=NAMESPACE, lifetime="detached", get_if_exists=True, max_restarts=-1,
        max_task_retries=-1, num_cpus=0, resources={resource: 0.001},
    ).remote(place, resource)  # fmt: skip


def _as_driver_error(error: Exception) -> DriverError:
    """An exception within the agent, told apart by its kind; its text is the agent's own."""
    cause = getattr(error, "cause", None)
    text = str(cause)[:300]
    if isinstance(cause, FileNotFoundError | KeyError | LookupError):
        return NotThere(text)
    if isinstance(cause, ValueError | TypeError):
        return Refused(text)
    log.error("The agent failed: %s", error)
    return DriverError(text)
