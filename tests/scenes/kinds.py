"""Scenes that need files of many kinds, and the list of them.

`--kind` chooses: images, media, caches, fluid, simulation, multires or libraries. Beside OUT.blend stands OUT.json with
what Blender itself lists (`blender`), and what a render needs (`needed`). Files that Blender does not have to read for
its paths to be saved hold a few bytes only.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402


class Case:
    """A folder that fills with files."""

    def __init__(self, out):
        self.out = out
        self.folder = os.path.dirname(out)
        self.needed = []

    def path(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def file(self, name, content=b"some", needed=True):
        with open(self.path(name), "wb") as file:
            file.write(content)
        if needed:
            self.needed.append(self.path(name))
        return self.path(name)

    def picture(self, name, needed=True):
        common.picture(self.path(name), tint=(0.5, 0.5, 0.5))
        if needed:
            self.needed.append(self.path(name))
        return self.path(name)

    def save(self):
        bpy.ops.wm.save_as_mainfile(filepath=self.out, relative_remap=True)


def empty():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.frame_end = 5
    return bpy.context.scene


def material(name):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.use_fake_user = True
    return made


def written(name, path):
    """An image of which only the path matters."""
    image = bpy.data.images.new(name, 1, 1)
    image.source = "FILE"
    image.filepath = path
    return image


def images(case):
    empty()
    nodes = material("Textures").node_tree.nodes

    def shown(image):
        node = nodes.new("ShaderNodeTexImage")
        node.image = image
        return node

    load = bpy.data.images.load
    shown(load(case.picture("tex/a.png")))
    shown(load(case.picture("tex/Über 日本.png")))
    for number in range(1, 6):
        case.picture(f"seq/s_{number:04}.png", needed=2 <= number <= 4)
    sequence = load(case.path("seq/s_0001.png"))
    sequence.source = "SEQUENCE"
    user = shown(sequence).image_user
    user.frame_start, user.frame_duration, user.frame_offset = 1, 3, 1
    user.use_auto_refresh = True
    for tile in (1001, 1002):
        case.picture(f"udim/u.{tile}.png")
    tiled = load(case.path("udim/u.1001.png"))
    tiled.source = "TILED"
    tiled.tiles.new(1002)
    shown(tiled)
    for tile in ("u1_v1", "u2_v1"):
        case.picture(f"udim/m_{tile}.png")
    mudbox = load(case.path("udim/m_u1_v1.png"))
    mudbox.source = "TILED"
    mudbox.filepath = "//udim/m_<UVTILE>.png"
    shown(mudbox)
    packed = load(case.picture("tex/packed.png", needed=False))
    packed.pack()
    shown(packed)
    shown(bpy.data.images.new("Generated", 4, 4))
    shown(written("Backslash", "//tex\\b.png"))
    case.picture("tex/b.png")
    shown(written("Case", "//tex/C.PNG"))
    case.picture("tex/c.png")
    for name, path in (("Drive", "C:\\tex\\win.png"), ("Share", "\\\\nas\\tex\\unc.png")):
        shown(written(name, path))


def strips(case, scene):
    editor = scene.sequence_editor_create()
    everything = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = everything.new_image("Images", case.picture("strips/i_001.png"), 1, 1)
    case.picture("strips/i_002.png")
    strip.elements.append("i_002.png")
    meta = everything.new_meta("Meta", 3, 1)
    inner = meta.strips if hasattr(meta, "strips") else meta.sequences
    inner.new_image("Inner", case.picture("strips/inner.png"), 1, 1)


def volumes(case):
    for number in (1, 2):
        case.file(f"vdb/v_{number:04}.vdb")
    case.file("vdb/v_0009.vdb", needed=False)
    volume = bpy.data.volumes.new("Sequence")
    volume.filepath, volume.is_sequence, volume.frame_duration = "//vdb/v_0001.vdb", True, 2
    volume.use_fake_user = True
    volume = bpy.data.volumes.new("Single")
    case.file("vdb/one.vdb")
    volume.filepath, volume.use_fake_user = "//vdb/one.vdb", True


def media(case):
    scene = empty()
    strips(case, scene)
    volumes(case)
    bpy.ops.cachefile.open(filepath=case.file("abc/one.abc"))
    bpy.data.cache_files[0].use_fake_user = True
    bpy.data.movieclips.load(case.picture("clip/k01.png")).use_fake_user = True
    script = material("Script").node_tree.nodes.new("ShaderNodeScript")
    case.file("osl/o.osl", b"shader x(){}\n")
    script.mode, script.filepath = "EXTERNAL", "//osl/o.osl"
    group = bpy.data.node_groups.new("Lamp", "ShaderNodeTree")
    group.use_fake_user = True
    lamp = group.nodes.new("ShaderNodeTexIES")
    case.file("ies/l.ies")
    lamp.mode, lamp.filepath = "EXTERNAL", "//ies/l.ies"
    mesh = bpy.data.objects.new("Cached", bpy.data.meshes.new("Cached"))
    scene.collection.objects.link(mesh)
    case.file("mesh/a.mdd")
    mesh.modifiers.new("Cache", "MESH_CACHE").filepath = "//mesh/a.mdd"
    if bpy.app.version >= (4, 5, 0):
        nodes = bpy.data.node_groups.new("Imports", "GeometryNodeTree")
        nodes.use_fake_user = True
        case.file("import/f.obj")
        nodes.nodes.new("GeometryNodeImportOBJ").inputs["Path"].default_value = "//import/f.obj"


def plane(name):
    bpy.ops.mesh.primitive_plane_add()
    bpy.context.object.name = name
    return bpy.context.object


def caches(case):
    empty()
    case.save()
    stem = os.path.splitext(os.path.basename(case.out))[0]
    emitter = plane("Emit")
    emitter.modifiers.new("Particles", "PARTICLE_SYSTEM")
    emitter.particle_systems[0].point_cache.use_disk_cache = True
    cloth = plane("Cloth").modifiers.new("Cloth", "CLOTH").point_cache
    cloth.use_disk_cache, cloth.name = True, "clothy"
    plane("Soft").modifiers.new("Soft", "SOFT_BODY").point_cache.use_disk_cache = True
    outside = plane("Outside")
    outside.modifiers.new("Particles", "PARTICLE_SYSTEM")
    cache = outside.particle_systems[0].point_cache
    cache.use_external, cache.filepath, cache.name = True, "//outside", "ext"
    for frame in range(1, 4):
        case.file(f"outside/ext_{frame:06}_00.bphys")
        for name in (b"Emit".hex().upper(), b"Soft".hex().upper(), "clothy"):
            case.file(f"blendcache_{stem}/{name}_{frame:06}_00.bphys")
    case.file(f"blendcache_{stem}/other.txt", needed=False)


def fluid(case):
    empty()
    case.save()
    domain = plane("Domain").modifiers.new("Fluid", "FLUID")
    domain.fluid_type = "DOMAIN"
    settings = domain.domain_settings
    settings.cache_directory, settings.cache_frame_end, settings.cache_type = "//cache", 3, "ALL"
    for frame in range(1, 4):
        case.file(f"cache/data/fluid_data_{frame:04}.vdb")
        case.file(f"cache/config/config_{frame:04}.uni")


def simulation(case):
    """Needs Blender 4.2."""
    empty()
    case.save()
    tree = bpy.data.node_groups.new("Simulation", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    names = ("NodeGroupInput", "GeometryNodeSimulationInput", "GeometryNodeSimulationOutput", "NodeGroupOutput")
    first, begin, end, last = (tree.nodes.new(name) for name in names)
    begin.pair_with_output(end)
    tree.links.new(first.outputs[0], begin.inputs[0])
    tree.links.new(begin.outputs[1], end.inputs[1])
    tree.links.new(end.outputs[0], last.inputs[0])
    modifier = plane("Simulated").modifiers.new("Nodes", "NODES")
    modifier.node_group, modifier.bake_directory = tree, "//bake"
    if hasattr(modifier, "bake_target"):
        modifier.bake_target = "DISK"
    case.save()
    bpy.ops.object.simulation_nodes_cache_bake(selected=False)
    for folder, _, names in os.walk(case.path("bake")):
        case.needed += [os.path.join(folder, name) for name in names]


def multires(case):
    empty()
    case.save()
    sculpt = plane("Sculpt")
    sculpt.modifiers.new("Multires", "MULTIRES")
    bpy.ops.object.multires_subdivide(modifier="Multires")
    path = case.path("sculpt.btx")
    bpy.ops.object.multires_external_save(filepath=path, modifier="Multires")
    case.needed.append(path)


def libraries(case):
    """OUT links a collection of set.blend, which links a material of deep.blend, which has a texture."""
    empty()
    surface = material("Deep")
    texture = surface.node_tree.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(case.picture("library/maps/deep.png"))
    deep = case.path("library/deep.blend")
    bpy.ops.wm.save_as_mainfile(filepath=deep, relative_remap=True)
    empty()
    with bpy.data.libraries.load(deep, link=True) as (_, wanted):
        wanted.materials = ["Deep"]
    mesh = bpy.data.meshes.new("Prop")
    mesh.materials.append(wanted.materials[0])
    collection = bpy.data.collections.new("Set")
    collection.objects.link(bpy.data.objects.new("Prop", mesh))
    bpy.context.scene.collection.children.link(collection)
    middle = case.path("library/sub/set.blend")
    bpy.ops.wm.save_as_mainfile(filepath=middle, relative_remap=True)
    scene = empty()
    with bpy.data.libraries.load(middle, link=True) as (_, wanted):
        wanted.collections = ["Set"]
    scene.collection.children.link(wanted.collections[0])
    case.needed += [deep, middle]


KINDS = (images, media, caches, fluid, simulation, multires, libraries)


def main():
    options = common.parser(__doc__)
    options.add_argument("--kind", required=True, choices=[kind.__name__ for kind in KINDS])
    options = common.parse(options)
    case = Case(options.out)
    next(kind for kind in KINDS if kind.__name__ == options.kind)(case)
    case.save()
    listed = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
    with open(os.path.splitext(options.out)[0] + ".json", "w", encoding="utf-8") as file:
        json.dump({"blender": [os.path.normpath(path) for path in listed], "needed": case.needed}, file)


main()
