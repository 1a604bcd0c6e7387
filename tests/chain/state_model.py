"""The state's tree once more, built flat from content alone, in the words of protocol 10."""

from collections.abc import Callable, Mapping

from chain.digests import sha256

Hash = Callable[[bytes], bytes]
Entries = list[tuple[bytes, bytes]]


def key_digest(digest: Hash, key: bytes) -> bytes:
    """Two bytes that keys share if they differ in their last byte alone, then thirty of the key itself."""
    return digest(b"\x06" + key[:-1])[:2] + digest(b"\x04" + key)[2:]


def crowded(data: bytes) -> bytes:
    """A digest under which all keys share their first five nibbles, so that small trees are deep."""
    digest = sha256(data)
    return bytes(2) + bytes([digest[2] & 0x0F]) + digest[3:] if data[:1] in (b"\x04", b"\x06") else digest


def halved(data: bytes) -> bytes:
    """A digest under which every nibble of a key is one of two, so that branches are sparse."""
    digest = sha256(data)
    return bytes(byte & 0x11 for byte in digest) if data[:1] in (b"\x04", b"\x06") else digest


DIGESTS: dict[str, Hash] = {"sha-256": sha256, "crowded": crowded, "halved": halved}


def nodes_of(digest: Hash, content: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Every node of the tree over `content` by path, one byte per nibble."""
    entries = sorted((key_digest(digest, key), digest(b"\x05" + value)) for key, value in content.items())
    nodes: dict[bytes, bytes] = {}
    _build(digest, entries, b"", nodes)
    return nodes


def root_of(digest: Hash, content: Mapping[bytes, bytes]) -> bytes:
    """The root over `content`."""
    return digest(nodes_of(digest, content).get(b"", b"\x02"))


def _build(digest: Hash, entries: Entries, path: bytes, nodes: dict[bytes, bytes]) -> bytes:
    """The hash of the subtree at `path`, zero if it is empty."""
    if not entries:
        return bytes(32)
    if len(entries) <= 32:
        nodes[path] = b"\x02" + b"".join(key + value for key, value in entries)
    else:
        groups: list[Entries] = [[] for _ in range(16)]
        for entry in entries:
            groups[int(entry[0].hex()[len(path)], 16)].append(entry)
        hashes = [_build(digest, group, path + bytes([n]), nodes) for n, group in enumerate(groups)]
        nodes[path] = b"\x03" + b"".join(hashes)
    return digest(nodes[path])
