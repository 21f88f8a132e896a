"""Libraries: linked ones that link others, and two that link each other."""

import bpy
from common import empty, kind, material, shown


def prop(name, surface):
    """A collection with one object of that material, in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    mesh.materials.append(surface)
    collection = bpy.data.collections.new(name)
    collection.objects.link(bpy.data.objects.new(name, mesh))
    bpy.context.scene.collection.children.link(collection)


def link(case, name, what, member):
    """Links one datablock of another file."""
    with bpy.data.libraries.load(case.path(name), link=True, relative=True) as (_, wanted):
        setattr(wanted, what, [member])
    return getattr(wanted, what)[0]


@kind
def library(case):
    """scene.blend links sets/set.blend, that materials/deep/deep.blend, which has a texture of its own."""
    empty()
    case.save("materials/deep/deep.blend")
    material("Deep")
    shown(bpy.data.images.load(case.picture("materials/maps/deep.png")), "Deep")
    shown(bpy.data.images.load(case.picture("materials/maps/unused.png", needed=False)), "Unused")
    case.shrink("materials/deep/deep.blend")
    empty()
    case.save("sets/set.blend")
    prop("Set", link(case, "materials/deep/deep.blend", "materials", "Deep"))
    case.shrink("sets/set.blend")
    scene = empty()
    case.save()
    instance = bpy.data.objects.new("Instance", None)
    instance.instance_type = "COLLECTION"
    instance.instance_collection = link(case, "sets/set.blend", "collections", "Set")
    scene.collection.objects.link(instance)
    case.needs("sets/set.blend", "materials/deep/deep.blend")


@kind
def library_cycle(case):
    """scene.blend links a collection of b/b.blend, whose material is linked from scene.blend."""
    empty()
    case.save()
    shown(bpy.data.images.load(case.picture("tex/shared.png")), "Shared")
    case.shrink()
    empty()
    case.save("b/b.blend")
    prop("B", link(case, "scene.blend", "materials", "Shared"))
    case.shrink("b/b.blend")
    bpy.ops.wm.open_mainfile(filepath=case.blend)
    bpy.context.scene.collection.children.link(link(case, "b/b.blend", "collections", "B"))
    case.needs("b/b.blend")
