"""Short ways to write a node tree, and the colours that fill it.
"""

import bpy


class Shader:
    """A material's or world's node tree, with a short way to add and link nodes."""

    def __init__(self, owner):
        owner.use_nodes = True
        self.owner = owner
        self.tree = owner.node_tree
        self.tree.nodes.clear()

    def add(self, kind, settings=None, **sockets):
        """A node; each socket takes a value, or a node or output to link from."""
        node = self.tree.nodes.new(kind)
        for name, value in (settings or {}).items():
            setattr(node, name, value)
        for name, value in sockets.items():
            self.feed(self.socket(node, name), value)
        return node

    def feed(self, socket, value):
        if isinstance(value, bpy.types.Node):
            value = value.outputs[0]
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    @staticmethod
    def socket(node, name):
        """By name with `_` for a blank, or by position as `i0`, `i1`."""
        if name[0] == "i" and name[1:].isdigit():
            return node.inputs[int(name[1:])]
        return node.inputs[name.replace("_", " ")]

    def math(self, operation, first, second=0.0):
        return self.add("ShaderNodeMath", {"operation": operation}, i0=first, i1=second)

    def mix(self, factor, first, second):
        return self.add("ShaderNodeMixRGB", Fac=factor, Color1=first, Color2=second)

    def ramp(self, factor, stops, interpolation="LINEAR"):
        node = self.add("ShaderNodeValToRGB", Fac=factor)
        node.color_ramp.interpolation = interpolation
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(1.0)
        for element, (position, color) in zip(elements, stops):
            element.position, element.color = position, rgb(color)
        return node

    def surface(self, shader, volume=None):
        kind = "ShaderNodeOutputWorld" if isinstance(self.owner, bpy.types.World) else "ShaderNodeOutputMaterial"
        self.add(kind, Surface=shader, **({"Volume": volume} if volume else {}))
        return self.owner


def rgb(code):
    """Linear RGBA from an sRGB code such as `d9822b`."""
    parts = [int(code[at:at + 2], 16) / 255 for at in (0, 2, 4)]
    return (*(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts), 1.0)


def new_material(name):
    return Shader(bpy.data.materials.new(name))
