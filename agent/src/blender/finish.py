"""What follows a merge: denoising, compositing, and the scene's look for previews.

A stand-in of the scene, with the same settings but nothing in it, is rendered by an engine that
loads the merged file. So compositor, view transform and file formats are Blender's own, and the
warm Cycles of the real scene stays as it is.
"""

import os
import shutil
from array import array
from contextlib import contextmanager

import bpy

from common import (
    ExrHeader,
    Failure,
    Settings,
    check_written,
    use_multilayer_exr,
    use_png,
)
from output import add_frame_files, frame_file, redirected
from render import render_now, save_image
from scene import nodes_of

ENGINE = "BLENDNET_MERGED"
COMPONENTS = "RGBXYZUVWA"
LATTICE = 33


class Merged:
    """The passes of a merged file, by view layer."""

    def __init__(self, path, layers):
        if not os.path.exists(path):
            raise Failure("internal", "attempt", f"{path} is not there")
        self.path = path
        header = ExrHeader(path)
        header.check_complete(path)
        self.size = (header.width, header.height)
        self.texts = header.texts
        self.passes = {layer: {} for layer in layers}
        for channel, _ in header.channels:
            self._add(channel)

    def _add(self, channel):
        name, _, component = channel.rpartition(".")
        # Names of view layers may contain dots themselves.
        for layer in sorted(self.passes, key=len, reverse=True):
            if name.startswith(layer + "."):
                components = self.passes[layer].setdefault(name[len(layer) + 1 :], "")
                ordered = sorted(components + component, key=lambda c: COMPONENTS.find(c.upper()))
                self.passes[layer][name[len(layer) + 1 :]] = "".join(ordered)
                return


class MergedEngine(bpy.types.RenderEngine):
    """Loads the merged file as if it had been rendered."""

    bl_idname = ENGINE
    bl_label = "BlendNet merged frame"
    merged = None

    def update_render_passes(self, scene=None, renderlayer=None):
        passes = self.merged.passes.get(renderlayer.name, {}) if self.merged else {}
        for name, components in {"Combined": "RGBA", **passes}.items():
            kind = "COLOR" if components.upper().startswith("R") else "VECTOR"
            kind = "VALUE" if len(components) == 1 else kind
            self.register_pass(scene, renderlayer, name, len(components), components, kind)

    def render(self, depsgraph):
        layer = depsgraph.view_layer_eval.name
        for name, components in self.merged.passes[layer].items():
            if name != "Combined":
                self.add_pass(name, len(components), components, layer=layer)
        result = self.begin_result(0, 0, *self.merged.size, layer=layer)
        result.load_from_file(self.merged.path)
        self.end_result(result)
        for name, text in self.merged.texts.items():
            if name.startswith(("cryptomatte/", "cycles.")):
                self.get_result().stamp_data_add_field(name, text)


bpy.utils.register_class(MergedEngine)


@contextmanager
def stand_in(opened, merged_path, frame):
    """An empty copy of the scene that renders the merged file."""
    opened.part_settings.restore()
    scene = opened.scene
    layers = [layer.name for layer in opened.used_layers()]
    MergedEngine.merged = Merged(merged_path, layers)
    copy = scene.copy()
    groups = []
    try:
        _empty(copy)
        _fit(copy, opened.film, MergedEngine.merged.size)
        groups = _own_groups(copy, scene)
        copy.render.use_persistent_data = False
        copy.render.use_sequencer = False
        copy.render.engine = ENGINE
        copy.frame_set(frame, subframe=0.0)
        yield copy
    finally:
        if getattr(copy, "node_tree", None):
            # Its nodes use the copy, and Blender complains of deleting what is used.
            copy.node_tree.nodes.clear()
        bpy.data.scenes.remove(copy)
        for group in groups:
            bpy.data.node_groups.remove(group)
        MergedEngine.merged = None


def _empty(copy):
    for child in list(copy.collection.children):
        copy.collection.children.unlink(child)
    for thing in list(copy.collection.objects):
        copy.collection.objects.unlink(thing)
    copy.background_set = None
    copy.world = None
    if copy.rigidbody_world:
        copy.rigidbody_world.enabled = False


def _fit(copy, film, size):
    """A merged file may hold the border only, or the frame that is black around it."""
    if list(size) == film["frame"][2:]:
        if not film["cropped"]:
            copy.render.use_border = False
    elif list(size) != film["rendered"][2:]:
        wanted = "x".join(str(side) for side in film["rendered"][2:])
        message = f"the merged image has {size[0]}x{size[1]} px, the scene {wanted}"
        raise Failure("internal", "attempt", message)


def _own_groups(copy, scene):
    """Makes the compositor of the copy read the copy, in groups that others use too."""
    made = {}

    def own(group):
        if group not in made:
            made[group] = group.copy()
            point(made[group])
        return made[group]

    def reads_scene(tree):
        return any(getattr(node, "scene", None) == scene for node in nodes_of(tree))

    def point(tree):
        for node in tree.nodes:
            if node.type == "GROUP":
                if node.node_tree and reads_scene(node.node_tree):
                    node.node_tree = own(node.node_tree)
            elif getattr(node, "scene", None) == scene:
                _point_node(node, copy)

    if hasattr(copy, "compositing_node_group"):
        if copy.compositing_node_group:
            copy.compositing_node_group = own(copy.compositing_node_group)
    elif copy.node_tree:
        point(copy.node_tree)
    return list(made.values())


def _point_node(node, copy):
    layer = getattr(node, "layer", None)
    node.scene = copy
    if node.type == "R_LAYERS" and layer:
        node.layer = layer


def compose(opened, merged, frame, out):
    """The scene's own output of a merged frame, then what File Output nodes write."""
    with stand_in(opened, merged, frame) as copy, Settings() as settings:
        with redirected(copy, settings, frame, out) as written:
            name = frame_file(copy, settings, frame, out)
            render_now(write_still=True, scene=copy.name)
            add_frame_files(out, name, written)
    return written


def denoise(opened, merged, frame, path):
    """Combined of all view layers, denoised as the scene says."""
    folder = path + ".folder"
    os.makedirs(folder, exist_ok=True)
    try:
        with stand_in(opened, merged, frame) as copy:
            group = _denoising_tree(opened, copy, folder)
            try:
                copy.render.use_compositing = True
                if hasattr(copy.render, "compositor_precision"):
                    copy.render.compositor_precision = "FULL"
                copy.render.use_border = False
                copy.render.resolution_x, copy.render.resolution_y = MergedEngine.merged.size
                copy.render.resolution_percentage = 100
                render_now(scene=copy.name)
            finally:
                if group:
                    copy.compositing_node_group = None
                    bpy.data.node_groups.remove(group)
        names = os.listdir(folder)
        if len(names) != 1:
            raise Failure("render", "attempt", "Blender did not write the denoised image")
        os.replace(os.path.join(folder, names[0]), path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    check_written(path)


def _denoising_tree(opened, copy, folder):
    group = None
    if hasattr(copy, "compositing_node_group"):
        group = bpy.data.node_groups.new("BlendNet denoise", "CompositorNodeTree")
        copy.compositing_node_group = group
        tree = group
    else:
        copy.use_nodes = True
        tree = copy.node_tree
        tree.nodes.clear()
    output = tree.nodes.new("CompositorNodeOutputFile")
    _multilayer_output(output, folder)
    denoised = {layer.name for layer in opened.denoised_layers}
    for layer in opened.used_layers():
        source = tree.nodes.new("CompositorNodeRLayers")
        source.scene = copy
        source.layer = layer.name
        socket = source.outputs["Image"]
        if layer.name in denoised:
            # What Blender itself stores beside a denoised Combined.
            tree.links.new(socket, _slot(output, f"{layer.name}.Noisy Image"))
            socket = _denoise_node(tree, opened.scene.cycles, source)
        tree.links.new(socket, _slot(output, f"{layer.name}.Combined"))
    return group


def _multilayer_output(node, folder):
    settings = Settings()
    use_multilayer_exr(settings, node.format)
    if hasattr(node, "directory"):
        node.directory = folder + "/"
        node.file_name = "denoised"
        node.file_output_items.clear()
    else:
        node.base_path = os.path.join(folder, "denoised")
        node.layer_slots.clear()


def _slot(node, name):
    if hasattr(node, "file_output_items"):
        node.file_output_items.new("RGBA", name)
    else:
        node.layer_slots.new(name)
    return node.inputs[name]


def _denoise_node(tree, cycles, source):
    node = tree.nodes.new("CompositorNodeDenoise")
    prefilter = cycles.denoising_prefilter
    quality = getattr(cycles, "denoising_quality", "HIGH")
    if hasattr(node, "prefilter"):
        node.prefilter = prefilter
        node.use_hdr = True
        if hasattr(node, "quality"):
            node.quality = quality
    else:
        node.inputs["Prefilter"].default_value = prefilter.title()
        node.inputs["HDR"].default_value = True
        node.inputs["Quality"].default_value = quality.title()
    tree.links.new(source.outputs["Image"], node.inputs["Image"])
    inputs = cycles.denoising_input_passes
    if "ALBEDO" in inputs:
        tree.links.new(source.outputs["Denoising Albedo"], node.inputs["Albedo"])
    if "NORMAL" in inputs:
        tree.links.new(source.outputs["Denoising Normal"], node.inputs["Normal"])
    return node.outputs["Image"]


def write_look(opened, path):
    """The scene's view transform as a lattice of colours; `film` reads it for previews."""
    opened.part_settings.restore()
    scene = opened.scene
    side = LATTICE
    shaper = [2.0 ** (step / (side - 1) * 22.0 - 16.0) - 2.0**-16 for step in range(side)]
    pixels = array("f")
    for green in shaper:
        for blue in shaper:
            for red in shaper:
                pixels.extend((red, green, blue, 1.0))
    image = bpy.data.images.new("BlendNet look", side * side, side, float_buffer=True)
    try:
        image.pixels.foreach_set(pixels)
        with Settings() as settings:
            output = scene.render.image_settings
            # An override that is meant for linear files is not a look.
            linear = output.file_format.startswith("OPEN_EXR")
            more = {"color_management": "FOLLOW_SCENE"} if linear else {}
            use_png(settings, output, "RGB", "16", **more)
            settings.set(scene.render, "dither_intensity", 0.0)
            save_image(image, path, scene)
    finally:
        bpy.data.images.remove(image)
    check_written(path)
