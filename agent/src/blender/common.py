"""Errors, temporary settings and EXR headers: what every module of the driver shares."""

import errno
import os
import shutil
import struct


class Failure(Exception):
    """A command failed in a way that is understood; the names are those of the wire types."""

    def __init__(self, kind, fault, message):
        super().__init__(message)
        self.kind = kind
        self.fault = fault


def bad_settings(message):
    return Failure("bad_settings", "scene", message)


def bad_file(message):
    return Failure("bad_file", "scene", message)


def disk_full(message):
    return Failure("disk_full", "agent", message)


def from_exception(error):
    """The failure that an exception of a command means."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, MemoryError):
        return Failure("render", "attempt", "Blender ran out of memory")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(f"the disk is full: {error}")
    if isinstance(error, RuntimeError):
        return Failure("render", "attempt", str(error).strip())
    return Failure("internal", "attempt", f"{type(error).__name__}: {error}")


class Settings:
    """Settings that are changed for a while and can be put back.

    Nothing is written that has the wanted value already: every write makes Blender synchronise.
    """

    def __init__(self):
        self._saved = []

    def set(self, owner, name, value):
        old = getattr(owner, name)
        if old == value:
            return
        self._saved.append((owner, [(name, old)]))
        setattr(owner, name, value)

    def set_format(self, owner, **values):
        """Sets an image format. One setting changes others, so all are kept, in this order."""
        names = [name for name in FORMAT_SETTINGS if hasattr(owner, name)]
        self._saved.append((owner, [(name, getattr(owner, name)) for name in names]))
        for name in names:
            if name in values:
                setattr(owner, name, values[name])

    def restore(self):
        while self._saved:
            owner, values = self._saved.pop()
            for name, value in values:
                setattr(owner, name, value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.restore()


class Overlay:
    """Settings that stay changed from one part to the next, and are put back for other work."""

    def __init__(self):
        self._originals = {}

    def become(self, wanted):
        """Changes what differs between the last settings and these: `(owner, name, value)`."""
        kept = {(owner, name) for owner, name, _ in wanted}
        for key in [key for key in self._originals if key not in kept]:
            setattr(*key, self._originals.pop(key))
        for owner, name, value in wanted:
            current = getattr(owner, name)
            if current != value:
                self._originals.setdefault((owner, name), current)
                setattr(owner, name, value)

    def restore(self):
        self.become([])


def float32(value):
    """The value as Blender keeps it."""
    return struct.unpack("f", struct.pack("f", value))[0]


FORMAT_SETTINGS = (
    "media_type",
    "file_format",
    "color_mode",
    "color_depth",
    "exr_codec",
    "use_exr_interleave",
    "color_management",
    "views_format",
)


def use_multilayer_exr(settings, image_settings, **more):
    """Lossless files with all passes; uncompressed unless said, for most are read at once."""
    wanted = {"exr_codec": "NONE", **more}
    settings.set_format(
        image_settings,
        media_type="MULTI_LAYER_IMAGE",
        file_format="OPEN_EXR_MULTILAYER",
        color_depth="32",
        use_exr_interleave=True,
        **wanted,
    )


def use_png(settings, image_settings, color_mode, depth, **more):
    settings.set_format(
        image_settings,
        media_type="IMAGE",
        file_format="PNG",
        color_mode=color_mode,
        color_depth=depth,
        **more,
    )


SEVERAL_PARTS = 0x1000
# With less than this left, Blender's last write may have failed half-way.
DISK_LEFT_BYTES = 1 << 20


class ExrHeader:
    """Size, channels and text attributes of an EXR file of one part."""

    def __init__(self, path):
        self.width = self.height = 0
        self.compression = 0
        self.channels = []
        self.texts = {}
        with open(path, "rb") as file:
            if file.read(4) != b"\x76\x2f\x31\x01":
                raise Failure("internal", "attempt", f"{path} is not an EXR file")
            (flags,) = struct.unpack("<I", file.read(4))
            if flags & SEVERAL_PARTS:
                raise Failure("internal", "attempt", f"{path} has several parts; one is expected")
            data = file.read(1 << 22)
        self._parse(data)

    def _parse(self, data):
        at = 0

        def text():
            nonlocal at
            end = data.index(b"\0", at)
            value = data[at:end].decode("utf-8", "replace")
            at = end + 1
            return value

        while name := text():
            kind = text()
            (size,) = struct.unpack_from("<I", data, at)
            value = data[at + 4 : at + 4 + size]
            at += 4 + size
            if name == "channels":
                self.channels = list(_channels(value))
            elif name == "dataWindow":
                x0, y0, x1, y1 = struct.unpack("<4i", value)
                self.width, self.height = x1 - x0 + 1, y1 - y0 + 1
            elif name == "compression":
                self.compression = value[0]
            elif kind == "string":
                self.texts[name] = value.decode("utf-8", "replace")

    def check_complete(self, path):
        """Blender reports a write that failed half-way only on its console."""
        least = self.width * self.height * sum(size for _, size in self.channels)
        size = os.path.getsize(path)
        if self.compression == 0 and size < least:
            raise disk_full(f"{path} has {size} of at least {least} bytes")


def _channels(data):
    """Names and bytes for each pixel."""
    at = 0
    while data[at]:
        end = data.index(b"\0", at)
        (kind,) = struct.unpack_from("<I", data, end + 1)
        yield data[at:end].decode("utf-8", "replace"), 2 if kind == 1 else 4
        at = end + 17


def is_full(folder):
    return shutil.disk_usage(folder).free < DISK_LEFT_BYTES


def check_written(path):
    """Whether an image that Blender was told to write is really there, and all of it."""
    folder = os.path.dirname(path)
    if is_full(folder):
        raise disk_full(f"the disk of {folder} is full")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        raise Failure("render", "attempt", f"Blender did not write {path}")
    if path.endswith(".exr"):
        with open(path, "rb") as file:
            (flags,) = struct.unpack("<I", file.read(8)[4:])
        if not flags & SEVERAL_PARTS:
            ExrHeader(path).check_complete(path)
