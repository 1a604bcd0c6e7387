"""What a relayer's folder must hold, and the sentence where it does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from relayer.settings import SettingsInvalid, load_settings
from scripts.network import local_addresses, make_network
from scripts.provision import provision


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    make_network(folder, local_addresses(4, 9_100))
    provision(folder, "http://127.0.0.1:9100")
    return folder


def test_a_new_networks_relayer_has_an_account_on_every_chain(network: Path) -> None:
    settings = load_settings(network / "relayer")
    keys = json.loads((network / "demo-keys.json").read_text("utf-8"))
    assert settings.url == "http://127.0.0.1:9100"
    assert settings.accounts.keys() == keys.keys()
    for chain, account in settings.accounts.items():
        assert account.rules.addresses.format(account.address) == keys[chain]["relayer"]["address"]
        assert account.key.public_key.hex() == keys[chain]["relayer"]["public_key"]


def test_its_secrets_are_its_own(network: Path) -> None:
    file = network / "relayer" / "relayer.json"
    assert file.stat().st_mode & 0o777 == 0o600
    told = json.loads((network / "network.json").read_text("utf-8"))
    assert "relayer" not in told["api_keys"]
    assert json.loads(file.read_text("utf-8"))["api_key"] not in json.dumps(told)


def test_the_environment_says_where_the_gateway_is(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTNET_URL", "http://gateway:8080")
    monkeypatch.setenv("CERTNET_METRICS_PORT", "9100")
    settings = load_settings(network / "relayer")
    assert (settings.url, settings.metrics_port) == ("http://gateway:8080", 9100)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.pop("url"),
        lambda file: file.update(version=2),
        lambda file: file.update(more=1),
        lambda file: file.update(metrics_port=70_000),
        lambda file: file["accounts"].update(atlantis=file["accounts"]["wuhan"]),
        lambda file: file["accounts"]["wuhan"].update(seed="00"),
        lambda file: file["accounts"]["wuhan"].update(address="nowhere"),
    ],
)
def test_settings_that_are_wrong_are_refused_in_a_sentence(network: Path, tmp_path: Path, spoil: Any) -> None:
    file = json.loads((network / "relayer" / "relayer.json").read_text("utf-8"))
    spoil(file)
    (tmp_path / "relayer.json").write_text(json.dumps(file), "utf-8")
    (tmp_path / "genesis.json").write_bytes((network / "genesis.json").read_bytes())
    with pytest.raises(SettingsInvalid, match="cannot read the relayer's folder"):
        load_settings(tmp_path)


def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"relayer\.json"):
        load_settings(tmp_path)
