"""A bundle as one file, as a browser can send it: a plain tar, unpacked into a folder, or refused."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from monitor.bundles.version_files import disk_errors
from monitor.errors import LibraryError
from monitor.worded import worded

MAX_PARCEL_BYTES = 536_870_912
"""A larger one is refused unread; the largest of our models has a tenth of it."""
FILES_MAX = 32
MEMBERS_MAX = 64
"""Files and folders together: a tar may be long and hold nothing."""
HEADERS_MAX = 4 * MEMBERS_MAX
"""A member may have further ones before it, with a long name or what an archiver noted."""
NAMES = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    }
)  # fmt: skip
"""Kinds of headers whose content tarfile reads whole."""
NAME_BYTES = 65_536
"""So long may it be; half a gigabyte of name would take the memory from what judges."""
REMEDY = worded("pack-anew", "pack it anew: tar cf BUNDLE.tar -C FOLDER .")


def unpacked(parcel: Path, to: Path) -> Path:
    """Return `to`, a new folder, with the files of a tar: plain ones, all of one folder, and no others.

    A tar that is compressed is refused, and so is a sparse file: what is unpacked is never larger than what
    was sent.

    Raises:
        LibraryError: It is no such tar, or the disk refuses.
    """
    with disk_errors(to):
        to.mkdir()
        try:
            _check_names(parcel)
            with tarfile.open(parcel, "r:") as tar:
                _unpack(tar, to)
        except (tarfile.TarError, EOFError) as error:
            raise LibraryError(
                worded(
                    "no-tar",
                    "this is no tar, or a damaged or compressed one ({detail}); {remedy}",
                    detail=str(error),
                    remedy=REMEDY,
                )
            ) from error
    return to


def _check_names(parcel: Path) -> None:
    """Refuse a tar whose headers would take memory, before any of it is read by a library.

    Raises:
        LibraryError: One is too long, or there are too many.
        tarfile.TarError: It is no tar.
    """
    with parcel.open("rb") as file:
        for _ in range(HEADERS_MAX):
            block = file.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE or not any(block):
                return
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            if member.size < 0 or (member.type in NAMES and member.size > NAME_BYTES):
                raise LibraryError(
                    worded(
                        "tar-name-too-long",
                        "a name or note in it is of {size} bytes; {remedy}",
                        size=member.size,
                        remedy=REMEDY,
                    )
                )
            file.seek(-(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, os.SEEK_CUR)
    raise LibraryError(
        worded(
            "tar-too-many",
            "a bundle is one folder of at most {most} plain files, this is more; {remedy}",
            most=FILES_MAX,
            remedy=REMEDY,
        )
    )


def _unpack(tar: tarfile.TarFile, to: Path) -> None:
    folders: set[PurePosixPath] = set()
    for count, member in enumerate(tar):
        if member.isdir() and count < MEMBERS_MAX:
            continue
        path = PurePosixPath(member.name)
        folders.add(path.parent)
        source = tar.extractfile(member) if _is_plain(member) else None
        if source is None or count >= FILES_MAX or len(folders) > 1 or (to / path.name).exists():
            raise LibraryError(
                worded(
                    "tar-does-not-fit",
                    "a bundle is one folder of at most {most} plain files; {name} does not fit in; {remedy}",
                    most=FILES_MAX,
                    name=repr(member.name[:80]),
                    remedy=REMEDY,
                )
            )
        with source, (to / path.name).open("wb") as file:
            shutil.copyfileobj(source, file)


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Whether it is a file whose content is all there, under a name that a file can have."""
    name = PurePosixPath(member.name).name
    return member.isreg() and not member.issparse() and name not in {"", ".."} and "\0" not in name


def remove(folder: Path) -> None:
    """Remove what came and what was unpacked of it; what cannot be removed goes with the next."""
    shutil.rmtree(folder, ignore_errors=True)


def new_folder(folder: Path) -> Path:
    """Return `folder`, empty and for its owner alone.

    Raises:
        LibraryError: The disk refuses.
    """
    remove(folder)
    with disk_errors(folder):
        folder.mkdir(mode=0o700)
        os.chmod(folder, 0o700)  # noqa: PTH101 - whatever the umask is
    return folder
