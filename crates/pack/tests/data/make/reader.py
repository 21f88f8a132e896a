"""Makes the files of tests/data/reader: one small scene, once for each Blender that runs this.

FOLDER ends up in the files: take one like /tmp/reader.

    blender -b --factory-startup -P reader.py -- FOLDER
    python reader.py FOLDER          (where `bpy` is a module)

`saved_*` is what File > Save writes with "Compress" on; `kept_*` has only the datablocks.
"""

import os
import sys

import bpy

folder = sys.argv[-1]
version = "%d_%d" % bpy.app.version[:2]

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.name = "Ünïcode"
scene.render.engine = "CYCLES" if hasattr(bpy.types, "CyclesRenderSettings") else scene.render.engine
scene.frame_start, scene.frame_end, scene.frame_step = 3, 250, 2
scene.frame_set(17)
scene.render.resolution_x, scene.render.resolution_percentage = 320, 50
scene.render.filepath = "//out/####"
scene["note"] = "hello"
scene["count"] = -7
scene["ratio"] = 0.25
scene["vector"] = [1.5, 2.5, 3.5]
scene["numbers"] = [1, -2, 3]
scene["nested"] = {"inner": {"deep": 42}, "text": "in here"}

image = bpy.data.images.new("wood", 4, 4, tiled=True)
image.source = "TILED"
image.filepath = "//tex/wood.<UDIM>.png"
image.tiles.new(tile_number=1002)
image.tiles.new(tile_number=1011)

materials = [bpy.data.materials.new(name) for name in ("red", "green")]
materials[0].use_nodes = True
node = materials[0].node_tree.nodes.new("ShaderNodeTexImage")
node.image = image

mesh = bpy.data.meshes.new("three")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
thing = bpy.data.objects.new("thing", mesh)
scene.collection.objects.link(thing)
for material in materials:
    mesh.materials.append(material)
thing.modifiers.new("smooth", "SUBSURF").levels = 3
cache = thing.modifiers.new("cached", "MESH_CACHE")
cache.filepath = "//cache/thing.mdd"
scene["target"] = thing

text = bpy.data.texts.new("notes")
text.write("first line\nsecond line")
text.use_fake_user = True

path = os.path.join(folder, "saved_%s.blend" % version)
bpy.context.preferences.filepaths.save_version = 0
bpy.context.preferences.filepaths.file_preview_type = "NONE"
bpy.ops.wm.save_as_mainfile(filepath=path, compress=True, relative_remap=False)
path = os.path.join(folder, "kept_%s.blend" % version)
bpy.data.libraries.write(path, {scene, text}, compress=True)
