"""The gateway over a real port: join, the node's files, the dashboard, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from head.errors import SettingsError
from head.gateway.app import Server, create_gateway
from head.gateway.dashboard import ANSWER_LIMIT
from head.gateway.services import BoxAnswer
from tests.support.services import MemoryDashboard, MemoryServices, parts


@dataclass
class Site:
    services: MemoryServices
    client: httpx.AsyncClient
    url: str


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    services = MemoryServices(tokens={"fresh": "good", "second": "good", "old": "expired"})
    server = await Server.start(create_gateway(services), host="127.0.0.1", port=0)
    services.public_url = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=services.public_url) as client:
        yield Site(services, client, services.public_url)
    await server.stop()


def wish(token: str, **other: object) -> dict[str, object]:
    key = base64.b64encode(b"k" * 32).decode()
    return {"token": token, "public_key": key, "name": "laptop", "facts": {"cores": 8, "memory": 2**34}, **other}


def error(answer: httpx.Response) -> dict[str, str]:
    said: dict[str, str] = answer.json()["error"]
    return said


# --- join ---------------------------------------------------------------------------------------------------------


async def test_a_token_is_good_once_and_a_second_join_makes_no_twin(site: Site) -> None:
    first = (await site.client.post("/join", json=wish("fresh"))).json()
    assert first["already"] is False
    assert first["machine_tag"] == f"m_{first['machine_id']}"
    assert len(base64.b64decode(first["server_key"])) == 32
    again = await site.client.post("/join", json=wish("fresh"))
    assert again.status_code == 403
    assert error(again)["code"] == "join_refused"
    assert error(again)["message"] == "This join token is used already."
    second = (await site.client.post("/join", json=wish("second"))).json()
    assert second["already"] is True
    assert second["machine_id"] == first["machine_id"]


async def test_joins_that_fail_are_slowed_down(site: Site) -> None:
    answers = [await site.client.post("/join", json=wish(f"guess{n}")) for n in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 60
    assert (await site.client.post("/join", json=wish("fresh"))).status_code == 429


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token":"fresh"}', b"\xff\xfe"])
async def test_a_malformed_join_gets_one_answer(site: Site, body: bytes) -> None:
    answer = await site.client.post("/join", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert error(answer)["code"] == "malformed"
    assert site.services.tokens["fresh"] == "good"


async def test_a_large_body_is_not_taken_in_declared_or_not(site: Site) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    declared = await site.client.post("/join", content=b"x" * 65537)
    assert declared.status_code == 413
    assert error(declared)["code"] == "too_large"
    with contextlib.suppress(httpx.NetworkError):  # the gateway hangs up while we are still sending
        assert (await site.client.post("/join", content=endless())).status_code == 413
    assert (await site.client.get("/healthz")).status_code == 200


async def test_the_script_says_where_joining_is_switched_off(site: Site) -> None:
    site.services.joining_enabled = False
    assert (await site.client.post("/join", json=wish("fresh"))).status_code == 403
    answer = await site.client.get("/worker")
    assert answer.status_code == 403
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-", "--token=x"], input=answer.content, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Joining is switched off on this server.")


async def test_an_unknown_page(site: Site) -> None:
    for path in ("/", "/docs", "/openapi.json", "/node/wheel/other.whl", "/node/requirements-other.txt"):
        assert (await site.client.get(path)).status_code == 404
    assert (await site.client.get("/healthz")).json() == {"state": "ok"}


async def test_the_wheel_installs_and_brings_the_command(site: Site, tmp_path: Path) -> None:
    script = (await site.client.get("/worker")).text
    (name,) = [word for word in script.split('\\"') if word.endswith(".whl")][:1]
    wheel = tmp_path / name
    wheel.write_bytes((await site.client.get(f"/node/wheel/{name}")).content)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in script
    uv, python = os.environ.get("UV") or shutil.which("uv"), tmp_path / "venv" / "bin" / "python"
    assert uv
    commands: list[list[Any]] = [
        [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, tmp_path / "venv"],
        [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--no-index", wheel],
        [python, "-c", "import node_join.script, ray_jobs.ports"],
    ]
    for command in commands:
        await asyncio.to_thread(subprocess.run, command, check=True, cwd=tmp_path)
    assert "node_join.cli" in (tmp_path / "venv" / "bin" / "hayride-node").read_text()


# --- dashboard ----------------------------------------------------------------------------------------------------


def box(site: Site, status: int = 200, content_type: str = "application/json", *content: bytes) -> MemoryDashboard:
    dashboard = MemoryDashboard(BoxAnswer(status=status, content_type=content_type, body=parts(*content)))
    site.services.dashboards["p0001"] = dashboard
    return dashboard


async def enter(site: Site) -> None:
    site.services.links["secret"] = "p0001"
    answer = await site.client.get("/dashboard-link/secret")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/dashboard/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/dashboard/" in cookie
    assert "Secure" not in cookie  # this test speaks plain HTTP


async def test_a_link_opens_once(site: Site) -> None:
    box(site)
    assert (await site.client.get("/dashboard/")).status_code == 404
    await enter(site)
    assert (await site.client.get("/dashboard/")).status_code == 200
    site.client.cookies.clear()
    assert (await site.client.get("/dashboard-link/secret")).status_code == 404
    assert (await site.client.get("/dashboard/api/version")).status_code == 404


async def test_a_link_leads_to_a_jobs_task_also_from_another_site(site: Site) -> None:
    box(site)
    site.services.links["secret"] = "p0001"
    link = "/dashboard-link/secret?task=01000000." + "ab" * 24
    address = (await site.client.get(link)).headers["location"]
    assert address == f"/dashboard/?task=01000000.{'ab' * 24}#/jobs/01000000/tasks/{'ab' * 24}"
    site.client.cookies.clear()  # a browser keeps a strict cookie back where it comes from another site
    from_a_chat = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    page = await site.client.get(address.partition("#")[0], headers=from_a_chat)
    assert f'content="0;url={address}"' in page.text


@pytest.mark.parametrize("task", ["", "1", "1.", "1.x", '1."><script>', "1.1/../..", "//evil.example"])
async def test_no_other_task_changes_the_address(site: Site, task: str) -> None:
    box(site)
    site.services.links["secret"] = "p0001"
    answer = await site.client.get("/dashboard-link/secret", params={"task": task})
    assert answer.headers["location"] == "/dashboard/"
    site.client.cookies.clear()
    from_a_chat = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    page = await site.client.get("/dashboard/", params={"task": task}, headers=from_a_chat)
    assert 'content="0;url=/dashboard/"' in page.text


async def test_the_cookie_is_secure_where_the_address_is(site: Site) -> None:
    site.services.public_url, site.services.links["secret"] = "https://hayride.example", "p0001"
    assert "Secure" in (await site.client.get("/dashboard-link/secret")).headers["set-cookie"]


async def test_pages_come_from_the_server_itself(site: Site) -> None:
    dashboard = box(site, 200, "text/html", b"<script>evil()</script>")
    await enter(site)
    page = await site.client.get("/dashboard/")
    assert "Ray Dashboard" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    (script,) = [part.split('"')[0] for part in page.text.split('src="./')[1:]]
    assert (await site.client.get(f"/dashboard/{script}")).headers["content-type"].startswith("text/javascript")
    for path in ("../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "static/none.js", "favicon", "evil.html"):
        assert (await site.client.get(f"/dashboard/{path}")).status_code == 404
    assert dashboard.asked == []


async def test_data_passes_as_data_only(site: Site) -> None:
    dashboard = box(site, 200, "application/json; charset=utf-8", b'{"a":', b"1}")
    await enter(site)
    answer = await site.client.get(
        "/dashboard/api/v0/nodes?limit=1", headers={"x-ray-authorization": "mine", "accept": "a/b"}
    )
    assert answer.json() == {"a": 1}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert dashboard.asked == [("GET", "api/v0/nodes", "limit=1", {"accept": "a/b"}, b"")]
    box(site, 200, "text/html", b"<script>evil()</script>")
    answer = await site.client.get("/dashboard/logs/x")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("status", [100, 301, 302, 307, 999])
async def test_redirects_and_odd_answers_do_not_pass(site: Site, status: int) -> None:
    box(site, status, "text/plain", b"")
    await enter(site)
    answer = await site.client.get("/dashboard/api/version")
    assert answer.status_code == 502
    assert "location" not in answer.headers


async def test_an_answer_without_end_is_cut(site: Site) -> None:
    box(site, 200, "text/plain", *[b"x" * (1 << 20)] * (ANSWER_LIMIT // (1 << 20) + 1))
    await enter(site)
    assert error(await site.client.get("/dashboard/api/version"))["code"] == "too_large"


async def test_another_site_may_not_write(site: Site) -> None:
    dashboard = box(site, 200, "application/json", b"{}")
    await enter(site)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        answer = await site.client.post("/dashboard/api/jobs/", headers=headers, content=b"{}")
        assert answer.status_code == 403
    assert dashboard.asked == []
    assert (
        await site.client.post("/dashboard/api/jobs/", headers={"origin": site.url}, content=b"{}")
    ).status_code == 200


async def test_an_unsealed_pools_dashboard_only_shows(site: Site) -> None:
    dashboard = box(site, 200, "application/json", b"{}")
    await enter(site)
    site.services.dashboard_writes = False
    for method in ("POST", "PUT", "DELETE"):
        answer = await site.client.request(method, "/dashboard/api/jobs/", content=b"{}")
        assert (answer.status_code, error(answer)["code"]) == (403, "read_only")
    assert dashboard.asked == []
    assert (await site.client.get("/dashboard/api/jobs/")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "api/..%2f..%2fstop",
        "api/%2e%2e/%2e%2e/stop",
        "logs/%2e/x",
        "api/%252e%252e/stop",
        "api%5c..%5cstop",
        "api/x%3Fy",
        "api/x%23y",
        "api/%00",
        "api/%0ax",
        "api/%c3%a9",
    ],
)
async def test_a_path_that_leads_out_of_the_dashboard_is_not_there(site: Site, path: str) -> None:
    dashboard = box(site, 200, "application/json", b"{}")
    await enter(site)
    for method in ("GET", "POST"):
        assert (await site.client.request(method, f"/dashboard/{path}")).status_code == 404
    assert dashboard.asked == []


async def test_a_browser_that_followed_a_link_is_sent_once_more(site: Site) -> None:
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    answer = await site.client.get("/dashboard/", headers=followed)
    assert answer.status_code == 200
    assert 'content="0;url=/dashboard/"' in answer.text
    assert (await site.client.get("/dashboard/", headers={"sec-fetch-site": "same-origin"})).status_code == 404


async def test_a_sleeping_pool_says_so(site: Site) -> None:
    await enter(site)
    answer = await site.client.get("/dashboard/api/version")
    assert answer.status_code == 503
    assert error(answer)["code"] == "pool_unavailable"


# --- the server ---------------------------------------------------------------------------------------------------


async def test_a_port_in_use_and_a_bad_certificate_are_said(site: Site, tmp_path: Path) -> None:
    gateway = create_gateway(site.services)
    with pytest.raises(SettingsError, match="cannot listen"):
        await Server.start(gateway, host="127.0.0.1", port=int(site.url.rsplit(":", 1)[1]))
    (tmp_path / "cert").write_text("no certificate")
    for file in (tmp_path / "cert", tmp_path / "missing"):
        with pytest.raises(SettingsError, match="certificate"):
            await Server.start(gateway, host="127.0.0.1", port=0, certificate=file, key=file)
