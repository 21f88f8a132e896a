"""Opens a .blend, applies the user's overrides and tells what will be rendered."""

import gzip
import os
import re
import sys

import bpy

from common import Overlay, Settings, bad_file, bad_settings, float32
from files import ExternalFiles, Layout, strips

MARK = "blendnet_previous"


def blender_version():
    return ".".join(str(part) for part in bpy.app.version)


def has_sample_subset():
    return "use_sample_subset" in bpy.context.scene.cycles.bl_rna.properties


def cycles_build():
    """The module that knows what Cycles was built with."""
    import _cycles

    return _cycles


def has_denoiser():
    return bool(getattr(cycles_build(), "with_openimagedenoise", False))


def check_is_blend(path):
    """Names what is wrong better than Blender does."""
    if os.path.isdir(path):
        raise bad_file(f"{path} is a folder, not a .blend file")
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError as error:
        raise bad_file(f"can't read {path}: {error.strerror}") from error
    known = (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")
    if not start.startswith(known):
        raise bad_file(f"{path} is not a .blend file")


def saved_by(path):
    """Version that saved the file, where its header can be read; `(5, 0)`."""
    with open(path, "rb") as file:
        start = file.read(17)
    if start.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as file:
                start = file.read(17)
        except (OSError, EOFError):
            return None
    found = re.match(rb"BLENDER(?:[-_][vV]|\d\d[-_]\d\d[vV])(\d+)", start)
    return divmod(int(found.group(1)), 100) if found else None


def why_not_opened(path, message):
    saved = saved_by(path)
    if saved and saved > bpy.app.version[:2]:
        return f"it was saved by Blender {saved[0]}.{saved[1]}, which is newer"
    if "Missing DNA block" in message:
        return "the file is damaged or cut off"
    return message.removeprefix("Error: ") or "Blender refused it"


def load(path):
    check_is_blend(path)
    for old in bpy.data.scenes:
        old[MARK] = True
    message = ""
    try:
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)
    except RuntimeError as error:
        message = str(error).strip()
    # Blender also complains when it did open the file, for example of a missing library.
    if any(MARK in old for old in bpy.data.scenes):
        reason = why_not_opened(path, message)
        raise bad_file(f"Blender {blender_version()} can't open {path}: {reason}")
    if not bpy.data.scenes:
        raise bad_file(f"{path} has no scene")


def open_scene(blend, root, overrides, threads):
    load(blend)
    files = ExternalFiles(Layout(root, blend))
    scene = _pick_scene(overrides.get("scene"))
    bpy.context.window.scene = scene
    opened = OpenScene(scene, files, threads)
    opened.override(overrides)
    opened.film = opened._film()
    opened.denoised_layers = opened._denoised_layers()
    opened.samples = opened._samples()
    opened.scrambling_distance = opened._scrambling_distance()
    opened.check()
    opened.find_extra_passes()
    # Kept data saves loading the scene for every range. With several view layers Blender shows
    # the first one's objects in all of them.
    scene.render.use_persistent_data = len(opened.used_layers()) == 1
    return opened


def _names(items):
    return ", ".join(f"`{item.name}`" for item in items) or "none"


def _pick_scene(name):
    if name is None:
        return bpy.context.window.scene or bpy.data.scenes[0]
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise bad_settings(f"there is no scene `{name}`; the file has {_names(bpy.data.scenes)}")
    return scene


def compositor_tree(scene):
    """The compositor's nodes as they would run, or `None`."""
    if not scene.render.use_compositing:
        return None
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def nodes_of(tree):
    """All nodes of a tree, those of its groups too."""
    seen = set()
    waiting = [tree] if tree else []
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for node in current.nodes:
            yield node
            if node.type == "GROUP" and node.node_tree:
                waiting.append(node.node_tree)


class OpenScene:
    """The scene that is open, as the user's overrides make it.

    `part_settings` holds what parts need differently; `film` and `denoised_layers` are of the
    user's settings, whatever these are at the moment.
    """

    def __init__(self, scene, files, threads):
        self.scene = scene
        self.files = files
        self.frame = None
        self.part_settings = Overlay()
        self.film = None
        self.denoised_layers = []
        self.samples = 1
        self.scrambling_distance = None
        self.extra_passes = []
        self.extra_settings = []
        self.warnings = []
        render = scene.render
        render.threads_mode = "FIXED" if threads else "AUTO"
        if threads:
            render.threads = threads
        # As Blender does on the command line.
        render.use_single_layer = False
        if self.is_cycles() and scene.cycles.use_denoising and not has_denoiser():
            # Blender would render nothing at all.
            scene.cycles.use_denoising = False
            self.warnings.append(
                "this Blender was built without a denoiser; the image is not denoised"
            )

    def override(self, overrides):
        scene = self.scene
        if overrides.get("camera"):
            self._override_camera(overrides["camera"])
        if overrides.get("view_layers"):
            self._override_layers(overrides["view_layers"])
        if overrides.get("samples") is not None:
            if overrides["samples"] < 1:
                raise bad_settings("0 samples render nothing; at least 1 is needed")
            scene.cycles.samples = overrides["samples"]
            for layer in scene.view_layers:
                layer.samples = 0
        if overrides.get("seed") is not None:
            scene.cycles.seed = overrides["seed"]
        if overrides.get("compositor") is not None:
            scene.render.use_compositing = overrides["compositor"]

    def _override_camera(self, name):
        cameras = [thing for thing in self.scene.objects if thing.type == "CAMERA"]
        found = [camera for camera in cameras if camera.name == name]
        if not found:
            raise bad_settings(
                f"there is no camera `{name}` in scene `{self.scene.name}`; "
                f"it has {_names(cameras)}"
            )
        self.scene.camera = found[0]
        for marker in self.scene.timeline_markers:
            marker.camera = None

    def _override_layers(self, names):
        layers = self.scene.view_layers
        for name in names:
            if name not in layers:
                raise bad_settings(
                    f"there is no view layer `{name}` in scene `{self.scene.name}`; "
                    f"it has {_names(layers)}"
                )
        for layer in layers:
            layer.use = layer.name in names

    def check(self):
        scene = self.scene
        if not self.used_layers():
            raise bad_settings(f"no view layer of scene `{scene.name}` is switched on to render")
        if self.camera() is None and not self.uses_sequencer() and self.renders_itself():
            raise bad_settings(f"scene `{scene.name}` has no camera")
        rendered = self.film["rendered"]
        if rendered[2] < 1 or rendered[3] < 1:
            raise bad_settings(f"the render border of scene `{scene.name}` is empty")

    def is_cycles(self):
        return self.scene.render.engine == "CYCLES"

    def used_layers(self):
        return [layer for layer in self.scene.view_layers if layer.use]

    def camera(self):
        """The camera at the current frame, as markers bind it."""
        bound = [marker for marker in self.scene.timeline_markers if marker.camera]
        before = [marker for marker in bound if marker.frame <= self.scene.frame_current]
        if before:
            return max(before, key=lambda marker: marker.frame).camera
        if bound and self.scene.camera is None:
            return min(bound, key=lambda marker: marker.frame).camera
        return self.scene.camera

    def uses_sequencer(self):
        return self.scene.render.use_sequencer and len(strips(self.scene)) > 0

    def renders_itself(self):
        """Whether the compositor, if it runs, takes this scene's render."""
        tree = compositor_tree(self.scene)
        if tree is None:
            return True
        return any(
            node.type == "R_LAYERS" and node.scene in (None, self.scene) for node in nodes_of(tree)
        )

    def _denoised_layers(self):
        """View layers whose final image is denoised."""
        if not (self.is_cycles() and self.scene.cycles.use_denoising and has_denoiser()):
            return []
        return [layer for layer in self.used_layers() if layer.cycles.use_denoising]

    def _film(self):
        render = self.scene.render
        width = render.resolution_x * render.resolution_percentage // 100
        height = render.resolution_y * render.resolution_percentage // 100
        rendered = [0, 0, width, height]
        if render.use_border:
            # In 32 bits and cut off, as Blender does it.
            x0 = int(float32(render.border_min_x * width))
            x1 = int(float32(render.border_max_x * width))
            y0 = int(float32(render.border_min_y * height))
            y1 = int(float32(render.border_max_y * height))
            rendered = [x0, y0, x1 - x0, y1 - y0]
        return {
            "frame": [0, 0, width, height],
            "rendered": rendered,
            "cropped": render.use_border and render.use_crop_to_border,
        }

    def _samples(self):
        """Cycles samples of a pixel; the same in all view layers, or none can be told."""
        if not self.is_cycles():
            return 1
        return max((self.layer_samples(layer) for layer in self.used_layers()), default=1)

    def _scrambling_distance(self):
        """The user's factor where Blender derives the distance from the samples, else `None`."""
        if self.is_cycles() and self.scene.cycles.auto_scrambling_distance:
            return self.scene.cycles.scrambling_distance
        return None

    def layer_samples(self, layer):
        cycles = self.scene.cycles
        if layer.samples == 0 or cycles.use_layer_samples == "IGNORE":
            return cycles.samples
        if cycles.use_layer_samples == "BOUNDED":
            return min(cycles.samples, layer.samples)
        return layer.samples

    def find_extra_passes(self):
        """Passes that only the merge and the denoiser need; Cycles itself says their names."""
        if not self.is_cycles():
            return
        denoised = self.denoised_layers
        with Settings() as settings:
            for layer in self.used_layers():
                before = self._pass_names(layer)
                wanted = [
                    (layer, f"use_pass_{kind}_color")
                    for kind in ("diffuse", "glossy", "transmission")
                    if getattr(layer, f"use_pass_{kind}_direct")
                    or getattr(layer, f"use_pass_{kind}_indirect")
                ]
                if layer in denoised:
                    wanted.append((layer.cycles, "denoising_store_passes"))
                for owner, name in wanted:
                    settings.set(owner, name, True)
                self.extra_settings += wanted
                new = [name for name in self._pass_names(layer) if name not in before]
                self.extra_passes += [f"{layer.name}.{name}" for name in new]

    def _pass_names(self, layer):
        engine = sys.modules["cycles"].engine
        return [name for name, *_ in engine.list_render_passes(self.scene, layer)]

    def go_to(self, frame):
        """Sets the frame, and only when it changes: it makes Blender evaluate the scene again.

        With persistent data, Blender takes no notice of other changes, such as the number of
        samples, unless the scene is tagged.
        """
        self.scene.update_tag()
        if self.frame != frame:
            self.frame = None
            self.scene.frame_set(frame, subframe=0.0)
            self.frame = frame
