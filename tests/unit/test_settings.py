"""Settings: what wins, what is refused, and that every refusal is one line that says what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from head.errors import SettingsError
from head.settings import Settings
from head.settings_source import OTHER_VARIABLES

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and an environment without a setting in it."""
    for name in [name for name in os.environ if name.upper().startswith("HAYRIDE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, lines: str) -> Path:
    path = folder / "cluster.yaml"
    inside = "".join(f"    {line}\n" for line in lines.splitlines())
    path.write_text(f"cluster_name: hayride\nmetadata:\n  hayride:\n{inside}")
    return path


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_without_a_file_everything_has_a_default(folder: Path) -> None:
    settings = Settings.load()
    assert settings == Settings()
    assert settings.url == "http://127.0.0.1:8100"
    assert settings.database == f"sqlite+aiosqlite:///{settings.data_dir}/hayride.db"


def test_our_own_cluster_yaml_says_the_defaults(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYRIDE_CONFIG", str(CHECKOUT / "cluster.yaml"))
    assert Settings.load() == Settings()


def test_every_setting_stands_in_cluster_yaml() -> None:
    text = (CHECKOUT / "cluster.yaml").read_text()
    # The token must not, and the base URL is for tests.
    names = set(Settings.model_fields) - {"telegram_token", "telegram_base_url"}
    assert [name for name in sorted(names) if f" {name}:" not in text] == []


def test_ray_accepts_cluster_yaml() -> None:
    config = prepare_config(yaml.safe_load((CHECKOUT / "cluster.yaml").read_text()))
    validate_config(config)
    assert config["metadata"]["hayride"]["listen_port"] == 8100


def test_the_environment_wins_key_by_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "listen_port: 8200\njoining: off\npool:\n  cpus: 3\n  memory: 2GiB")
    monkeypatch.setenv("HAYRIDE_LISTEN_PORT", "0")
    monkeypatch.setenv("HAYRIDE_POOL_CPUS", "7")
    monkeypatch.setenv("HAYRIDE_ADMINS", "11,22")
    monkeypatch.setenv("HAYRIDE_SEALING", "off")
    settings = Settings.load()
    assert (settings.listen_port, settings.joining, settings.sealing, settings.admins) == (0, False, False, (11, 22))
    assert (settings.pool.cpus, settings.pool.memory, settings.pool.idle_seconds) == (7, 2 << 30, 900)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("listen_prot: 1", ("metadata.hayride.listen_prot", "Did you mean listen_port?")),
        ("pool:\n  cpu: 1", ("metadata.hayride.pool.cpu ", "Did you mean pool.cpus?")),
        ("zebra: 1", ("metadata.hayride.zebra", "left out")),
        ("listen_port: eighty", ("metadata.hayride.listen_port", "integer", "listen_port: 8100")),
        ("listen_port: 70000", ("metadata.hayride.listen_port", "65535")),
        ("joining: sometimes", ("metadata.hayride.joining", "boolean", "joining: on")),
        ("pool: 3", ("metadata.hayride.pool ", "lines", "cpus: ...")),
        ("pool:\n  memory: much", ("metadata.hayride.pool.memory", "byte", "memory: 4GiB")),
        ("admins: [ann]", ("metadata.hayride.admins", "integer", "[123456789]")),
        ("public_url: ftp://x", ("metadata.hayride.public_url", "http", "https://hayride.example.org")),
        ("public_url: https://x/path", ("metadata.hayride.public_url", "path")),
        ("public_url: http://hayride.example.org", ("public_url", "plain http", "insecure: true")),
        ("tls_key: key.pem", ("tls_certificate", "both or neither")),
        ("database_url: postgresql+asyncpg://u:pw@h/d", ("database_url", "password", "HAYRIDE_DATABASE_URL")),
    ],
)
def test_a_wrong_line_gets_one_clear_line(folder: Path, lines: str, expected: tuple[str, ...]) -> None:
    write(folder, lines)
    text = refusal()
    assert [part for part in expected if part not in text] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HAYRIDE_LISTEN_PROT", "1", "Did you mean HAYRIDE_LISTEN_PORT?"),
        ("HAYRIDE_LISTEN_PORT", "x", "HAYRIDE_LISTEN_PORT=8100"),
        ("HAYRIDE_POOL_CPUS", "0", "HAYRIDE_POOL_CPUS"),
        ("HAYRIDE_CONFIG", "gone.yaml", "no such file"),
        ("HAYRIDE_TELEGRAM_TOKEN_FILE", "gone", "HAYRIDE_TELEGRAM_TOKEN"),
    ],
)
def test_a_wrong_variable_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    assert expected in refusal()


def test_variables_of_boxes_and_machines_are_no_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHER_VARIABLES - {"HAYRIDE_CONFIG"}:
        monkeypatch.setenv(name, "anything")
    assert Settings.load() == Settings()


def test_a_file_that_is_not_yaml_is_answered_with_its_line(folder: Path) -> None:
    (folder / "cluster.yaml").write_text("a: [1\nb: 2\n")
    assert "line 2" in refusal()


def test_the_token_comes_from_the_environment_or_a_file_and_is_never_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "token").write_text("123:from-file\n")
    write(folder, "telegram_token_file: token")
    settings = Settings.load()
    assert settings.telegram_token is not None
    assert settings.telegram_token.get_secret_value() == "123:from-file"
    assert "from-file" not in repr(settings)
    monkeypatch.setenv("HAYRIDE_TELEGRAM_TOKEN", "123:from-environment")
    token = Settings.load().telegram_token
    assert token is not None
    assert token.get_secret_value() == "123:from-environment"


def test_the_token_in_cluster_yaml_is_refused_without_repeating_it(folder: Path) -> None:
    write(folder, "telegram_token: 123:secret")
    text = refusal()
    assert "secret does not belong" in text
    assert "123:secret" not in text


def test_a_bad_token_is_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYRIDE_TELEGRAM_TOKEN", "two words")
    assert "two words" not in refusal()


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.1.2.3:1", "http://[::1]:1", "https://h.example/"])
def test_addresses_that_are_fine(url: str) -> None:
    assert Settings(public_url=url).url == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://10.0.0.1", "http://127.0.0.1.evil.example", "http://127.evil.example"])
def test_plain_http_to_others_is_not(url: str) -> None:
    with pytest.raises(ValueError, match="plain http"):
        Settings(public_url=url)


def test_plain_http_can_be_chosen() -> None:
    assert Settings(public_url="http://10.0.0.1:8100", insecure=True).url == "http://10.0.0.1:8100"


def test_paths_are_absolute_and_home_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert Settings().data_dir == Path("/home/ann/.local/share/hayride")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Settings().data_dir == Path("/data/hayride")
    write(folder, "data_dir: ~/h")
    assert Settings.load().data_dir == Path("/home/ann/h")
    monkeypatch.setenv("HAYRIDE_DATA_DIR", "here")
    assert Settings.load().data_dir == folder / "here"


def test_a_webhook_needs_an_address_with_https() -> None:
    with pytest.raises(ValueError, match="telegram_webhook needs a public_url with https"):
        Settings(telegram_webhook=True)
    assert Settings(telegram_webhook=True, public_url="https://h.example").telegram_webhook
    assert Settings(telegram_webhook=True, telegram_base_url="http://127.0.0.1:8081/bot").telegram_webhook
