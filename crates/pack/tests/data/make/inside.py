"""Makes one kind of test data in Blender, and lists what Blender itself says that it needs.

    blender -b --factory-startup -P inside.py -- KIND FOLDER
    python inside.py -- KIND FOLDER          (where `bpy` is a module)
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bpy  # noqa: E402: beside this file stands the rest
import caches  # noqa: E402, F401
import images  # noqa: E402, F401
import links  # noqa: E402, F401
import media  # noqa: E402, F401
import nodes  # noqa: E402, F401
from common import KINDS, Case  # noqa: E402

# Kinds that are saved as users save them (Blender 4.5 loses `bake_directory` otherwise), and one that is not
# compressed.
WHOLE = ("image", "cloth", "sequencer", "simulation")
PLAIN = ("osl",)


def listed(folder):
    """Both ways of Blender to list files, relative to the folder."""
    found = set(bpy.utils.blend_paths(absolute=True, packed=False, local=False))
    if hasattr(bpy.data, "file_path_map"):
        for one, paths in bpy.data.file_path_map().items():
            found |= {bpy.path.abspath(path, library=one.library) for path in paths if path}
    found = map(os.path.normpath, found)
    inside = {os.path.relpath(path, folder) if path.startswith(folder) else path for path in found}
    # Empty paths are listed as folders.
    return sorted(path for path in inside if path not in (".", "/"))


def main():
    name, folder = sys.argv[-2:]
    case = Case(folder)
    KINDS[name](case)
    if name in WHOLE:
        case.save()
    else:
        case.shrink(compress=name not in PLAIN)
    for gone in case.gone:
        os.remove(case.path(gone))
    bpy.ops.wm.open_mainfile(filepath=case.blend)
    expected = {"blender": listed(folder), "needed": sorted(case.needed)}
    with open(case.path("expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, ensure_ascii=False)


main()
