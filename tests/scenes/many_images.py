"""A large .blend: meshes of half a gigabyte, and images that are files. `--images N`, `--vertices N` for each of 20."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

options = common.parser(__doc__)
options.add_argument("--images", type=int, default=5000)
options.add_argument("--vertices", type=int, default=1_850_000)
options = common.parse(options)
scene = common.new_scene(options)
folder = os.path.join(os.path.dirname(options.out), "tex")
os.makedirs(folder, exist_ok=True)
for number in range(options.images):
    name = f"t{number:04}"
    with open(os.path.join(folder, name + ".png"), "wb") as file:
        file.write(b"some")
    image = bpy.data.images.new(name, 4, 4)
    image.source, image.filepath, image.use_fake_user = "FILE", f"//tex/{name}.png", True
for number in range(20):
    mesh = bpy.data.meshes.new(f"Mesh {number}")
    mesh.vertices.add(options.vertices)
    scene.collection.objects.link(bpy.data.objects.new(mesh.name, mesh))
bpy.ops.wm.save_as_mainfile(filepath=options.out, compress=False)
