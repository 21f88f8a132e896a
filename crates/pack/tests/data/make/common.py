"""What the makers of test data share: a folder that fills with files, and small files of each kind."""

import os
import struct
import wave
import zlib

import bpy

# Name of a kind: what makes it.
KINDS = {}


def kind(make):
    """Registers a kind of dependency under the name of its function."""
    KINDS[make.__name__] = make
    return make


class Case:
    """A folder with `scene.blend`, and the files that a render of it needs."""

    def __init__(self, folder):
        self.folder = folder
        self.blend = os.path.join(folder, "scene.blend")
        self.needed = []
        self.gone = []
        self.keeps_paths = False

    def path(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def needs(self, *names):
        self.needed += names

    def needs_all_of(self, folder):
        for inside, _, names in os.walk(self.path(folder)):
            self.needed += [os.path.relpath(os.path.join(inside, name), self.folder) for name in names]

    def file(self, name, content=b"some", needed=True):
        with open(self.path(name), "wb") as file:
            file.write(content)
        if needed:
            self.needs(name)
        return self.path(name)

    def picture(self, name, needed=True):
        return self.file(name, png(), needed)

    def sound(self, name):
        with wave.open(self.path(name), "wb") as file:
            file.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
            file.writeframes(bytes(128 + number % 9 for number in range(800)))
        self.needs(name)
        return self.path(name)

    def movie(self, name):
        """Three frames of one colour, made by the sequencer of a scene of its own."""
        scene = bpy.data.scenes.new("Movie")
        render = scene.render
        render.resolution_x = render.resolution_y = 32
        scene.frame_end = 3
        length = {"length": 3} if bpy.app.version >= (5, 0, 0) else {"frame_end": 4}
        strips = strips_of(scene.sequence_editor_create())
        strips.new_effect(name="Grey", type="COLOR", channel=1, frame_start=1, **length).color = (0.5, 0.5, 0.5)
        if hasattr(render.image_settings, "media_type"):
            render.image_settings.media_type = "VIDEO"
        render.image_settings.file_format = "FFMPEG"
        render.ffmpeg.format, render.ffmpeg.codec = "AVI", "MPEG4"
        render.filepath = self.path(name)
        bpy.ops.render.render(animation=True, scene=scene.name)
        bpy.data.scenes.remove(scene)
        self.needs(name)
        return self.path(name)

    def save(self, name="scene.blend"):
        """As File > Save does, with all of Blender's windows."""
        bpy.context.preferences.filepaths.save_version = 0
        bpy.context.preferences.filepaths.file_preview_type = "NONE"
        if bpy.data.is_saved and not self.keeps_paths:
            bpy.ops.file.make_paths_relative()
        bpy.ops.wm.save_as_mainfile(filepath=self.path(name), relative_remap=True, compress=True)

    def shrink(self, name="scene.blend", compress=True):
        """The file that is open once more, with its datablocks only."""
        self.save(name)
        lists = (getattr(bpy.data, name) for name in dir(bpy.data) if name not in ("screens", "workspaces", "brushes"))
        lists = [ids for ids in lists if isinstance(ids, bpy.types.bpy_prop_collection)]
        own = {one for ids in lists for one in ids if isinstance(one, bpy.types.ID) and not one.library}
        own -= set(bpy.data.window_managers)
        bpy.data.libraries.write(self.path(name), own, path_remap="NONE", compress=compress)


def strips_of(holder):
    """The strips of an editor or a meta strip, whose name changed in 4.4."""
    return holder.strips if hasattr(holder, "strips") else holder.sequences


def empty():
    """A file with nothing but a scene of three frames, so that it stays small."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for unused in (bpy.data.brushes, bpy.data.palettes, bpy.data.linestyles):
        bpy.data.batch_remove(list(unused))
    scene = bpy.context.scene
    scene.frame_end = 3
    scene.render.filepath = "//out/"
    return scene


def material(name):
    """A material whose nodes may be filled; it is kept though nothing uses it."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.use_fake_user = True
    return made


def shown(image, name="Textures"):
    """The node that shows an image in a material."""
    found = bpy.data.materials.get(name) or material(name)
    node = found.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    return node


def written(path):
    """An image of which only the path as it is written matters."""
    image = bpy.data.images.new(os.path.basename(path), 1, 1)
    image.source = "FILE"
    image.filepath = path
    return image


def grid(name, size=2):
    """A plane of some faces, as the active object."""
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=size, y_subdivisions=size)
    bpy.context.object.name = name
    return bpy.context.object


def png():
    """A grey picture of 4 by 4 pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + bytes([90, 90, 90] * 4) for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
