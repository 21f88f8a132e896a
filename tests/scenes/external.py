"""Every kind of external file that a still needs, written beside OUT in `OUT's folder`.

A texture with a name beyond ASCII, an image sequence, UDIM tiles, a linked library with a texture of its own,
and a font. `--absolute` stores the texture's path absolute; `--missing` deletes the texture afterwards.
`--scattered DIR` puts texture and library there, named by absolute paths, and adds a cloth with a cache baked to disk.
"""

import shutil
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

FRAMES = 3


def texture_cube(folder):
    path = common.picture(os.path.join(folder, "textures", "Oberfläche 1.png"), tint=(0.9, 0.4, 0.2))
    image = bpy.data.images.load(path)
    surface, _ = common.textured("Texture", image)
    bpy.ops.mesh.primitive_cube_add(size=1, location=(-2.1, 0, 0.5))
    common.place("Cube", surface, smooth=False)
    return image


def sequence_panel(folder):
    """Another picture on each of the first frames."""
    for frame in range(1, FRAMES + 1):
        tint = [0.3, 0.3, 0.3]
        tint[frame % 3] = 1.0
        path = common.picture(os.path.join(folder, "sequence", f"frame_{frame:04}.png"), tint=tint)
        if frame == 1:
            image = bpy.data.images.load(path)
    image.source = "SEQUENCE"
    surface, node = common.textured("Sequence", image)
    user = node.image_user
    user.frame_start, user.frame_duration, user.use_auto_refresh = 1, FRAMES, True
    bpy.ops.mesh.primitive_plane_add(size=1.4, location=(0, 1.5, 1.6), rotation=(1.4, 0, 0))
    common.place("Panel", surface, smooth=False)


def tiled_strip(folder):
    """A strip of two UDIM tiles."""
    for tile, tint in ((1001, (0.2, 0.5, 1.0)), (1002, (1.0, 0.9, 0.2))):
        common.picture(os.path.join(folder, "tiles", f"strip.{tile}.png"), tint=tint)
    image = bpy.data.images.load(os.path.join(folder, "tiles", "strip.1001.png"))
    image.source = "TILED"
    image.tiles.new(1002)
    image.filepath = os.path.join(folder, "tiles", "strip.<UDIM>.png")
    surface, _ = common.textured("Tiles", image)
    bpy.ops.mesh.primitive_plane_add(size=1, location=(0.2, -1.2, 0.02))
    strip = common.place("Strip", surface, smooth=False)
    strip.scale.x = 2
    for corner in strip.data.uv_layers[0].data:
        corner.uv.x *= 2


def linked_prop(folder):
    """A library whose object has a texture of its own; both paths are relative."""
    map_path = common.picture(os.path.join(folder, "library", "maps", "prop.jpg"), tint=(0.4, 1, 0.5))
    image = bpy.data.images.load(map_path)
    surface, _ = common.textured("Prop", image)
    prop = common.sphere("Prop", surface, (1.6, 0, 0.6))
    path = os.path.join(folder, "library", "prop.blend")
    bpy.data.libraries.write(path, {prop}, path_remap="RELATIVE_ALL", compress=True)
    for block, blocks in ((prop, bpy.data.objects), (surface, bpy.data.materials), (image, bpy.data.images)):
        blocks.remove(block)
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.objects = ["Prop"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])


def lettering(folder):
    fonts = os.path.join(bpy.utils.system_resource("DATAFILES"), "fonts")
    known = [name for name in ("DejaVuSansMono.woff2", "DejaVuSans.woff2", "Inter.woff2") if name in os.listdir(fonts)]
    copy = os.path.join(folder, "fonts", known[0])
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copyfile(os.path.join(fonts, known[0]), copy)
    bpy.ops.object.text_add(location=(-1.1, -0.4, 0.05), rotation=(1.4, 0, 0))
    text = common.place("Text", common.material("Ink", Base_Color=(0.02, 0.02, 0.02, 1)))
    text.data.body = "farm"
    text.data.font = bpy.data.fonts.load(copy)


def baked_cloth(options):
    """Falls from frame to frame; its cache lies beside the .blend."""
    bpy.ops.mesh.primitive_grid_add(size=1.2, x_subdivisions=8, y_subdivisions=8, location=(0.4, 0.4, 1.9))
    cloth = common.place("Cloth", common.material("Cloth", Base_Color=(0.9, 0.1, 0.3, 1)))
    cache = cloth.modifiers.new("Cloth", "CLOTH").point_cache
    cache.use_disk_cache, cache.frame_end = True, 12
    common.save(options)
    override = {"scene": bpy.context.scene, "active_object": cloth, "object": cloth, "point_cache": cache}
    with bpy.context.temp_override(**override):
        bpy.ops.ptcache.bake(bake=True)


def main():
    options = common.parser(__doc__)
    options.set_defaults(samples=16)
    options.add_argument("--absolute", action="store_true")
    options.add_argument("--missing", action="store_true")
    options.add_argument("--scattered", type=os.path.abspath, metavar="DIR")
    options = common.parse(options)
    folder = os.path.dirname(options.out)
    scene = common.new_scene(options)
    scene.frame_end = FRAMES
    common.floor(common.material("Ground", Base_Color=(0.5, 0.5, 0.5, 1)))
    common.area_light(scene)
    common.camera(scene)
    texture = texture_cube(options.scattered or folder)
    sequence_panel(folder)
    tiled_strip(folder)
    linked_prop(options.scattered or folder)
    lettering(folder)
    common.save(options)
    bpy.ops.file.make_paths_relative()
    if options.absolute or options.scattered:
        texture.filepath = bpy.path.abspath(texture.filepath)
    if options.scattered:
        library = bpy.data.libraries[0]
        library.filepath = bpy.path.abspath(library.filepath)
        scene.frame_end = 12
        baked_cloth(options)
    common.save(options)
    if options.missing:
        os.remove(bpy.path.abspath(texture.filepath))


main()
