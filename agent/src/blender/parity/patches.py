"""Renders patches whose colours are known, and tells what came out, on what, and how fast.

    patches.py -- FOLDER
"""

import json
import os
import sys
import time

import bpy

SIZE_PX, SAMPLES = 32, 64
# Emitted colours, then what a white sky leaves of a matte surface that returns 80, 50 and 20 percent.
EMITTED = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.25, 0.5, 2.0)]
MATTE = [(0.8, 0.5, 0.2)]


def plane(number, color, node):
    mesh = bpy.data.meshes.new("patch")
    x = number % 2
    y = number // 2
    mesh.from_pydata([(x, y, 0), (x + 1, y, 0), (x + 1, y + 1, 0), (x, y + 1, 0)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("patch")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    shader = nodes.new(node)
    shader.inputs["Color"].default_value = (*color, 1.0)
    links.new(shader.outputs[0], nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    mesh.materials.append(material)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("patch", mesh))


def build(scene):
    for number, color in enumerate(EMITTED):
        plane(number, color, "ShaderNodeEmission")
    plane(len(EMITTED), MATTE[0], "ShaderNodeBsdfDiffuse")
    camera = bpy.data.cameras.new("camera")
    camera.type, camera.ortho_scale = "ORTHO", 2.0
    scene.camera = bpy.data.objects.new("camera", camera)
    scene.camera.location = (1.0, 1.0, 5.0)
    scene.collection.objects.link(scene.camera)
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    sky = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    sky.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)


def settle(scene, path):
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = SIZE_PX
    scene.render.resolution_percentage = 100
    scene.cycles.samples, scene.cycles.use_adaptive_sampling = SAMPLES, False
    scene.cycles.use_denoising = False
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth = "OPEN_EXR", "32"
    scene.render.filepath, scene.render.use_file_extension = path, False


def device(scene):
    """What Cycles really uses: a graphics chip only if one is chosen and on."""
    add_on = bpy.context.preferences.addons.get("cycles")
    kind = getattr(add_on and add_on.preferences, "compute_device_type", "NONE")
    if scene.cycles.device != "GPU" or kind == "NONE":
        return "CPU"
    used = [entry.name for entry in add_on.preferences.devices if entry.use and entry.type == kind]
    return f"{kind}: {', '.join(used)}" if used else "CPU"


def mean_of(pixels, number):
    """Mean colour of the middle of a patch."""
    half = SIZE_PX // 2
    left, bottom = number % 2 * half, number // 2 * half
    rows = range(bottom + half // 4, bottom + 3 * half // 4)
    columns = range(left + half // 4, left + 3 * half // 4)
    places = [(row * SIZE_PX + column) * 4 for row in rows for column in columns]
    return [sum(pixels[place + channel] for place in places) / len(places) for channel in range(3)]


def main(folder):
    if hasattr(os, "nice"):
        os.nice(19)
    scene = bpy.context.scene
    for thing in list(scene.collection.all_objects):
        bpy.data.objects.remove(thing)
    path = os.path.join(folder, "patches.exr")
    build(scene)
    settle(scene, path)
    began = time.perf_counter()
    bpy.ops.render.render(write_still=True)
    secs = max(time.perf_counter() - began, 1e-6)
    image = bpy.data.images.load(path)
    image.colorspace_settings.name = "Non-Color"
    pixels = list(image.pixels)
    said = {
        "patches": [mean_of(pixels, number) for number in range(len(EMITTED) + len(MATTE))],
        "device": device(scene), "pixel_samples_per_sec": int(SIZE_PX * SIZE_PX * SAMPLES / secs),
    }
    print("\n" + json.dumps({"parity": said}), flush=True)
    # The bpy module does not always come to the end of its own end.
    os._exit(0)


main(sys.argv[sys.argv.index("--") + 1])
