"""The one place where results lie: a folder, or any store that fsspec can address, by URL.

Files appear whole: on a local disk by renaming, elsewhere by the store's own upload, which object stores show
only when it is complete. A folder is written file by file and counts when the record that names it is there.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from training.fleet.errors import FleetError

AT_ONCE = 32
"""So many small files are asked for together: a store far away answers each slowly."""


class Artefacts:
    """Reads and writes below one URL. Cheap to make anew in each process."""

    def __init__(self, url: str) -> None:
        """Note the place; nothing is touched.

        Raises:
            FleetError: There is no such kind of store, or its package is missing.
        """
        self.url = url
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise FleetError(
                f"{url}: {error}; give a folder or a URL that fsspec knows, such as s3://bucket/plant with "
                "package s3fs installed"
            ) from error

    @property
    def is_local(self) -> bool:
        """Whether files can be opened by their path."""
        return isinstance(self._fs, LocalFileSystem)

    def path(self, place: str) -> str:
        """Return the full address of a place below the URL, for people."""
        return str(self._fs.unstrip_protocol(self._at(place))) if not self.is_local else self._at(place)

    def local_path(self, place: str) -> Path:
        """Return where a place lies on the local disk."""
        return Path(self._at(place))

    def exists(self, place: str) -> bool:
        """Return whether a file or a folder is there."""
        return bool(self._fs.exists(self._at(place)))

    def sizes(self) -> dict[str, int]:
        """Return all files below the URL, by their place, with their bytes."""
        found = self._fs.find(self._root, detail=True)
        start = self._root.rstrip("/") + "/"
        return {name[len(start) :]: int(facts.get("size") or 0) for name, facts in found.items()}

    def texts(self, places: Iterable[str]) -> dict[str, str | OSError | UnicodeDecodeError]:
        """Return the text of each place, or why it cannot be had; many are asked for at once."""
        wanted = list(places)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(self._text, wanted), strict=True))

    def trees(self, places: Iterable[str]) -> dict[str, Any]:
        """Return the JSON of each place that is there and whole; what is damaged counts as not there."""
        trees = {}
        for place, text in self.texts(places).items():
            if isinstance(text, str):
                try:
                    trees[place] = json.loads(text)
                except ValueError:
                    continue
        return trees

    def lines(self, place: str) -> Iterator[bytes]:
        """Yield the lines of a file with their ends."""
        with self._fs.open(self._at(place), "rb") as file:
            yield from file

    def open(self, place: str) -> BinaryIO:
        """Open a file to read bytes of it here and there."""
        file: BinaryIO = self._fs.open(self._at(place), "rb")
        return file

    def write_text(self, place: str, text: str) -> None:
        """Put a file in place, whole."""
        if not self.is_local:
            self._fs.pipe_file(self._at(place), text.encode())
            return
        path = self.local_path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)

    def write_tree(self, place: str, tree: object) -> None:
        """Put JSON in place, whole."""
        self.write_text(place, json.dumps(tree, indent=1, allow_nan=False) + "\n")

    def put(self, file: Path, place: str) -> None:
        """Put a local file in place, whole."""
        if not self.is_local:
            self._fs.put_file(str(file), self._at(place))
            return
        path = self.local_path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        shutil.copyfile(file, part)
        part.replace(path)

    def put_folder(self, folder: Path, place: str, *, last: str) -> None:
        """Put a local folder's files in place, replacing what was there, the file `last` after all others."""
        self.remove(place)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for file in sorted(files, key=lambda path: path.name == last):
            self.put(file, f"{place}/{file.relative_to(folder).as_posix()}")

    def fetch(self, place: str, file: Path) -> None:
        """Copy a file to the local disk."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get_file(self._at(place), str(file))

    def fetched_folder(self, place: str, folder: Path) -> Path:
        """Return where a folder can be read on the local disk: where it lies, or its copy in `folder`."""
        if self.is_local:
            return self.local_path(place)
        for name in self._fs.find(self._at(place)):
            inside = os.path.relpath(name, self._at(place))
            self._fs.get_file(name, str(folder / inside))
        return folder

    def remove(self, place: str) -> None:
        """Remove a file or a folder; nothing happens where there is none."""
        if self.exists(place):
            self._fs.rm(self._at(place), recursive=True)

    def _text(self, place: str) -> str | OSError | UnicodeDecodeError:
        try:
            return bytes(self._fs.cat_file(self._at(place))).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            return error

    def _at(self, place: str) -> str:
        return f"{self._root.rstrip('/')}/{place}" if place else self._root
