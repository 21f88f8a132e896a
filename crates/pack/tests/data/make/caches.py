"""Caches of animation and simulation, really baked."""

import ctypes
import os
import shutil
import struct
import time

import bpy
from common import empty, grid, kind


def bake_points():
    """Bakes all point caches of the scene."""
    bpy.ops.ptcache.free_bake_all()
    bpy.ops.ptcache.bake_all(bake=True)


def on_disk(cache, name=""):
    cache.name, cache.use_disk_cache = name, True
    cache.frame_start, cache.frame_end = 1, 3


@kind
def alembic(case):
    """Needs a Blender with Alembic."""
    empty()
    case.save()
    grid("Exported")
    bpy.ops.wm.alembic_export(filepath=case.path("cache/grid.abc"), start=1, end=2, as_background_job=False)
    scene = empty()
    case.save()
    bpy.ops.wm.alembic_import(filepath=case.path("cache/grid.abc"), always_add_cache_reader=True, as_background_job=False)
    assert bpy.data.cache_files, "nothing was imported"
    bpy.data.cache_files[0].filepath = "//cache/grid.abc"
    scene.frame_end = 3
    case.needs("cache/grid.abc")


@kind
def usd(case):
    """Needs a Blender with USD. Four cache files that take turns, of which three frames are shown."""
    scene = empty()
    case.save()
    grid("Exported")
    for frame in range(1, 5):
        scene.frame_start = scene.frame_end = frame
        scene.frame_set(frame)
        bpy.ops.wm.usd_export(filepath=case.path(f"cache/grid_{frame:04}.usdc"), export_materials=False)
    empty()
    case.save()
    bpy.ops.cachefile.open(filepath=case.path("cache/grid_0001.usdc"))
    cache = bpy.data.cache_files[0]
    cache.filepath, cache.is_sequence = "//cache/grid_0001.usdc", True
    reader = grid("Read").modifiers.new("Cache", "MESH_SEQUENCE_CACHE")
    reader.cache_file, reader.object_path = cache, "/root/Exported/Exported"
    case.needs(*(f"cache/grid_{frame:04}.usdc" for frame in range(1, 4)))


@kind
def mesh_cache(case):
    empty()
    case.save()
    mesh = grid("Cached")
    points = len(mesh.data.vertices)
    head = b"POINTCACHE2\0" + struct.pack("<iiffi", 1, points, 1.0, 1.0, 3)
    case.file("cache/moves.pc2", head + struct.pack("<fff", 0, 0, 1) * points * 3)
    cache = mesh.modifiers.new("Cache", "MESH_CACHE")
    cache.cache_format, cache.filepath = "PC2", "//cache/moves.pc2"


@kind
def multires(case):
    empty()
    case.save()
    grid("Sculpted").modifiers.new("Multires", "MULTIRES")
    bpy.ops.object.multires_subdivide(modifier="Multires")
    bpy.ops.object.multires_external_save(filepath=case.path("sculpt/displaced.btx"), modifier="Multires")
    case.needs("sculpt/displaced.btx")


@kind
def ocean(case):
    empty()
    case.save()
    ocean = grid("Sea").modifiers.new("Ocean", "OCEAN")
    ocean.resolution = ocean.viewport_resolution = 2
    ocean.use_foam, ocean.foam_layer_name = True, "foam"
    ocean.frame_start, ocean.frame_end, ocean.filepath = 1, 4, "//ocean"
    case.path("ocean/_")
    bpy.ops.object.ocean_bake(modifier="Ocean")
    while not os.path.exists(case.path("ocean/foam_0004.exr")):
        time.sleep(0.1)
    # `OceanModifierData.cached` of 3.4: without windows no one hears that the job has ended.
    ctypes.c_char.from_address(ocean.as_pointer() + 1360).value = 1
    assert ocean.is_cached
    # Of four frames three are rendered.
    case.needs(*(f"ocean/{what}_{frame:04}.exr" for what in ("disp", "foam") for frame in range(1, 4)))


@kind
def cloth(case):
    """A cloth whose cache has a name of its own, and one whose cache is named after its object."""
    empty()
    case.save()
    for name, cache_name in (("Flag", "flag"), ("Süd", "")):
        on_disk(grid(name).modifiers.new("Cloth", "CLOTH").point_cache, cache_name)
    case.save()
    bake_points()
    case.needs_all_of("blendcache_scene")
    case.file("blendcache_scene/other_000001_00.bphys", needed=False)


@kind
def point_caches(case):
    """Soft body, rigid bodies, dynamic paint and particles on disk."""
    scene = empty()
    case.save()
    on_disk(grid("Soft").modifiers.new("Soft", "SOFT_BODY").point_cache)
    emitter = grid("Emitter")
    emitter.modifiers.new("Particles", "PARTICLE_SYSTEM")
    emitter.particle_systems[0].settings.count = 4
    on_disk(emitter.particle_systems[0].point_cache, "sparks")
    grid("Falling")
    bpy.ops.rigidbody.object_add()
    on_disk(scene.rigidbody_world.point_cache, "world")
    grid("Wet")
    bpy.ops.object.modifier_add(type="DYNAMIC_PAINT")
    bpy.ops.dpaint.type_toggle(type="CANVAS")
    surface = bpy.context.object.modifiers[0].canvas_settings.canvas_surfaces[0]
    surface.frame_start, surface.frame_end = 1, 3
    on_disk(surface.point_cache, "paint")
    case.save()
    bake_points()
    case.needs_all_of("blendcache_scene")


@kind
def particles_external(case):
    """A cache that was baked, and moved to another folder."""
    empty()
    case.save()
    emitter = grid("Emitter")
    emitter.modifiers.new("Particles", "PARTICLE_SYSTEM")
    emitter.particle_systems[0].settings.count = 4
    cache = emitter.particle_systems[0].point_cache
    on_disk(cache, "rain")
    case.save()
    bake_points()
    shutil.move(case.path("blendcache_scene"), case.path("elsewhere"))
    cache.use_external, cache.filepath = True, "//elsewhere"
    cache.name = "rain"
    case.needs_all_of("elsewhere")


@kind
def fluid(case):
    """A gas domain of the smallest resolution, all baked. Mantaflow of some Blenders aborts: try again."""
    empty()
    case.save()
    bpy.ops.mesh.primitive_cube_add(size=4)
    bpy.context.object.name = "Domain"
    domain = bpy.context.object.modifiers.new("Fluid", "FLUID")
    # A domain that is reset while it is half set up ends Blender.
    domain.show_viewport = False
    domain.fluid_type = "DOMAIN"
    settings = domain.domain_settings
    settings.domain_type, settings.resolution_max = "GAS", 6
    settings.cache_frame_start, settings.cache_frame_end = 1, 3
    settings.cache_type, settings.cache_directory = "ALL", "//fluid"
    bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=6)
    flow = bpy.context.object.modifiers.new("Fluid", "FLUID")
    flow.fluid_type = "FLOW"
    flow.flow_settings.flow_type, flow.flow_settings.flow_behavior = "SMOKE", "INFLOW"
    case.save()
    bpy.context.view_layer.objects.active = bpy.data.objects["Domain"]
    domain.show_viewport = True
    bpy.ops.fluid.bake_all()
    case.needs_all_of("fluid")
    settings.cache_directory = "//fluid"


def simulation_tree():
    """A simulation that changes nothing."""
    tree = bpy.data.node_groups.new("Simulation", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    names = ("NodeGroupInput", "GeometryNodeSimulationInput", "GeometryNodeSimulationOutput", "NodeGroupOutput")
    first, begin, end, last = (tree.nodes.new(name) for name in names)
    begin.pair_with_output(end)
    tree.links.new(first.outputs[0], begin.inputs[0])
    tree.links.new(begin.outputs[1], end.inputs[1])
    tree.links.new(end.outputs[0], last.inputs[0])
    return tree


@kind
def simulation(case):
    """A simulation of geometry nodes; needs Blender 4.2."""
    empty()
    case.save()
    modifier = grid("Simulated").modifiers.new("Nodes", "NODES")
    modifier.node_group, modifier.bake_directory = simulation_tree(), "//bake"
    if hasattr(modifier, "bake_target"):
        modifier.bake_target = "DISK"
    case.save()
    bpy.ops.object.simulation_nodes_cache_bake(selected=False)
    case.needs_all_of("bake")
