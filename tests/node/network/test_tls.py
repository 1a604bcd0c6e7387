"""Who gets through the handshake, and who is behind a certificate that did."""

import asyncio
import ssl
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from node.network.directory import Directory
from node.network.tls import Identity, LinkRole, client_context, identify, server_context
from tests.node.network.small_pki import Pki, bare_certificate, make_pki
from tests.node.network.talk import Client, run


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


def der(folder: Path) -> bytes:
    """The certificate in a folder."""
    return x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()).public_bytes(Encoding.DER)


def test_a_replica_is_its_pinned_key_and_nobody_else_is(pki: Pki) -> None:
    for place, name in enumerate(("beijing", "shanghai", "guangzhou", "xian")):
        assert identify(der(pki.of(name)), Directory(pki.membership, "beijing")) == Identity(
            frozenset({LinkRole.NODE}), place
        )
    stranger = pki.member("stranger", LinkRole.NODE)
    assert identify(der(stranger), Directory(pki.membership, "beijing")) == Identity(frozenset({LinkRole.NODE}), None)


def test_a_gateway_or_relayer_is_known_by_its_usage_and_is_no_replica(pki: Pki) -> None:
    assert identify(der(pki.of("gateway")), Directory(pki.membership, "beijing")) == Identity(
        frozenset({LinkRole.GATEWAY}), None
    )
    relayer = pki.member("relayer", LinkRole.RELAYER)
    assert identify(der(relayer), Directory(pki.membership, "beijing")) == Identity(frozenset({LinkRole.RELAYER}), None)


def test_a_pinned_key_with_another_usage_does_not_speak_as_a_replica(tmp_path: Path) -> None:
    pki = make_pki(tmp_path)
    folder = pki.member("xian", LinkRole.GATEWAY)  # the same key, renewed for another role
    assert identify(der(folder), Directory(pki.membership, "beijing")) == Identity(frozenset({LinkRole.GATEWAY}), None)
    assert identify(der(bare_certificate(pki, "xian")), Directory(pki.membership, "beijing")) == Identity(
        frozenset(), None
    )


def test_a_renewed_certificate_keeps_its_place(tmp_path: Path) -> None:
    pki = make_pki(tmp_path)
    before = der(pki.of("xian"))
    assert der(pki.member("xian", LinkRole.NODE)) != before
    assert identify(der(pki.of("xian")), Directory(pki.membership, "beijing")).node == 3


@pytest.mark.parametrize("certificate", [None, b"", b"\x30\x00", bytes(100)])
def test_what_is_no_certificate_is_nobody(pki: Pki, certificate: bytes | None) -> None:
    assert identify(certificate, Directory(pki.membership, "beijing")) == Identity(frozenset(), None)


def test_no_mutated_certificate_raises(pki: Pki) -> None:
    data = der(pki.of("xian"))
    for place in range(len(data)):
        identify(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :], Directory(pki.membership, "beijing"))


async def shakes_hands(server: Path, client: ssl.SSLContext) -> bool:
    """Whether both sides of a handshake are content: each hears one byte of the other."""
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.read(1):
                arrived.set()
                writer.write(b"x")
        except OSError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context(server))
    port = listening.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(b"x")
        heard = await reader.read(1)
        writer.close()
    except OSError:
        heard = b""
    listening.close()
    return bool(heard) and arrived.is_set()


def verdict(work: Coroutine[Any, Any, bool]) -> bool:
    """The outcome of a handshake."""
    outcomes: list[bool] = []

    async def note() -> None:
        outcomes.append(await work)

    run(note())
    return outcomes[0]


def test_members_of_one_network_shake_hands(pki: Pki) -> None:
    assert verdict(shakes_hands(pki.of("beijing"), client_context(pki.of("xian"))))
    assert verdict(shakes_hands(pki.of("beijing"), client_context(pki.of("gateway"))))


def foreign(pki: Pki) -> Path:
    """A member of another authority that trusts ours."""
    folder = pki.member("foreign", LinkRole.NODE, authority="rival")
    (folder / "ca.crt").write_bytes((pki.folder / "ca" / "ca.crt").read_bytes())
    return folder


def expired(pki: Pki) -> Path:
    """A member whose certificate has ended."""
    return pki.member("late", LinkRole.NODE, days=0)


@pytest.mark.parametrize("make", [foreign, expired])
def test_a_foreign_or_expired_certificate_ends_in_the_handshake_on_either_side(pki: Pki, make) -> None:
    stranger = make(pki)
    assert not verdict(shakes_hands(pki.of("beijing"), client_context(stranger)))
    assert not verdict(shakes_hands(stranger, client_context(pki.of("beijing"))))


def test_without_a_certificate_nobody_gets_in(pki: Pki) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(pki.folder / "ca" / "ca.crt")
    assert not verdict(shakes_hands(pki.of("beijing"), context))


def test_nobody_speaks_an_older_tls(pki: Pki) -> None:
    context = client_context(pki.of("xian"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not verdict(shakes_hands(pki.of("beijing"), context))


def test_no_session_can_be_resumed_without_its_certificate(pki: Pki) -> None:
    context = client_context(pki.of("xian"))

    async def first_session() -> None:
        listening = await asyncio.start_server(
            lambda reader, writer: writer.write(b"x"), "127.0.0.1", 0, ssl=server_context(pki.of("beijing"))
        )
        client = Client(*await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1], ssl=context))
        await client.reader.read(1)
        session = client.writer.get_extra_info("ssl_object").session
        assert session is None or not session.has_ticket
        client.close()
        listening.close()

    run(first_session())
