"""The texture files of the demo: painted by shaders, rendered once, saved as JPEG.
"""

import os

import bpy

from shading import new_material


HERE = os.path.dirname(os.path.abspath(__file__))


def texture(name):
    """The path of a texture file."""
    return os.path.join(HERE, "textures", name + ".jpg")


def chips(shader, where, scale, density, base):
    """Stone chips of one size over `base`: the Voronoi cells that chance picks, shrunk from their edges."""
    cell = shader.add("ShaderNodeTexVoronoi", Vector=where, Scale=scale)
    edge = shader.add("ShaderNodeTexVoronoi", {"feature": "DISTANCE_TO_EDGE"}, Vector=where, Scale=scale)
    chance = shader.add("ShaderNodeSeparateColor", Color=cell.outputs["Color"])
    stone = shader.ramp(chance.outputs["Red"], [
        (0.0, "b4654a"), (0.2, "2f4f4f"), (0.4, "d8a24a"), (0.55, "7d8f86"), (0.7, "3a3634"), (0.8, "c98f7a"),
        (0.9, "f6efe2"),
    ], "CONSTANT")
    picked = shader.math("LESS_THAN", chance.outputs["Green"], density)
    inside = shader.math("GREATER_THAN", edge.outputs["Distance"], 0.055)
    vein = shader.add("ShaderNodeTexNoise", Vector=where, Scale=scale * 6, Detail=4.0)
    tint = shader.ramp(vein, [(0.3, "b8b8b8"), (0.7, "ffffff")])
    veined = shader.add("ShaderNodeMixRGB", {"blend_type": "MULTIPLY"}, Fac=0.8, Color1=stone, Color2=tint)
    return shader.mix(shader.math("MULTIPLY", picked, inside), base, veined)


def terrazzo_paint(shader, place):
    wobble = shader.add("ShaderNodeTexNoise", Vector=place, Scale=40.0, Detail=2.0).outputs["Color"]
    where = shader.add("ShaderNodeMixRGB", {"blend_type": "LINEAR_LIGHT"}, Fac=0.006, Color1=place, Color2=wobble)
    grain = shader.add("ShaderNodeTexNoise", Vector=place, Scale=420.0, Detail=2.0)
    color = shader.ramp(grain, [(0.3, "d8cebc"), (0.7, "ece4d6")])
    for scale, density in ((75.0, 0.3), (34.0, 0.4), (15.0, 0.42)):
        color = chips(shader, where, scale, density, color)
    return color


def plaster_paint(shader, place):
    """Clouds with brush strokes of a finer grain: it serves as colour and as height."""
    cloud = shader.add("ShaderNodeTexNoise", Vector=place, Scale=7.0, Detail=6.0, Roughness=0.6)
    across = shader.add("ShaderNodeMapping", Vector=place, Rotation=(0, 0, 0.6), Scale=(1.0, 2.6, 1.0))
    stroke = shader.add("ShaderNodeTexNoise", Vector=across, Scale=34.0, Detail=8.0, Roughness=0.65, Distortion=0.6)
    height = shader.mix(0.45, cloud.outputs["Fac"], stroke.outputs["Fac"])
    return shader.ramp(height, [(0.3, "202020"), (0.7, "e0e0e0")])


def paint(name, pattern, size):
    """Renders a pattern with a camera that looks straight down at it, and writes it as a texture."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "JPEG"
    scene.render.image_settings.quality = 80
    scene.render.filepath = texture(name)

    shader = new_material("Paint")
    color = pattern(shader, shader.add("ShaderNodeTexCoord").outputs["Generated"])
    bpy.ops.mesh.primitive_plane_add(size=1)
    bpy.context.object.data.materials.append(shader.surface(shader.add("ShaderNodeEmission", Color=color)))
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 1.0
    camera.location.z = 1
    scene.collection.objects.link(camera)
    scene.camera = camera
    os.makedirs(os.path.dirname(texture(name)), exist_ok=True)
    bpy.ops.render.render(write_still=True)


def paint_missing():
    for name, pattern, size in (("terrazzo", terrazzo_paint, 2048), ("plaster", plaster_paint, 1024)):
        if not os.path.exists(texture(name)):
            paint(name, pattern, size)
