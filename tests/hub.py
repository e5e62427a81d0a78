"""A hub of one data set, on this machine, which counts what it gives away and fails where it is told to."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

NAME = "me/pets"
_COMMIT = sha1(b"pets").hexdigest()


class Hub(ThreadingHTTPServer):
    """Serves the files of a folder as the hub does those of a data set."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.given = 0
        """bytes of files that were sent"""
        self.failures = 0
        """how many of the next reads of files fail"""
        self.failing = ""
        """what the names of those that may fail end with"""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def files(self) -> list[dict[str, object]]:
        return [
            {
                "type": "file",
                "path": file.name,
                "size": file.stat().st_size,
                "oid": sha1(file.name.encode()).hexdigest(),
            }
            for file in sorted(self.folder.iterdir())
        ]


class _Answer(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(b"", is_read=False)

    def do_GET(self) -> None:
        self._answer(b"", is_read=True)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])), is_read=True)

    def _answer(self, question: bytes, *, is_read: bool) -> None:
        path = urlparse(self.path).path
        files = self.server.files()
        if re.fullmatch(f"/api/datasets/{NAME}(/revision/[^/]+)?", path):
            siblings = [{"rfilename": each["path"]} for each in files]
            self._say({"id": NAME, "sha": _COMMIT, "private": False, "tags": [], "siblings": siblings})
        elif re.fullmatch(f"/api/datasets/{NAME}/tree/[^/]+", path):
            self._say(files)
        elif re.fullmatch(f"/api/datasets/{NAME}/paths-info/[^/]+", path):
            asked = parse_qs(question.decode()).get("paths", [])
            self._say([each for each in files if each["path"] in asked])
        elif match := re.fullmatch(f"/datasets/{NAME}/resolve/[^/]+/(.+)", path):
            self._give(self.server.folder / unquote(match[1]), is_read=is_read)
        else:
            self._refuse(404)

    def _say(self, answer: object) -> None:
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, code: int) -> None:
        self.send_response(code)
        self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _give(self, file: Path, *, is_read: bool) -> None:
        if not file.is_file():
            self._refuse(404)
            return
        if is_read and self.server.failures and file.name.endswith(self.server.failing):
            self.server.failures -= 1
            self._refuse(403)  # as for a link that is no longer good: the library does not try that again by itself
            return
        content = file.read_bytes()
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        last = min(int(asked[2]), len(content) - 1) if asked and asked[2] else len(content) - 1
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{sha1(file.name.encode()).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if is_read:
            self.server.given += last - first + 1
            self.wfile.write(content[first : last + 1])

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """A hub with the files of a folder."""
    hub = Hub(folder)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
