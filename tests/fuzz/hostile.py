"""Requests as bytes: nearly right ones, with what breaks parsers in any of their parts."""

from __future__ import annotations

import base64

from hypothesis import strategies as st

from docker_registry.distribution.model.digest import Digest

__all__ = ["PASSWORD", "requests"]

PASSWORD = "alice:alice"  # a login that is right
_DIGEST = str(Digest.of(b"x"))
_RIGHT = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "TRACE", "CONNECT", "PRI", "G\x00T", ""]
_PARTS = [
    *("v2", "a", "team/app", "manifests", "latest", "blobs", "uploads", "tags", "list", "_catalog", "referrers"),
    *(
        "..",
        ".",
        "",
        "%2e%2e",
        "%2f",
        "%00",
        "%",
        "%zz",
        "%c0%af",
        "%ff",
        "\xff",
        "a" * 300,
        "A",
        "_",
        "-",
        "ui",
        "static",
    ),
    *(_DIGEST, "sha256:", "sha256:zz", "sha512:" + "0" * 128, "md5:" + "0" * 32, ":", "@", "\u202e", "\\", "~", "|"),
]
_PATHS = [
    *("/v2/", "/v2/_catalog", "/v2/a/tags/list", "/v2/a/manifests/latest", f"/v2/a/manifests/{_DIGEST}", "/"),
    *(f"/v2/a/blobs/{_DIGEST}", "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/0", f"/v2/a/referrers/{_DIGEST}"),
    *("*", "http://a/v2/", "//v2/", "/v2", "v2/", "http://[::1/v2/", "/ui/", "/ui/r/a", f"/ui/r/a@{_DIGEST}"),
]
_QUERIES = [
    *(
        "n=-1",
        "n=1e9",
        "n=",
        "n=99999999999999999999",
        "last=%00",
        "last=" + "a" * 2000,
        "digest=",
        f"digest={_DIGEST}",
    ),
    *(
        f"mount={_DIGEST}&from=a",
        "mount=x&from=../..",
        "from=a",
        "_state=AAAA",
        "_state=" + "A" * 3000,
        "tag=",
        "tag=a&" * 60,
    ),
    *("artifactType=%f0%9f", "digest-algorithm=sha1", "digest-algorithm=sha512", "\xff=\xff", "&&&", "=", "%"),
]
# Fields with a meaning, of which some values are nonsense ...
_FIELDS = [
    *([f"Authorization: {_RIGHT}"] * 6),
    *(
        "Authorization: Basic !",
        "Authorization: Bearer a.b.c",
        "Authorization: Bearer e30.e30.",
        "Authorization: Negotiate x",
    ),
    *(
        "Authorization: Basic " + "A" * 4000,
        "Authorization:",
        "Authorization: Basic ZGVwbG95OmRyczEuV10uQUFB",
        "Cookie: a=b; \xff",
    ),
    *(
        "Range: bytes=0-",
        "Range: bytes=5-1",
        "Range: bytes=-99999999999999999999",
        "Range: " + "0-1," * 300,
        "Range: lines=1",
    ),
    *(
        "Content-Range: 0-4",
        "Content-Range: bytes 0-4/5",
        "Content-Range: 4-0",
        "Content-Range: 99999999999999999999-9",
    ),
    *(
        "Accept: */*",
        "Accept: " + "a/b;q=0." * 200,
        "Accept: text/html",
        "Accept: application/vnd.oci.image.index.v1+json;q=x",
    ),
    *("If-None-Match: *", 'If-None-Match: W/"' + "a" * 999, f'If-Range: "{_DIGEST}"', "If-Modified-Since: never"),
    *(["Content-Type: application/vnd.oci.image.manifest.v1+json"] * 4),
    *("Content-Type: multipart/form-data; boundary=\xff", "Content-Type: ;", "Content-Encoding: gzip", "Origin: null"),
    *(
        "Expect: 100-continue",
        "Expect: 200-ok",
        "Connection: close",
        "Connection: upgrade",
        "Upgrade: h2c",
        "TE: trailers",
    ),
    *("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: " + "1," * 500, 'Forwarded: for="[', "X-Forwarded-Host: \xff"),
    *(
        "X-Forwarded-Prefix: /../..",
        "X-Forwarded-Proto: javascript",
        "X_Forwarded_For: 1.2.3.4",
        "X-Remote-User: alice",
    ),
]
# ... and what makes a head none, or leaves open where its body ends.
_BREAKING = [
    *("Host: a", "Host:", "Host: a:99999", "Host: [::1]", "Host: a\x00", "Host: xn--\xff", "Content-Length: 5, 5"),
    *("Content-Length: 5", "Content-Length: 0", "Content-Length: -1", "Content-Length: 99999999999999999"),
    *("Transfer-Encoding: gzip, chunked", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: chunked"),
    *(
        ":",
        "A",
        "A: \x00",
        "A : b",
        " a: b",
        "A: b\r\n c: d",
        "A: b\nC: d",
        "\xff: a",
        "A: " + "b" * 9000,
        "X-Request-Id: \x1b[m",
    ),
]
_BODIES = [
    *(
        b"",
        b"12345",
        b"5\r\n12345\r\n0\r\n\r\n",
        b"5\r\n123",
        b"zz\r\n",
        b"0\r\nA: b\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"5;" + b"a" * 3000,
    ),
    *(
        b"{}",
        b"[" * 3000,
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}',
        b"\xff\xfe",
        b"\x1f\x8b\x08",
    ),
    *(
        b'{"schemaVersion":2,"schemaVersion":2}',
        b'{"a":' + b"9" * 4000 + b"}",
        b'{"schemaVersion":2,"layers":[{"digest":1}]}',
        b"NaN",
    ),
    *(b"GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\nGET /v2/_catalog HTTP/1.1\r\nHost: a\r\n\r\n"),
]


def _bytes(text: str) -> bytes:
    return text.encode("utf8", "surrogatepass") if any(ord(letter) > 255 for letter in text) else text.encode("latin-1")


_target = st.one_of(
    st.sampled_from(_PATHS),
    st.lists(st.sampled_from(_PARTS), max_size=7).map(lambda parts: "/v2/" + "/".join(parts)),
    st.text(max_size=20).map(lambda text: "/" + text),
)
_query = st.lists(st.sampled_from(_QUERIES), max_size=2).map(lambda parts: "?" + "&".join(parts) if parts else "")
_versions = ["HTTP/1.0", "HTTP/9.9", "HTTP/2.0", "", "http/1.1", "HTTP/1.1 "]
_damage = st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(min_size=1, max_size=3))


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, or what is to pass for one: three of four are well framed, so that more is met than the framing."""
    method, target, version = draw(st.sampled_from(_METHODS[:6])), draw(_target) + draw(_query), "HTTP/1.1"
    fields, body = draw(st.lists(st.sampled_from(_FIELDS), max_size=4)), draw(st.sampled_from(_BODIES))
    breaks = not draw(st.integers(0, 3))
    if breaks:
        method, version = draw(st.sampled_from(_METHODS)), draw(st.sampled_from(["HTTP/1.1"] * 6 + _versions))
        fields += draw(st.lists(st.one_of(st.sampled_from(_BREAKING), st.text(max_size=12)), min_size=1, max_size=3))
    if method != "HEAD" or breaks:
        fields.append(draw(st.sampled_from([f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"])))
    data = b"\r\n".join(_bytes(each) for each in (f"{method} {target} {version}", "Host: a", *fields, "", ""))
    data += body if method != "HEAD" or breaks else b""
    if breaks and draw(st.booleans()):
        at, removed, put = draw(_damage)
        data = data[:at] + put + data[at + removed :]
    return data
