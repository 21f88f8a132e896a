import bpy


class SnowNode(bpy.types.ShaderNodeCustomGroup):
    """White that shines; made when the node is, and kept in the file."""

    bl_idname = "SnowNode"
    bl_label = "Snow"

    def init(self, _context):
        tree = bpy.data.node_groups.new(".Snow", "ShaderNodeTree")
        if hasattr(tree, "interface"):
            tree.interface.new_socket("Surface", in_out="OUTPUT", socket_type="NodeSocketShader")
        else:
            tree.outputs.new("NodeSocketShader", "Surface")
        light, out = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("NodeGroupOutput")
        tree.links.new(light.outputs[0], out.inputs[0])
        self.node_tree = tree
