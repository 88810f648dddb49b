"""S3 on loopback, in memory, as fast as Python serves it: put (also once), get, list, delete. Runs in its own process.

    python -m bench.loopback_s3 PORT

No signature is checked, and no bucket is made: a key begins with its bucket's name.
"""

from __future__ import annotations

import hashlib
import sys
from xml.sax.saxutils import escape, unescape

from aiohttp import web

_PAGE = 1_000


class Store:
    """What is there, by bucket and key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def put(self, request: web.Request) -> web.Response:
        """PutObject."""
        key = request.match_info["key"]
        body = await request.read()
        if request.headers.get("If-None-Match") == "*" and key in self.objects:
            return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
        self.objects[key] = body
        return web.Response(headers={"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'})

    async def get(self, request: web.Request) -> web.Response:
        """GetObject, and ListObjectsV2."""
        key = request.match_info["key"]
        if "/" not in key.rstrip("/"):
            return self._list(key.rstrip("/"), request)
        if key not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        return web.Response(body=self.objects[key])

    def _list(self, bucket: str, request: web.Request) -> web.Response:
        prefix = f"{bucket}/{request.query.get('prefix', '')}"
        after = request.query.get("continuation-token") or request.query.get("start-after", "")
        keys = sorted(k for k in self.objects if k.startswith(prefix) and k > f"{bucket}/{after}")
        page = [key.removeprefix(f"{bucket}/") for key in keys[:_PAGE]]
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
        more = len(keys) > _PAGE
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        text = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}</ListBucketResult>"
        return web.Response(text=text, content_type="application/xml")

    async def post(self, request: web.Request) -> web.Response:
        """DeleteObjects."""
        bucket, text = request.match_info["key"].rstrip("/"), (await request.read()).decode()
        for part in text.split("<Key>")[1:]:
            self.objects.pop(f"{bucket}/{unescape(part.partition('</Key>')[0])}", None)
        return web.Response(text="<DeleteResult></DeleteResult>", content_type="application/xml")


def main() -> None:
    """Serve until the process is ended."""
    store = Store()
    app = web.Application(client_max_size=2**30)
    app.router.add_put("/{key:.+}", store.put)
    app.router.add_get("/{key:.+}", store.get)
    app.router.add_post("/{key:.+}", store.post)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
