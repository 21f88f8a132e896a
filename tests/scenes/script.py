"""A text block that Blender would run at load, and that tells by a file whether it did.

The file is called as the .blend with `.ran` appended.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import common  # noqa: E402: found beside this file
import bpy  # noqa: E402

options = common.parse(common.parser(__doc__))
scene = common.new_scene(options)
common.still_life(scene)
text = bpy.data.texts.new("autorun.py")
text.write("import bpy\nopen(bpy.data.filepath + '.ran', 'w').close()\n")
text.use_module = True
common.save(options)
