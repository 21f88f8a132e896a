"""Meshes and curves of the demo, from a few numbers each.
"""

import math

import bpy
from mathutils import Vector


def add(name, data, surface, location=(0, 0, 0), turn=(0, 0, 0)):
    made = bpy.data.objects.new(name, data)
    made.location = location
    made.rotation_euler = [math.radians(angle) for angle in turn]
    if surface is not None:
        data.materials.append(surface)
    bpy.context.scene.collection.objects.link(made)
    return made


def mesh(name, points, faces, smooth=True):
    data = bpy.data.meshes.new(name)
    data.from_pydata(points, [], faces)
    data.polygons.foreach_set("use_smooth", [smooth] * len(faces))
    data.validate()
    return data


def sheet(name, low, high, surface):
    """A rectangle whose UVs are its own measures."""
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    data = mesh(name, [(*corner, 0) for corner in corners], [(0, 1, 2, 3)], smooth=False)
    for loop, corner in zip(data.uv_layers.new(name="Measures").data, corners):
        loop.uv = corner
    return add(name, data, surface)


def through(knots, steps):
    """Points of a Catmull-Rom curve through the knots."""
    knots = [Vector(knot) for knot in knots]
    knots = [knots[0] * 2 - knots[1], *knots, knots[-1] * 2 - knots[-2]]
    points = []
    for before, start, end, after in zip(knots, knots[1:], knots[2:], knots[3:]):
        for step in range(steps):
            t = step / steps
            points.append(0.5 * (
                start * 2 + (end - before) * t + (before * 2 - start * 5 + end * 4 - after) * t ** 2
                + (start * 3 - before - end * 3 + after) * t ** 3))
    return [*points, knots[-2]]


def lathe(name, outline, segments=128, steps=10):
    """A solid of revolution from (radius, height) knots, which go up outside and down inside."""
    outline = through([(radius, height, 0) for radius, height in outline], steps)
    points, faces = [], []
    for radius, height, _ in outline:
        for segment in range(segments):
            angle = math.tau * segment / segments
            radius = max(radius, 0.0005)
            points.append((radius * math.cos(angle), radius * math.sin(angle), height))
    for row in range(len(outline) - 1):
        for segment in range(segments):
            following = (segment + 1) % segments
            faces.append((
                row * segments + segment, row * segments + following,
                (row + 1) * segments + following, (row + 1) * segments + segment))
    return mesh(name, points, faces)


def stalk(name, knots, thickness, surface, location=(0, 0, 0)):
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", thickness, 4
    points = through(knots, 8)
    line = curve.splines.new("POLY")
    line.points.add(len(points) - 1)
    for point, at in zip(line.points, points):
        point.co = (*at, 1)
    return add(name, curve, surface, location)


def leaf():
    """A pointed oval, folded along its middle and bent downwards; it grows along x."""
    rows, half = 14, 4
    points, faces = [], []
    for row in range(rows + 1):
        along = row / rows
        width = 0.3 * math.sin(math.pi * along ** 0.8) ** 0.9 if 0 < row < rows else 0.0
        for column in range(-half, half + 1):
            across = column / half
            points.append((along, across * width, 0.12 * abs(across) * width - 0.22 * along ** 2))
    line = 2 * half + 1
    for row in range(rows):
        for column in range(line - 1):
            start = row * line + column
            faces.append((start, start + line, start + line + 1, start + 1))
    return mesh("Leaf", points, faces)
