"""Files that nodes, volumes and texts name."""

import bpy
from common import empty, kind, material

IES = b"""IESNA:LM-63-1995
TILT=NONE
1 1000 1 3 1 1 2 0.1 0.1 0
1 1 10
0 45 90
0
1000 500 0
"""


@kind
def volume(case):
    """One file, and a sequence of five of which three are shown. Blender need not read them to name them."""
    scene = empty()
    case.save()
    single = bpy.data.volumes.new("Single")
    case.file("vdb/one.vdb")
    single.filepath = "//vdb/one.vdb"
    sequence = bpy.data.volumes.new("Sequence")
    for number in range(1, 6):
        case.file(f"vdb/s_{number:04}.vdb", needed=number <= 3)
    sequence.filepath, sequence.is_sequence, sequence.frame_duration = "//vdb/s_0001.vdb", True, 3
    for one in (single, sequence):
        scene.collection.objects.link(bpy.data.objects.new(one.name, one))


@kind
def ies(case):
    empty()
    case.save()
    lamp = bpy.data.lights.new("Lamp", "POINT")
    lamp.use_nodes, lamp.use_fake_user = True, True
    node = lamp.node_tree.nodes.new("ShaderNodeTexIES")
    case.file("lamps/spot.ies", IES)
    node.mode, node.filepath = "EXTERNAL", "//lamps/spot.ies"


@kind
def osl(case):
    """A script beside the file, and one inside of it that is not needed."""
    empty()
    case.save()
    nodes = material("Script").node_tree.nodes
    case.file("osl/grey.osl", b"shader grey(output color Out = 0.5) { Out = 0.5; }\n")
    outside = nodes.new("ShaderNodeScript")
    outside.mode, outside.filepath = "EXTERNAL", "//osl/grey.osl"
    nodes.new("ShaderNodeScript").script = bpy.data.texts.new("inside.osl")


@kind
def text(case):
    """A script that is run when the file is opened; the file has a copy."""
    empty()
    case.save()
    script = bpy.data.texts.load(case.file("scripts/driver.py", b"def half(x):\n    return x / 2\n", needed=False))
    script.use_module = True


@kind
def import_nodes(case):
    """Nodes that read files by the value of a socket; needs Blender 4.5."""
    empty()
    case.save()
    tree = bpy.data.node_groups.new("Imports", "GeometryNodeTree")
    tree.use_fake_user = True
    corners = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    files = {
        "OBJ": ("obj", corners),
        "CSV": ("csv", b"a,b\n1,2\n"),
        "Text": ("txt", b"words"),
        "STL": ("stl", b"solid s\nendsolid s\n"),
        "PLY": ("ply", b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n"),
        "VDB": ("vdb", b"some"),
    }
    for name, (ending, content) in files.items():
        case.file(f"import/some.{ending}", content)
        tree.nodes.new(f"GeometryNodeImport{name}").inputs["Path"].default_value = f"//import/some.{ending}"
