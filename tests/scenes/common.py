"""What the test scenes share: options, Cycles settings, simple objects, saving.

Each maker runs in any Blender from 3.4 on, as an executable or as the `bpy` module:
    blender -b --factory-startup --python tests/scenes/NAME.py -- OUT.blend [options]
    python tests/scenes/NAME.py -- OUT.blend [options]
"""

import argparse
import math
import os
import sys

import bpy


def parser(description):
    """The options that every scene has; add your own, then `parse` it."""
    options = argparse.ArgumentParser(prog="scene", description=description)
    options.add_argument("out", type=os.path.abspath, help="the .blend file to write")
    options.add_argument("--size", type=int, nargs=2, default=(160, 90), metavar=("W", "H"))
    options.add_argument("--samples", type=int, default=64)
    options.add_argument("--format", default="PNG", help="PNG, JPEG or OPEN_EXR: the scene's own output")
    return options


def parse(options):
    """Only what follows `--` is ours: what stands before it is Blender's."""
    given = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else []
    return options.parse_args(given)


def new_scene(options):
    """An empty Cycles scene: adaptive sampling and denoising off, small, single frame."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = options.size
    render.resolution_percentage = 100
    render.filepath = "//out/"
    render.image_settings.file_format = options.format
    scene.frame_start = scene.frame_end = 1
    set_cycles(scene, options.samples)
    scene.world = bpy.data.worlds.new("World")
    nodes, _ = shader_tree(scene.world)
    nodes["Background"].inputs["Color"].default_value = (0.2, 0.25, 0.35, 1)
    return scene


def set_cycles(scene, samples):
    """A fixed number of samples, in a pattern that the build can split where it has one."""
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = False
    cycles.seed = 7
    if "SOBOL" in enum_names(cycles, "sampling_pattern"):
        cycles.sampling_pattern = "SOBOL"
    else:
        cycles.sampling_pattern = "TABULATED_SOBOL"


def enum_names(owner, name):
    return owner.bl_rna.properties[name].enum_items.keys()


def switch_on(owner, *names):
    """Sets those of the named properties that this Blender has."""
    for name in names:
        if hasattr(owner, name):
            setattr(owner, name, True)


def shader_tree(owner):
    """The node tree of a material or world, switched on where that is still needed."""
    if owner.node_tree is None:
        owner.use_nodes = True
    return owner.node_tree.nodes, owner.node_tree.links


def material(name, **inputs):
    """A Principled material; `inputs` name sockets, `_` for a blank."""
    made = bpy.data.materials.new(name)
    nodes, _ = shader_tree(made)
    for socket, value in inputs.items():
        nodes["Principled BSDF"].inputs[socket.replace("_", " ")].default_value = value
    return made


def glass(name, color=(0.9, 0.97, 1, 1)):
    made = bpy.data.materials.new(name)
    nodes, links = shader_tree(made)
    shader = nodes.new("ShaderNodeBsdfGlass")
    shader.inputs["Color"].default_value = color
    links.new(shader.outputs[0], nodes["Material Output"].inputs["Surface"])
    return made


def place(name, surface, smooth=True):
    """Names the object that the last operator added, and gives it a material."""
    made = bpy.context.object
    made.name = name
    if surface is not None:
        made.data.materials.append(surface)
    if smooth and made.type == "MESH":
        made.data.polygons.foreach_set("use_smooth", [True] * len(made.data.polygons))
    return made


def monkey(surface, location=(0, 0, 1)):
    bpy.ops.mesh.primitive_monkey_add(location=location)
    return place("Monkey", surface)


def sphere(name, surface, location, radius=0.6):
    bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, radius=radius, location=location)
    return place(name, surface)


def floor(surface, size=14):
    bpy.ops.mesh.primitive_plane_add(size=size)
    return place("Floor", surface, smooth=False)


def camera(scene, location=(0, -6, 2.2), look_up=78, lens=45):
    data = bpy.data.cameras.new("Camera")
    data.lens = lens
    made = bpy.data.objects.new("Camera", data)
    made.location = location
    made.rotation_euler = (math.radians(look_up), 0, 0)
    scene.collection.objects.link(made)
    scene.camera = made
    return made


def area_light(scene, name="Key", location=(3, -3, 5), energy=500, size=2.0):
    data = bpy.data.lights.new(name, "AREA")
    data.energy = energy
    data.size = size
    made = bpy.data.objects.new(name, data)
    made.location = location
    made.rotation_euler = (math.radians(38), 0, math.radians(45))
    scene.collection.objects.link(made)
    return made


def still_life(scene, even=False):
    """A glossy monkey, a glass sphere, a floor, a light and a camera; the monkey turns slowly.

    `even`: diffuse colours are powers of two, which Blender's sums of 32 bits hold without an error.
    """
    gold, metallic = ((0.5, 0.5, 0.25, 1), 0.5) if even else ((0.9, 0.6, 0.2, 1), 0.4)
    stone = (0.5, 0.5, 0.25, 1) if even else (0.4, 0.42, 0.45, 1)
    head = monkey(material("Gold", Base_Color=gold, Metallic=metallic, Roughness=0.25))
    ball = sphere("Ball", glass("Glass"), (1.5, -0.6, 0.6))
    ground = floor(material("Ground", Base_Color=stone, Roughness=0.6))
    light = area_light(scene)
    camera(scene)
    turn(head)
    return head, ball, ground, light


def turn(thing, frames=24):
    """A full turn about the vertical, at an even speed."""
    for frame, angle in ((1, 0.0), (frames + 1, math.tau)):
        thing.rotation_euler = (0, 0, angle)
        thing.keyframe_insert("rotation_euler", frame=frame)
    for curve in curves(thing.animation_data):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"


def curves(animation):
    """The F-curves of an action, which Blender 5.0 keeps in a channel bag per slot."""
    action = animation.action
    if hasattr(action, "fcurves"):
        return action.fcurves
    return action.layers[0].strips[0].channelbag(animation.action_slot).fcurves


def picture(path, size=64, tint=(1.0, 1.0, 1.0), stripes=8):
    """Writes a striped image file (its format from the ending) and returns its path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    made = bpy.data.images.new("picture", size, size)
    pixels = []
    for y in range(size):
        for x in range(size):
            bright = 0.9 if (x * stripes // size + y * stripes // size) % 2 else 0.25
            pixels += [tint[0] * bright, tint[1] * bright, tint[2] * bright, 1.0]
    made.pixels.foreach_set(pixels)
    made.filepath_raw = path
    made.file_format = "JPEG" if path.endswith(".jpg") else "PNG"
    made.save()
    bpy.data.images.remove(made)
    return path


def textured(name, image):
    """A material that shows an image; returns it and its image node."""
    made = material(name, Roughness=0.5)
    nodes, links = shader_tree(made)
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    links.new(texture.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])
    return made, texture


def compositor(scene):
    """An empty compositor tree, and the socket that takes the finished picture."""
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        return tree, tree.nodes.new("NodeGroupOutput").inputs["Image"]
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    return tree, tree.nodes.new("CompositorNodeComposite").inputs["Image"]


def save(options):
    """Writes the file: compressed, no backup, no thumbnail."""
    files = bpy.context.preferences.filepaths
    files.save_version = 0
    files.file_preview_type = "NONE"
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=options.out, compress=True)
