"""Bodies of requests that came compressed."""

from __future__ import annotations

import zlib

from ecg2lab.edge.inference.refusals import RequestError

_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class TooLargeError(RequestError):
    """A body is larger than the node takes, once it is decompressed: 413."""


def decompress(body: bytes, encoding: str, most: int) -> bytes:
    """A body as it was before it was compressed.

    Parameters
    ----------
    encoding
        What `Content-Encoding` says; empty: it is not compressed.
    most
        Bytes that it may have; no more are decompressed.

    Raises
    ------
    RequestError
        If it is compressed otherwise, damaged or not whole, or has more bytes.
    """
    kind = encoding.strip().lower()
    if kind in ("", "identity"):
        return body
    if kind not in _WINDOW_BITS:
        raise RequestError("Content-Encoding must be gzip or deflate")
    stream = zlib.decompressobj(_WINDOW_BITS[kind])
    try:
        content = stream.decompress(body, most + 1)
    except zlib.error:
        raise RequestError(f"the body is no {kind}") from None
    if len(content) > most:
        raise TooLargeError(f"the body is larger than {most / (1 << 20):g} MB once it is decompressed")
    if not stream.eof or stream.unused_data:
        raise RequestError(f"the body is not one whole {kind}")
    return content
