"""What the things of the demo are made of.
"""

import bpy

from painting import texture
from shading import new_material, rgb


def show(shader, name, scale, offset=(0, 0, 0)):
    """A texture file, laid flat on the object at `scale` per unit; and the place it is laid by."""
    place = shader.add("ShaderNodeTexCoord").outputs["UV"]
    where = shader.add("ShaderNodeMapping", Vector=place, Location=offset, Scale=(scale, scale, scale))
    return shader.add("ShaderNodeTexImage", {"image": bpy.data.images.load(texture(name))}, Vector=where)


def terrazzo():
    shader = new_material("Terrazzo")
    color = show(shader, "terrazzo", 0.1, (0.45, 0.55, 0))
    return shader.surface(shader.add("ShaderNodeBsdfPrincipled", Base_Color=color, Roughness=0.3, Specular=0.45))


def plaster():
    """A limewashed wall: cloudy in colour, uneven where the light grazes it."""
    shader = new_material("Plaster")
    cloud = show(shader, "plaster", 0.07, (0.5, 0.2, 0))
    color = shader.ramp(cloud, [(0.1, "1d4749"), (0.8, "3d726e")])
    bump = shader.add("ShaderNodeBump", Height=cloud, Strength=0.3, Distance=0.15)
    return shader.surface(
        shader.add("ShaderNodeBsdfPrincipled", Base_Color=color, Roughness=0.85, Specular=0.2, Normal=bump))


def let_light_through(shader, glass, tint):
    """Straight shadow rays in place of caustics: soft coloured shadows without fireflies."""
    light = shader.add("ShaderNodeLightPath")
    clear = shader.add("ShaderNodeBsdfTransparent", Color=rgb(tint))
    return shader.add("ShaderNodeMixShader", Fac=light.outputs["Is Shadow Ray"], i1=glass, i2=clear)


def amber_glass():
    """Lightly tinted at its surface, amber by the way that the light travels inside."""
    shader = new_material("Amber glass")
    glass = shader.add("ShaderNodeBsdfGlass", Color=rgb("fff0d2"), Roughness=0.0, IOR=1.47)
    absorb = shader.add("ShaderNodeVolumeAbsorption", Color=rgb("ffb347"), Density=1.3)
    return shader.surface(let_light_through(shader, glass, "f7ddb0"), absorb)


def crystal():
    """Dichroic: its colour turns with the angle of view."""
    shader = new_material("Crystal")
    facing = shader.add("ShaderNodeLayerWeight", Blend=0.35).outputs["Facing"]
    color = shader.ramp(facing, [(0.0, "ffffff"), (0.25, "c8f4fa"), (0.5, "f4c6f0"), (0.75, "ffe0a8"), (1.0, "ffffff")])
    glass = shader.add("ShaderNodeBsdfGlass", Color=color, Roughness=0.0, IOR=1.3)
    return shader.surface(let_light_through(shader, glass, "e8eef0"))


def spun_metal(name, color, roughness):
    """Metal turned on a lathe: fine rings about the vertical, and highlights stretched across them."""
    shader = new_material(name)
    place = shader.add("ShaderNodeSeparateXYZ", Vector=shader.add("ShaderNodeTexCoord").outputs["Object"])
    around = shader.math("POWER", place.outputs["X"], 2.0), shader.math("POWER", place.outputs["Y"], 2.0)
    radius = shader.math("SQRT", shader.math("ADD", *around))
    ring = shader.add("ShaderNodeCombineXYZ", X=radius, Z=place.outputs["Z"])
    lines = shader.add("ShaderNodeTexNoise", Vector=ring, Scale=42.0, Detail=3.0)
    bump = shader.add("ShaderNodeBump", Height=lines, Strength=0.12, Distance=0.02)
    tangent = shader.add("ShaderNodeTangent", {"direction_type": "RADIAL", "axis": "Z"})
    return shader.surface(shader.add(
        "ShaderNodeBsdfPrincipled", Base_Color=rgb(color), Metallic=1.0, Roughness=roughness, Anisotropic=0.7,
        Normal=bump, Tangent=tangent))


def brass():
    shader = new_material("Brass leaf")
    vein = shader.add("ShaderNodeTexNoise", Vector=shader.add("ShaderNodeTexCoord").outputs["Object"], Scale=5.0)
    rough = shader.ramp(vein, [(0.3, "585858"), (0.7, "808080")])
    return shader.surface(
        shader.add("ShaderNodeBsdfPrincipled", Base_Color=rgb("f0c878"), Metallic=1.0, Roughness=rough))


def pear_skin():
    """Yellow-green with a blush on one side and brown freckles."""
    shader = new_material("Pear")
    place = shader.add("ShaderNodeTexCoord").outputs["Object"]
    side = shader.add("ShaderNodeSeparateXYZ", Vector=place)
    cloud = shader.add("ShaderNodeTexNoise", Vector=place, Scale=2.2, Detail=4.0)
    blush = shader.math("ADD", shader.math("MULTIPLY", side.outputs["X"], 0.7), cloud.outputs["Fac"])
    color = shader.ramp(blush, [(0.3, "c3b946"), (0.6, "e8c24a"), (0.95, "d0602f")])
    freckle = shader.add("ShaderNodeTexVoronoi", Vector=place, Scale=22.0)
    spot = shader.ramp(freckle.outputs["Distance"], [(0.05, "ffffff"), (0.16, "000000")])
    faint = shader.math("MULTIPLY", spot, 0.6)
    return shader.surface(shader.add(
        "ShaderNodeBsdfPrincipled", Base_Color=shader.mix(faint, color, rgb("6b4a1e")), Roughness=0.38, Specular=0.45))


def bark():
    shader = new_material("Bark")
    return shader.surface(shader.add("ShaderNodeBsdfPrincipled", Base_Color=rgb("4a3423"), Roughness=0.7))
