"""An add-on with a node, which the file names."""

import bpy

from .nodes import SnowNode

bl_info = {"name": "Snow", "blender": (2, 93, 0), "category": "Node"}


def register():
    bpy.utils.register_class(SnowNode)


def unregister():
    bpy.utils.unregister_class(SnowNode)
