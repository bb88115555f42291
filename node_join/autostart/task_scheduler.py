"""Windows' Task Scheduler, which starts the node agent in WSL2. Experimental: tested without Windows."""

from __future__ import annotations

import getpass
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from node_join.autostart.service import ABOUT, NAME, Service, must, reason, run_tool
from node_join.errors import NodeError

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
#: Of the format; Windows 7 and later. WSL2 needs a later one.
_VERSION = "1.3"

#: In the order in which the Task Scheduler itself writes them.
_SETTINGS = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "AllowHardTerminate": "true",
    "StartWhenAvailable": "true",
    "RunOnlyIfNetworkAvailable": "false",  # the node agent itself waits for the network
    "AllowStartOnDemand": "true",
    "Enabled": "true",
    "Hidden": "false",
    "RunOnlyIfIdle": "false",
    "WakeToRun": "false",
    "ExecutionTimeLimit": "PT0S",  # none
    "Priority": "7",
}


def task(service: Service, *, distribution: str, user: str, windows_user: str) -> str:
    """The task's XML: at the logon of `windows_user`, `user` of the WSL `distribution` runs the node agent."""
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("Task"), version=_VERSION)
    _add(_add(root, "RegistrationInfo"), "Description", f"{ABOUT} (WSL, experimental)")
    trigger = _add(_add(root, "Triggers"), "LogonTrigger")
    _add(trigger, "Enabled", "true")
    _add(trigger, "UserId", windows_user)
    principal = _add(_add(root, "Principals"), "Principal")
    principal.set("id", "Author")
    _add(principal, "UserId", windows_user)
    _add(principal, "LogonType", "InteractiveToken")
    _add(principal, "RunLevel", "LeastPrivilege")
    settings = _add(root, "Settings")
    for name, value in _SETTINGS.items():
        _add(settings, name, value)
    restart = _add(settings, "RestartOnFailure")
    _add(restart, "Interval", "PT1M")
    _add(restart, "Count", "255")
    actions = _add(root, "Actions")
    actions.set("Context", "Author")
    action = _add(actions, "Exec")
    _add(action, "Command", "wsl.exe")
    _add(action, "Arguments", subprocess.list2cmdline(_in_wsl(service, distribution, user)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _in_wsl(service: Service, distribution: str, user: str) -> list[str]:
    environment = [f"{name}={value}" for name, value in sorted(service.environment.items())]
    prefix = ["/usr/bin/env", *environment] if environment else []
    return ["-d", distribution, "-u", user, "--exec", *prefix, *service.command]


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, _tag(name))
    child.text = text
    return child


class TaskScheduler:
    """schtasks.exe, called from within the distribution."""

    def __init__(self, distribution: str) -> None:
        self.kind = "a task of Windows' Task Scheduler (experimental)"
        self._distribution = distribution

    def on(self, service: Service, *, start: bool) -> list[str]:
        text = task(
            service, distribution=self._distribution, user=getpass.getuser(), windows_user=_answer("whoami.exe")
        )
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(text.encode("utf-16"))
            file.flush()
            must("schtasks.exe", "/Create", "/TN", NAME, "/XML", _answer("wslpath", "-w", file.name), "/F")
        if start:
            must("schtasks.exe", "/Run", "/TN", NAME)
        return ["Autostart through Windows' Task Scheduler is experimental: it was never run there."]

    def off(self, *, stop: bool) -> list[str]:
        if not self.is_on():
            return []
        if stop:
            run_tool("schtasks.exe", "/End", "/TN", NAME)
        done = run_tool("schtasks.exe", "/Delete", "/TN", NAME, "/F")
        if done.returncode:
            raise NodeError(
                f"The task {NAME} cannot be removed: {reason(done)}. Remove it in Windows' Task Scheduler by hand."
            )
        return []

    def is_on(self) -> bool:
        return run_tool("schtasks.exe", "/Query", "/TN", NAME).returncode == 0

    def told(self) -> str:
        return f"{NAME} in Windows' Task Scheduler"


def _answer(*command: str) -> str:
    done = run_tool(*command)
    if done.returncode:
        raise NodeError(f"`{command[0]}` failed: {reason(done)}. Autostart is not set up.")
    return done.stdout.strip()
