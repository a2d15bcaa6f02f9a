"""The files that the vehicle offers: a small disk in memory, and the files that ArduCopter makes up.

``@PARAM/param.pck`` holds all parameters, ``@MISSION/mission.dat``, ``fence.dat`` and ``rally.dat`` the three lists; writing
one of the lists takes effect when the file is closed. Knows files; must not know the protocol.
"""

import zlib
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulator.vehicle.wire import mavlink

_FILE_MOST: Final = 1 << 20


class FtpFailure(Exception):  # noqa: N818 a NAK is no error of the simulator
    """A NAK: error is MAV_FTP_ERR."""

    def __init__(self, error: int) -> None:
        super().__init__(f"MAV_FTP_ERR {error}")
        self.error = int(error)


class Content(Protocol):
    """What is read from an open file."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Bytes that stay as they were at the opening."""

    data: bytes

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset."""
        return self.data[offset : offset + size]


class MadeUp(Protocol):
    """A file that the autopilot makes up."""

    def size_told(self) -> int:
        """What opening says; a guess."""
        ...

    def content(self, query: str) -> Content:
        """Its content; query is what stood behind a question mark.

        Raises:
            FtpFailure: the query is wrong.
        """
        ...

    def take(self, data: bytes) -> None:
        """It was written and closed. What is wrong with it is not told."""
        ...


@dataclass(slots=True)
class OpenFile:
    """An open file: content when it is read, writing when it is written."""

    path: str
    content: Content | None = None
    writing: bytearray | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Bytes from an offset.

        Raises:
            FtpFailure: the file is open to be written.
        """
        if self.content is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAIL)
        return self.content.read(offset, size)

    def write(self, offset: int, data: bytes) -> None:
        """Puts bytes at an offset; what lies before them and was never written is zero.

        Raises:
            FtpFailure: the file is open to be read, or gets too large.
        """
        if self.writing is None or offset + len(data) > _FILE_MOST:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FAIL)
        self.writing.extend(bytes(max(0, offset + len(data) - len(self.writing))))
        self.writing[offset : offset + len(data)] = data


@dataclass
class Files:
    """All files.

    Attributes:
        made_up: by path.
        disk: content by path.
        folders: paths of folders.
    """

    made_up: dict[str, MadeUp]
    disk: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/"})

    def size_told(self, path: str) -> int:
        """What opening says about the size.

        Raises:
            FtpFailure: there is no such file.
        """
        name, _, _ = path.partition("?")
        if name in self.made_up:
            return self.made_up[name].size_told()
        return len(self._stored(path))

    def open_to_read(self, path: str) -> OpenFile:
        """An open file.

        Raises:
            FtpFailure: there is none.
        """
        name, _, query = path.partition("?")
        if name in self.made_up:
            return OpenFile(name, content=self.made_up[name].content(query))
        return OpenFile(path, content=Fixed(self._stored(path)))

    def open_to_write(self, path: str) -> OpenFile:
        """A new, empty file.

        Raises:
            FtpFailure: its folder does not exist.
        """
        if path not in self.made_up and _folder_of(path) not in self.folders:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        return OpenFile(path, writing=bytearray())

    def close(self, file: OpenFile) -> None:
        """What was written takes effect."""
        if file.writing is None:
            return
        if file.path in self.made_up:
            self.made_up[file.path].take(bytes(file.writing))
        else:
            self.disk[_absolute(file.path)] = bytes(file.writing)

    def checksum(self, path: str) -> int:
        """CRC32 that begins at 0 and is not inverted.

        Raises:
            FtpFailure: there is no such file.
        """
        return zlib.crc32(self._stored(path), 0xFFFFFFFF) ^ 0xFFFFFFFF

    def remove(self, path: str) -> None:
        """Removes a file or an empty folder.

        Raises:
            FtpFailure: there is none, or it is not empty.
        """
        path = _absolute(path)
        if path in self.folders:
            if self.listing(path):
                raise FtpFailure(mavlink.MAV_FTP_ERR_FAILERRNO)
            self.folders.remove(path)
        elif self.disk.pop(path, None) is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)

    def make_folder(self, path: str) -> None:
        """Makes a folder.

        Raises:
            FtpFailure: it exists, or its parent does not.
        """
        path = _absolute(path)
        if path in self.folders:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILEEXISTS)
        if _folder_of(path) not in self.folders:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        self.folders.add(path)

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name.

        Raises:
            FtpFailure: there is none.
        """
        data = self._stored(old)
        del self.disk[_absolute(old)]
        self.disk[_absolute(new)] = data

    def listing(self, path: str) -> list[bytes]:
        """The entries of a folder as they travel.

        Raises:
            FtpFailure: there is no such folder.
        """
        path = _absolute(path)
        if path not in self.folders:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        inside = sorted(p for p in (*self.disk, *self.folders) if p != "/" and _folder_of(p) == path)
        return [_entry(p.rpartition("/")[2], len(self.disk[p]) if p in self.disk else None) for p in inside]

    def _stored(self, path: str) -> bytes:
        data = self.disk.get(_absolute(path))
        if data is None:
            raise FtpFailure(mavlink.MAV_FTP_ERR_FILENOTFOUND)
        return data


def _entry(name: str, size: int | None) -> bytes:
    return f"D{name}\0".encode() if size is None else f"F{name}\t{size}\0".encode()


def _absolute(path: str) -> str:
    return "/" + path.strip("/")


def _folder_of(path: str) -> str:
    return _absolute(path).rpartition("/")[0] or "/"
