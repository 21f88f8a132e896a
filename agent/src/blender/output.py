"""Where images go: the scene's own file and those of File Output nodes, all into one folder."""

import os
import shutil
from contextlib import contextmanager

from common import check_written, use_png
from scene import compositor_tree, nodes_of

NODES = ".nodes"


def frame_file(scene, settings, frame, out):
    """Points the scene's output at `out` and tells the file's name."""
    render = scene.render
    os.makedirs(out, exist_ok=True)
    if render.is_movie_format:
        color_mode = render.image_settings.color_mode
        use_png(settings, render.image_settings, color_mode, "8")
    name = f"{frame:04d}{render.file_extension}"
    settings.set(render, "filepath", os.path.join(out, name))
    return name


def _safe(path):
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts)


def _redirect(node, settings, folder):
    if hasattr(node, "directory"):
        settings.set(node, "directory", folder + "/")
        settings.set(node, "file_name", _safe(node.file_name))
        return
    layers = node.format.file_format == "OPEN_EXR_MULTILAYER"
    if layers:
        # The base path of a multilayer file is the file itself.
        name = os.path.basename(node.base_path.replace("\\", "/"))
        settings.set(node, "base_path", os.path.join(folder, name))
        return
    settings.set(node, "base_path", folder)
    for slot in node.file_slots:
        settings.set(slot, "path", _safe(slot.path))


@contextmanager
def redirected(scene, settings, frame, out):
    """File Output nodes write into folders of their own; yields the names that reach `out`."""
    base = os.path.join(out, NODES)
    folders = []
    outputs = [n for n in nodes_of(compositor_tree(scene)) if n.type == "OUTPUT_FILE"]
    for number, node in enumerate(outputs):
        folder = os.path.join(base, str(number))
        os.makedirs(folder, exist_ok=True)
        _redirect(node, settings, folder)
        folders.append((folder, _safe(node.name).replace("/", "_") or "node", _digits(node, frame)))
    written = []
    try:
        yield written
        for folder, name, digits in folders:
            _collect(folder, name, digits, out, written)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _digits(node, frame):
    """5.0 and later number these files in animations only, where others always do."""
    if hasattr(node, "file_name") and "#" not in node.file_name:
        return f"{frame:04d}"
    return ""


def _collect(folder, node_name, digits, out, written):
    for current, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            source = os.path.join(current, name)
            check_written(source)
            stem, extension = os.path.splitext(os.path.relpath(source, folder))
            flat = stem.replace(os.sep, "_") + digits + extension
            if flat in written:
                flat = f"{node_name}_{flat}"
            os.replace(source, os.path.join(out, flat))
            written.append(flat)


def add_frame_files(out, name, written):
    """The scene's own image; with several views Blender puts their names before the extension."""
    stem, extension = os.path.splitext(name)
    found = [
        other
        for other in sorted(os.listdir(out))
        if other == name or (other.startswith(stem + "_") and other.endswith(extension))
    ]
    for other in found or [name]:
        check_written(os.path.join(out, other))
    written += found
