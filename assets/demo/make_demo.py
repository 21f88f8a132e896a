"""Makes the demo scene: a still life in evening light, and the textures that it uses from files.

    blender -b --factory-startup --python assets/demo/make_demo.py

writes demo.blend and textures/*.jpg beside this script; a texture that is there already stays.
Made with Blender 3.4, so that every later one reads it too. One unit is ten centimetres.
"""

import math
import os
import random
import sys

import bpy
from mathutils import Matrix, Vector

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import materials  # noqa: E402: found beside this file
import painting  # noqa: E402
from shading import Shader, rgb  # noqa: E402
from shapes import add, lathe, leaf, mesh, sheet, stalk, through  # noqa: E402

SAMPLES = 72


def room():
    sheet("Table", (-9, -7), (9, 5), materials.terrazzo())
    sheet("Wall", (-16, -4), (16, 14), materials.plaster()).matrix_world = (
        Matrix.Translation((0, 5, 0)) @ Matrix.Rotation(math.radians(90), 4, "X"))


def vase(location):
    outline = [
        (0, 0), (0.55, 0), (0.78, 0.06), (1.02, 0.55), (1.08, 1.0), (0.86, 1.55), (0.45, 2.0), (0.3, 2.35),
        (0.34, 2.75), (0.47, 2.97), (0.44, 3.02), (0.39, 2.98), (0.27, 2.75), (0.225, 2.35), (0.36, 1.98),
        (0.76, 1.52), (0.96, 1.0), (0.9, 0.62), (0.66, 0.32), (0, 0.26),
    ]
    add("Vase", lathe("Vase", outline), materials.amber_glass(), location)


def branches(location):
    """Two twigs with leaves to both sides, larger below."""
    chance = random.Random(11)
    metal, shape = materials.brass(), leaf()
    shape.materials.append(metal)
    twigs = [
        [(0.1, 0, 0.4), (0.02, 0, 1.9), (-0.12, 0, 2.9), (-0.55, 0.1, 3.75), (-1.5, 0.1, 4.2)],
        [(-0.2, 0.1, 0.4), (0, 0.05, 1.9), (0.12, 0.02, 2.9), (0.65, -0.1, 4.0), (1.9, -0.15, 4.35)],
    ]
    for number, knots in enumerate(twigs):
        stalk(f"Twig {number}", knots, 0.028, metal, location)
        points = through(knots, 6)
        for at in range(13, len(points)):
            heading = (points[at] - points[at - 1]).normalized()
            side = 1 if at % 2 else -1
            outward = heading.cross(Vector((0, 1, 0))).normalized() * side
            grow = (heading * 0.9 + outward + Vector((0, chance.uniform(-0.7, 0.7), 0))).normalized()
            made = add("Leaf", shape, None, Vector(location) + points[at])
            made.rotation_mode = "QUATERNION"
            made.rotation_quaternion = grow.to_track_quat("X", "Z")
            made.scale = [0.9 - 0.4 * at / len(points)] * 3


def pears(places):
    outline = [
        (0, 0.06), (0.12, 0.02), (0.36, 0.03), (0.6, 0.25), (0.68, 0.58), (0.56, 0.95), (0.36, 1.25), (0.27, 1.5),
        (0.2, 1.64), (0.08, 1.66), (0, 1.62),
    ]
    shape = lathe("Pear", outline, 64)
    shape.materials.append(materials.pear_skin())
    wood = materials.bark()
    for location, turn in places:
        body = add("Pear", shape, None, location, turn)
        stem = stalk("Stem", [(0, 0, 1.58), (0.02, 0, 1.75), (0.1, 0.02, 1.95)], 0.032, wood)
        stem.parent = body


def bowl(location):
    outline = [
        (0, 0.05), (0.5, 0.05), (0.58, 0), (0.64, 0.05), (0.95, 0.22), (1.3, 0.55), (1.5, 0.95), (1.53, 1.0),
        (1.49, 1.0), (1.45, 0.95), (1.24, 0.58), (0.9, 0.28), (0.5, 0.14), (0, 0.12),
    ]
    add("Bowl", lathe("Bowl", outline), materials.spun_metal("Copper", "d98a63", 0.26), location)


def gem(location):
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=1, radius=0.66, location=location)
    made = bpy.context.object
    made.name = "Crystal"
    made.rotation_euler = (math.radians(37.4), 0, math.radians(38))
    made.data.materials.append(materials.crystal())


def aim(thing, at):
    thing.rotation_euler = (Vector(at) - thing.location).to_track_quat("-Z", "Y").to_euler()


def area(name, location, at, size, energy, color):
    light = bpy.data.lights.new(name, "AREA")
    light.shape, light.size, light.size_y = "RECTANGLE", *size
    light.energy, light.color = energy, rgb(color)[:3]
    aim(add(name, light, None, location), at)


def window_light(towards, aside):
    """Low sun through a window that nobody sees: a mask with panes left open, for shadow rays alone."""
    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.angle, sun.color = 8.0, math.radians(1.4), rgb("ffc98a")[:3]
    lamp = add("Sun", sun, None, Vector(towards) + Vector(aside))
    aim(lamp, towards)
    points, faces = [], []
    columns = [-30, -1.75, -0.1, 0.1, 1.75, 30]
    rows = [-30, -2.3, -0.85, -0.7, 0.75, 0.9, 2.35, 30]
    for column in range(len(columns) - 1):
        for row in range(len(rows) - 1):
            if column % 2 and row % 2:
                continue
            start = len(points)
            left, right, low, high = columns[column], columns[column + 1], rows[row], rows[row + 1]
            points += [(left, low, 0), (right, low, 0), (right, high, 0), (left, high, 0)]
            faces.append((start, start + 1, start + 2, start + 3))
    mask = add("Window", mesh("Window", points, faces, smooth=False), None, Vector(towards) + Vector(aside) * 0.9)
    aim(mask, towards)
    for kind in ("camera", "diffuse", "glossy", "transmission", "volume_scatter"):
        setattr(mask, f"visible_{kind}", False)


def lights():
    window_light((-0.9, 4.9, 3.0), (-11, -17, 9.0))
    area("Softbox", (-5.5, -3.5, 5.5), (0, 0, 1), (3.5, 3.5), 650, "ffe3c4")
    area("Rim", (5.5, 3.6, 4.6), (0, 0, 1.4), (1.2, 3.0), 650, "bfe0ff")
    world = Shader(bpy.data.worlds.new("Evening"))
    height = world.add("ShaderNodeSeparateXYZ", Vector=world.add("ShaderNodeTexCoord").outputs["Generated"])
    sky = world.ramp(height.outputs["Z"], [(0.0, "6b5a50"), (0.5, "b8b4b0"), (1.0, "6f8fb0")])
    bpy.context.scene.world = world.surface(world.add("ShaderNodeBackground", Color=sky, Strength=0.4))
    # Its gradient is so soft that chance rays find it well enough: more samples for the lamps.
    bpy.context.scene.world.cycles.sampling_method = "NONE"


def camera():
    data = bpy.data.cameras.new("Camera")
    data.lens = 43
    made = add("Camera", data, None, (0.5, -12.4, 4.4))
    aim(made, (0.15, 0, 2.2))
    focus = add("Focus", None, None, (0, -0.6, 1.0))
    data.dof.use_dof, data.dof.focus_object, data.dof.aperture_fstop = True, focus, 0.32
    data.dof.aperture_blades = 7
    bpy.context.scene.camera = made


def settings(scene):
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = 960, 540
    render.filepath = "//demo-"
    render.image_settings.file_format = "PNG"
    scene.frame_start = scene.frame_end = 1
    # A fixed number of samples in a Sobol pattern: any split by samples gives the same picture.
    cycles.samples, cycles.sampling_pattern = SAMPLES, "SOBOL"
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 10, 2, 4
    cycles.transmission_bounces, cycles.transparent_max_bounces, cycles.volume_bounces = 10, 10, 0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.blur_glossy = 3.0, 1.0
    scene.view_settings.view_transform = "Filmic"
    scene.view_settings.look = "Medium High Contrast"
    scene.view_settings.exposure = 0.35
    layer = scene.view_layers[0]
    for name in ("z", "diffuse_direct", "diffuse_indirect", "diffuse_color", "glossy_direct", "glossy_indirect",
                 "glossy_color", "cryptomatte_object"):
        setattr(layer, f"use_pass_{name}", True)


def compositor(scene):
    """A soft glow on the highlights, a trace of lens colour, warm lights and cool shadows."""
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    chain = [tree.nodes.new(f"CompositorNode{kind}") for kind in
             ("RLayers", "Glare", "Lensdist", "ColorBalance", "Composite")]
    _, glare, lens, balance, _ = chain
    glare.glare_type, glare.quality, glare.threshold, glare.size, glare.mix = "FOG_GLOW", "HIGH", 1.2, 7, -0.75
    lens.use_fit = True
    lens.inputs["Dispersion"].default_value = 0.012
    balance.lift, balance.gamma, balance.gain = (0.97, 0.99, 1.03), (1, 1, 1), (1.04, 1.0, 0.95)
    for number, node in enumerate(chain):
        node.location.x = 240 * number
    for source, target in zip(chain, chain[1:]):
        tree.links.new(source.outputs["Image"], target.inputs["Image"])


def forget_folders():
    """File browsers keep the home folder of whoever saves the file."""
    for screen in bpy.data.screens:
        for space in (space for place in screen.areas for space in place.spaces if space.type == "FILE_BROWSER"):
            if space.params:
                space.params.directory = b"//"


def main():
    painting.paint_missing()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    files = bpy.context.preferences.filepaths
    files.save_version, files.file_preview_type = 0, "NONE"
    scene = bpy.context.scene
    room()
    vase((-1.75, 0.5, 0))
    branches((-1.75, 0.5, 0))
    bowl((1.75, 0.5, 0))
    pears([
        ((1.25, 0.35, 0.42), (8, -22, 60)),
        ((2.2, 0.65, 0.38), (-6, 28, 200)),
        ((0.1, -1.05, 0), (0, 0, -25)),
    ])
    gem((2.75, -1.15, 0.53))
    lights()
    camera()
    settings(scene)
    compositor(scene)
    forget_folders()
    blend = os.path.join(HERE, "demo.blend")
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=True)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=True)


main()
