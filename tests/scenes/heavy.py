"""A still for the benchmarks: many instances and glossy bounces, about a minute on two threads."""

import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402


def crowd(count_per_side, source):
    """Turned copies that share one mesh, in a square."""
    half = count_per_side / 2
    for row in range(count_per_side):
        for column in range(count_per_side):
            copy = bpy.data.objects.new("Copy", source.data)
            copy.location = ((column - half) * 1.3, row * 1.3, 0.45)
            copy.rotation_euler = (0, 0, math.sin(row * 7 + column * 3) * 0.8)
            copy.scale = (0.45, 0.45, 0.45)
            bpy.context.scene.collection.objects.link(copy)


options = common.parser(__doc__)
options.set_defaults(samples=208, size=(640, 360))
options.add_argument("--subdivisions", type=int, default=3)
options = common.parse(options)
scene = common.new_scene(options)
head, ball, _, _ = common.still_life(scene)
smooth = head.modifiers.new("Subdivision", "SUBSURF")
smooth.render_levels = options.subdivisions
common.area_light(scene, "Fill", (-4, -2, 4), 200, 4)
small = common.sphere("Small", common.material("Steel", Metallic=1.0, Roughness=0.15), (0, 4, -5), 1)
crowd(12, small)
common.save(options)
